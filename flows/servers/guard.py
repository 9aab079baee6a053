"""Runs one command, and takes everything it started down with it: `python guard.py PARENT_PID COMMAND …`.

`ttc up` starts each server through this, `ttc run` itself. When these end, however they end (SIGKILL too), the
kernel tells the guard; it asks the command to stop, waits, and then kills every descendant, also those in
other sessions.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from typing import NoReturn

import psutil

GRACE_SECONDS = 6.0
PR_SET_PDEATHSIG, PR_SET_CHILD_SUBREAPER = 1, 36


class Stopped(BaseException):
    """The guard was told to stop."""


def main(parent: int, command: list[str]) -> int:
    """The command's exit code, or 143 when the guard was told to stop; no descendant is left either way."""
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _tie_to(parent)
        return _run(command)
    except Stopped:
        return 128 + signal.SIGTERM
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _kill_descendants()


def run_guarded(command: list[str]) -> int:
    """Exit code of a command run under a guard of this process: 130 after Ctrl-C, which stops it first."""
    guard = subprocess.Popen([sys.executable, __file__, str(os.getpid()), *command])
    try:
        return guard.wait()
    except KeyboardInterrupt:
        guard.terminate()
        guard.wait()
        return 128 + signal.SIGINT


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise Stopped


def _tie_to(parent: int) -> None:
    """Ask for SIGTERM when the parent dies, and to become the parent of orphaned descendants (prctl(2))."""
    libc = ctypes.CDLL(None, use_errno=True)
    for option, value in ((PR_SET_PDEATHSIG, signal.SIGTERM), (PR_SET_CHILD_SUBREAPER, 1)):
        if libc.prctl(option, value, 0, 0, 0) != 0:
            raise OSError(ctypes.get_errno(), f"prctl({option}) failed")
    if os.getppid() != parent:  # it died before we asked
        raise Stopped


def _run(command: list[str]) -> int:
    child = subprocess.Popen(command, start_new_session=True)
    try:
        return child.wait()
    except Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        raise


def _kill_descendants() -> None:
    while left := psutil.Process().children(recursive=True):
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.kill()
        psutil.wait_procs(left, timeout=1)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
