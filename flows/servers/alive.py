"""Whether what `ttc up` started still runs; what ended by itself is started again."""

from __future__ import annotations

import subprocess
import time

from flows.servers import processes as servers
from flows.servers.processes import Server
from tasks.settings import Settings
from warehouse.errors import say

Running = dict[Server, subprocess.Popen[bytes]]
"""What was started, in the order in which it was."""
STARTS_AN_HOUR = 3
"""A server that ends more often than that will not stay, whoever starts it."""
_HOUR = 3600.0


class ServerEnded(Exception):
    """A server does not stay, or did not become healthy in time."""


def check_alive(running: Running, now: Settings) -> None:
    """ServerEnded for the first that ended; while starting, nothing is tried twice."""
    for server, process in running.items():
        if process.poll() is not None:
            raise ServerEnded(_describe(server, process, now))


def revive(running: Running, now: Settings, earlier: dict[Server, list[float]]) -> None:
    """Start again what ended, and say so; ServerEnded for what ended too often.

    `earlier` holds when each was started again, in seconds of the monotonic clock. Whoever asks a
    server asks it again for a minute, so that runs and workers go on.
    """
    for server, process in list(running.items()):
        if process.poll() is None:
            continue
        ended = _describe(server, process, now)
        moment = time.monotonic()
        lately = [at for at in earlier.get(server, []) if moment - at < _HOUR]
        if len(lately) >= STARTS_AN_HOUR:
            raise ServerEnded(f"{ended}; it was started again {len(lately)} times within an hour")
        earlier[server] = [*lately, moment]
        say(f"ttc up: {ended}; it is started again")
        running[server] = servers.start(server, now)


def last_line(server: Server, now: Settings) -> str:
    """What a server said last, and where all of it stands."""
    log = servers.log_of(server, now)
    # A killed process may leave half a character.
    text = log.read_text(encoding="utf-8", errors="replace")
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return f"{lines[-1] if lines else 'it said nothing'} (all of it: {log})"


def _describe(server: Server, process: subprocess.Popen[bytes], now: Settings) -> str:
    return f"{server.name} ended with code {process.returncode}: {last_line(server, now)}"
