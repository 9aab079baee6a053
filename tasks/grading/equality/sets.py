"""Sets of reals against each other: interval by interval, whatever they are written as."""

from __future__ import annotations

import re

from tasks.grading.equality.intervals import Interval, RealSet
from tasks.grading.equality.merging import merged
from tasks.grading.equality.outcomes import SKIP, Outcome, Same, Skip, all_of
from tasks.grading.equality.real_sets import read_set, says_a_set
from tasks.grading.mathematics.splitting import split_answers

_MEMBER = re.compile(r"([A-Za-z]|\\[A-Za-z]+)\\in(?![A-Za-z]) ?(.+)", re.DOTALL)


def members(answer: str, target: str, same: Same) -> Outcome | Skip:
    r"""What a variable is said to be in: `x\in[1,2]` is `[1,2]`, and no `y\in[1,2]`."""
    one = _member(answer)
    other = _member(target)
    if one is None and other is None:
        return SKIP
    if one and other and one[1] != other[1]:
        return False
    answer = one[2] if one else answer
    target = other[2] if other else target
    return same(answer, target)


def _member(form: str) -> re.Match[str] | None:
    """The name and what it is in; None for several statements."""
    return None if split_answers(form) else _MEMBER.fullmatch(form)


def real_sets(answer: str, target: str, same: Same) -> Outcome | Skip:
    """Inequalities, intervals and unions of them, one against the other."""
    if not says_a_set(answer) and not says_a_set(target):
        return SKIP
    one = read_set(answer)
    other = read_set(target)
    if one is None or other is None:
        return SKIP
    return _same_set(merged(one), merged(other), same)


def _same_set(one: RealSet, other: RealSet, same: Same) -> Outcome:
    """Whether each interval of one set is an interval of the other."""
    # `x>2` and `y>2` are about two things; an interval alone may be about either.
    names = {one.name, other.name} - {None}
    if len(names) > 1 or len(one.intervals) != len(other.intervals):
        return False
    left = list(other.intervals)
    is_known = True
    for interval in one.intervals:
        outcomes = [_same_interval(interval, rival, same) for rival in left]
        if True in outcomes:
            left.pop(outcomes.index(True))
        elif None in outcomes:
            is_known = False
        else:
            return False
    return True if is_known else None


def _same_interval(one: Interval, other: Interval, same: Same) -> Outcome:
    """Whether both ends are the same, and open or closed alike."""
    if one.is_open_below != other.is_open_below:
        return False
    if one.is_open_above != other.is_open_above:
        return False
    low = same(one.low, other.low)
    high = same(one.high, other.high)
    return all_of([low, high])
