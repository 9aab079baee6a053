"""Units after a number: which change its value, which measure, and which only say what is counted.

`2 dozen` is 24. `3 feet` and `3 inches` are two answers. `5 apples` and `5` are one.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import NamedTuple

from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.unit_table import COUNT, FIGURES, Powers, Unit, all_units, unit_of

MULTIPLIERS = {
    "dozen": 12,
    "gross": 144,
    "hundred": 100,
    "thousand": 10**3,
    "lakh": 10**5,
    "million": 10**6,
    "crore": 10**7,
    "billion": 10**9,
    "trillion": 10**12,
    "百": 100,
    "千": 10**3,
    "万": 10**4,
    "亿": 10**8,
}
"""Words that multiply the number before them."""


class Quantity(NamedTuple):
    """A value as written, a multiplier that stands after it, and its unit."""

    value: str
    times: int
    unit: Unit
    words: str = ""
    """What was counted, as written."""


_LETTERS = frozenset("NJWVLmgshKACTHFM")
"""Units of one letter, read as such after a plain number and a space: elsewhere they may be
variables."""
_TIGHT = frozenset(("mm", "cm", "km", "kg", "mg", "ft", "mL", "ml", "mph", "lb", "oz", "min", "°C"))
"""Units read right after the number, without a space, though they are no words."""

_FACTOR = r"[A-Za-z°ΩÅ€£¥₹₽₩₱＄¢一-鿿][A-Za-z.'’＄°一-鿿-]{0,30}(?:\^(?:[23]|\{-?[1-3]\}))?"
_UNIT = re.compile(rf"({_FACTOR}(?:(?: ?/ ?| ?\\cdot ?| ){_FACTOR}){{0,5}})$")
_LONGEST = 80
"""Characters of a unit; the search for one looks no further back."""
_SIGNS = re.compile(
    r"([+-]?) ?([A-Z]{0,3}＄|[€£¥₹₽₩₱]|[A-Z]{3} ?|Rs\.? ?)([+-]?(?:[0-9.]|\\frac|\\sqrt).*)",
    re.DOTALL,
)
"""Money before its amount: `＄5`, `US＄5`, `€ 5`, `USD 5`."""
_MAGNITUDES = {"k": 10**3, "m": 10**6, "mn": 10**6, "b": 10**9, "bn": 10**9}
_MAGNITUDE = re.compile(r"([0-9][0-9.,]*) ?(k|K|M|mn|B|b|bn)")
"""Of money a letter says thousands, millions or billions."""
_LAST_WORD = re.compile(r"(?:^| )[A-Za-z]{2,}$")
_POWER = re.compile(r"(.+?)\^(?:([23])|\{(-?[1-3])\})")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORDY_POWERS = {"square": 2, "sq": 2, "sq.": 2, "cubic": 3, "cu": 3, "cu.": 3}
_CHINESE_POWERS = {"平方": 2, "立方": 3}
_ALIASES = {
    "knots": "nmi/h",
    "knot": "nmi/h",
    "mph": "mi/h",
    "kph": "km/h",
    "kmh": "km/h",
    "kmph": "km/h",
    "fps": "ft/s",
    "cc": "cm^3",
    "sqft": "ft^2",
    "rpm": "rotations per minute",
}
"""One word for a product of units."""


def read_quantity(text: str) -> Quantity | None:
    """A cleaned text as a number or expression with a unit; None when it has none."""
    money = _SIGNS.fullmatch(text)
    if not money:
        return _trailing_unit(text)
    sign, currency, amount = money.groups()
    unit = _currency(currency.strip())
    if unit is None:
        return _trailing_unit(text)
    letter = _MAGNITUDE.fullmatch(amount)
    if letter:
        return Quantity(sign + letter[1], _MAGNITUDES[letter[2].lower()], unit)
    after = _trailing_unit(amount)
    if after is None:
        return Quantity(sign + amount, 1, unit)
    # `＄3 million per day`: what stands after the number is part of the unit.
    return Quantity(sign + after.value, after.times, _product_of(unit, after.unit))


def _currency(sign: str) -> Unit | None:
    """The money that a sign or code stands for; None when it stands for none."""
    table = all_units()
    code = sign.lower().removesuffix(".")
    unit = table.get(code) or table.get(sign)
    # `US＄` and `HK＄` are dollars, whoever's.
    if unit is None and sign.endswith("＄"):
        unit = all_units()["＄"]
    return unit if unit and unit.is_price else None


def _trailing_unit(text: str) -> Quantity | None:
    """A value and the unit that stands after it; None when none does."""
    start = max(0, len(text) - _LONGEST)
    # From the left: the longest ending that is a unit is the unit.
    for match in re.finditer(r"(?<=[0-9})\]!°%])(?=[^0-9])|(?<=[A-Za-z]) ", text[start:]):
        place = start + match.end()
        value, ending = text[:place].rstrip(), text[place:]
        found = _ending(value, ending.lstrip(), is_spaced=ending.startswith(" ") or match[0] != "")
        if found:
            return found
    return None


def _ending(value: str, ending: str, *, is_spaced: bool) -> Quantity | None:
    """What an ending makes of the value before it; None when it is no unit."""
    if not _UNIT.fullmatch(ending) or not _is_value(value):
        return None
    word, _, rest = ending.partition(" ")
    times = MULTIPLIERS.get(word.lower().removesuffix("s"), MULTIPLIERS.get(word, 1))
    if times > 1:
        unit = read_unit(rest.removeprefix("of ")) if rest else COUNT
        return Quantity(value, times, unit) if unit else None
    is_plain = rational(value) is not None
    if len(ending) == 1 and ending.isascii() and ending.isalpha():
        is_unit = ending in _LETTERS and is_spaced and is_plain
        unit = unit_of(ending) if is_unit else None
    elif not is_spaced and ending.isascii() and len(ending) < 4 and ending not in _TIGHT:
        unit = None  # `2xy` is a product
    elif ending.isupper() and _COMMAND.fullmatch(value):
        unit = None  # `\angle ABC` has the names of points
    else:
        unit = read_unit(ending)
    # Only numbers count: what stands after a symbol is a factor, or a name as in `\\triangle ABC`.
    is_named = ending in FIGURES or ending.startswith(("square unit", "cubic unit"))
    if unit is None or (unit == COUNT and not is_plain and not is_named):
        return None
    return Quantity(value, 1, unit, words=ending if unit == COUNT else "")


def _is_value(value: str) -> bool:
    """Whether this can be what a unit stands after: not the first words of a phrase."""
    if _LAST_WORD.search(value):
        return False
    return len(value) == 1 or bool(re.search(r"[0-9\\]", value))


def read_unit(text: str) -> Unit | None:
    """The unit that words and symbols name; COUNT for whatever is counted, None for no unit."""
    words = [_ALIASES.get(word, word) for word in text.split(" ")]
    above, *below = re.split(r" ?/ ?|(?:^| )per ", " ".join(words))
    unit = _product(above)
    for part in below:
        divisor = _product(part)
        if unit is None or divisor is None:
            return None
        unit = _product_of(unit, divisor, side=-1)
    return unit


def _product(text: str) -> Unit | None:
    """The unit of a text without quotient; None when a word of it is no unit."""
    product = COUNT
    raised = 1
    for word in re.split(r" ?\\cdot ?| ", text):
        if word.lower() in _WORDY_POWERS:
            raised = _WORDY_POWERS[word.lower()]
        elif word:
            raised = _CHINESE_POWERS.get(word[:2], raised)
            plain = word[2:] if word[:2] in _CHINESE_POWERS else word
            match = _POWER.fullmatch(plain)
            unit = unit_of(match[1] if match else plain)
            if unit is None:
                return None
            power = int(match[2] or match[3]) if match else raised
            product = _product_of(product, unit, side=power)
            raised = 1
    return product


def _product_of(unit: Unit, other: Unit, side: int = 1) -> Unit:
    """The product of two units, the second raised to a power."""
    if not other.name:
        return unit
    powers = Counter(dict(unit.powers))
    for name, power in other.powers:
        powers[name] += power * side
    dimensions = Counter(dict(unit.dimensions))
    for name, power in other.dimensions:
        dimensions[name] += power * side
    return Unit(_sorted(powers), _sorted(dimensions), unit.factor * other.factor**side)


def _sorted(powers: Counter[str]) -> Powers:
    """Names with the powers that are left, in alphabetical order."""
    return tuple(sorted((name, power) for name, power in powers.items() if power))
