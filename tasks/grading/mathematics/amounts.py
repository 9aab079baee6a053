"""Numbers, quantities, bases, times and ratios: when two of them are the same amount."""

from __future__ import annotations

import re
from fractions import Fraction

from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.outcomes import SKIP, Outcome, Same, Skip
from tasks.grading.mathematics.units import COUNT, Quantity, read_quantity

_SPACED = re.compile(r"[0-9.]+(?: [0-9.]+)+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?: ([ap]m))?")
_RATIO = re.compile(r"[0-9./]+(?::[0-9./]+)+")
_BASE = re.compile(r"([0-9A-Z]+)_(?:([0-9])|\{([0-9]{2})\})")


def numbers(answer: str, target: str, _same: Same) -> Outcome | Skip:
    # `1 2` is no number, and no product either.
    if _SPACED.fullmatch(answer) or _SPACED.fullmatch(target):
        return False
    answers, targets = _readings(answer), _readings(target)
    if not answers or not targets:
        return SKIP
    # What has the sign on both sides means the same by it.
    if answer.endswith("%") and target.endswith("%"):
        return answer == target
    return bool(answers & targets)


def _readings(form: str) -> set[Fraction]:
    """The values that a plain number may have; of 50% both: benchmarks write 50 as well as 1/2."""
    value = rational(form.removesuffix("%"))
    if value is None:
        return set()
    return {value, value / 100} if form.endswith("%") else {value}


def quantities(answer: str, target: str, same: Same) -> Outcome | Skip:
    one, other = _quantity(answer), _quantity(target)
    if one.unit == other.unit == COUNT:
        return SKIP
    # Who leaves a unit out, or the benchmark that does, means the other's.
    if one.unit == other.unit or COUNT in (one.unit, other.unit):
        return same(one.value, other.value)
    if one.unit.dimensions != other.unit.dimensions:
        # `＄18 per day` for ＄18: the price is what was asked for.
        same_price = one.unit.is_price and other.unit.is_price and _above(one) == _above(other)
        return same(one.value, other.value) if same_price else False
    values = rational(one.value), rational(other.value)
    if values[0] is None or values[1] is None:
        return False
    return values[0] * one.unit.factor == values[1] * other.unit.factor


def _above(quantity: Quantity) -> list[tuple[str, int]]:
    return [part for part in quantity.unit.powers if part[1] > 0]


def _quantity(form: str) -> Quantity:
    found = read_quantity(form)
    is_plain = found is not None and found.times == 1 and found.unit != COUNT
    return found if found and is_plain else Quantity(form, 1, COUNT)


def bases(answer: str, target: str, _same: Same) -> Outcome | Skip:
    one, other = _BASE.fullmatch(answer), _BASE.fullmatch(target)
    if not one and not other:
        return SKIP
    # 52 to the base 8 is 42, but who is asked for it in base 8 has to say 52.
    return one is not None and other is not None and one[0] == other[0]


def clocks(answer: str, target: str, _same: Same) -> Outcome | Skip:
    one, other = _CLOCK.fullmatch(answer), _CLOCK.fullmatch(target)
    if not one or not other:
        return SKIP
    times = [_minutes(match) for match in (one, other)]
    # Without am or pm a time may be either, unless its hour says which.
    is_open = any(not match[3] and int(match[1]) <= 12 for match in (one, other))
    return times[0] == times[1] if not is_open else times[0] % 720 == times[1] % 720


def _minutes(clock: re.Match[str]) -> int:
    """Minutes since midnight."""
    hour = int(clock[1])
    if clock[3]:
        hour = hour % 12 + (12 if clock[3] == "pm" else 0)
    return 60 * hour + int(clock[2])


def ratios(answer: str, target: str, _same: Same) -> Outcome | Skip:
    ratios = [form for form in (answer, target) if _RATIO.fullmatch(form)]
    if not ratios:
        return SKIP
    # 3:4 may be written as 3/4, but 1:30 is a time as well.
    if len(ratios) == 1 and _CLOCK.fullmatch(ratios[0]):
        return False
    one, other = (_proportions(form) for form in (answer, target))
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
    return [part / parts[0] for part in parts] if parts[0] else None
