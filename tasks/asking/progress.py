"""A progress line for people who wait."""

from __future__ import annotations

import shutil
import sys
import time
from collections import deque
from dataclasses import dataclass, field

from tasks.asking.recording import Progress, Standing

LOG_SECONDS = 30
"""Between two lines in a log, where each of them stays."""

COLUMNS = 100
"""A line in a log is no longer."""

RECENT_SECONDS = 60.0
"""Tokens a second are those of the last minute: a start or a pause is soon forgotten."""


def reporter() -> Progress:
    """Writes one line to stderr: questions, tokens, tokens a second, what engines have, time left.

    On a terminal the line is rewritten in place; in a log it appears every so many seconds.
    """
    telling = Telling()
    last: float | None = None
    live = sys.stderr.isatty()

    def report(now: Standing) -> None:
        nonlocal last
        at = time.monotonic()
        line = telling.line(now, at)
        is_done = now.done == now.questions
        if not live and not is_done and last is not None and at - last < LOG_SECONDS:
            return
        last = at
        start = "\r" if live else ""
        end = "\n" if is_done or not live else ""
        print(f"{start}{_fitted(line) if live else line}", end=end, file=sys.stderr, flush=True)

    return report


def _fitted(line: str) -> str:
    """As wide as the terminal: a shorter line would not wipe out a longer one.

    A wider one would go on below, and could not be rewritten.
    """
    width = shutil.get_terminal_size((100, 24)).columns - 1
    return line[:width].ljust(width)


@dataclass(slots=True)
class Telling:
    """Says how far a stage has come, again and again."""

    _begun: float | None = None
    """When an engine was first seen at work: loading a model is no pace."""
    _recent: deque[tuple[float, int]] = field(default_factory=deque[tuple[float, int]])
    """Times and the tokens that there were, of the last minute."""

    def line(self, now: Standing, at: float) -> str:
        """The line at a time, in seconds of a clock that only rises."""
        head = f"generate  {now.done}/{now.questions} questions"
        if now.done == now.questions and not now.tokens:
            return f"{head}  nothing to draw: everything was there"
        if not now.is_started:
            return f"{head}  starting the engine"
        if self._begun is None:
            self._begun = at
        rate = f"{_amount(now.tokens)} tokens  {self._rate(now.tokens, at):,.0f} tokens/s"
        if now.done == now.questions:
            return f"{head}  {rate}  done"
        # Of questions, then the draws and scores that engines were asked for.
        in_flight = f"{now.entered - now.done} in flight"
        asked = f"{now.under_way:,} asked"
        left = self._left(now, at - self._begun)
        parts = [head, rate, in_flight, asked, *([left] if left else [])]
        if len("  ".join(parts)) > COLUMNS:
            parts.remove(asked)
        return "  ".join(parts)

    def _rate(self, tokens: int, at: float) -> float:
        """Tokens a second, of the last minute."""
        self._recent.append((at, tokens))
        while at - self._recent[0][0] > RECENT_SECONDS:
            self._recent.popleft()
        start, before = self._recent[0]
        return (tokens - before) / (at - start) if at > start else 0.0

    def _left(self, now: Standing, seconds: float) -> str | None:
        """Time for what is left to draw, by the questions that took something new; None: unknown.

        Those in flight count half, of what was drawn and of what is left.
        """
        if not now.drawn:
            return None
        half = (now.entered - now.done) / 2
        left = now.questions - now.done - half
        return f"{span(seconds * left / (now.drawn + half))} left"


def _amount(tokens: int) -> str:
    """Short enough for a line of 100 columns, however many."""
    return f"{tokens:,}" if tokens < 10_000_000 else f"{tokens / 1e6:,.1f} M"


def span(seconds: float) -> str:
    """Seconds as they are read: `40 s`, `12 min`, `3 h 05 min`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 100:
        return f"{minutes} min"
    return f"{minutes // 60} h {minutes % 60:02} min"
