r"""One canonical form of an answer, the same for votes and for grading (METHOD section 4).

Two spellings that only algebra knows to be equal (`\sqrt{8}` and `2\sqrt{2}`) stay two classes in a
vote. Merging them through math-verify was decided against: it is neither symmetric nor transitive, it
may time out, and classes must not depend on which answers happen to be asked about together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from tasks.grading.latex import clean, split_top_level, squeeze

LONGEST = 1_000
"""Characters; a longer answer is known by its length and digest only."""

_LONG = "long-answer:"
_DEEPEST = 8
_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_DECIMAL = re.compile(rf"([+-]?)({_NUMBER})")
_FRACTION = re.compile(rf"([+-]?)\\frac\{{([+-]?{_NUMBER})\}}\{{([+-]?{_NUMBER})\}}")
_SLASH = re.compile(rf"([+-]?)({_NUMBER})/({_NUMBER})")
_MIXED = re.compile(r"([+-]?)([0-9]+)\\frac\{([0-9]+)\}\{([0-9]+)\}")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_ASSIGNMENT = re.compile(r"([A-Za-z]\w*)=([^=]+)", re.ASCII)
_NEXT_ASSIGNMENT = re.compile(r"(?<=[^=,( ]) (?=[A-Za-z]\w*=)", re.ASCII)
_WORDS = re.compile(r"[A-Za-z][a-z]{2,}(?: [A-Za-z]?[a-z]+)*")
_CHOICE = re.compile(r"\(([A-Z])\)")
_MATRIX = re.compile(r"\\begin\{[pb]matrix\}(.*)\\end\{[pb]matrix\}", re.DOTALL)


def canonical(answer: str) -> str:
    r"""The class of an answer: `\frac12`, `0.5` and `1/2` give `1/2`; `(1, 2.0)` gives `(1,2)`.

    Pure, cached by string, safe for any input: work is bounded, nothing is evaluated, the result can be
    encoded as UTF-8 and holds no NUL. Dropped: `$`, `\left`, `\text{}`, trailing units after a number,
    degree and dollar signs, thousands commas. Kept: `%` (50% may mean 50 or 1/2; the grader knows) and
    `x=` (`x=5` and `y=5` are different lines). Order counts in tuples and intervals, and open and closed
    ends differ; bare comma lists, sets and assignments (`a=4 b=2`) are sorted.
    """
    stripped = answer.strip()
    if len(stripped) > LONGEST:
        digest = sha256(stripped.encode("utf-8", "surrogatepass")).hexdigest()
        return f"{_LONG}{len(stripped)}:{digest[:32]}"
    return _canonical(stripped)


def is_too_long(form: str) -> bool:
    """True for the canonical form of an answer that was too long to be read."""
    return form.startswith(_LONG)


def rational(form: str) -> Fraction | None:
    r"""The value of a plain number (`3`, `-1/2`, `.5`, `\frac{1}{2}`, `1\frac{1}{2}`), else None.

    Exponents are not read: `1e999999999` would be a number of a gigabyte.
    """
    for pattern, value in _READERS:
        if found := pattern.fullmatch(form):
            return value(*found.groups())
    return None


@lru_cache(maxsize=100_000)
def _canonical(answer: str) -> str:
    number = rational(answer)
    if number is not None:
        return str(number)
    return _form(clean(answer), 0)


def _form(text: str, depth: int) -> str:
    """The canonical form of cleaned text; `depth` counts the brackets around it."""
    text = _bare(text)
    if depth > _DEEPEST:
        return text
    for rule in _RULES:
        form = rule(text, depth)
        if form is not None:
            return form
    return squeeze(text)


def _bare(text: str) -> str:
    text = text.strip()
    if text.endswith((".", ",", ";")) and not text.endswith(".."):
        text = text[:-1].rstrip()
    if len(text) > 2 and text[0] == "{" and text[-1] == "}" and not set(text[1:-1]) & set("{}"):
        text = text[1:-1].strip()
    return text


def _decimal(sign: str, digits: str) -> Fraction:
    return _signed(sign, Fraction(digits))


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign == "-" else value


def _quotient(sign: str, above: str, below: str) -> Fraction | None:
    divisor = Fraction(below)
    return _signed(sign, Fraction(above) / divisor) if divisor else None


def _mixed(sign: str, whole: str, above: str, below: str) -> Fraction | None:
    part = _quotient("+", above, below)
    return None if part is None else _signed(sign, Fraction(whole) + part)


_READERS: tuple[tuple[re.Pattern[str], Callable[..., Fraction | None]], ...] = (
    (_DECIMAL, _decimal),
    (_FRACTION, _quotient),
    (_SLASH, _quotient),
    (_MIXED, _mixed),
)


def _number(text: str, depth: int) -> str | None:
    if depth == 0 and _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    percent = text.endswith("%")
    value = rational(text[:-1] if percent else text)
    return None if value is None else f"{value}%" if percent else str(value)


def _words(text: str, _depth: int) -> str | None:
    choice = _CHOICE.fullmatch(text)
    if choice:
        return choice[1]
    return text.lower() if _WORDS.fullmatch(text) else None


def _comma_list(text: str, depth: int) -> str | None:
    if depth > 0:
        return None
    parts = split_top_level(_NEXT_ASSIGNMENT.sub(",", text))
    return ",".join(sorted(_form(part, depth + 1) for part in parts)) if len(parts) > 1 else None


def _bracketed(text: str, depth: int) -> str | None:
    if len(text) < 3 or text[0] not in "([" or text[-1] not in ")]":
        return None
    parts = split_top_level(text[1:-1])
    if not parts:
        return None
    forms = [_form(part, depth + 1) for part in parts]
    if len(forms) == 1:
        return forms[0] if text[0] + text[-1] == "()" and rational(forms[0]) is not None else None
    return f"{text[0]}{','.join(forms)}{text[-1]}"


def _set(text: str, depth: int) -> str | None:
    if not (text.startswith(r"\{") and text.endswith(r"\}")):
        return None
    parts = split_top_level(text[2:-2])
    return (
        r"\{" + ",".join(sorted(_form(part, depth + 1) for part in parts)) + r"\}"
        if parts
        else None
    )


def _matrix(text: str, depth: int) -> str | None:
    found = _MATRIX.fullmatch(text)
    if not found or r"\begin" in found[1]:
        return None
    rows = [row.split("&") for row in found[1].split(r"\\") if row.strip()]
    body = r"\\".join("&".join(_form(cell, depth + 1) for cell in row) for row in rows)
    return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"


def _assignment(text: str, depth: int) -> str | None:
    found = _ASSIGNMENT.fullmatch(text)
    return f"{found[1]}={_form(found[2], depth + 1)}" if found else None


_RULES: tuple[Callable[[str, int], str | None], ...] = (
    _number,
    _words,
    _matrix,
    _bracketed,
    _set,
    _comma_list,
    _assignment,
)
