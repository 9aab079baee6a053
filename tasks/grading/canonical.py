r"""One canonical form of an answer, the same for votes and for grading (METHOD §4, §15).

Two spellings that only algebra knows to be equal (`\sqrt{8}` and `2\sqrt{2}`) stay two classes in a
vote. Merging them through math-verify was decided against: it is neither symmetric nor transitive,
it may time out, and classes must not depend on which answers happen to be asked about together.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction
from functools import lru_cache
from hashlib import sha256

from tasks.grading.latex import clean, split_outside_brackets, squeeze

LONGEST = 1_000
"""Characters; a longer answer is known by its length and digest only."""

_LONG = "long-answer:"
_DEEPEST = 8
"""Brackets within brackets that are read; deeper ones stay as written, so that recursion ends."""

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_DECIMAL = re.compile(rf"([+-]?)({_NUMBER})")
_FRACTION = re.compile(rf"([+-]?)\\frac\{{([+-]?{_NUMBER})\}}\{{([+-]?{_NUMBER})\}}")
_SLASH = re.compile(rf"([+-]?)({_NUMBER})/({_NUMBER})")
_MIXED = re.compile(r"([+-]?)([0-9]+)\\frac\{([0-9]+)\}\{([0-9]+)\}")
_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:,[0-9]{3})+(?:\.[0-9]+)?")
_ASSIGNMENT = re.compile(r"([A-Za-z]\w*)=([^=]+)", re.ASCII)
_NEXT_ASSIGNMENT = re.compile(r"(?<=[^=,( ]) (?=[A-Za-z]\w*=)", re.ASCII)
# The first word has three letters or more: `ab` is a product, whose case matters.
_WORDS = re.compile(r"[A-Za-z][a-z]{2,}(?: [A-Za-z]?[a-z]+)*")
_CHOICE = re.compile(r"\(([A-Z])\)")
_MATRIX = re.compile(r"\\begin\{[pb]matrix\}(.*)\\end\{[pb]matrix\}", re.DOTALL)


def canonical(answer: str) -> str:
    r"""The class of an answer: `\frac12`, `0.5` and `1/2` give `1/2`; `(1, 2.0)` gives `(1,2)`.

    Pure, cached by string, safe for any input: work is bounded, nothing is evaluated, the result
    can be encoded as UTF-8 and holds no NUL. Dropped: `$`, `\left`, `\text{}`, trailing units after
    a number, degree and dollar signs, thousands commas. Kept: `%` (50% may mean 50 or 1/2; the
    grader knows) and `x=` (`x=5` and `y=5` are different lines). Order counts in tuples and
    intervals, and open and closed ends differ; bare comma lists, sets and assignments (`a=4 b=2`)
    are sorted.
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


def rational(form: str) -> Fraction | None:
    r"""The value of a plain number (`3`, `-1/2`, `.5`, `\frac{1}{2}`, `1\frac{1}{2}`), else None.

    Exponents are not read: `1e999999999` would be a number of a gigabyte.
    """
    for pattern, value_of in _READERS:
        match = pattern.fullmatch(form)
        if match:
            return value_of(*match.groups())
    return None


@lru_cache(maxsize=100_000)  # many draws end in few answers
def _read(answer: str) -> str:
    # Most answers are plain numbers: read as such first, they pay for none of the folds.
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
    """The text without its sentence's last mark and the braces around it; `...` stays."""
    text = text.strip()
    if text.endswith((".", ",", ";")) and not text.endswith(".."):
        text = text[:-1].rstrip()
    inside = text[1:-1]
    # `{2}` is 2, but the outer braces of `{a}{b}` are no pair.
    is_braced = len(text) > 2 and text[0] == "{" and text[-1] == "}"
    if is_braced and not set(inside) & set("{}"):
        text = inside.strip()
    return text


def _decimal(sign: str, digits: str) -> Fraction:
    return _signed(sign, Fraction(digits))


def _signed(sign: str, value: Fraction) -> Fraction:
    return -value if sign == "-" else value


def _quotient(sign: str, above: str, below: str) -> Fraction | None:
    divisor = Fraction(below)
    if not divisor:
        return None
    return _signed(sign, Fraction(above) / divisor)


def _mixed(sign: str, whole: str, above: str, below: str) -> Fraction | None:
    part = _quotient("+", above, below)
    if part is None:
        return None
    # The sign stands before the whole: minus one and a half is -3/2, not -1/2.
    return _signed(sign, Fraction(whole) + part)


_READERS: tuple[tuple[re.Pattern[str], Callable[..., Fraction | None]], ...] = (
    (_DECIMAL, _decimal),
    (_FRACTION, _quotient),
    (_SLASH, _quotient),
    (_MIXED, _mixed),
)


def _number(text: str, depth: int) -> str | None:
    # Inside of brackets `1,234` is a pair.
    if depth == 0 and _THOUSANDS.fullmatch(text):
        text = text.replace(",", "")
    unit = "%" if text.endswith("%") else ""
    value = rational(text.removesuffix(unit))
    return None if value is None else f"{value}{unit}"


def _words(text: str, _depth: int) -> str | None:
    choice = _CHOICE.fullmatch(text)
    if choice:
        return choice[1]
    if not _WORDS.fullmatch(text):
        return None
    return text.lower()


def _comma_list(text: str, depth: int) -> str | None:
    if depth > 0:
        return None
    # `a=4 b=2` lists two answers as `a=4, b=2` does.
    parts = split_outside_brackets(_NEXT_ASSIGNMENT.sub(",", text))
    if len(parts) < 2:
        return None
    return ",".join(sorted(_forms(parts, depth)))


def _forms(parts: list[str], depth: int) -> list[str]:
    """Canonical forms of the parts of something with so many brackets around it."""
    return [_form(part, depth + 1) for part in parts]


def _bracketed(text: str, depth: int) -> str | None:
    if len(text) < 3 or text[0] not in "([" or text[-1] not in ")]":
        return None
    parts = split_outside_brackets(text[1:-1])
    if not parts:
        return None
    forms = _forms(parts, depth)
    opening, closing = text[0], text[-1]
    if len(forms) > 1:
        return f"{opening}{','.join(forms)}{closing}"
    # Parentheses around one number say nothing: (3) is 3. Around anything else they may.
    (only,) = forms
    is_number = opening + closing == "()" and rational(only) is not None
    return only if is_number else None


def _set(text: str, depth: int) -> str | None:
    if not (text.startswith(r"\{") and text.endswith(r"\}")):
        return None
    parts = split_outside_brackets(text[2:-2])
    if not parts:
        return None
    members = ",".join(sorted(_forms(parts, depth)))
    return r"\{" + members + r"\}"


def _matrix(text: str, depth: int) -> str | None:
    match = _MATRIX.fullmatch(text)
    # A matrix of matrices stays as written: the split below would cut those inside.
    if not match or r"\begin" in match[1]:
        return None
    # Some authors end the last row too: an empty row is none.
    rows = [row for row in match[1].split(r"\\") if row.strip()]
    body = r"\\".join("&".join(_forms(row.split("&"), depth)) for row in rows)
    return rf"\begin{{pmatrix}}{body}\end{{pmatrix}}"


def _assignment(text: str, depth: int) -> str | None:
    match = _ASSIGNMENT.fullmatch(text)
    if not match:
        return None
    name, value = match.groups()
    return f"{name}={_form(value, depth + 1)}"


# The first rule that reads a text decides: `1,234` is a number before it is a list, and `x=1,2` a
# list before it is an assignment.
_RULES: tuple[Callable[[str, int], str | None], ...] = (
    _number,
    _words,
    _matrix,
    _bracketed,
    _set,
    _comma_list,
    _assignment,
)
