r"""Answers that are several things: lists, sets, tuples, matrices, `2\pm\sqrt3`."""

from __future__ import annotations

import re
from itertools import chain, product
from typing import NamedTuple

from tasks.grading.equality.outcomes import (
    SKIP,
    Outcome,
    Same,
    Skip,
    ordered,
    unordered,
)
from tasks.grading.mathematics.canonical import form_of
from tasks.grading.mathematics.splitting import (
    EQUALS,
    LOGIC,
    inside,
    split_answers,
    without_indices,
)

_MATRIX = re.compile(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", re.DOTALL)
_PLUS_MINUS = re.compile(r"\\(pm|mp)(?![A-Za-z]) ?")
_UNARY_PLUS = re.compile(r"(^|[({\[])\+")
_MOST_SIGNS = 4
"""Plus-minus signs that are written out; 16 answers are more than anybody gives."""
_BRACKETS = ("()", "[]", "(]", "[)")


class Items(NamedTuple):
    """Several things in one form, and how they stand: a `set`, a `list`, or their brackets."""

    kind: str
    forms: list[str]


def is_equation(form: str) -> bool:
    """Whether an equality stands in the form, elsewhere than in an index."""
    return bool(EQUALS.search(without_indices(form)))


def matrices(answer: str, target: str, same: Same) -> Outcome | Skip:
    """Matrices entry by entry; a row or a column is a vector, which a tuple may be as well."""
    one = _rows(answer)
    other = _rows(target)
    if one and other:
        return _same_matrix(one, other, same)
    rows = one or other
    items = items_of(target if one else answer)
    if rows is None or items is None:
        return SKIP
    is_vector = len(rows) == 1 or len(rows[0]) == 1
    if items.kind != "()" or not is_vector:
        return False
    entries = list(chain(*rows))
    if one:
        return ordered(entries, items.forms, same)
    return ordered(items.forms, entries, same)


def _same_matrix(one: list[list[str]], other: list[list[str]], same: Same) -> Outcome:
    """Whether rows are as long as each other, and their entries the same."""
    shapes = [[len(row) for row in rows] for rows in (one, other)]
    if shapes[0] != shapes[1]:
        return False
    entries = list(chain(*one))
    others = list(chain(*other))
    return ordered(entries, others, same)


def _rows(form: str) -> list[list[str]] | None:
    """Rows of a matrix, written as one or as lists in square brackets; None for anything else."""
    match = _MATRIX.fullmatch(form)
    if match:
        return [row.split("&") for row in match[1].split(r"\\")]
    inner = inside(form, "[", "]")
    parts = split_answers(inner) if inner else None
    if parts is None:
        return None
    rows: list[list[str]] = []
    for part in parts.texts:
        row = inside(part, "[", "]")
        if row is None:
            return None
        rows.append([cell.strip() for cell in row.split(",")])
    return rows


def lists(answer: str, target: str, same: Same) -> Outcome | Skip:
    """Sets and lists in any order, tuples and intervals in theirs.

    A list may be a tuple without brackets; a set of one thing is that thing.
    """
    one = items_of(answer)
    other = items_of(target)
    if one is None and other is None:
        return SKIP
    # One thing against several: they agree where the several are one.
    if one is None:
        is_single = other is not None and len(other.forms) == 1
        return same(answer, other.forms[0]) if other and is_single else False
    if other is None:
        return same(one.forms[0], target) if len(one.forms) == 1 else False
    kinds = {one.kind, other.kind}
    if kinds <= {"set", "list"}:
        return unordered(one.forms, other.forms, same)
    # Square brackets around a list say more: an interval, a floor.
    if len(kinds) > 1 and kinds != {"list", "()"}:
        return False
    return ordered(one.forms, other.forms, same)


def items_of(form: str) -> Items | None:
    """The things that a form is a list, set or tuple of; None for one thing."""
    # Conditions joined by logic are one statement.
    if LOGIC.search(form):
        return None
    return _set_of(form) or _bracketed(form) or _list_of(form)


def _set_of(form: str) -> Items | None:
    """A set in braces, both signs of a plus-minus, or the empty set."""
    if form == r"\emptyset":
        return Items("set", [])
    signs = len(_PLUS_MINUS.findall(form))
    if 0 < signs <= _MOST_SIGNS and not is_equation(form):
        several = [_both_signs(part) for part in _members(form)]
        return Items("set", list(chain(*several)))
    if inside(form, r"\{", r"\}") is not None:
        return Items("set", _members(form))
    return None


def _list_of(form: str) -> Items | None:
    """What commas, `and` or `or` divide."""
    parts = split_answers(form)
    if parts is None:
        return None
    # After `and` and `or` no order can be meant.
    kind = "list" if parts.join == "," else "set"
    return Items(kind, parts.texts)


def _bracketed(form: str) -> Items | None:
    """A tuple, an interval, or a vector in angle brackets."""
    brackets = form[:1] + form[-1:]
    inner = inside(form, form[:1], form[-1:])
    angles = inside(form, r"\langle", r"\rangle")
    if angles is not None:
        brackets, inner = "()", angles
    if brackets not in _BRACKETS or not inner:
        return None
    parts = split_answers(inner)
    return Items(brackets, parts.texts) if parts else None


def _members(form: str) -> list[str]:
    """The parts of a set or list; the form itself when it is one thing."""
    inner = inside(form, r"\{", r"\}")
    text = form if inner is None else inner
    parts = split_answers(text)
    return parts.texts if parts else [text]


def _both_signs(form: str) -> list[str]:
    r"""Both forms of `2\pm\sqrt3`, all four of two signs; `\mp` goes against `\pm`."""
    marks = _PLUS_MINUS.findall(form)
    if not marks:
        return [form]
    # Two signs are free of each other, unless one goes against the other.
    choices = list(product((1, -1), repeat=len(marks)))
    if len(set(marks)) > 1:
        choices = [(sign,) * len(marks) for sign in (1, -1)]
    return [_with_signs(form, marks, signs) for signs in choices]


def _with_signs(form: str, marks: list[str], signs: tuple[int, ...]) -> str:
    r"""The form with these signs in the places of its `\pm` and `\mp`."""
    text = form
    for mark, sign in zip(marks, signs, strict=True):
        is_plus = (mark == "pm") == (sign > 0)
        text = _PLUS_MINUS.sub("+" if is_plus else "-", text, count=1)
    return form_of(_UNARY_PLUS.sub(r"\1", text), 1)
