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
    before = b"".join(writing.of(prefix[len(prefix) - min(reach, len(prefix)) :], start=False))
    written = writing.of(draw.token_ids, start=False)
    text = before + b"".join(written)
    # One that ended before the draw belongs to the prompt: shots are separated by it too.
    begins = [text.find(mark, max(0, len(before) - len(mark) + 1)) for mark in marks]
    met = [place for place in begins if place >= 0]
    if not met:
        return draw
    offsets = list(accumulate(map(len, written), initial=len(before)))
    kept = bisect_left(offsets, max(min(met), len(before)))
    said = b"".join(written[:kept]).decode(errors="replace")
    return Draw(draw.token_ids[:kept], said, "end", draw.tokens)
