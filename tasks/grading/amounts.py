"""Amounts as people write them, in the terms of the question that they answer."""

from __future__ import annotations

import re
from fractions import Fraction
from functools import lru_cache
from typing import NamedTuple

from tasks.grading.mathematics.canonical import canonical
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.units import MULTIPLIERS, Unit, read_unit
from tasks.grading.wrappers import unwrap

LONGEST = 200
"""Characters of an answer that may be a number with its unit."""

_ABOUT = re.compile(
    r"(?:about|approximately|approx\.?|around|roughly|exactly|only|just|a total of|in total|"
    r"~|≈|\\approx)\s*(?=\S)",
    re.IGNORECASE,
)
_REMARK = re.compile(
    r"(?<=\S)\s+(?:\([^()0-9]*\)|(?:each|every|in total|altogether|total|overall|left|remaining|"
    r"for|at|from|on|in the)\b[^0-9=]*)$",
    re.IGNORECASE,
)
_COMPARES = re.compile(r"[<>≤≥≠]|\\(?:le|ge|lt|gt|ne)")
_NAME = re.compile(r"\s*[A-Za-z]\s*")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_FORM = re.compile(r"(-?[0-9]+(?:/[0-9]+)?)(%?)(?: (\S.*))?")
_ASKED = re.compile(
    r"\bhow (?:many|much)\s+(?:(?:more|fewer|less|total|whole|full|extra|additional)\s+)*"
    r"([A-Za-z]{2,})",
    re.IGNORECASE,
)
_ASKED_IN = re.compile(r"\bhow (?:much|long|far)\b[^.?!]*?\bin ([A-Za-z]{3,})\b", re.IGNORECASE)
_PERCENT = re.compile(r"\b(?:what|which|how many)\b[^.?!]*\bpercent(?:age)?\b", re.IGNORECASE)
_WORD = re.compile(r"[A-Za-z]{3,}|[$€£¥₹¢]|\b(?:km|cm|mm|kg|ft|oz|lb|mL|ml)\b")


class Amount(NamedTuple):
    """A number, exactly, and what stood after it."""

    value: Fraction
    is_percent: bool = False
    unit: str = ""
    """Of measure, by its name in mathematics; empty for a count, and where it says nothing."""

    @property
    def spelling(self) -> str:
        """One text an amount: `5/2`, `35%`, `2 hour`."""
        percent = "%" if self.is_percent else ""
        return f"{self.value}{percent} {self.unit}".rstrip()


class Terms(NamedTuple):
    """What a question says of the number that it asks for."""

    asked: Unit | None
    """The unit of `how many minutes`, or of `how much, in cents`."""
    multiplier: str
    """`dozen`, of `how many dozen`; empty where it asks for none."""
    is_percent: bool
    """It asks for a percentage: the sign says nothing."""
    units: frozenset[Unit]
    """All units that it speaks of."""

    def apply(self, amount: Amount) -> Amount:
        """The amount without what the question says already; in its unit, where it names one.

        A unit is dropped where the question speaks of no other unit of its kind: `18 hours` are 18
        to a question in hours alone. Where it speaks of hours and minutes, the unit stays.
        """
        if self.is_percent and amount.is_percent:
            return amount._replace(is_percent=False)
        unit = read_unit(amount.unit) if amount.unit else None
        if unit is None or not unit.powers:
            return amount
        if self.asked and self.asked.dimensions == unit.dimensions:
            return Amount(amount.value * unit.factor / self.asked.factor, amount.is_percent)
        return amount._replace(unit="") if self._is_only(unit) else amount

    def _is_only(self, unit: Unit) -> bool:
        """Whether every part of the unit is the only one of its kind in the question."""
        for name, _ in unit.powers:
            part = read_unit(name)
            if part is None:
                return False
            kind = {other for other in self.units if other.dimensions == part.dimensions}
            if kind != {part}:
                return False
        return True


@lru_cache(maxsize=10_000)
def terms_of(question: str) -> Terms:
    """What a question's text says of the number that it asks for."""
    counted = [word.lower() for word in _ASKED.findall(question)]
    word = counted[-1] if counted else ""
    wanted = [*_ASKED_IN.findall(question), *counted[-1:]]
    units = (read_unit(name.lower()) for name in wanted)
    named = (read_unit(one.replace("$", "dollar")) for one in _WORD.findall(question))
    return Terms(
        asked=next((unit for unit in units if unit and unit.powers), None),
        multiplier=word if word.removesuffix("s") in MULTIPLIERS else "",
        is_percent=bool(_PERCENT.search(question)),
        units=frozenset(one for one in named if one and one.powers),
    )


def read_amount(text: str, terms: Terms) -> Amount | None:
    """The amount that a text is, in the terms of its question; None for anything else.

    Of an equation what stands after the last `=`; `about`, and remarks such as `each` or `in
    total`, are left out. A range, a choice of two numbers or a comparison is no amount.
    """
    # Before anything looks into it: a dress is taken off layer by layer.
    if len(text) > LONGEST:
        return None
    written = unwrap(text)
    if _COMPARES.search(written):
        return None
    value = _value_of(written)
    if value is None:
        return None
    plain = _ABOUT.sub("", value, count=1)
    if terms.multiplier:
        # `2 dozen` is 2 to the question how many dozen, and 24 to any other.
        plain = re.sub(rf"\b{terms.multiplier.removesuffix('s')}s?\b", "", plain)
    amount = _read(plain) or _read(_REMARK.sub("", plain))
    return terms.apply(amount) if amount else None


def _value_of(text: str) -> str | None:
    """What the last `=` of one equation gives; the text without any; None for several equations.

    Before it stands a name (`x = 18`, which may come last: `18 = x`) or arithmetic (`20 - 2 = 18`):
    `2x = 18` says nothing of 18, and `a=3 b=4` says two things.
    """
    *sides, value = text.split("=")
    if len(sides) == 1 and _NAME.fullmatch(value):
        sides, value = [value], sides[0]
    plain = [_COMMAND.sub("", side) for side in sides]
    is_mixed = any(re.search("[0-9]", side) and re.search("[A-Za-z]", side) for side in plain)
    is_several = any(re.search("[A-Za-z]", side) for side in plain[1:])
    return None if is_mixed or is_several else value.strip()


def spelled(form: str) -> Amount | None:
    """The amount of a spelling; None for any other text."""
    match = _FORM.fullmatch(form)
    # A quotient by zero has a spelling and no value.
    value = rational(match[1]) if match else None
    if match is None or value is None:
        return None
    return Amount(value, bool(match[2]), match[3] or "")


def _read(text: str) -> Amount | None:
    return spelled(canonical(text))
