"""Where processes listen, as `ss -ltn` shows it."""

from __future__ import annotations

import contextlib

import psutil

LOOPBACK = {"127.0.0.1", "::1"}


def listening(number: int) -> list[tuple[str, int]]:
    """Addresses and ports at which a process or one that descends from it waits to be asked."""
    top = psutil.Process(number)
    found: set[tuple[str, int]] = set()
    for process in [top, *top.children(recursive=True)]:
        # One that ended meanwhile listens nowhere.
        with contextlib.suppress(psutil.Error):
            places = process.net_connections("tcp")
            found |= {tuple(one.laddr) for one in places if one.status == psutil.CONN_LISTEN}
    return sorted(found)
