r"""One canonical form of an answer: its class in a vote, and what it is judged by (METHOD §4, §15).

Two spellings that only algebra knows to be equal (`\sqrt{8}` and `2\sqrt{2}`) stay two classes.
Merging them through algebra was decided against: it is neither symmetric nor transitive, it may
time out, and classes must not depend on which answers happen to be asked about together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from hashlib import sha256

from tasks.grading.mathematics.latex import TEXT, clean
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.splitting import Parts, inside, split_answers, split_at
from tasks.grading.mathematics.units import read_quantity
from tasks.grading.mathematics.words import read_words, words_of

LONGEST = 1_000
"""Characters; a longer answer is known by its length and digest only."""

_LONG = "long-answer:"
_DEEPEST = 8
"""Brackets within brackets that are read; deeper ones stay as written, so that recursion ends."""

_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+)(?:\.[0-9]+)?")
_NAME = r"(?:[A-Za-z]\w*(?:_\{\w+\})?'?|\\[A-Za-z]+(?:_\w|_\{\w+\})?)"
_ASSIGNMENT = re.compile(rf"({_NAME}(?:\(\w(?:,\w)*\))?)=([^=]+)", re.ASCII)
_NEXT_ASSIGNMENT = re.compile(r"(?<=[^=,( ]) (?=[A-Za-z]\w*=)", re.ASCII)
_BASE = re.compile(r"\(?([0-9A-Fa-f]*[0-9][0-9A-Fa-f]*)\)?_\{?\(?([0-9]{1,2}|[a-z]{3,9})\)?\}?")
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))? ?([ap])\.? ?m\.?", re.IGNORECASE)
_RATIO = re.compile(r"[0-9.]+(?: to [0-9.]+)+")
_MATRIX = re.compile(
    r"[\[(]?\\begin\{(?:[pb]?matrix|smallmatrix|array)\}(?:\{[clr|]+\})?(.*)"
    r"\\end\{(?:[pb]?matrix|smallmatrix|array)\}[\])]?",
    re.DOTALL,
)
_MEMBER = re.compile(rf"({_NAME})\\in(?![A-Za-z]) ?(.+)", re.ASCII | re.DOTALL)
_CUP = re.compile(r"\\cup(?![A-Za-z]) ?")
_COMPARES = re.compile(r"[<>]|\\(?:le|ge|ne)(?![A-Za-z])")
_TRIGONOMETRY = re.compile(r"\\(?:arc)?(?:sin|cos|tan|cot|sec|csc)")
_MARKED = re.compile(rf"[\s$]*{TEXT}\{{([^{{}}]*)\}}[\s$.]*")

_SQUEEZES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=[0-9})\]!|]) (?=[A-Za-z\\(])", ""),
        (r"(?<![A-Za-z\\])([A-Za-z]) (?=(?:[A-Za-z](?![A-Za-z])|\\))", r"\1"),
        (r"(\\[A-Za-z]+) (?=[0-9\\({\[])", r"\1"),
        # A factor needs no sign, unless a number would run into it: 3\cdot\frac12 is not mixed.
        (r"(?<=[0-9])\\cdot ?(?=[A-Za-z(]|\\(?!frac))", ""),
    )
)


def canonical(answer: str) -> str:
    r"""The class of an answer: `\frac12`, `0.5` and `1/2` give `1/2`; `(1, 2.0)` gives `(1,2)`.

    Pure, cached by string, safe for any input: work is bounded, nothing is evaluated, the result
    can be encoded as UTF-8 and holds no NUL. Dropped: `$`, `\left`, `\text{}`, degree signs, what
    is counted (`5 apples`). Kept: units of measure (`3 ft` is not `3 in`), `%` (50% may mean 50 or
    1/2; the grader knows) and `x=` (`x=5` and `y=5` are different lines). Order counts wherever
    it may: in tuples, intervals and comma lists; sets, lists joined by `and` or `or` and
    assignments (`a=4 b=2`) are sorted.
    """
    stripped = answer.strip()
    if len(stripped) > LONGEST:
        # A model may write lone surrogates, which UTF-8 refuses unless they are let pass.
        content = stripped.encode("utf-8", "surrogatepass")
        digest = sha256(content).hexdigest()[:32]
        return f"{_LONG}{len(stripped)}:{digest}"
    return _read(stripped)


def is_too_long(form: str) -> bool:
    """True for the canonical form of an answer that was too long to be read."""
    return form.startswith(_LONG)


@lru_cache(maxsize=100_000)  # many draws end in few answers
def _read(answer: str) -> str:
    # Most answers are plain numbers: read as such first, they pay for none of the folds.
    number = rational(answer)
    if number is not None:
        return str(number)
    marked = _MARKED.fullmatch(answer)
    words = read_words(clean(marked[1]), is_marked=True) if marked else None
    return words or form_of(clean(answer))


def form_of(text: str, depth: int = 0) -> str:
    """The canonical form of cleaned text; `depth` counts the brackets around it."""
    text = text.strip()
    if depth > _DEEPEST:
        return text
    for rule in _RULES:
        form = rule(text, depth)
        if form is not None:
            return form
    return squeeze(text)


def squeeze(text: str) -> str:
    r"""Cleaned text without the spaces of `2 x` and `\pm 2`; `\cot x` and `1 2` keep theirs."""
    # Degrees say nothing but within a function, where they are another number.
    if "°" in text and not _TRIGONOMETRY.search(text):
        text = text.replace("°", "")
    for pattern, replacement in _SQUEEZES:
        text = pattern.sub(replacement, text)
    return text


def _number(text: str, depth: int) -> str | None:
    # Inside of brackets `1,234` is a pair.
    if depth == 0 and _THOUSANDS.fullmatch(text):
        text = text.replace(",", "").replace(" ", "")
    number = text.rstrip("°")
    unit = "%" if number.endswith("%") else ""
    value = rational(number.removesuffix(unit))
    return None if value is None else f"{value}{unit}"


def _base(text: str, _depth: int) -> str | None:
    match = _BASE.fullmatch(text)
    if not match:
        return None
    digits, base = match.groups()
    if base in words_of("bases"):
        base = str(words_of("bases").index(base) + 2)
    if not base.isdigit():
        return None
    digits = digits.upper()
    return f"{digits}_{base}" if len(base) == 1 else f"{digits}_{{{base}}}"


def _clock(text: str, _depth: int) -> str | None:
    match = _CLOCK.fullmatch(text)
    if match:
        hour, minute, half = match.groups()
        return f"{int(hour)}:{minute or '00'} {half.lower()}m"
    return text.replace(" to ", ":") if _RATIO.fullmatch(text) else None


def _number_with_unit(text: str, depth: int) -> str | None:
    """A plain number and its unit: before lists, for `1,234 ft` is none."""
    quantity = read_quantity(text)
    number = _number(quantity.value, depth) if quantity else None
    if quantity is None or number is None:
        return None
    value = rational(number)
    if value is not None:
        number = str(value * quantity.times)
    return f"{number} {quantity.unit.name}".rstrip()


def _with_unit(text: str, depth: int) -> str | None:
    quantity = read_quantity(text)
    # The degree of `\sin 30°` is within the function.
    if quantity is None or ("°" in text and _TRIGONOMETRY.search(text)):
        return None
    form = form_of(quantity.value, depth + 1)
    if quantity.times > 1:
        form = rf"{quantity.times}({form})"
    return f"{form} {quantity.unit.name}".rstrip()


def _words(text: str, _depth: int) -> str | None:
    return read_words(text, is_marked=False)


def _list(text: str, depth: int) -> str | None:
    # `a=4 b=2` lists two answers as `a=4, b=2` does.
    parts = split_answers(_NEXT_ASSIGNMENT.sub(",", text))
    if parts is None:
        return None
    forms = _forms(_with_names(parts.texts), depth)
    if any(_COMPARES.search(part) for part in parts.texts) and parts.join != ",":
        word = r"\land " if parts.join == "and" else r"\lor "
        return word.join(sorted(forms))
    return _join(parts, forms)


def _with_names(texts: list[str]) -> list[str]:
    """`x=1, 2` as `x=1, x=2`: what follows an assignment without a name has its name."""
    first = _ASSIGNMENT.fullmatch(texts[0])
    if not first or any("=" in text or _COMPARES.search(text) for text in texts[1:]):
        return texts
    return [texts[0], *(f"{first[1]}={text}" for text in texts[1:])]


def _join(parts: Parts, forms: list[str]) -> str:
    names = {form.partition("=")[0] for form in forms if _ASSIGNMENT.fullmatch(form)}
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


def _forms(parts: list[str], depth: int) -> list[str]:
    """Canonical forms of the parts of something with so many brackets around it."""
    return [form_of(part, depth + 1) for part in parts]


def _bracketed(text: str, depth: int) -> str | None:
    opening, closing = text[:1], text[-1:]
    if opening not in ("(", "[") or closing not in (")", "]"):
        return None
    inner = inside(text, opening, closing)
    if not inner or not inner.strip():
        return None
    parts = split_answers(inner)
    if parts:
        return f"{opening}{','.join(_forms(parts.texts, depth))}{closing}"
    form = form_of(inner, depth + 1)
    # Parentheses around all that there is say nothing: (3) is 3. Square ones may: [x] is a floor.
    is_plain = rational(form) is not None or form.isalpha()
    is_pair = opening + closing == "()"
    return form if is_pair or (is_plain and opening + closing == "[]") else None


def _angles(text: str, depth: int) -> str | None:
    inner = inside(text, r"\langle", r"\rangle")
    parts = split_answers(inner) if inner else None
    if parts is None:
        return None
    return rf"\langle {','.join(_forms(parts.texts, depth))}\rangle"


def _set(text: str, depth: int) -> str | None:
    inner = inside(text, r"\{", r"\}")
    if not inner or _COMPARES.search(inner) or "|" in inner:
        return None
    parts = split_answers(inner)
    return as_set(_forms(parts.texts if parts else [inner], depth))


def _matrix(text: str, depth: int) -> str | None:
    match = _MATRIX.fullmatch(text)
    # A matrix of matrices stays as written: the split below would cut those inside.
    if not match or r"\begin" in match[1]:
        return None
    # Some authors end the last row too: an empty row is none.
    rows = [row for row in match[1].split(r"\\") if row.strip()]
    body = r"\\".join("&".join(_forms(row.split("&"), depth)) for row in rows)
    return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"


def _member(text: str, depth: int) -> str | None:
    match = _MEMBER.fullmatch(text)
    return rf"{match[1]}\in {form_of(match[2], depth + 1)}" if match else None


def _union(text: str, depth: int) -> str | None:
    parts = split_at(text, _CUP)
    if len(parts) < 2 or not all(parts):
        return None
    return r"\cup ".join(sorted(_forms(parts, depth)))


def _assignment(text: str, depth: int) -> str | None:
    # Of a chain x = 3 + 4 = 7 the first says what is found, the last what it is.
    first, *rest = split_at(text, re.compile(r"(?<![<>!])="))
    if not rest or not first or not all(rest):
        return None
    if rational(first) is not None and len(rest) == 1 and re.fullmatch(_NAME, rest[0], re.ASCII):
        first, rest = rest[0], [first]
    value = form_of(rest[-1], depth + 1)
    # `(x,y)=(1,2)` assigns as well.
    names = _bracketed(first, depth) or squeeze(first)
    is_named = _ASSIGNMENT.fullmatch(f"{names}={rest[-1]}") or inside(names, "(", ")")
    return f"{names}={value}" if is_named else None


# The first rule that reads a text decides: `1,234` is a number before it is a list, and `x=1,2` a
# list before it is an assignment.
_RULES: tuple[Callable[[str, int], str | None], ...] = (
    _number,
    _base,
    _clock,
    _number_with_unit,
    _words,
    _matrix,
    _bracketed,
    _angles,
    _set,
    _list,
    _member,
    _union,
    _assignment,
    _with_unit,
)
