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
# Whatever in a folder decides which tokens are drawn, besides the weights; a README does not.
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
    """Hash of weights, tokenizer, configuration, format and dtype: other weights under one name are
    another version."""
    parameters: int
    """Without embeddings (METHOD §9)."""
    context: int
    """Most tokens of prompt and completion together."""


def load_model(name: str, usage: str) -> Model:
    """The model version that a study's name stands for now; UserError when it cannot be read.

    `usage` is all else that decides what it writes: prompt, separator and marker of its format,
    dtype.
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
            names = sorted(path.name for path in BUNDLED.iterdir() if path.is_dir())
            shipped = ", ".join(f"bundled/{name}" for name in names)
            raise UserError(f"model: unknown bundled model {name!r}; bundled are {shipped}")
        return folder
    if Path(name).is_dir():
        return Path(name).resolve()
    return _fetch(name)


def _fetch(name: str) -> Path:
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    # No pickled weights and no code: both would run whatever the repository says.
    patterns = ["*.json", "*.safetensors", "*.jinja", "*.txt", "*.model"]
    try:
        return Path(snapshot_download(name, allow_patterns=patterns))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            "model: expected bundled/<name>, a folder or a Hugging Face id that can be fetched, "
            f"got {name!r} ({type(error).__name__}); "
            "check the spelling, or fetch it to a folder and name that"
        ) from error


def fingerprint(folder: Path, usage: str) -> str:
    """16 hex digits over weights, tokenizer, configuration and how the model is used."""
    digest = hashlib.sha256(usage.encode())
    others = [folder / name for name in _IDENTITY]
    present = [path for path in others if path.is_file()]
    for path in sorted([*_weights(folder), *present]):
        facts = path.stat()
        digest.update(path.name.encode())
        digest.update(_digest(path, facts.st_size, facts.st_mtime_ns))
    return digest.hexdigest()[:16]


@functools.lru_cache(maxsize=256)
def _digest(path: Path, _size: int, _changed: int) -> bytes:
    """SHA-256 of a file, read once as long as it keeps size and time: every stage asks again."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").digest()


def parameters(folder: Path) -> int:
    """Number of weights without embedding and output matrices, from the safetensors headers."""
    count = 0
    for path in _weights(folder):
        for name, shape in _shapes(path).items():
            # Looking a token up costs no FLOPs worth counting, so cost leaves them out (METHOD §9).
            if "embed_tokens" not in name and not name.startswith("lm_head"):
                count += math.prod(shape)
    return count


def _config(folder: Path) -> dict[str, Any]:
    try:
        return json.loads((folder / "config.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise UserError(
            f"model: expected a readable config.json in {folder}, got {error}; "
            "is it a model folder?"
        ) from error


def _weights(folder: Path) -> list[Path]:
    weights = sorted(folder.glob("*.safetensors"))
    if not weights:
        raise UserError(
            f"model: expected weights as *.safetensors in {folder}, found none; fetch them again"
        )
    return weights


def _shapes(path: Path) -> dict[str, list[int]]:
    """Tensor shapes by name; UserError for a file that is cut short or not safetensors."""
    # Eight bytes that give the header's length, the header as JSON, the tensors' bytes.
    size = path.stat().st_size
    try:
        with path.open("rb") as file:
            (length,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(length)) if length < size else None
        tensors = dict(header or {})
        tensors.pop("__metadata__", None)
        end = 8 + length + max(tensor["data_offsets"][1] for tensor in tensors.values())
    except (struct.error, ValueError, KeyError, TypeError) as error:
        raise UserError(
            f"model: {path} is not a readable safetensors file ({error}); fetch it again"
        ) from error
    if end != size:
        raise UserError(f"model: {path} should have {end} bytes, has {size}; fetch it again")
    return {name: tensor["shape"] for name, tensor in tensors.items()}
