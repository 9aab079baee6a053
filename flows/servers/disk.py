"""Whether the state folder can be written, asked before anything waits for it."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

from warehouse.errors import UserError

LEAST = 64 * 2**20
"""Bytes that must be free: the databases of a first start take half of that."""
_PROBE = 2**20

_FULL = "make space, or set TTC_HOME to a folder on another disk"
_CLOSED = "make it writable, or set TTC_HOME to another folder"
DISK = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
}
"""What to do about errors that are the disk's and not the program's, by their number."""


def disk_sentence(error: OSError) -> str:
    """Which file could not be read or written, why, and what to do about it."""
    advice = DISK[error.errno or 0]
    place = error.filename or "a file of the state folder"
    return f"disk: expected to read or write {place}, got {error.strerror!r}; {advice}"


def check_disk(home: Path) -> None:
    """UserError where the state folder cannot be written, or its disk is as good as full."""
    try:
        # A folder that is there already may be shared on purpose; `ttc doctor` says so.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as probe:
            # Written and not asked for: quotas and limits show in nothing else.
            probe.write(bytes(_PROBE))
            probe.flush()
        free = shutil.disk_usage(home).free
    except OSError as error:
        if error.errno not in DISK:
            raise
        raise UserError(
            f"state: expected a folder that can be written at {home}, "
            f"got {error.strerror!r}; {DISK[error.errno]}"
        ) from error
    if free < LEAST:
        raise UserError(
            f"state: expected at least {LEAST / 1e6:.0f} MB free for {home}, "
            f"got {free / 1e6:.0f} MB; {_FULL}"
        )
