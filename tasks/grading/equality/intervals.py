"""Intervals of reals, and unions of them, by the forms of their ends."""

from __future__ import annotations

from typing import NamedTuple

BELOW, ABOVE = r"-\infty", r"\infty"
"""The ends of what has none."""


class Interval(NamedTuple):
    """All reals between two ends, each of them open or not."""

    low: str
    high: str
    is_open_below: bool
    is_open_above: bool


class RealSet(NamedTuple):
    """A union of intervals, and the name of the variable that lies in it, if one is named."""

    intervals: tuple[Interval, ...]
    name: str | None


EVERYTHING = Interval(BELOW, ABOVE, is_open_below=True, is_open_above=True)
