"""One writer at a time: a lock on a file, which the kernel gives back however its holder ends."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from warehouse.errors import Busy

_held: dict[Path, IO[str]] = {}
"""What this process holds: POSIX locks do not exclude the process that has them."""


def take(path: Path, *, patience: float = 0.0) -> Path:
    """The lock's resolved path, to give back later.

    Raises Busy, naming the process that holds it, when that one keeps it for `patience` seconds.
    """
    path = path.resolve()
    if path in _held:
        raise _busy(path, os.getpid())
    file = path.open("a+")
    until = time.monotonic() + patience
    while not _try(file):
        if time.monotonic() >= until:
            holder = _read_holder(file)
            file.close()
            raise _busy(path, holder)
        time.sleep(0.2)
    # Whoever comes next is told the process that it waits for.
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    _held[path] = file
    return path


def _read_holder(file: IO[str]) -> int | None:
    """The process that wrote its number into the file; None in the moment before it has."""
    file.seek(0)
    holder = file.read().strip()
    return int(holder) if holder.isdigit() else None


def _try(file: IO[str]) -> bool:
    """Whether the lock is ours now."""
    # A POSIX lock and not flock(2), which children share: those forked from the holder (a grading
    # pool) must not keep the warehouse locked after it was killed.
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def give_back(path: Path) -> None:
    """Frees the lock; nothing happens when it is not held."""
    file = _held.pop(path, None)
    if file is not None:
        file.close()


def _busy(path: Path, holder: int | None) -> Busy:
    who = "another process" if holder is None else f"process {holder}"
    kill = "" if holder is None else f" (kill {holder})"
    return Busy(
        f"Expected to be the only writer of the warehouse in {path.parent}, but {who} holds it: "
        f"wait until that run ends or stop it{kill}, then try again; reading needs no lock."
    )
