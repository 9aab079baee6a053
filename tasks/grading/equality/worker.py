"""A process that judges one pair of forms after another with algebra.

`python -m tasks.grading.equality.worker CPU MB`
reads JSON lines of two canonical forms, `[answer, target]`, writes `ready` once and then one
verdict a line. It is meant to be killed: CPU seconds beyond the limit end it with SIGPROF even
while native code holds the interpreter lock, and memory is bounded by RLIMIT_AS. math-verify's own
time-outs are off on purpose: they count wall seconds and turn a busy machine into wrong answers
(METHOD §16).
"""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import warnings
from pathlib import Path

from tasks.grading.equality.judging import judge

_ROOM_DIVISOR = 4
"""sympy swallows many a MemoryError and goes on to a plain False. Numbers grow by doubling, so a
pair that failed for want of memory has filled about a quarter of it before: then "wrong" is not to
be trusted."""


def main() -> None:
    """Serve pairs until standard input closes or memory runs out."""
    seconds, megabytes = float(sys.argv[1]), int(sys.argv[2])
    replies = _private_stdout()
    _quieten()
    judge("2x", "x+x")  # loads sympy before `ready`, so that no pair pays for it
    # Python's own handlers wait for the interpreter; the default one ends the process at once.
    signal.signal(signal.SIGPROF, signal.SIG_DFL)
    # No core file: a killed worker would write its whole memory to disk.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_AS, (megabytes << 20, megabytes << 20))
    held = _peak_mb()
    room = held + (megabytes - held) / _ROOM_DIVISOR
    _say(replies, "ready")
    for line in sys.stdin.buffer:
        answer, target = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, seconds)
        verdict = judge(answer, target)
        if verdict != "correct" and _peak_mb() > room:
            verdict = "memory"
        signal.setitimer(signal.ITIMER_PROF, 0)
        _say(replies, verdict)
        # The peak never falls again: from here on every pair would look too large.
        if verdict == "memory":
            return


def _peak_mb() -> float:
    """The most memory held so far; not ru_maxrss, which begins with the parent process's size."""
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024


def _private_stdout() -> int:
    """A copy of standard output for replies alone; what a library prints goes to standard error."""
    replies = os.dup(1)
    os.dup2(2, 1)
    return replies


def _quieten() -> None:
    logging.disable(logging.CRITICAL)
    warnings.simplefilter("ignore")


def _say(replies: int, word: str) -> None:
    os.write(replies, f"{word}\n".encode())


if __name__ == "__main__":
    main()
