"""One writer at a time: a lock on a file that the kernel gives back when its holder ends, however it ends."""

import fcntl
import os
import time
from pathlib import Path
from typing import IO

from warehouse.errors import Busy

_held: dict[
    Path, IO[str]
] = {}  # POSIX locks do not exclude their own process, so it remembers what it holds


def take(path: Path, *, patience: float = 0.0) -> Path:
    """The lock's resolved path, to give back later.

    Raises Busy, naming the process that holds it, when that one keeps it for `patience` seconds.
    A POSIX lock and not flock(2): children forked from the holder (a grading pool) must not keep the
    warehouse locked after it was killed.
    """
    path = path.resolve()
    if path in _held:
        raise _busy(path, os.getpid())
    file = path.open("a+")
    until = time.monotonic() + patience
    while not _locked(file):
        if time.monotonic() >= until:
            file.seek(0)
            holder = file.read().strip()
            file.close()
            raise _busy(path, int(holder) if holder.isdigit() else None)
        time.sleep(0.2)
    file.truncate(0)
    file.write(str(os.getpid()))
    file.flush()
    _held[path] = file
    return path


def _locked(file: IO[str]) -> bool:
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
    return Busy(
        f"Expected to be the only writer of the warehouse in {path.parent}, but {who} holds it: wait until "
        "that run "
        f"ends or stop it{'' if holder is None else f' (kill {holder})'}, then try again; reading needs no "
        "lock."
    )
