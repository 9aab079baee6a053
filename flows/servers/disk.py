"""Whether the state folder can be written, asked before anything waits for it."""

from __future__ import annotations

import errno
import shutil
import tempfile
from pathlib import Path

from warehouse.disks.trouble import ADVICE, trouble
from warehouse.errors import DiskTrouble

LEAST = 64 * 2**20
"""Bytes that must be free: the databases of a first start take half of that."""
_PROBE = 2**20


def check_disk(home: Path) -> None:
    """DiskTrouble where the state folder cannot be written, or its disk is as good as full."""
    try:
        # A folder that is there already may be shared on purpose; `ttc doctor` says so.
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=home) as probe:
            # Written and not asked for: quotas and limits show in nothing else.
            probe.write(bytes(_PROBE))
            probe.flush()
        free = shutil.disk_usage(home).free
    except OSError as error:
        if error.errno not in ADVICE:
            raise
        raise trouble(error.errno, home) from error
    if free < LEAST:
        raise DiskTrouble(
            f"disk: expected at least {LEAST / 1e6:.0f} MB free for {home}, "
            f"got {free / 1e6:.0f} MB; {ADVICE[errno.ENOSPC]}"
        )
