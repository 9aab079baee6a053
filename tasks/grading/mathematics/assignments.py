"""Assignments: names and the values that they are said to have, against each other or alone."""

from __future__ import annotations

import re
from typing import NamedTuple

from tasks.grading.mathematics.canonical import form_of
from tasks.grading.mathematics.outcomes import (
    SKIP,
    Outcome,
    Same,
    Skip,
    all_of,
    ordered,
    unordered,
)
from tasks.grading.mathematics.real_sets import says_a_set
from tasks.grading.mathematics.several import is_equation, items_of
from tasks.grading.mathematics.splitting import inside, split_answers

_EQUALS = re.compile(r"(?<![<>!])(?:=|\\approx(?![A-Za-z]))")
_NAME = re.compile(
    r"(?:[A-Za-z]+|\\[A-Za-z]+|\\(?:overline|angle|vec)(?: ?\{?[A-Z]+\}?)|[A-Za-z]+ [A-Za-z]+)"
    r"(?:_\w|_\{\w+\}|\(\w(?:,\w)*\)|'|[0-9])*"
)


class _Assigned(NamedTuple):
    """Names and what each is said to be, in the order written."""

    names: list[str]
    values: list[str]

    @property
    def is_one_name(self) -> bool:
        """Whether all values are of one thing: `x=1, x=2`, and `x_1=1, x_2=2` too."""
        bare = {re.sub(r"_\w$|_\{\w+\}$", "", name) for name in self.names}
        return len(bare) == 1


def assignments(answer: str, target: str, same: Same) -> Outcome | Skip:
    one, other = _assigned(answer), _assigned(target)
    if one and other:
        return _same_assignments(one, other, same)
    if one and not is_equation(target):
        return _values_against(one, target, same, is_answer=True)
    if other and not is_equation(answer):
        return _values_against(other, answer, same, is_answer=False)
    _, _, value = answer.rpartition("=")
    # Of `x+y=5` what it ends in is the answer; what the target asks for must be met whole.
    if is_equation(answer) and not is_equation(target) and not says_a_set(answer):
        return same(form_of(value, 1), target)
    return SKIP


def _same_assignments(one: _Assigned, other: _Assigned, same: Same) -> Outcome:
    if one.is_one_name and other.is_one_name and len(one.names) > 1:
        same_names = one.names[0][:1] == other.names[0][:1]
        return same_names and unordered(one.values, other.values, same)
    if sorted(one.names) != sorted(other.names):
        return False
    outcomes: list[Outcome] = []
    for name in set(one.names):
        mine = [value for key, value in zip(*one, strict=True) if key == name]
        theirs = [value for key, value in zip(*other, strict=True) if key == name]
        outcomes.append(unordered(mine, theirs, same))
    return all_of(outcomes)


def _values_against(given: _Assigned, form: str, same: Same, *, is_answer: bool) -> Outcome:
    """Values with names against a form without: in order, unless one name has them all."""
    values = given.values
    if len(values) == 1:
        pair = (values[0], form) if is_answer else (form, values[0])
        return same(*pair)
    items = items_of(form)
    if items is None:
        return False
    if given.is_one_name:
        return unordered(values, items.forms, same)
    return False if items.kind == "set" else ordered(values, items.forms, same)


def _assigned(form: str) -> _Assigned | None:
    """The assignments that a form consists of; None when there is anything else in it."""
    inner = inside(form, r"\{", r"\}")
    parts = split_answers(inner if inner is not None else form)
    names: list[str] = []
    values: list[str] = []
    for part in parts.texts if parts else [form]:
        sides = _EQUALS.split(part)
        # `x=1, 2`: the second is of the same name.
        if len(sides) == 1 and names:
            sides = [names[-1], part]
        if len(sides) != 2 or not all(side.strip() for side in sides):
            return None
        name, value = (side.strip() for side in sides)
        several = _tuple_of(name, value)
        if several is None and not _NAME.fullmatch(name):
            return None
        for key, one in several or [(name, value)]:
            names.append(key)
            values.append(form_of(one, 1))
    return _Assigned(names, values)


def _tuple_of(name: str, value: str) -> list[tuple[str, str]] | None:
    """`(x,y)=(1,2)` as two assignments."""
    inner = [inside(side, "(", ")") for side in (name, value)]
    parts = [split_answers(side) if side else None for side in inner]
    if parts[0] is None or parts[1] is None or len(parts[0].texts) != len(parts[1].texts):
        return None
    return list(zip(parts[0].texts, parts[1].texts, strict=True))
