r"""Canonical forms of answers that are one thing: numbers, quantities, times, words."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.units import read_quantity
from tasks.grading.mathematics.words import read_words, words_of

Form = Callable[[str], str]
"""The canonical form of a part, which stands in one bracket more."""

_THOUSANDS = re.compile(r"[+-]?[1-9][0-9]{0,2}(?:(?:,[0-9]{3})+|(?: [0-9]{3})+)(?:\.[0-9]+)?")
_BASE = re.compile(
    r"\(?([0-9A-Fa-f]*[0-9][0-9A-Fa-f]*)\)?_\{?\(?([0-9]{1,2}|[a-z]{3,9})\)?\}?",
)
_CLOCK = re.compile(r"([0-9]{1,2})(?::([0-9]{2}))? ?([ap])\.? ?m\.?", re.IGNORECASE)
_RATIO = re.compile(r"[0-9.]+(?: to [0-9.]+)+")
_COMPOUND = re.compile(r"(＄?[0-9.]+ ?[A-Za-z]*),?(?: and)? ([0-9.]+ ?[A-Za-z]+)")
_TRIGONOMETRY = re.compile(r"\\(?:arc)?(?:sin|cos|tan|cot|sec|csc)|cis")

_SQUEEZES = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"(?<=[0-9})\]!|]) (?=[A-Za-z\\(])", ""),
        (r"(?<![A-Za-z\\])([A-Za-z]) (?=(?:[A-Za-z](?![A-Za-z])|\\))", r"\1"),
        (r"(\\[A-Za-z]+) (?=[0-9\\({\[])", r"\1"),
        (r"(\\log_\{\w+\}) (?=[0-9])", r"\1"),
        # A factor needs no sign, unless a number would run into it: 3\cdot\frac12 is not mixed.
        (r"(?<=[0-9])\\cdot ?(?=[A-Za-z(]|\\(?!frac))", ""),
    )
)


def squeeze(text: str) -> str:
    r"""Cleaned text without the spaces of `2 x` and `\pm 2`; `\cot x` and `1 2` keep theirs."""
    # Degrees say nothing but within a function, where they are another number.
    if "°" in text and not _TRIGONOMETRY.search(text):
        text = text.replace("°", "")
    for pattern, replacement in _SQUEEZES:
        text = pattern.sub(replacement, text)
    return text


def number(text: str, depth: int, _form: Form) -> str | None:
    """A plain number as a fraction in lowest terms, with its `%`."""
    return _number(text, depth)


def _number(text: str, depth: int) -> str | None:
    # Inside of brackets `1,234` is a pair.
    if depth == 0 and _THOUSANDS.fullmatch(text):
        text = text.replace(",", "").replace(" ", "")
    digits = text.rstrip("°")
    percent = "%" if digits.endswith("%") else ""
    value = rational(digits.removesuffix(percent))
    if value is None:
        return None
    return f"{value}{percent}"


def base(text: str, _depth: int, _form: Form) -> str | None:
    r"""A number to a base: `(52)_8`, `52_{\text{eight}}` as `52_8`."""
    # Digits may stand in groups, and letters among them in \text{}.
    match = _BASE.fullmatch(text.replace(" ", ""))
    if not match:
        return None
    digits = match[1].upper()
    root = match[2]
    words = words_of("bases")
    if root in words:
        # The list begins with two.
        root = str(words.index(root) + 2)
    if not root.isdigit():
        return None
    # What no number to this base can have is the index of a name: 2a_1.
    if max(int(digit, 36) for digit in digits) >= int(root):
        return None
    return f"{digits}_{root}" if len(root) == 1 else f"{digits}_{{{root}}}"


def clock(text: str, _depth: int, _form: Form) -> str | None:
    """A time with am or pm as `1:00 pm`; a ratio in words with its colons."""
    match = _CLOCK.fullmatch(text)
    if match:
        hour, minute, half = match.groups()
        return f"{int(hour)}:{minute or '00'} {half.lower()}m"
    if _RATIO.fullmatch(text):
        return text.replace(" to ", ":")
    return None


def number_with_unit(text: str, depth: int, _form: Form) -> str | None:
    """A plain number and its unit: before lists, for `1,234 ft` is none."""
    quantity = read_quantity(text)
    if quantity is None:
        return None
    digits = _number(quantity.value, depth)
    if digits is None:
        return None
    value = rational(digits)
    # A percentage has no value of its own, and no multiplier either.
    if value is not None:
        digits = str(value * quantity.times)
    return f"{digits} {quantity.unit.name}".rstrip()


def compound(text: str, _depth: int, _form: Form) -> str | None:
    """`3 feet 5 inches` in feet; a dollar and cents in dollars."""
    match = _COMPOUND.fullmatch(text)
    if match is None:
        return None
    large, small = (read_quantity(part) for part in match.groups())
    if large is None or small is None:
        return None
    values = rational(large.value), rational(small.value)
    is_same = large.unit.dimensions == small.unit.dimensions and large.unit.powers
    if None in values or not is_same or large.unit.factor <= small.unit.factor:
        return None
    ratio = small.unit.factor / large.unit.factor
    return f"{Fraction(values[0] or 0) + Fraction(values[1] or 0) * ratio} {large.unit.name}"


def with_unit(text: str, _depth: int, form: Form) -> str | None:
    r"""An expression and its unit: `2\pi cm`, `x meter`."""
    quantity = read_quantity(text)
    if quantity is None:
        return None
    # The degree of `\sin 30°` is within the function.
    if "°" in text and _TRIGONOMETRY.search(text):
        return None
    value = form(quantity.value)
    if quantity.times > 1:
        value = rf"{quantity.times}({value})"
    return f"{value} {quantity.unit.name}".rstrip()


def words(text: str, _depth: int, _form: Form) -> str | None:
    """Words in small letters, a choice as its letter."""
    return read_words(text, is_marked=False)
