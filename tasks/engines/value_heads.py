"""Checkpoints with a scalar value head, under the names that vLLM serves.

`Qwen2ForPrmModel` (Skywork-o1) is a language model's body with the value head of trl: one linear layer,
`v_head.summary`. vLLM serves the same body with one linear layer called `score`. So the head is renamed in the
header of the file that holds it; no weight changes, and all other files are links to the originals.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import struct
import tempfile
from pathlib import Path
from typing import Any

from tasks.models.verifiers import VerifierFormat
from tasks.settings import settings
from warehouse.errors import UserError

INDEX = "model.safetensors.index.json"


def served_folder(folder: Path, verifier_format: VerifierFormat) -> Path:
    """The folder to serve: the model's own, or a copy under the state folder with the format's head renamed.

    The copy is made once for each state of the originals; a second process finds it or makes the same one.
    """
    if not verifier_format.head:
        return folder
    copies = settings().home / "models"
    target = copies / f"{folder.name}-{_state(folder, verifier_format)}"
    if not target.is_dir():
        copies.mkdir(parents=True, exist_ok=True)
        work = Path(tempfile.mkdtemp(dir=copies))
        convert(folder, work, verifier_format=verifier_format)
        try:
            work.rename(target)
        except OSError:  # another process was first
            shutil.rmtree(work)
    return target


def convert(folder: Path, target: Path, *, verifier_format: VerifierFormat) -> None:
    """Fill an empty folder with the checkpoint as the format's architecture; UserError without its head."""
    found = False
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        if path.suffix == ".safetensors" and _renamed(
            path, target / path.name, verifier_format.head
        ):
            found = True
        elif path.name == INDEX:
            index = json.loads(path.read_text(encoding="utf-8"))
            index["weight_map"] = {
                _name(k, verifier_format.head): v for k, v in index["weight_map"].items()
            }
            (target / INDEX).write_text(json.dumps(index), encoding="utf-8")
        elif path.name != "config.json":
            (target / path.name).symlink_to(path.resolve())
    if not found:
        raise UserError(
            f"verifier: expected weights {verifier_format.head}.* in {folder}, found none; "
            f"is verifier.format = {verifier_format.name!r} right?"
        )
    (target / "config.json").write_text(
        json.dumps(_config(folder, verifier_format), indent=2), encoding="utf-8"
    )


def _config(folder: Path, verifier_format: VerifierFormat) -> dict[str, Any]:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.pop("auto_map", None)  # code of the repository, which is never run
    return config | {
        "architectures": [verifier_format.architecture],
        "id2label": {"0": "value"},
        "label2id": {"value": 0},
        "num_labels": 1,
    }


def _renamed(path: Path, target: Path, head: str) -> bool:
    """Write the file with its head renamed; False, and nothing written, when it holds none.

    The new header is filled up with spaces to the old one's length, so every offset stays.
    """
    with path.open("rb") as source:
        (length,) = struct.unpack("<Q", source.read(8))
        tensors = json.loads(source.read(length))
        if not any(name.startswith(f"{head}.") for name in tensors):
            return False
        renamed = {_name(k, head): v for k, v in tensors.items()}
        header = json.dumps(renamed, separators=(",", ":"), ensure_ascii=False).encode()
        with target.open("wb") as copy:
            copy.write(struct.pack("<Q", length) + header.ljust(length))
            shutil.copyfileobj(source, copy, 1 << 24)
    return True


def _name(name: str, head: str) -> str:
    return f"score.{name.removeprefix(f'{head}.')}" if name.startswith(f"{head}.") else name


def _state(folder: Path, verifier_format: VerifierFormat) -> str:
    facts = {p.name: p.stat() for p in sorted(folder.iterdir()) if p.is_file()}
    files = [(name, fact.st_size, fact.st_mtime_ns) for name, fact in facts.items()]
    return hashlib.sha256(
        repr((str(folder.resolve()), verifier_format, files)).encode()
    ).hexdigest()[:12]
