"""A progress line for people who wait."""

from __future__ import annotations

import sys
import time

from tasks.asking.recording import Progress


def reporter() -> Progress:
    """Writes one line to stderr: share done, tokens, tokens per second, time left.

    On a terminal the line is rewritten in place; in a log it appears every 30 seconds.
    """
    started = last = time.monotonic()
    live = sys.stderr.isatty()

    def report(done: int, units: int, tokens: int) -> None:
        nonlocal last
        now = time.monotonic()
        if not live and now - last < 30 and done < units:
            return
        last = now
        end = "\n" if done == units or not live else ""
        line = _line(done, units, tokens, now - started)
        print(f"{chr(13) if live else ''}{line:<78}", end=end, file=sys.stderr, flush=True)

    return report


def _line(done: int, units: int, tokens: int, seconds: float) -> str:
    rate = tokens / seconds if seconds > 0 else 0.0
    left = (
        f"{seconds * (units - done) / done:.0f} s left"
        if done and tokens
        else "starting the engine"
        if done < units
        else "done"
    )
    if not tokens and done == units:
        return f"generate  {done}/{units}  nothing to draw: everything was there"
    return f"generate  {done}/{units}  {tokens:,} tokens  {rate:,.0f} tokens/s  {left}"
