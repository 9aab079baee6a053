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
_MIXED = re.compile(rf"{_SIGN}([0-9]+)[ +]?\\frac\{{([0-9]+)\}}\{{([0-9]+)\}}")
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
    return -value if sign == "-" else value


def _decimal(sign: str, digits: str) -> Fraction:
    return _signed(sign, Fraction(digits))


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


def _scientific(sign: str, digits: str, *exponents: str | None) -> Fraction | None:
    exponent = int(next(filter(None, exponents)))
    if abs(exponent) > LARGEST_EXPONENT:
        return None
    return _signed(sign, Fraction(digits) * Fraction(10) ** exponent)


def _power(sign: str, base: str, braced: str | None, bare: str | None) -> Fraction | None:
    exponent = int(braced or bare or "0")
    # Zero has no power below zero, and a long number stays as short as it was written.
    if len(base) * abs(exponent) > _DIGITS or (exponent <= 0 and not int(base)):
        return None
    return _signed(sign, Fraction(int(base)) ** exponent)


def _repeating(sign: str, whole: str, fixed: str, period: str, more: str = "") -> Fraction:
    # A dot over each digit of the period is another spelling of one line over all of them.
    period += "".join(_DIGIT.findall(more))
    shift = Fraction(10) ** len(fixed)
    repeated = Fraction(int(period), 10 ** len(period) - 1)
    value = Fraction(int(whole or "0")) + (Fraction(int(fixed or "0")) + repeated) / shift
    return _signed(sign, value)


def _dots(sign: str, whole: str, digits: str) -> Fraction | None:
    """The number whose digits go on as they began; None when nothing repeats."""
    for size in range(1, len(digits) // 2 + 1):
        period = digits[-size:]
        times = 0
        while digits[: len(digits) - times * size].endswith(period):
            times += 1
        # One digit must stand there three times: 0.1223... need not go on with 3.
        if times >= (3 if size == 1 else 2):
            fixed = digits[: len(digits) - times * size]
            return _repeating(sign, whole, fixed, period)
    return None


_READERS: tuple[tuple[re.Pattern[str], Callable[..., Fraction | None]], ...] = (
    (_DECIMAL, _decimal),
    (_FRACTION, _quotient),
    (_SLASH, _quotient),
    (_MIXED, _mixed),
    (_MIXED_SLASH, _mixed),
    (_SCIENTIFIC, _scientific),
    (_POWER, _power),
    (_REPEATING, _repeating),
    (_PARENTHESES, _repeating),
    (_DOTS, _dots),
)
