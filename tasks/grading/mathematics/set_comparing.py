"""Sets of reals against each other: interval by interval, whatever they are written as."""

from __future__ import annotations

import re

from tasks.grading.mathematics.outcomes import SKIP, Outcome, Same, Skip, all_of
from tasks.grading.mathematics.real_sets import Interval, RealSet, read_set, says_a_set

_MEMBER = re.compile(r"([A-Za-z]|\\[A-Za-z]+)\\in(?![A-Za-z]) ?(.+)", re.DOTALL)


def members(answer: str, target: str, same: Same) -> Outcome | Skip:
    one, other = _MEMBER.fullmatch(answer), _MEMBER.fullmatch(target)
    if not one and not other:
        return SKIP
    if one and other and one[1] != other[1]:
        return False
    return same(one[2] if one else answer, other[2] if other else target)


def real_sets(answer: str, target: str, same: Same) -> Outcome | Skip:
    if not (says_a_set(answer) or says_a_set(target)):
        return SKIP
    one, other = read_set(answer), read_set(target)
    if one is None or other is None:
        return SKIP
    return _same_set(one, other, same)


def _same_set(one: RealSet, other: RealSet, same: Same) -> Outcome:
    # `x>2` and `y>2` are about two things; an interval alone may be about either.
    if None not in (one.name, other.name) and one.name != other.name:
        return False
    if len(one.intervals) != len(other.intervals):
        return False
    left = list(other.intervals)
    unknown = False
    for interval in one.intervals:
        outcomes = [_same_interval(interval, rival, same) for rival in left]
        if True in outcomes:
            left.pop(outcomes.index(True))
        elif None in outcomes:
            unknown = True
        else:
            return False
    return None if unknown else True


def _same_interval(one: Interval, other: Interval, same: Same) -> Outcome:
    opens = (one.is_open_below, one.is_open_above)
    if opens != (other.is_open_below, other.is_open_above):
        return False
    return all_of([same(one.low, other.low), same(one.high, other.high)])
