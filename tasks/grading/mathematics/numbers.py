r"""Plain numbers, read exactly: decimals, fractions, mixed, scientific and repeating ones."""

from __future__ import annotations

import re
from collections.abc import Callable
from fractions import Fraction

LARGEST_EXPONENT = 400
"""Powers of ten beyond it are not read: `1e999999999` would be a number of a gigabyte."""
_DIGITS = 60
"""Digits that a power of an integer may have to be read as a plain number."""

_NUMBER = r"(?:[0-9]+\.?[0-9]*|\.[0-9]+)"
_SIGN = r"([+-]?)"
_BAR = r"\\(?:overline|bar|dot)"
_DECIMAL = re.compile(rf"{_SIGN}({_NUMBER})")
_FRACTION = re.compile(rf"{_SIGN}\\frac\{{([+-]?{_NUMBER})\}}\{{([+-]?{_NUMBER})\}}")
_SLASH = re.compile(rf"{_SIGN}({_NUMBER})/({_NUMBER})")
_MIXED = re.compile(rf"{_SIGN}([0-9]+) ?\\frac\{{([0-9]+)\}}\{{([0-9]+)\}}")
_SUM = re.compile(rf"{_SIGN}([0-9]+)([+-])\\frac\{{([0-9]+)\}}\{{([0-9]+)\}}")
_MIXED_SLASH = re.compile(rf"{_SIGN}([0-9]+) ([0-9]+)/([0-9]+)")
_SCIENTIFIC = re.compile(
    rf"{_SIGN}({_NUMBER})"
    rf"(?:[eE]([+-]?[0-9]{{1,9}})|\\cdot ?10\^(?:\{{([+-]?[0-9]{{1,9}})\}}|([0-9])))"
)
_POWER = re.compile(rf"{_SIGN}([0-9]{{1,9}})\^(?:\{{([+-]?[0-9]{{1,3}})\}}|([0-9]))")
_REPEATING = re.compile(rf"{_SIGN}([0-9]*)\.([0-9]*){_BAR}\{{([0-9]+)\}}((?:{_BAR}\{{[0-9]\}})*)")
_PARENTHESES = re.compile(rf"{_SIGN}([0-9]+)\.([0-9]*)\(([0-9]+)\)")
_DOTS = re.compile(rf"{_SIGN}([0-9]*)\.([0-9]{{2,60}})(?:\\ldots|\.\.\.+)")
_DIGIT = re.compile("[0-9]")


def rational(form: str) -> Fraction | None:
    r"""The value of a plain number (`3`, `-1/2`, `.5`, `1\frac{1}{2}`, `3e5`), else None.

    Read too: `2^{10}`, `1.2\cdot 10^{-4}`, `0.\overline{36}` and `0.333\ldots`, where the digits
    written repeat at least twice.
    """
    for pattern, value_of in _READERS:
        match = pattern.fullmatch(form)
        if match:
            return value_of(*match.groups())
    return None


def _signed(sign: str, value: Fraction) -> Fraction:
    """The value with the sign that stands before it."""
    return -value if sign == "-" else value


def _decimal(sign: str, digits: str) -> Fraction:
    """`1.25`"""
    return _signed(sign, Fraction(digits))


def _quotient(sign: str, above: str, below: str) -> Fraction | None:
    """`3/4`; None for a division by zero."""
    divisor = Fraction(below)
    if not divisor:
        return None
    dividend = Fraction(above)
    return _signed(sign, dividend / divisor)


def _mixed(sign: str, whole: str, above: str, below: str) -> Fraction | None:
    """`1 3/4`"""
    part = _quotient("+", above, below)
    if part is None:
        return None
    # The sign stands before the whole: minus one and a half is -3/2, not -1/2.
    total = Fraction(whole) + part
    return _signed(sign, total)


def _sum(sign: str, whole: str, joint: str, above: str, below: str) -> Fraction | None:
    """`-3+1/2`, whose first sign is the whole's alone: -5/2, no mixed number."""
    part = _quotient(joint, above, below)
    if part is None:
        return None
    return _signed(sign, Fraction(whole)) + part


def _scientific(sign: str, digits: str, *exponents: str | None) -> Fraction | None:
    """`1.2e-4`; None for a power that is too long to be written out."""
    exponent = int(next(filter(None, exponents)))
    if abs(exponent) > LARGEST_EXPONENT:
        return None
    scale = Fraction(10) ** exponent
    return _signed(sign, Fraction(digits) * scale)


def _power(sign: str, base: str, braced: str | None, bare: str | None) -> Fraction | None:
    """`2^{10}`; a long power stays as short as it was written."""
    root = int(base)
    exponent = int(braced or bare or "0")
    if len(base) * abs(exponent) > _DIGITS:
        return None
    # Zero has no power below zero, and none that all agree on at zero.
    if exponent <= 0 and not root:
        return None
    return _signed(sign, Fraction(root) ** exponent)


def _repeating(sign: str, whole: str, fixed: str, period: str, more: str = "") -> Fraction:
    r"""`0.1\overline{6}`: one sixth."""
    # A dot over each digit of the period is another spelling of one line over all of them.
    period += "".join(_DIGIT.findall(more))
    shift = Fraction(10) ** len(fixed)
    nines = 10 ** len(period) - 1
    repeated = Fraction(int(period), nines)
    beyond = Fraction(int(fixed or "0")) + repeated
    value = Fraction(int(whole or "0")) + beyond / shift
    return _signed(sign, value)


def _dots(sign: str, whole: str, digits: str) -> Fraction | None:
    """The number whose digits go on as they began; None when nothing repeats."""
    for size in range(1, len(digits) // 2 + 1):
        period = digits[-size:]
        fixed = digits
        times = 0
        while fixed.endswith(period):
            fixed = fixed.removesuffix(period)
            times += 1
        # One digit must stand there three times: 0.1223... need not go on with 3.
        least = 3 if size == 1 else 2
        if times >= least:
            return _repeating(sign, whole, fixed, period)
    return None


_READERS: tuple[tuple[re.Pattern[str], Callable[..., Fraction | None]], ...] = (
    (_DECIMAL, _decimal),
    (_FRACTION, _quotient),
    (_SLASH, _quotient),
    (_MIXED, _mixed),
    (_SUM, _sum),
    (_MIXED_SLASH, _mixed),
    (_SCIENTIFIC, _scientific),
    (_POWER, _power),
    (_REPEATING, _repeating),
    (_PARENTHESES, _repeating),
    (_DOTS, _dots),
)
