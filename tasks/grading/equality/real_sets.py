r"""Sets of real numbers as unions of intervals: `0<x\le 2`, `(0,2]`, `\{x|x>1\}`, `x\ne 1`.

Ends are forms of expressions; what they are worth is asked of whoever compares.
"""

from __future__ import annotations

import itertools
import re
from itertools import pairwise

from tasks.grading.equality.intervals import ABOVE, BELOW, EVERYTHING, Interval, RealSet
from tasks.grading.mathematics.canonical import form_of
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.splitting import inside, split_answers, split_at

_REALS = re.compile(r"\\mathbb\{R\}|R")
_ANY_REAL = re.compile(r"[A-Za-z]\\in ?\\mathbb\{R\}")
_CUP = re.compile(r"\\cup(?![A-Za-z]) ?")
_MINUS = re.compile(r"(?:\\setminus|\\backslash|-)(?![A-Za-z]) ?(?=\\\{)")
_RELATION = re.compile(r"(<|>|\\(?:le|ge|ne)(?![A-Za-z])) ?")
_LOR = re.compile(r"\\lor(?![A-Za-z]) ?")
_LAND = re.compile(r"\\land(?![A-Za-z]) ?")
_NAME = re.compile(r"\|?(?:[A-Za-z](?:_\w|_\{\w+\})?|\\[A-Za-z]+)(?:\([a-z]\))?\|?")
_FLIPPED = {"<": ">", ">": "<", r"\le": r"\ge", r"\ge": r"\le", r"\ne": r"\ne"}
_CONSTANTS = frozenset(("e", "i", r"\pi", r"\infty", r"\emptyset"))


def says_a_set(form: str) -> bool:
    """Whether a form can only be a set of reals: relations, unions, all reals without some."""
    return bool(_RELATION.search(form) or _CUP.search(form) or r"\mathbb{R}" in form)


def read_set(form: str) -> RealSet | None:
    """The set that a form says; None for whatever is none, or needs algebra to be read."""
    built = inside(form, r"\{", r"\}")
    if built:
        return _set_builder(built)
    parts = split_at(form, _CUP)
    if len(parts) > 1:
        return _union([_piece(part) for part in parts])
    return _piece(form) or _condition(form)


def _set_builder(built: str) -> RealSet | None:
    r"""The set of `x|x>2` or `x:x>2`."""
    sign = "|" if "|" in built else ":"
    name, bar, condition = built.partition(sign)
    # `\{x\in\mathbb{R}|x>2\}` names the variable's own set first.
    name = name.partition(r"\in")[0].strip()
    if not bar or not _NAME.fullmatch(name):
        return None
    inner = _condition(condition.strip())
    if inner is None or inner.name != name:
        return None
    # Outside of the braces its variable has no name.
    return RealSet(inner.intervals, None)


def _piece(form: str) -> RealSet | None:
    """One interval in brackets, or all reals, or all but some."""
    kept, *left_out = split_at(form, _MINUS)
    base = RealSet((EVERYTHING,), None) if _REALS.fullmatch(kept) else _bracketed(kept)
    if base is None or not left_out:
        return base
    points = inside(left_out[0], r"\{", r"\}")
    if points is None or len(left_out) > 1:
        return None
    return _outside(base, points.split(","))


def _bracketed(form: str) -> RealSet | None:
    """One interval: its two ends in round or square brackets."""
    opening, closing = form[:1], form[-1:]
    if opening not in ("(", "[") or closing not in (")", "]"):
        return None
    parts = split_answers(form[1:-1])
    if parts is None or len(parts.texts) != 2 or parts.join != ",":
        return None
    low, high = parts.texts
    interval = Interval(
        low,
        high,
        is_open_below=opening == "(",
        is_open_above=closing == ")",
    )
    return RealSet((interval,), None)


def _outside(base: RealSet, points: list[str]) -> RealSet | None:
    r"""An interval without points in it: `[1,3]\setminus\{2\}`."""
    (interval,) = base.intervals
    rest = _without(points)
    if rest is None:
        return None
    ends = [interval.low, *(one.high for one in rest.intervals[:-1]), interval.high]
    last = len(ends) - 2
    intervals = [
        Interval(
            low,
            high,
            is_open_below=interval.is_open_below if place == 0 else True,
            is_open_above=interval.is_open_above if place == last else True,
        )
        for place, (low, high) in enumerate(pairwise(ends))
    ]
    return RealSet(tuple(intervals), None)


def _without(points: list[str]) -> RealSet | None:
    """All reals but the points, which must be plain numbers if they are several."""
    if len(points) > 1:
        values = {point: rational(point) for point in points}
        known = {point: value for point, value in values.items() if value is not None}
        if len(known) < len(values):
            return None
        points = sorted(known, key=lambda point: known[point])
    ends = [BELOW, *points, ABOVE]
    intervals = [
        Interval(low, high, is_open_below=True, is_open_above=True)
        for low, high in itertools.pairwise(ends)
    ]
    return RealSet(tuple(intervals), None)


def _condition(form: str) -> RealSet | None:
    """What inequalities say, joined by `and`, `or` or commas."""
    options = split_at(form, _LOR)
    if len(options) > 1:
        return _union([_condition(option) for option in options])
    bounds = split_at(form, _LAND)
    if all(r"\ne" in bound for bound in bounds) and len(bounds) > 1:
        return _without_each([_chain(bound) for bound in bounds])
    if len(bounds) > 1:
        return _intersection([_chain(bound) for bound in bounds])
    parts = split_answers(form)
    if parts is None:
        return _chain(form)
    # `x\in\mathbb{R}, x\ne 2` says first what is true of every x.
    several = [_chain(part) for part in parts.texts if not _ANY_REAL.fullmatch(part)]
    if len(several) == 1:
        return several[0]
    # A comma between inequalities means `and` where all can hold, else `or`.
    return _intersection(several) or _union(several)


def _without_each(sets: list[RealSet | None]) -> RealSet | None:
    r"""All reals but the points of several `x\ne p`."""
    both = _union(sets)
    if both is None:
        return None
    points = {one.high for one in both.intervals if one.high != ABOVE}
    rest = _without(sorted(points))
    return rest._replace(name=both.name) if rest else None


def _union(sets: list[RealSet | None]) -> RealSet | None:
    """All intervals of sets of one variable; None where one is not read."""
    names: set[str] = set()
    intervals: list[Interval] = []
    for one in sets:
        if one is None:
            return None
        if one.name:
            names.add(one.name)
        intervals += one.intervals
    if len(names) > 1:
        return None
    return RealSet(tuple(intervals), names.pop() if names else None)


def _intersection(sets: list[RealSet | None]) -> RealSet | None:
    """What holds in two half-lines that face each other; None for anything else."""
    both = _union(sets)
    if both is None or len(sets) != 2 or len(both.intervals) != 2:
        return None
    upward = [one for one in both.intervals if one.high == ABOVE and one.low != BELOW]
    downward = [one for one in both.intervals if one.low == BELOW and one.high != ABOVE]
    if len(upward) != 1 or len(downward) != 1:
        return None
    lower, upper = upward[0], downward[0]
    low = rational(lower.low)
    high = rational(upper.high)
    # Half-lines that turn away from each other have nothing in common.
    if low is not None and high is not None and low > high:
        return None
    interval = Interval(
        lower.low,
        upper.high,
        is_open_below=lower.is_open_below,
        is_open_above=upper.is_open_above,
    )
    return RealSet((interval,), both.name)


def _chain(form: str) -> RealSet | None:
    r"""The set of one inequality with one or two bounds: `x>1`, `0<x\le 2`, `x\ne 3`."""
    sides, signs = _sides(form)
    if not all(sides):
        return None
    if len(signs) == 1:
        return _distance(sides, signs[0]) or _one_bound(sides, signs[0])
    if len(signs) != 2 or not _is_name(sides[1]):
        return None
    first, second = signs
    if second not in _ONWARD.get(first, ()):
        return None
    # Read from the right, `2>x>1` is `1<x<2`.
    if first in (">", r"\ge"):
        sides.reverse()
        first, second = second, first
    interval = Interval(
        _end(sides[0]),
        _end(sides[2]),
        is_open_below=first in "<>",
        is_open_above=second in "<>",
    )
    return RealSet((interval,), sides[1])


def _sides(form: str) -> tuple[list[str], list[str]]:
    """What stands between the signs of a chain, and the signs."""
    sides: list[str] = []
    signs: list[str] = []
    start = 0
    for match in _RELATION.finditer(form):
        side = form[start : match.start()]
        sides.append(side.strip())
        signs.append(match[1])
        start = match.end()
    sides.append(form[start:].strip())
    return sides, signs


_ONWARD = {"<": ("<", r"\le"), r"\le": ("<", r"\le"), ">": (">", r"\ge"), r"\ge": (">", r"\ge")}
"""Signs that go on in the direction of the one before."""


def _distance(sides: list[str], sign: str) -> RealSet | None:
    r"""The set of `|x|<3`: both bounds at once, or what lies beyond both."""
    name = sides[0].removeprefix("|").removesuffix("|")
    bound = rational(_end(sides[1]))
    if sides[0] != f"|{name}|" or not _is_name(name) or bound is None or bound <= 0:
        return None
    if sign == r"\ne":
        return None
    low, high = str(-bound), str(bound)
    is_open = sign in "<>"
    if sign in ("<", r"\le"):
        within = Interval(low, high, is_open_below=is_open, is_open_above=is_open)
        return RealSet((within,), name)
    below = Interval(BELOW, low, is_open_below=True, is_open_above=is_open)
    above = Interval(high, ABOVE, is_open_below=is_open, is_open_above=True)
    return RealSet((below, above), name)


def _one_bound(sides: list[str], sign: str) -> RealSet | None:
    r"""The half-line of `x>1` or `1<x`, and of `x\ne 3` the two beside it."""
    name, bound = sides
    if not _is_name(name):
        name, bound, sign = bound, name, _FLIPPED[sign]
    if not _is_name(name) or _is_name(bound):
        return None
    bound = _end(bound)
    if sign == r"\ne":
        outside = _without([bound])
        return outside._replace(name=name) if outside else None
    is_open = sign in "<>"
    if sign in (">", r"\ge"):
        upward = Interval(bound, ABOVE, is_open_below=is_open, is_open_above=True)
        return RealSet((upward,), name)
    downward = Interval(BELOW, bound, is_open_below=True, is_open_above=is_open)
    return RealSet((downward,), name)


def _end(text: str) -> str:
    """The form of an end of an interval."""
    return form_of(text, 1)


def _is_name(text: str) -> bool:
    """Whether this is a variable: no number, and no constant of mathematics."""
    return bool(_NAME.fullmatch(text)) and text not in _CONSTANTS
