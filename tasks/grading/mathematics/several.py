r"""Answers that are several things: lists, sets, tuples, matrices, `2\\pm\\sqrt3`."""

from __future__ import annotations

import re
from itertools import chain, product
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
from tasks.grading.mathematics.splitting import inside, split_answers, without_indices

_MATRIX = re.compile(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", re.DOTALL)
_PLUS_MINUS = re.compile(r"\\(pm|mp)(?![A-Za-z]) ?")
_MOST_SIGNS = 4
"""Plus-minus signs that are written out; 16 answers are more than anybody gives."""
_EQUATION = re.compile(r"(?<![<>!])(?:=|\\approx(?![A-Za-z]))")


class Items(NamedTuple):
    """Several things in one form, and how they stand: a `set`, a `list`, or their brackets."""

    kind: str
    forms: list[str]


def is_equation(form: str) -> bool:
    """Whether an equality stands in the form, elsewhere than in an index."""
    return bool(_EQUATION.search(without_indices(form)))


def matrices(answer: str, target: str, same: Same) -> Outcome | Skip:
    one, other = _rows(answer), _rows(target)
    if one and other:
        if [len(row) for row in one] != [len(row) for row in other]:
            return False
        pairs = zip(chain(*one), chain(*other), strict=True)
        return all_of([same(mine, theirs) for mine, theirs in pairs])
    rows, form = (one, target) if one else (other, answer)
    items = items_of(form)
    # A column is a vector, which may be written as a tuple.
    if rows and items and items.kind == "()" and 1 in (len(rows), len(rows[0])):
        entries = list(chain(*rows))
        pair = (entries, items.forms) if one else (items.forms, entries)
        return ordered(*pair, same)
    return False if rows and items else SKIP


def _rows(form: str) -> list[list[str]] | None:
    """Rows of a matrix, written as one or as lists in square brackets; None for anything else."""
    match = _MATRIX.fullmatch(form)
    if match:
        return [row.split("&") for row in match[1].split(r"\\")]
    inner = inside(form, "[", "]")
    parts = split_answers(inner) if inner else None
    if parts is None:
        return None
    rows = [inside(row, "[", "]") for row in parts.texts]
    if None in rows:
        return None
    return [[cell.strip() for cell in str(row).split(",")] for row in rows]


def lists(answer: str, target: str, same: Same) -> Outcome | Skip:
    one, other = items_of(answer), items_of(target)
    if one is None and other is None:
        return SKIP
    if one is None or other is None:
        several, single = (one, target) if one else (other, answer)
        if several and len(several.forms) == 1:
            pair = (several.forms[0], single) if one else (single, several.forms[0])
            return same(*pair)
        return False
    free = ("set", "list")
    if one.kind in free and other.kind in free:
        return unordered(one.forms, other.forms, same)
    kinds = {one.kind, other.kind}
    # A tuple may be written without its brackets; that a list stands in [ ] says more.
    if len(kinds) > 1 and kinds != {"list", "()"}:
        return False
    return ordered(one.forms, other.forms, same)


def items_of(form: str) -> Items | None:
    """The things that a form is a list, set or tuple of; None for one thing."""
    if form == r"\emptyset":
        return Items("set", [])
    signs = len(_PLUS_MINUS.findall(form))
    if 0 < signs <= _MOST_SIGNS and not is_equation(form):
        return Items("set", [part for one in _texts(form) for part in _signs(one)])
    members = inside(form, r"\{", r"\}")
    if members is not None:
        parts = split_answers(members)
        return Items("set", parts.texts if parts else [members])
    angles = inside(form, r"\langle", r"\rangle")
    brackets = "()" if angles is not None else form[:1] + form[-1:]
    inner = angles if angles is not None else inside(form, form[:1], form[-1:])
    if brackets in ("()", "[]", "(]", "[)") and inner:
        parts = split_answers(inner)
        return Items(brackets, parts.texts) if parts else None
    parts = split_answers(form)
    return Items("list" if parts.join == "," else "set", parts.texts) if parts else None


def _texts(form: str) -> list[str]:
    members = inside(form, r"\{", r"\}")
    parts = split_answers(members if members is not None else form)
    return parts.texts if parts else [form]


def _signs(form: str) -> list[str]:
    r"""Both forms of `2\pm\sqrt3`, all four of two signs; `\mp` goes against `\pm`."""
    marks = _PLUS_MINUS.findall(form)
    if not marks:
        return [form]
    # Two signs are free of each other, unless one goes against the other.
    choices = list(product((1, -1), repeat=len(marks)))
    if len(set(marks)) > 1:
        choices = [(sign,) * len(marks) for sign in (1, -1)]
    forms: list[str] = []
    for signs in choices:
        left = iter(zip(marks, signs, strict=True))

        def sign_of(_match: re.Match[str]) -> str:
            mark, sign = next(left)  # noqa: B023
            return "+" if (mark == "pm") == (sign > 0) else "-"

        text = _PLUS_MINUS.sub(sign_of, form)
        forms.append(form_of(re.sub(r"(^|[({\[])\+", r"\1", text), 1))
    return forms
