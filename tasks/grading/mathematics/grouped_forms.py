r"""Canonical forms of answers with parts: lists, tuples, sets, matrices, unions, assignments."""

from __future__ import annotations

import re

from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.plain_forms import Form, squeeze
from tasks.grading.mathematics.splitting import LOGIC, Parts, inside, split_answers, split_at
from tasks.grading.mathematics.units import read_quantity

_NAME = r"(?:[A-Za-z]\w*(?:_\{\w+\})?'?|\\[A-Za-z]+(?:_\w|_\{\w+\})?)"
_ONLY_NAME = re.compile(_NAME, re.ASCII)
_ASSIGNMENT = re.compile(rf"({_NAME}(?:\(\w(?:,\w)*\))?)=([^=]+)", re.ASCII)
_FIRST_ASSIGNMENT = re.compile(rf"{_NAME}=", re.ASCII)
_NEXT_ASSIGNMENT = re.compile(r"(?<=[^=,( ]) (?=[A-Za-z]\w*=)", re.ASCII)
_THOUSAND = re.compile(r"(?<=[0-9]),(?=[0-9]{3}(?![0-9]))")
_ZEROS = re.compile(r"(?<=[0-9]),(?=0[0-9]{2}(?![0-9]))")
_LABEL = re.compile(r"[ ,;]*\(([a-e]|i{1,3}|iv|[A-E])\) ?(?=-?[0-9]|\\[A-Za-z])")
_ANOTHER = re.compile(r"(?:[.|/:&+-]|\\mid) ?\\?[A-Za-z]\w*$")
_EQUALS = re.compile(r"(?<![<>!])=")
_MATRIX = re.compile(
    r"[\[(]?\\begin\{(?:[pbB]?matrix|smallmatrix|array)\}(?:\{[clr|]+\})?(.*)"
    r"\\end\{(?:[pbB]?matrix|smallmatrix|array)\}[\])]?",
    re.DOTALL,
)
_MEMBER = re.compile(rf"({_NAME})\\in(?![A-Za-z]) ?(.+)", re.ASCII | re.DOTALL)
_CUP = re.compile(r"\\cup(?![A-Za-z]) ?")
_ANSWERS = re.compile(r"[0-9=]")
_COMPARES = re.compile(r"[<>]|\\(?:le|ge|ne)(?![A-Za-z])")


def several(text: str, _depth: int, form: Form) -> str | None:
    """A list: in its order after commas, sorted after `and` and `or` or where names tell."""
    # `a=4 b=2` lists two answers as `a=4, b=2` does; `\angle A=4` names one.
    if _FIRST_ASSIGNMENT.match(text):
        text = _NEXT_ASSIGNMENT.sub(",", text)
    parts = split_answers(_without_thousands(_with_labels(text)))
    if parts is None:
        return None
    forms = [form(part) for part in _with_names(_with_nouns(parts.texts))]
    is_condition = any(_COMPARES.search(part) for part in parts.texts) or is_logic(text)
    # Of inequalities `and` and `or` say two things; of answers they say one.
    if is_condition and parts.join != ",":
        sign = r"\land " if parts.join == "and" else r"\lor "
        return sign.join(sorted(forms))
    return _join(parts, forms)


def _with_labels(text: str) -> str:
    """`(a) 5 (b) 6` as `a=5,b=6`: answers to two parts of a question."""
    before, *labelled = _LABEL.split(text)
    labels, answers = labelled[::2], labelled[1::2]
    if before or len(labels) < 2:
        return text
    pairs = zip(labels, answers, strict=True)
    return ",".join(f"{label}={answer}" for label, answer in pairs)


def _without_thousands(text: str) -> str:
    """`1,000, 2,000` as `1000, 2000`: commas without a space among some with one are thousands."""
    # No number begins with a zero that others follow.
    text = _ZEROS.sub("", text)
    return _THOUSAND.sub("", text) if ", " in text else text


def is_logic(text: str) -> bool:
    r"""Whether a text joins propositions, as `p\land q` does: `x=1\lor x=2` joins answers."""
    return bool(LOGIC.search(text)) and not _ANSWERS.search(text)


def _with_nouns(texts: list[str]) -> list[str]:
    """`3 apples, 5 pears` as `apple=3, pear=5`: of different things each has its number."""
    quantities = [read_quantity(text) for text in texts]
    known = [one for one in quantities if one and one.words]
    nouns = [one.words.removesuffix("s").replace(" ", "") for one in known]
    is_told_apart = len(set(nouns)) == len(texts) and all(noun.isalpha() for noun in nouns)
    if not is_told_apart:
        return texts
    return [f"{noun}={one.value}" for noun, one in zip(nouns, known, strict=True)]


def _with_names(texts: list[str]) -> list[str]:
    """`x=1, 2` as `x=1, x=2`: what follows an assignment without a name has its name."""
    first, *rest = texts
    match = _ASSIGNMENT.fullmatch(first)
    is_named = any("=" in text or _COMPARES.search(text) for text in rest)
    if match is None or is_named:
        return texts
    return [first, *(f"{match[1]}={text}" for text in rest)]


def _join(parts: Parts, forms: list[str]) -> str:
    """The forms of a list's parts as one."""
    named = [form for form in forms if _ASSIGNMENT.fullmatch(form)]
    names = {form.partition("=")[0] for form in named}
    # Names tell which is which; after `and` and `or` no order can be meant.
    if len(names) == len(forms):
        return ", ".join(sorted(forms))
    if parts.join == ",":
        return ", ".join(forms)
    return as_set(forms)


def as_set(forms: list[str]) -> str:
    r"""The form of a set, each member once: `\{1,2\}`."""
    members = ",".join(sorted(set(forms)))
    return r"\{" + members + r"\}"


def bracketed(text: str, depth: int, form: Form) -> str | None:
    """A tuple or interval with the forms of its parts; what is in brackets alone without them."""
    opening, closing = text[:1], text[-1:]
    if opening not in ("(", "[") or closing not in (")", "]"):
        return None
    inner = inside(text, opening, closing)
    if not inner or not inner.strip():
        return None
    inner = _without_thousands(inner)
    parts = split_answers(inner)
    if parts:
        forms = ",".join(form(part) for part in parts.texts)
        return f"{opening}{forms}{closing}"
    only = form(inner)
    brackets = opening + closing
    # Parentheses around all that there is say nothing: (3) is 3. Square ones may: [x] is a floor.
    is_plain = rational(only) is not None or only.isalpha()
    # A row of one entry stays a row: [[1],[2]].
    says_nothing = brackets == "()" or (brackets == "[]" and is_plain and depth == 0)
    return only if says_nothing else None


def angles(text: str, _depth: int, form: Form) -> str | None:
    """A vector in angle brackets."""
    inner = inside(text, r"\langle", r"\rangle")
    parts = split_answers(inner) if inner else None
    if parts is None:
        return None
    forms = ",".join(form(part) for part in parts.texts)
    return rf"\langle {forms}\rangle"


def members(text: str, _depth: int, form: Form) -> str | None:
    r"""A set of what it lists; one that is built by a condition stays as written."""
    inner = inside(text, r"\{", r"\}")
    if not inner or _COMPARES.search(inner) or "|" in inner:
        return None
    parts = split_answers(_without_thousands(inner))
    texts = parts.texts if parts else [inner]
    return as_set([form(part) for part in texts])


def matrix(text: str, _depth: int, form: Form) -> str | None:
    """A matrix in whatever brackets, entry by entry; no determinant."""
    match = _MATRIX.fullmatch(text)
    # A matrix of matrices stays as written: the split below would cut those inside.
    if not match or r"\begin" in match[1]:
        return None
    rows: list[str] = []
    for row in match[1].split(r"\\"):
        # Some authors end the last row too: an empty row is none.
        if row.strip():
            cells = [form(cell) for cell in row.split("&")]
            rows.append("&".join(cells))
    body = r"\\".join(rows)
    return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"


def member(text: str, _depth: int, form: Form) -> str | None:
    r"""What a variable is in: `x\in [1,2]`."""
    match = _MEMBER.fullmatch(text)
    if match is None:
        return None
    return rf"{match[1]}\in {form(match[2])}"


def union(text: str, _depth: int, form: Form) -> str | None:
    """A union, its parts sorted."""
    parts = split_at(text, _CUP)
    if len(parts) < 2 or not all(parts):
        return None
    forms = [form(part) for part in parts]
    return r"\cup ".join(sorted(forms))


def _is_another(sides: list[str]) -> bool:
    """Whether a chain is two equations: `x=2 / x=3`, or says what cannot be: `x=5=6`."""
    values = {rational(side) for side in sides} - {None}
    return len(values) > 1 or any(_ANOTHER.search(side) for side in sides[:-1])


def assignment(text: str, depth: int, form: Form) -> str | None:
    """`x=5`; of a chain x = 3 + 4 = 7 the first says what is found, the last what it is."""
    first, *rest = split_at(text, _EQUALS)
    if not rest or not first or not all(rest):
        return None
    last = rest[-1]
    if _is_another(rest):
        return None
    # `5 = x` says the same.
    if len(rest) == 1 and rational(first) is not None and _ONLY_NAME.fullmatch(last):
        first, last = last, first
    # `(x,y)=(1,2)` assigns as well.
    names = bracketed(first, depth, form) or squeeze(first)
    is_named = _ASSIGNMENT.fullmatch(f"{names}={last}") or inside(names, "(", ")")
    return f"{names}={form(last)}" if is_named else None
