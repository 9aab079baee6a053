"""Which runs somebody on this machine is at, known by locks that end with whoever has them."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def hold(home: Path, run_id: str) -> Generator[None]:
    """While this lasts, `is_held` of the run; several may hold it."""
    path = _path(home, run_id)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield
        path.unlink(missing_ok=True)


def is_held(home: Path, run_id: str) -> bool:
    """Whether a process of this machine that still runs is at the run."""
    try:
        with _path(home, run_id).open("rb") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return False
    except BlockingIOError:
        return True
    return False


def _path(home: Path, run_id: str) -> Path:
    return home / "held" / f"{run_id}.lock"
