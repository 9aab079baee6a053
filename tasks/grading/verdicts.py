"""What grading says of an answer, and the verdicts that need no algebra."""

from __future__ import annotations

import re
from collections.abc import Sequence
from fractions import Fraction
from typing import Literal, get_args

from tasks.grading.canonical import canonical, is_too_long, rational
from tasks.grading.latex import split_outside_brackets

Verdict = Literal["correct", "wrong", "unparsed", "timeout", "memory", "crashed"]
VERDICTS: tuple[Verdict, ...] = get_args(Verdict)

_Single = Literal["number", "percent", "assigned"]
_Many = Literal["spaced", "assignments", "list", "set", "()", "[]", "(]", "[)"]
_MARKED_TEXT = re.compile(r"\s*\$?\s*\\(?:text|mbox|mathrm|textbf|textit)\s*\{")
# Four letters, or two words: shorter ones may be products of variables.
_PHRASE = re.compile(r"[A-Za-z]{4,}|[A-Za-z]+(?: [A-Za-z]+)+")
_LETTERS = re.compile(r"[A-Za-z ]+")
_READABLE = re.compile(r"[0-9A-Za-z]")
_ASSIGNED = re.compile(r"[A-Za-z]\w*=([^=]+)", re.ASCII)
_SINGLE = frozenset(get_args(_Single))
# `{3}` and `[3]` may be 3 in other clothes: only algebra can say.
_MAYBE_SINGLE = frozenset(("set", "[]"))


def cheap_verdict(form: str, target: str) -> Verdict | None:
    """The verdict on a canonical answer by plain comparison, or None when algebra is needed.

    `form` is `canonical(answer)`, `target` as the benchmark writes it. Numbers compare exactly:
    0.333 is not 1/3. `50%` agrees with 50 and with 1/2; `x=3` agrees with 3, both ways, and not
    with `y=3`. Words compare as words (math-verify reads `east` and `seat` as one product of
    letters).
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
    """The verdict on two different forms, None unless both hold nothing but plain numbers."""
    kinds = {_kind(form), _kind(wanted)}
    if None in kinds:
        return None
    # Numbers alike in arrangement were brought to one form each: different forms, different
    # numbers. `1 2` is not one number, and no arrangement of two.
    if len(kinds) == 1 or "spaced" in kinds:
        return "wrong"
    if kinds <= _SINGLE:
        return "correct" if _values(form) & _values(wanted) else "wrong"
    # One number is not several; of two arrangements of several, algebra decides.
    one_against_several = kinds & _SINGLE and not kinds & _MAYBE_SINGLE
    return "wrong" if one_against_several else None


def _is_text(target: str, wanted: str) -> bool:
    """Whether the target is words; those in `\\text{}` count as such however short they are."""
    marked = _MARKED_TEXT.match(target) and _LETTERS.fullmatch(wanted)
    return bool(marked or _PHRASE.fullmatch(wanted))


def _values(form: str) -> set[Fraction]:
    """The numbers that a single number may mean; empty for anything longer."""
    assigned = _ASSIGNED.fullmatch(form)
    text = assigned[1] if assigned else form
    value = rational(text.removesuffix("%"))
    if value is None:
        return set()
    # Of 50% both readings are taken: benchmarks write 50 as well as 1/2 for it.
    return {value, value / 100} if text.endswith("%") else {value}


def _kind(form: str) -> _Single | _Many | None:
    """How plain numbers are arranged in a canonical form, None if there is anything but numbers."""
    if rational(form) is not None:
        return "number"
    if form.endswith("%") and rational(form[:-1]) is not None:
        return "percent"
    if _is_assigned(form):
        return "assigned"
    if " " in form:
        return "spaced" if _are_numbers(form.split(" ")) else None
    return _kind_of_many(form)


def _is_assigned(form: str) -> bool:
    """Whether the form is one name with a plain number."""
    assigned = _ASSIGNED.fullmatch(form)
    return assigned is not None and rational(assigned[1]) is not None


def _are_numbers(parts: Sequence[str]) -> bool:
    return all(rational(part) is not None for part in parts)


def _kind_of_many(form: str) -> _Many | None:
    brackets = form[:1] + form[-1:]
    kind: _Many = "list"
    if brackets in ("()", "[]", "(]", "[)"):
        kind = brackets
        form = form[1:-1]
    elif form.startswith(r"\{") and form.endswith(r"\}"):
        kind = "set"
        form = form[2:-2]
    parts = split_outside_brackets(form)
    if parts and _are_numbers(parts):
        return kind
    if kind == "list" and _are_assignments(parts):
        return "assignments"
    return None


def _are_assignments(parts: Sequence[str]) -> bool:
    """Whether the parts give several names a plain number each, none of them two."""
    names = {part.partition("=")[0] for part in parts}
    return len(names) == len(parts) > 1 and all(_is_assigned(part) for part in parts)
