"""A progress line for people who wait."""

from __future__ import annotations

import sys
import time

from tasks.asking.recording import Progress

LOG_SECONDS = 30
"""Between two lines in a log, where each of them stays."""


def reporter() -> Progress:
    """Writes one line to stderr: share done, tokens, tokens per second, time left.

    On a terminal the line is rewritten in place; in a log it appears every so many seconds.
    """
    started = last = time.monotonic()
    live = sys.stderr.isatty()

    def report(done: int, units: int, tokens: int) -> None:
        nonlocal last
        now = time.monotonic()
        if not live and now - last < LOG_SECONDS and done < units:
            return
        last = now
        line = _line(done, units, tokens, now - started)
        start = "\r" if live else ""
        end = "\n" if done == units or not live else ""
        # Padded to the width of a terminal, so that a shorter line wipes out a longer one.
        print(f"{start}{line:<78}", end=end, file=sys.stderr, flush=True)

    return report


def _line(done: int, units: int, tokens: int, seconds: float) -> str:
    if not tokens and done == units:
        return f"generate  {done}/{units}  nothing to draw: everything was there"
    rate = tokens / seconds if seconds > 0 else 0.0
    if done and tokens:
        left = f"{seconds * (units - done) / done:.0f} s left"
    elif done < units:
        # Units that were there already are done at once, before the first token.
        left = "starting the engine"
    else:
        left = "done"
    return f"generate  {done}/{units}  {tokens:,} tokens  {rate:,.0f} tokens/s  {left}"
