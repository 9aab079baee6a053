"""Runs one command, and takes everything it started down with it.

`python guard.py PARENT_PID COMMAND …`: `ttc up` starts each server through it, `ttc run` itself.
When these end, however they end (SIGKILL too), the kernel signals the guard; it asks the command
to stop, waits, and then kills every descendant, also those in other sessions. Where the guard
itself is killed, the kernel asks the command to stop.
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
"""How long the command may take to end after it was asked to."""
PR_SET_PDEATHSIG = 1
PR_SET_CHILD_SUBREAPER = 36
"""Numbers of <linux/prctl.h>, which Python does not name."""


class Stopped(BaseException):
    """The guard was asked to stop; no Exception, so that nothing takes it for an error."""


def main(parent: int, command: list[str]) -> int:
    """The command's exit code as a shell has it, 143 when the guard was asked to stop.

    No descendant is left.
    """
    signal.signal(signal.SIGTERM, _stop)
    # Ctrl-C reaches the whole foreground group; the parent hears it too and says what happens.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        _tie_to(parent)
        return _run(command)
    except Stopped:
        return 128 + signal.SIGTERM
    finally:
        # A second request must not cut the killing short.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        _kill_descendants()


def run_guarded(command: list[str]) -> int:
    """Exit code of a command run under a guard of this process, as a shell has it.

    130 after Ctrl-C, once it ended.
    """
    guard = subprocess.Popen([sys.executable, __file__, str(os.getpid()), *command])
    try:
        return _as_a_shell(guard.wait())
    except KeyboardInterrupt:
        guard.terminate()
        guard.wait()
        return 128 + signal.SIGINT


def _as_a_shell(code: int) -> int:
    """128 + the number of the signal that ended a process (subprocess has it below 0)."""
    return code if code >= 0 else 128 - code


def _stop(_signal: int, _frame: object) -> NoReturn:
    raise Stopped


def _tie_to(parent: int) -> None:
    """Ask for SIGTERM when the parent dies, and to become the parent of orphans (prctl(2)).

    Without the second, a grandchild whose parent died would go to init, out of the guard's sight.
    """
    _ask_for_sigterm()
    _process_control(PR_SET_CHILD_SUBREAPER, 1)
    # The parent may have died before the kernel was asked to signal that.
    if os.getppid() != parent:
        raise Stopped


def _ask_for_sigterm() -> None:
    """When the parent of this process dies; what it executes afterwards is still asked."""
    _process_control(PR_SET_PDEATHSIG, signal.SIGTERM)


def _process_control(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), f"prctl({option}) failed")


def _run(command: list[str]) -> int:
    # A session of its own keeps Ctrl-C away from the command: the guard stops it, in order.
    # This process has one thread, so that nothing is held that code before an exec could wait for.
    child = subprocess.Popen(
        command,
        start_new_session=True,
        preexec_fn=_ask_for_sigterm,  # noqa: PLW1509
    )
    try:
        return _as_a_shell(child.wait())
    except Stopped:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            child.wait(GRACE_SECONDS)
        raise


def _kill_descendants() -> None:
    # Again until none is left: a process may start another while it is being killed.
    while left := psutil.Process().children(recursive=True):
        working = [one for one in left if not _tidies(one)]
        _kill(working)
        _, there = psutil.wait_procs(left, timeout=1)
        if not working:
            _kill(there)


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process.kill()


def _tidies(process: psutil.Process) -> bool:
    """Whether it ends once those it works for are gone, and removes the shared memory they left."""
    try:
        return any("resource_tracker" in word for word in process.cmdline())
    except psutil.Error:
        return False


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
