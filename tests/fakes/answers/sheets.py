"""What generators of answers hand on, and the spellings of a number that all of them use."""

from __future__ import annotations

import random
from fractions import Fraction
from typing import NamedTuple


class Sheet(NamedTuple):
    """A target, spellings that mean the same, and near misses that do not."""

    target: str
    same: list[str]
    other: list[str]


def decimal(value: Fraction | int) -> str:
    """The shortest terminating decimal; ValueError for a value that has none."""
    fraction = Fraction(value)
    places = 0
    while (fraction * 10**places).denominator != 1:
        places += 1
        if places > 60:
            raise ValueError(f"expected a value that terminates, got {value}")
    digits = str(abs(fraction.numerator * 10**places // fraction.denominator)).rjust(
        places + 1, "0"
    )
    sign = "-" if fraction < 0 else ""
    whole, rest = (digits[:-places], digits[-places:]) if places else (digits, "")
    return f"{sign}{whole}.{rest}" if rest else f"{sign}{whole}"


def read_decimal(text: str) -> Fraction:
    """What a plain decimal says: the check on how it was written."""
    return Fraction(text)


def grouped(value: int, mark: str) -> str:
    """An integer with a mark between its thousands."""
    return f"{value:,}".replace(",", mark)


def is_terminating(value: Fraction) -> bool:
    """Whether a value has a terminating decimal."""
    rest = value.denominator
    for prime in (2, 5):
        while rest % prime == 0:
            rest //= prime
    return rest == 1


def latex(value: Fraction, command: str = "frac") -> str:
    r"""`-\frac{3}{4}`, or the integer."""
    if value.denominator == 1:
        return str(value.numerator)
    sign = "-" if value < 0 else ""
    return f"{sign}\\{command}{{{abs(value.numerator)}}}{{{value.denominator}}}"


def slashed(value: Fraction) -> str:
    """`-3/4`, or the integer."""
    return str(value)


def fraction_of(rng: random.Random, *, most: int = 30, below: int = 16) -> Fraction:
    """A proper or improper fraction that is no integer, of either sign."""
    while True:
        value = Fraction(rng.randint(1, most), rng.randint(2, below))
        if value.denominator > 1:
            return value if rng.random() < 0.7 else -value


def spellings(value: Fraction) -> list[str]:
    """Ways to write one rational number, all certain."""
    sign = "-" if value < 0 else ""
    top, bottom = abs(value.numerator), value.denominator
    found = [latex(value), latex(value, "dfrac"), latex(value, "tfrac"), slashed(value)]
    if bottom > 1:
        found += [
            f"\\frac{{{sign}{top}}}{{{bottom}}}",
            f"\\frac{{{sign}{3 * top}}}{{{3 * bottom}}}",
            f"{sign}{2 * top}/{2 * bottom}",
            f"{sign}{{{top} \\over {bottom}}}",
            f"{sign}\\left(\\frac{{{top}}}{{{bottom}}}\\right)",
        ]
    if is_terminating(value):
        found += [decimal(value), decimal(value) + ("0" if bottom > 1 else ".0")]
    return list(dict.fromkeys(found))


def near_misses(rng: random.Random, value: Fraction) -> list[Fraction]:
    """Values that a slip away: sign, one more, a factor of ten, upside down, one digit."""
    slips = {
        -value,
        value + 1,
        value - rng.randint(2, 9),
        value * 10,
        value / 10,
        Fraction(value.denominator, value.numerator) if value else Fraction(1),
        Fraction(value.numerator + 1, value.denominator),
    }
    found = sorted(slips - {value})
    rng.shuffle(found)
    return found


def pick(rng: random.Random, *those: str, count: int) -> list[str]:
    """Some of the texts, in a random order."""
    return rng.sample(those, min(count, len(those)))
