"""Checkpoints with a scalar value head, under the names that vLLM serves.

`Qwen2ForPrmModel` (Skywork-o1) is a language model's body with the value head of trl: one linear
layer, `v_head.summary`. vLLM serves the same body with one linear layer called `score`. So the head
is renamed in the header of the file that holds it; no weight changes, and all other files are links
to the originals.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any

from tasks.models.folders.configs import read_json
from tasks.models.folders.weights import header_of
from tasks.models.verifiers import VerifierFormat
from tasks.settings import settings
from warehouse.errors import UserError

INDEX = "model.safetensors.index.json"


def served_folder(folder: Path, verifier_format: VerifierFormat) -> Path:
    """The folder to serve: the model's own, or a copy under the state folder with its head renamed.

    The copy is made once for each state of the originals; a second process finds it or makes the
    same one.
    """
    if not verifier_format.head:
        return folder
    copies = settings().home / "models"
    target = copies / f"{folder.name}-{_state(folder, verifier_format)}"
    if not target.is_dir():
        copies.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=copies))
        convert(folder, work, verifier_format=verifier_format)
        # In one instant, so that nobody serves half a copy; it fails where another was first.
        try:
            work.rename(target)
        except OSError:
            shutil.rmtree(work)
    return target


def convert(folder: Path, target: Path, *, verifier_format: VerifierFormat) -> None:
    """Fill an empty folder with the checkpoint as the format's architecture.

    UserError where the checkpoint lacks the format's head.
    """
    head = verifier_format.head
    renamed = False
    for path in sorted(path for path in folder.iterdir() if path.is_file()):
        copy = target / path.name
        if path.suffix == ".safetensors" and _copy_renamed(path, copy, head):
            renamed = True
        elif path.name == INDEX:
            copy.write_text(_rename_in_index(path, head), encoding="utf-8")
        elif path.name != "config.json":
            copy.symlink_to(path.resolve())
    if not renamed:
        raise UserError(
            f"verifier: expected weights {head}.* in {folder}, found none; "
            f"is verifier.format = {verifier_format.name!r} right?"
        )
    config = json.dumps(_config(folder, verifier_format), indent=2)
    (target / "config.json").write_text(config, encoding="utf-8")


def _rename_in_index(path: Path, head: str) -> str:
    """The index of a checkpoint in several files: which file holds which tensor."""
    index = read_json(path)
    index["weight_map"] = _rename_head(index["weight_map"], head)
    return json.dumps(index)


def _config(folder: Path, verifier_format: VerifierFormat) -> dict[str, Any]:
    config = read_json(folder / "config.json")
    # Names code of the repository, which is never run.
    config.pop("auto_map", None)
    # One label: vLLM then makes a head with one output of its own, called `score`.
    return config | {
        "architectures": [verifier_format.architecture],
        "id2label": {"0": "value"},
        "label2id": {"value": 0},
        "num_labels": 1,
    }


def _copy_renamed(path: Path, target: Path, head: str) -> bool:
    """Write the file with its head renamed; False, and nothing written, when it holds none.

    The new header is filled up with spaces to the old one's length, so every offset stays.
    """
    tensors, start = header_of(path)
    if not any(name.startswith(f"{head}.") for name in tensors):
        return False
    renamed = _rename_head(tensors, head)
    header = json.dumps(renamed, separators=(",", ":"), ensure_ascii=False).encode()
    # safetensors: eight bytes of length, a header in JSON, then the tensors by offset.
    length = start - 8
    with path.open("rb") as source, target.open("wb") as copy:
        source.seek(start)
        copy.write(struct.pack("<Q", length) + header.ljust(length))
        shutil.copyfileobj(source, copy, 1 << 24)
    return True


def _rename_head(tensors: dict[str, Any], head: str) -> dict[str, Any]:
    """The same by the names that vLLM knows: `<head>.weight` becomes `score.weight`."""
    renamed: dict[str, Any] = {}
    for name, tensor in tensors.items():
        served = name
        if name.startswith(f"{head}."):
            served = "score." + name.removeprefix(f"{head}.")
        renamed[served] = tensor
    return renamed


def _state(folder: Path, verifier_format: VerifierFormat) -> str:
    """Names what the originals are at present."""
    # By size and time: hashing the weights takes minutes.
    files: list[tuple[str, int, int]] = []
    for path in sorted(folder.iterdir()):
        if path.is_file():
            fact = path.stat()
            files.append((path.name, fact.st_size, fact.st_mtime_ns))
    facts = repr((str(folder.resolve()), verifier_format, files))
    return hashlib.sha256(facts.encode()).hexdigest()[:12]
