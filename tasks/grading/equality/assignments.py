"""Assignments: names and the values that they are said to have, against each other or alone."""

from __future__ import annotations

import re
from typing import NamedTuple

from tasks.grading.equality.outcomes import (
    SKIP,
    Outcome,
    Same,
    Skip,
    all_of,
    ordered,
    unordered,
)
from tasks.grading.equality.real_sets import says_a_set
from tasks.grading.equality.several import is_equation, items_of
from tasks.grading.mathematics.canonical import form_of
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.splitting import EQUALS, inside, split_answers, split_at
from tasks.grading.mathematics.words import is_product

_NAME = re.compile(
    r"(?:[A-Za-z]+|\\[A-Za-z]+|\\(?:overline|angle|vec)(?: ?\{?[A-Z]+\}?)|[A-Za-z]+ [A-Za-z]+)"
    r"(?:_\w|_\{\w+\}|\([^()]*\)|'|[0-9])*"
)
_ARGUMENTS = re.compile(r"(?<=[A-Z])\^(?:\w|\{[^{}]*\})|_\w|_\{\w+\}|\([^()]*\)|\\[A-Za-z]+")
_FUNCTION = re.compile(r"\\(?:sqrt|log|ln|sin|cos|tan|frac|exp)(?![a-z])")
_INDEX = re.compile(r"_\w$|_\{\w+\}$")

_POINT = re.compile(r"([A-Z])(\(.+,.+\))")
"""A point with its name: `P(3,-4)`."""

_Pair = tuple[str, str]


class _Assigned(NamedTuple):
    """Pairs of a name and what it is said to be, in the order written."""

    pairs: list[_Pair]

    @property
    def values(self) -> list[str]:
        """The values alone."""
        return [value for _, value in self.pairs]

    @property
    def names(self) -> list[str]:
        """The names in alphabetical order."""
        return sorted(name for name, _ in self.pairs)

    @property
    def is_one_name(self) -> bool:
        """Whether all values are of one thing: `x=1, x=2`, and `x_1=1, x_2=2` too."""
        bare = {_INDEX.sub("", name) for name, _ in self.pairs}
        return len(bare) == 1

    def of(self, name: str) -> list[str]:
        """The values of one name."""
        return [value for other, value in self.pairs if other == name]


def assignments(answer: str, target: str, same: Same) -> Outcome | Skip:
    """What names are said to be: `x=5` is 5, and is not `y=5`.

    Of any other equation the answer is what it ends in, unless the target is an equation too.
    """
    one = _assigned(answer)
    other = _assigned(target)
    if one and other:
        return _both(one, other, same)
    if one and not is_equation(target):
        return _against(one, target, same)
    if other and not is_equation(answer):
        # The answer stays the first of every comparison.
        return _against(other, answer, lambda value, form: same(form, value))
    if not is_equation(answer) or is_equation(target) or says_a_set(answer):
        return SKIP
    return _last_side(answer, target, same)


def _both(one: _Assigned, other: _Assigned, same: Same) -> Outcome | Skip:
    """Assignments against each other."""
    names = one.names + other.names
    # `xy=6` may be the equation of whoever writes y = 6/x.
    is_product_named = any(len(name) > 1 and is_product(name) for name in names)
    if one.names != other.names and is_product_named:
        return SKIP
    return _same_assignments(one, other, same)


def _last_side(answer: str, target: str, same: Same) -> Outcome:
    """What an equation ends in: `x+y=5` answers 5, but 2x=18 does not answer 18."""
    left, _, value = answer.rpartition("=")
    if split_answers(answer) or "=" in left or not _names_a_value(left, value):
        return False
    return same(form_of(value, 1), target)


def _names_a_value(left: str, value: str) -> bool:
    """Whether the left side of an equation is a name of the right one, not a task to be solved.

    `AB+BC`, `f(2)`, `3+4` and `\\log_2 8` are; `2x`, `x^2` and another number are not.
    """
    number = rational(left)
    if number is not None:
        return number == rational(value)
    bare = _ARGUMENTS.sub("", left)
    has_letters = bool(re.search("[A-Za-z]", bare))
    # A sign or a function of a letter leaves something to be solved: -x=2, \ln x=1.
    is_task = bool(re.search("[0-9|]|^-", bare) or _FUNCTION.search(left))
    return not (has_letters and is_task)


def _same_assignments(one: _Assigned, other: _Assigned, same: Same) -> Outcome:
    """Whether the same names have the same values."""
    are_roots = one.is_one_name and other.is_one_name and len(one.pairs) > 1
    # `x_1=1, x_2=2` are the roots of the one who writes x=1, x=2.
    if are_roots:
        has_name = one.names[0][:1] == other.names[0][:1]
        return unordered(one.values, other.values, same) if has_name else False
    if one.names != other.names:
        return False
    outcomes: list[Outcome] = []
    for name in set(one.names):
        outcomes.append(unordered(one.of(name), other.of(name), same))
    return all_of(outcomes)


def _against(given: _Assigned, form: str, same: Same) -> Outcome:
    """Values with names against a form without: in order, unless one name has them all."""
    values = given.values
    if len(values) == 1:
        return same(values[0], form)
    items = items_of(form)
    if items is None:
        return False
    if given.is_one_name:
        return unordered(values, items.forms, same)
    if items.kind == "set":
        return False
    return ordered(values, items.forms, same)


def _assigned(form: str) -> _Assigned | None:
    """The assignments that a form consists of; None when there is anything else in it."""
    inner = inside(form, r"\{", r"\}")
    text = form if inner is None else inner
    parts = split_answers(text)
    pairs: list[_Pair] = []
    point = _POINT.fullmatch(form)
    if point:
        return _Assigned([(point[1], point[2])])
    for part in parts.texts if parts else [text]:
        sides = split_at(part, EQUALS)
        # `x=1, 2`: the second is of the same name.
        if len(sides) == 1 and pairs:
            sides = [pairs[-1][0], part]
        several = _read_sides(sides)
        if several is None:
            return None
        pairs += several
    return _Assigned(pairs)


def _read_sides(sides: list[str]) -> list[_Pair] | None:
    """The assignments of one equation: one, or as many as a tuple has; None for any other."""
    if len(sides) != 2 or not all(sides):
        return None
    name, value = sides
    several = _tuple_of(name, value)
    if several is None and not _NAME.fullmatch(name):
        return None
    return [(key, form_of(one, 1)) for key, one in several or [(name, value)]]


def _tuple_of(name: str, value: str) -> list[_Pair] | None:
    """`(x,y)=(1,2)` as two assignments."""
    names = inside(name, "(", ")")
    values = inside(value, "(", ")")
    keys = split_answers(names) if names else None
    parts = split_answers(values) if values else None
    if keys is None or parts is None or len(keys.texts) != len(parts.texts):
        return None
    return list(zip(keys.texts, parts.texts, strict=True))
