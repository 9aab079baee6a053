"""Texts at which a completion is over: a base model has no end of a turn, and writes on."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from itertools import accumulate

from tasks.models.pieces import Writing
from tasks.protocols import Draw


def cut_at_stop(
    draw: Draw, prefix: Sequence[int], *, stops: Sequence[str], writing: Writing
) -> Draw:
    """The draw up to the first of these texts, which may have begun before it; else as it is.

    The token in which the text begins is kept where it holds more before it. What was written
    beyond is paid for and gone.
    """
    marks = [stop.encode() for stop in stops]
    # As many tokens before the draw as a stop may have begun in: each writes a byte or more.
    reach = max(map(len, marks), default=0)
    first = max(0, len(prefix) - reach)
    before = b"".join(writing.of(prefix[first:], start=False))
    written = writing.of(draw.ids, start=False)
    stop = _first_stop(before, b"".join(written), marks)
    if stop is None:
        return draw
    offsets = list(accumulate(map(len, written), initial=0))
    kept = bisect_left(offsets, stop)
    said = b"".join(written[:kept])
    text = said.decode(errors="replace")
    return Draw(draw.ids[:kept], text, "end", draw.tokens)


def _first_stop(before: bytes, written: bytes, marks: Sequence[bytes]) -> int | None:
    """Where in what was written a mark begins that ends there; 0 for one begun before it."""
    text = before + written
    begins: list[int] = []
    for mark in marks:
        # One that ended before the draw belongs to the prompt: shots are separated by it too.
        earliest = max(0, len(before) - len(mark) + 1)
        place = text.find(mark, earliest)
        if place >= 0:
            begins.append(place)
    if not begins:
        return None
    return max(0, min(begins) - len(before))
