"""Where a model lies, and which version of it that is."""

from __future__ import annotations

import functools
import hashlib
import json
import math
import struct
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.settings import INFRA
from warehouse.errors import UserError

BUNDLED = INFRA / "models"
_IDENTITY = (
    "config.json",
    "generation_config.json",
    "tokenizer.json",
    "tokenizer_config.json",
    "chat_template.jinja",
)


@dataclass(frozen=True, slots=True)
class Model:
    """A model version: a folder and the fingerprint of what is in it."""

    name: str
    folder: Path
    fingerprint: str
    """Hash of weights, tokenizer, configuration, format and dtype; other weights under one name are another version."""
    parameters: int
    """Without embeddings (METHOD §9)."""
    context: int
    """Most tokens of prompt and completion together."""


def load_model(name: str, usage: str) -> Model:
    """The model version that a study's name stands for now; UserError when it cannot be read.

    `usage` is all else that decides what it writes: prompt, separator and marker of its format, dtype.
    """
    folder = locate(name)
    config = _config(folder)
    return Model(
        name=name,
        folder=folder,
        fingerprint=fingerprint(folder, usage),
        parameters=parameters(folder),
        context=int(config.get("max_position_embeddings", 2048)),
    )


def locate(name: str) -> Path:
    """The folder of `bundled/<name>`, of a path, or of a Hugging Face id (fetched if need be)."""
    if name.startswith("bundled/"):
        folder = BUNDLED / name.removeprefix("bundled/")
        if not folder.is_dir():
            shipped = ", ".join(
                sorted(f"bundled/{p.name}" for p in BUNDLED.iterdir() if p.is_dir())
            )
            raise UserError(f"model: unknown bundled model {name!r}; bundled are {shipped}")
        return folder
    if Path(name).is_dir():
        return Path(name).resolve()
    return _fetched(name)


def _fetched(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    patterns = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"model: expected bundled/<name>, a folder or a Hugging Face id that can be fetched, got {name!r} "
            f"({type(error).__name__}); check the spelling, or fetch it to a folder and name that"
        ) from error


def fingerprint(folder: Path, usage: str) -> str:
    """16 hex digits over weights, tokenizer, configuration and how the model is used."""
    digest = hashlib.sha256(usage.encode())
    for path in sorted(
        [*_weights(folder), *(folder / n for n in _IDENTITY if (folder / n).is_file())]
    ):
        digest.update(path.name.encode())
        facts = path.stat()
        digest.update(_digest(path, facts.st_size, facts.st_mtime_ns))
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=256)
def _digest(path: Path, _size: int, _changed: int) -> bytes:
    """SHA-256 of a file, read once as long as it keeps size and time: every stage asks again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def parameters(folder: Path) -> int:
    """Number of weights, embedding and output matrices left out, read from the safetensors headers."""
    return sum(
        math.prod(shape)
        for path in _weights(folder)
        for name, shape in _shapes(path).items()
        if "embed_tokens" not in name and not name.startswith("lm_head")
    )


def _config(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"model: expected a readable config.json in {folder}, got {error}; is it a model folder?"
        ) from error


def _weights(folder: Path) -> list[Path]:
    found = sorted(folder.glob("*.safetensors"))
    if not found:
        raise UserError(
            f"model: expected weights as *.safetensors in {folder}, found none; fetch them again"
        )
    return found


def _shapes(path: Path) -> dict[str, list[int]]:
    """Tensor shapes by name; refuses a file that is cut short or not safetensors."""
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length < size else None
        tensors = {k: v for k, v in header.items() if k != "__metadata__"} if header else {}
        end = 8 + length + max(v["data_offsets"][1] for v in tensors.values())
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"model: {path} is not a readable safetensors file ({error}); fetch it again"
        ) from error
    if end != size:
        raise UserError(f"model: {path} should have {end} bytes, has {size}; fetch it again")
    return {name: v["shape"] for name, v in tensors.items()}
