"""What grading says of an answer, and the verdicts that need no algebra."""

from __future__ import annotations

import re
from fractions import Fraction
from typing import Literal, get_args

from tasks.grading.canonical import canonical, is_too_long, rational
from tasks.grading.latex import split_top_level

Verdict = Literal["correct", "wrong", "unparsed", "timeout", "memory", "crashed"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_Single = Literal["number", "percent", "assigned"]
_Many = Literal["spaced", "assignments", "list", "set", "()", "[]", "(]", "[)"]
_MARKED_TEXT = re.compile(r"\s*\$?\s*\\(?:text|mbox|mathrm|textbf|textit)\s*\{")
_PHRASE = re.compile(r"[A-Za-z]{4,}|[A-Za-z]+(?: [A-Za-z]+)+")
_LETTERS = re.compile(r"[A-Za-z ]+")
_READABLE = re.compile(r"[0-9A-Za-z]")
_ASSIGNED = re.compile(r"[A-Za-z]\w*=([^=]+)", re.ASCII)
_SINGLE = frozenset(get_args(_Single))
_MAYBE_SINGLE = frozenset(("set", "[]"))


def cheap_verdict(form: str, target: str) -> Verdict | None:
    """The verdict on a canonical answer that plain comparison gives, or None when algebra is needed.

    `form` is `canonical(answer)`, `target` as the benchmark writes it. Numbers compare exactly: 0.333
    is not 1/3. `50%` agrees with 50 and with 1/2; `x=3` agrees with 3, both ways, and not with `y=3`.
    Words compare as words (math-verify reads `east` and `seat` as the same product of letters).
    """
    wanted = canonical(target)
    if not form or (is_too_long(form) and form != wanted):
        return "unparsed"
    if form == wanted:
        return "correct"
    if not _READABLE.search(form) or form.startswith("=") or form.endswith("="):
        return "unparsed"
    if _is_text(target, wanted) or _kind(wanted) == "assignments":
        return "wrong"
    return _plain_verdict(form, wanted)


def _plain_verdict(form: str, wanted: str) -> Verdict | None:
    """The verdict on two different canonical forms, None unless both hold nothing but plain numbers."""
    kinds = {_kind(form), _kind(wanted)}
    if None in kinds:
        return None
    if len(kinds) == 1 or "spaced" in kinds:
        return "wrong"
    if kinds <= _SINGLE:
        return "correct" if _values(form) & _values(wanted) else "wrong"
    return "wrong" if kinds & _SINGLE and not kinds & _MAYBE_SINGLE else None


def _is_text(target: str, wanted: str) -> bool:
    marked = _MARKED_TEXT.match(target) and _LETTERS.fullmatch(wanted)
    return bool(marked or _PHRASE.fullmatch(wanted))


def _values(form: str) -> set[Fraction]:
    """The numbers that a single number may mean; empty for anything longer."""
    assigned = _ASSIGNED.fullmatch(form)
    text = assigned[1] if assigned else form
    value = rational(text.removesuffix("%"))
    if value is None:
        return set()
    return {value, value / 100} if text.endswith("%") else {value}


def _kind(form: str) -> _Single | _Many | None:
    """How plain numbers are arranged in a canonical form, None if there is anything but numbers."""
    if rational(form) is not None:
        return "number"
    if form.endswith("%") and rational(form[:-1]) is not None:
        return "percent"
    if (assigned := _ASSIGNED.fullmatch(form)) and rational(assigned[1]) is not None:
        return "assigned"
    if " " in form:
        return "spaced" if all(rational(part) is not None for part in form.split(" ")) else None
    return _kind_of_many(form)


def _kind_of_many(form: str) -> _Many | None:
    brackets = form[:1] + form[-1:]
    kind: _Many = "list"
    if brackets in ("()", "[]", "(]", "[)"):
        kind, form = brackets, form[1:-1]
    elif form.startswith(r"\{") and form.endswith(r"\}"):
        kind, form = "set", form[2:-2]
    parts = split_top_level(form)
    if parts and all(rational(part) is not None for part in parts):
        return kind
    assigned = [_ASSIGNED.fullmatch(part) for part in parts]
    names = {part.partition("=")[0] for part in parts}
    plain = all(found and rational(found[1]) is not None for found in assigned)
    return "assignments" if kind == "list" and plain and len(names) == len(parts) > 1 else None
