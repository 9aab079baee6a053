"""A progress line for people who wait."""

from __future__ import annotations

import sys
import time

from tasks.asking.recording import Progress, Standing

LOG_SECONDS = 30
"""Between two lines in a log, where each of them stays."""


def reporter() -> Progress:
    """Writes one line to stderr: share done, tokens, tokens per second, time left.

    On a terminal the line is rewritten in place; in a log it appears every so many seconds.
    """
    started = last = time.monotonic()
    live = sys.stderr.isatty()

    def report(now: Standing) -> None:
        nonlocal last
        at = time.monotonic()
        is_done = now.done == now.questions
        if not live and at - last < LOG_SECONDS and not is_done:
            return
        last = at
        line = _line(now, at - started)
        start = "\r" if live else ""
        end = "\n" if is_done or not live else ""
        # Padded to the width of a terminal, so that a shorter line wipes out a longer one.
        print(f"{start}{line:<99}", end=end, file=sys.stderr, flush=True)

    return report


def _line(now: Standing, seconds: float) -> str:
    done = f"generate  {now.done}/{now.questions} questions"
    if not now.tokens and now.done == now.questions:
        return f"{done}  nothing to draw: everything was there"
    if not now.is_started:
        return f"{done}  starting the engine"
    rate = now.tokens / seconds if seconds > 0 else 0.0
    in_flight = f"{now.entered - now.done} in flight, {now.under_way} draws and scores asked for"
    return f"{done}  {now.tokens:,} tokens  {rate:,.0f} tokens/s  {in_flight}{_left(now, seconds)}"


def _left(now: Standing, seconds: float) -> str:
    """What is left by the questions that took something new."""
    if not now.drawn or now.done == now.questions:
        return ""
    return f"  {seconds * (now.questions - now.done) / now.drawn:.0f} s left"
