"""Digests of files, kept on disk: 140 GB of weights are read once, and not by every process."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

from tasks.settings import settings
from warehouse.disks.seals import seal, unseal

_UNSETTLED = 2.0
"""Seconds after a change in which a file may change again without another time: file systems keep
times in ticks, some of them of two seconds."""


@dataclass(frozen=True, slots=True)
class State:
    """By what a file is known to be unchanged; times in nanoseconds."""

    path: str
    size: int
    changed: int
    touched: int
    """Time of its entry in the file system, which no program can set back."""
    inode: int


class Reread(NamedTuple):
    """What reading a kept file again has shown."""

    path: Path
    state: str
    """`same`, `changed` (so are its size or time), `damaged` (they are as they were), `gone`."""


def digest(path: Path) -> bytes:
    """SHA-256 of a file, read anew only where its size, its times or its inode are others."""
    before = _state(path)
    known = _kept(_entry(path))
    if known and known[0] == before:
        return known[1]
    return _read(path, before)


def reread() -> Iterator[Reread]:
    """Reads every file whose digest is kept, and tells which are other than they were."""
    for entry in sorted(_home().glob("*.json")):
        known = _kept(entry)
        if known is None:
            continue
        state, before = known
        path = Path(state.path)
        if not path.is_file():
            # Its digest is of no use to anybody any more.
            entry.unlink(missing_ok=True)
            yield Reread(path, "gone")
            continue
        now = _state(path)
        same = _read(path, now) == before
        aged = "damaged" if now == state else "changed"
        yield Reread(path, "same" if same else aged)


def _read(path: Path, before: State) -> bytes:
    """The digest of what is in a file now, kept where the file stands still."""
    with path.open("rb") as file:
        value = hashlib.file_digest(file, "sha256").digest()
    is_settled = time.time() - before.touched / 1e9 > _UNSETTLED
    if is_settled and _state(path) == before:
        _keep(before, value)
    return value


def _home() -> Path:
    return settings().home / "digests"


def _entry(path: Path) -> Path:
    """One file a path, so that processes never write into each other's."""
    name = hashlib.sha256(os.fsencode(path.absolute())).hexdigest()[:32]
    return _home() / f"{name}.json"


def _state(path: Path) -> State:
    facts = path.stat()
    return State(
        path=str(path.absolute()),
        size=facts.st_size,
        changed=facts.st_mtime_ns,
        touched=facts.st_ctime_ns,
        inode=facts.st_ino,
    )


def _kept(entry: Path) -> tuple[State, bytes] | None:
    """The state and digest of an entry; None where it is not there or cannot be read."""
    try:
        held = unseal(entry.read_bytes())
        value = bytes.fromhex(held.pop("sha256"))
        state = State(**held)
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        # Whatever an entry has become, the file itself says the same once more.
        return None
    return (state, value) if len(value) == hashlib.sha256().digest_size else None


def _keep(state: State, value: bytes) -> None:
    """Write an entry in one instant: a reader sees the old one or the new one."""
    entry = _entry(Path(state.path))
    entry.parent.mkdir(parents=True, exist_ok=True)
    content = seal(asdict(state) | {"sha256": value.hex()})
    with tempfile.NamedTemporaryFile(dir=entry.parent, suffix=".new", delete=False) as file:
        file.write(content)
    Path(file.name).replace(entry)
