"""Who ends the engines of a process that is gone, however it ended (SIGKILL too).

A shell waits on a pipe whose other end this process has. When that closes, it kills whoever has
this process's mark in its environment: an engine, and what that has started. Not Python's tracker
of resources: it ends by itself, once all are gone, and removes the shared memory that they left.
"""

from __future__ import annotations

import functools
import os
import subprocess
from pathlib import Path
from typing import Any

MARK = "TTC_ENGINES_OF"
"""Variable that an engine inherits: process number and start of whom it works for."""

_SCRIPT = r"""
read -r _
for _ in 1 2 3 4 5 6 7 8 9 10; do
    left=
    for one in $(grep -lszxF "$0" /proc/[0-9]*/environ | cut -d/ -f3); do
        grep -qsF multiprocessing.resource_tracker /proc/$one/cmdline || left="$left $one"
    done
    [ -n "$left" ] || exit 0
    kill -9 $left
    sleep 0.2
done
"""


def reap_at_end() -> None:
    """From now on what this process starts ends with it."""
    mark = mark_of(os.getpid())
    os.environ[MARK] = mark
    # Its name for a process is written over the environment otherwise (setproctitle).
    os.environ["SPT_NOENV"] = "1"
    _start(mark)


def mark_of(process: int) -> str:
    """What no other process has: its number and when it started, in ticks since the boot."""
    # After the name, which stands in brackets and may hold anything.
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return f"{process}-{fields[19]}"


def is_there(mark: str) -> bool:
    """Whether the process that a mark speaks of still runs."""
    try:
        return mark_of(int(mark.partition("-")[0])) == mark
    except (OSError, ValueError, IndexError):
        return False


@functools.cache
def _start(mark: str) -> subprocess.Popen[Any]:
    """The shell, once for each process: one that was forked has another mark."""
    words = ["sh", "-c", _SCRIPT, f"{MARK}={mark}"]
    # It must not have the mark itself, nor hear the Ctrl-C of the terminal.
    bare = {"PATH": os.environ.get("PATH", os.defpath)}
    return subprocess.Popen(words, stdin=subprocess.PIPE, env=bare, start_new_session=True, cwd="/")
