"""Numbers, quantities, bases, times and ratios: when two of them are the same amount."""

from __future__ import annotations

import re
from fractions import Fraction

from tasks.grading.equality.outcomes import SKIP, Outcome, Same, Skip
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.units import COUNT, Quantity, Unit, read_quantity

_SPACED = re.compile(r"[0-9.]+(?: [0-9.]+)+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?: ([ap]m))?")
_RATIO = re.compile(r"[0-9./]+(?::[0-9./]+)+")
_BASE = re.compile(r"([0-9A-Z]+)_(?:([0-9])|\{([0-9]{2})\})")
_RADIANS = "rad"
_HALF_DAY = 720
"""Minutes."""


def numbers(answer: str, target: str, _same: Same) -> Outcome | Skip:
    """Plain numbers and percentages, compared exactly: 0.333 is not 1/3.

    `50%` agrees with 50 and with 1/2, since benchmarks write both for it.
    """
    # `1 2` is no number, and no product either.
    if _SPACED.fullmatch(answer) or _SPACED.fullmatch(target):
        return False
    answers = _readings(answer)
    targets = _readings(target)
    if not answers or not targets:
        return SKIP
    # What has the sign on both sides means the same by it.
    if answer.endswith("%") and target.endswith("%"):
        return answer == target
    return bool(answers & targets)


def _readings(form: str) -> set[Fraction]:
    """The values that a plain number may have; empty for anything else."""
    value = rational(form.removesuffix("%"))
    if value is None:
        return set()
    if form.endswith("%"):
        return {value, value / 100}
    return {value}


def quantities(answer: str, target: str, same: Same) -> Outcome | Skip:
    """Amounts of which one has a unit: `36 in` is `3 ft` and may be 36, but is never `36 ft`."""
    one = _quantity(answer)
    other = _quantity(target)
    units = (one.unit, other.unit)
    if units == (COUNT, COUNT):
        return SKIP
    # A whole number without a unit may be degrees as well as radians.
    if _RADIANS in (one.unit.name, other.unit.name) and COUNT in units and one.value.isdigit():
        return False
    # Who leaves a unit out, or the benchmark that does, means the other's.
    if one.unit == other.unit or COUNT in units:
        return same(one.value, other.value)
    if one.unit.dimensions == other.unit.dimensions:
        return _converts(one, other)
    # `＄18 per day` for ＄18: the price is what was asked for.
    if _is_same_money(*units):
        return same(one.value, other.value)
    return False


def _converts(one: Quantity, other: Quantity) -> bool:
    """Whether plain numbers in two units of one dimension are the same amount."""
    first = rational(one.value)
    second = rational(other.value)
    if first is None or second is None:
        return False
    return first * one.unit.factor == second * other.unit.factor


def _is_same_money(one: Unit, other: Unit) -> bool:
    """Whether both are prices in one currency, per whatever."""
    if not one.is_price or not other.is_price:
        return False
    return _numerator(one) == _numerator(other)


def _numerator(unit: Unit) -> list[tuple[str, int]]:
    """The parts of a unit that it is not per."""
    return [part for part in unit.powers if part[1] > 0]


def _quantity(form: str) -> Quantity:
    """A form with its unit; what has none, or counts apples, is a count."""
    quantity = read_quantity(form)
    if quantity is None or quantity.times > 1 or quantity.unit == COUNT:
        return Quantity(form, 1, COUNT)
    return quantity


def bases(answer: str, target: str, _same: Same) -> Outcome | Skip:
    """Numbers to a base, digit by digit: `52_8` is neither `52_7` nor 42.

    Who is asked for 42 in base 8 has to say 52.
    """
    one = _BASE.fullmatch(answer)
    other = _BASE.fullmatch(target)
    if one is None and other is None:
        return SKIP
    if one is None or other is None:
        return False
    return one[0] == other[0]


def clocks(answer: str, target: str, _same: Same) -> Outcome | Skip:
    """Times of day; one without am or pm may be either, unless its hour says which."""
    one = _CLOCK.fullmatch(answer)
    other = _CLOCK.fullmatch(target)
    if one is None or other is None:
        return SKIP
    first = _minutes(one)
    second = _minutes(other)
    halves = {one[3], other[3]}
    is_open = any(not match[3] and int(match[1]) <= 12 for match in (one, other))
    if is_open and len(halves) > 1:
        return first % _HALF_DAY == second % _HALF_DAY
    return first == second


def _minutes(clock: re.Match[str]) -> int:
    """Minutes since midnight."""
    hour = int(clock[1])
    if clock[3]:
        # 12 am is midnight, 12 pm noon.
        hour %= 12
    if clock[3] == "pm":
        hour += 12
    return 60 * hour + int(clock[2])


def ratios(answer: str, target: str, _same: Same) -> Outcome | Skip:
    """Ratios in any multiple: `6:8` is `3:4`, and may be written as 3/4."""
    written = [form for form in (answer, target) if _RATIO.fullmatch(form)]
    if not written:
        return SKIP
    # 1:30 may be a time as well, and is no thirtieth then.
    if len(written) == 1 and _CLOCK.fullmatch(written[0]):
        return False
    one = _proportions(answer)
    other = _proportions(target)
    return one is not None and one == other


def _proportions(form: str) -> list[Fraction] | None:
    """Parts of a ratio, or of a fraction, divided by the first; None when they are no numbers."""
    number = rational(form)
    if number is not None:
        parts = [Fraction(number.numerator), Fraction(number.denominator)]
    else:
        values = [rational(part) for part in form.split(":")]
        parts = [value for value in values if value is not None]
        if len(parts) < len(values):
            return None
    if not parts[0]:
        return None
    return [part / parts[0] for part in parts]
