"""Unions of intervals with as few intervals as say the same, as far as their ends are numbers."""

from __future__ import annotations

from fractions import Fraction

from tasks.grading.equality.intervals import ABOVE, BELOW, Interval, RealSet
from tasks.grading.mathematics.numbers import rational


def merged(real_set: RealSet) -> RealSet:
    """The set with intervals that touch or overlap as one, as far as their ends are numbers."""
    bounds = [(_bound(one.low), _bound(one.high)) for one in real_set.intervals]
    known = [(low, high) for low, high in bounds if low is not None and high is not None]
    if len(known) < len(bounds):
        return real_set
    order = sorted(range(len(known)), key=lambda place: known[place])
    whole: list[Interval] = []
    for place in order:
        one = real_set.intervals[place]
        if whole and _touches(whole[-1], one):
            whole[-1] = _joined(whole[-1], one)
        else:
            whole.append(one)
    return RealSet(tuple(whole), real_set.name)


def _bound(end: str) -> float | Fraction | None:
    """What an end is worth; None for an expression."""
    if end in (BELOW, ABOVE):
        return float(end.replace(r"\infty", "inf"))
    return rational(end)


def _touches(one: Interval, other: Interval) -> bool:
    """Whether nothing lies between two intervals, of which the second begins later."""
    end, start = _bound(one.high), _bound(other.low)
    if end is None or start is None:
        return False
    # Two open ends at one point leave the point out.
    is_gap = one.is_open_above and other.is_open_below
    return start < end or (start == end and not is_gap)


def _joined(one: Interval, other: Interval) -> Interval:
    """Two intervals that touch as one."""
    ends = [(one.high, one.is_open_above), (other.high, other.is_open_above)]
    # The later end counts; of equal ones the closed.
    high, is_open = max(ends, key=lambda end: (_bound(end[0]), not end[1]))
    low = one.low
    is_open_below = one.is_open_below
    if _bound(other.low) == _bound(low):
        is_open_below = is_open_below and other.is_open_below
    return Interval(low, high, is_open_below=is_open_below, is_open_above=is_open)
