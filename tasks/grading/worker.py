"""A process that asks math-verify about one pair after another.

`python -m tasks.grading.worker CPU MB`
reads JSON lines `[answer, target]`, writes `ready` once and then one verdict a line. It is meant to
be killed: CPU seconds beyond the limit end it with SIGPROF even while native code holds the
interpreter lock, and memory is bounded by RLIMIT_AS. math-verify's own time-outs are off on
purpose: they count wall seconds and turn a busy machine into wrong answers (METHOD §16).
"""

# pyright: reportMissingTypeStubs=false

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import sys
import warnings
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

from tasks.grading.verdicts import Verdict

_NEVER: Any = None
_ROOM_DIVISOR = 4
"""sympy swallows many a MemoryError and goes on to a plain False. Numbers grow by doubling, so a
pair that failed for want of memory has filled about a quarter of it before: then "wrong" is not to
be trusted."""


def main() -> None:
    """Serve pairs until standard input closes or memory runs out."""
    seconds, megabytes = float(sys.argv[1]), int(sys.argv[2])
    replies = _private_stdout()
    _quieten()
    judge("2x", "x+x")  # loads math-verify before `ready`, so that no pair pays for it
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


def judge(answer: str, target: str) -> Verdict:
    """The verdict of math-verify on LaTeX without dollar signs; the target is its `gold`.

    "unparsed" when the target can be read as mathematics and the answer cannot. A comparison that
    raises is a comparison that did not succeed: "wrong", as math-verify itself has it.
    """
    try:
        golds, guesses = _parse(target), _parse(answer)
        if any(_equal(gold, guess) for gold in golds for guess in guesses):
            return "correct"
    except MemoryError:
        return "memory"
    is_unread = _is_mathematics(golds) and not _is_mathematics(guesses)
    return "unparsed" if is_unread else "wrong"


@lru_cache(maxsize=1_000)  # a question's target is asked about again and again
def _parse(latex: str) -> list[Any]:
    """sympy expressions and text that math-verify reads, but no numbers from inside of prose."""
    from math_verify import LatexExtractionConfig, parse

    config = [LatexExtractionConfig()]
    try:
        parsed = parse(f"${latex}$", config, parsing_timeout=_NEVER, raise_on_error=True)
        return cast("list[Any]", parsed)
    except MemoryError:
        raise
    except Exception:  # any error of the parser means that the text cannot be read
        return []


def _equal(gold: Any, guess: Any) -> bool:
    from math_verify import verify

    try:
        return verify(gold, guess, timeout_seconds=_NEVER, raise_on_error=True)
    except MemoryError:
        raise
    except Exception:  # sympy raises on what it cannot compare, e.g. on sets with free symbols
        return False


def _is_mathematics(expressions: list[Any]) -> bool:
    return any(not isinstance(expression, str) for expression in expressions)


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
