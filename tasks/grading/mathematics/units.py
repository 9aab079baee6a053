"""Units after a number: which change its value, which measure, and which only say what is counted.

`2 dozen` is 24. `3 feet` and `3 inches` are two answers. `5 apples` and `5` are one.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.words import words_of

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


_Powers = tuple[tuple[str, int], ...]


class Unit(NamedTuple):
    """What a number measures; one without powers is a count."""

    powers: _Powers
    """Its parts with their powers, sorted: km/h is (("h", -1), ("km", 1))."""
    dimensions: _Powers
    factor: Fraction
    """Of two units of one dimension, the quotient of their factors converts."""

    @property
    def name(self) -> str:
        r"""`ft^2`, `km/h`, `kg\cdot m/s`; empty for a count."""
        above = [(name, power) for name, power in self.powers if power > 0]
        below = [(name, -power) for name, power in self.powers if power < 0]
        if below and not above:
            return "per " + _spell(below)
        return "/".join([_spell(above), *(_spell([part]) for part in below)])

    @property
    def is_price(self) -> bool:
        """Whether it is money, or money per something."""
        above = {name for name, power in self.dimensions if power > 0}
        return len(above) == 1 and above <= _MONEY


_MONEY = frozenset(
    (
        "dollars",
        "euros",
        "sterling",
        "yen",
        "yuan",
        "rupees",
        "roubles",
        "won",
        "pesos",
        "francs",
        "reals",
    )
)
"""Dimensions that are money: one's amount says nothing of another's."""


def _spell(parts: list[tuple[str, int]]) -> str:
    """The product of parts with their powers."""
    return r"\cdot ".join(name if power == 1 else f"{name}^{power}" for name, power in parts)


class Quantity(NamedTuple):
    """A value as written, a multiplier that stands after it, and its unit."""

    value: str
    times: int
    unit: Unit
    words: str = ""
    """What was counted, as written."""


COUNT = Unit((), (), Fraction(1))
"""Apples, people, square units: `5 apples` is 5."""

_LETTERS = frozenset("NJWVLmgshKACTHFM")
"""Units of one letter, read as such after a plain number and a space: elsewhere they may be
variables."""
_TIGHT = frozenset(("mm", "cm", "km", "kg", "mg", "ft", "mL", "ml", "mph", "lb", "oz", "min", "°C"))
"""Units read right after the number, without a space, though they are no words."""

_FACTOR = r"[A-Za-z°Ω€£¥₹₽₩₱＄¢一-鿿][A-Za-z.'’＄°一-鿿-]{0,30}(?:\^(?:[23]|\{-?[1-3]\}))?"
_UNIT = re.compile(rf"({_FACTOR}(?:(?: ?/ ?| ?\\cdot ?| ){_FACTOR}){{0,5}})$")
_LONGEST = 80
"""Characters of a unit; the search for one looks no further back."""
_SIGNS = re.compile(
    r"([+-]?) ?([A-Z]{0,3}＄|[€£¥₹₽₩₱]|[A-Z]{3} ?|Rs\.? ?)([+-]?(?:[0-9.]|\\frac|\\sqrt).*)",
    re.DOTALL,
)
"""Money before its amount: `＄5`, `US＄5`, `€ 5`, `USD 5`."""
_LAST_WORD = re.compile(r"(?:^| )[A-Za-z]{2,}$")
_POWER = re.compile(r"(.+?)\^(?:([23])|\{(-?[1-3])\})")
_COMMAND = re.compile(r"\\[A-Za-z]+")
_WORDY_POWERS = {"square": 2, "sq": 2, "sq.": 2, "cubic": 3, "cu": 3, "cu.": 3}
_NOUN = re.compile(r"(?=[a-z'-]*[aeiouy])[a-z][a-z'-]*[a-z]")
_PREFIXES = {
    "T": Fraction(10**12),
    "G": Fraction(10**9),
    "M": Fraction(10**6),
    "k": Fraction(1000),
    "c": Fraction(1, 100),
    "m": Fraction(1, 1000),
    "μ": Fraction(1, 10**6),
    "n": Fraction(1, 10**9),
    "p": Fraction(1, 10**12),
}
_SYMBOLS = frozenset(("Hz", "Pa", "W", "V", "eV", "mol", "pc", "cal", "bar", "J", "N", "ohm", "F"))
"""Units that take a prefix; those that with one would be a product, as `mg` and `kT`, do not."""
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
_FIGURES = frozenset(("unit", "units", "degree", "degrees", "°", "point", "points"))
"""Units that say nothing, and are worth nothing in a product of units either."""


def read_quantity(text: str) -> Quantity | None:
    """A cleaned text as a number or expression with a unit; None when it has none."""
    money = _SIGNS.fullmatch(text)
    if not money:
        return _trailing_unit(text)
    sign, currency, amount = money.groups()
    unit = _currency(currency.strip())
    if unit is None:
        return _trailing_unit(text)
    after = _trailing_unit(amount)
    if after is None:
        return Quantity(sign + amount, 1, unit)
    # `＄3 million per day`: what stands after the number is part of the unit.
    return Quantity(sign + after.value, after.times, _product_of(unit, after.unit))


def _currency(sign: str) -> Unit | None:
    """The money that a sign or code stands for; None when it stands for none."""
    table = _table()
    code = sign.lower().removesuffix(".")
    unit = table.get(code) or table.get(sign)
    # `US＄` and `HK＄` are dollars, whoever's.
    if unit is None and sign.endswith("＄"):
        unit = _table()["＄"]
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
    is_named = ending in _FIGURES or ending.startswith(("square unit", "cubic unit"))
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
            match = _POWER.fullmatch(word)
            unit = unit_of(match[1] if match else word)
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


def _sorted(powers: Counter[str]) -> _Powers:
    """Names with the powers that are left, in alphabetical order."""
    return tuple(sorted((name, power) for name, power in powers.items() if power))


def unit_of(word: str) -> Unit | None:
    """One unit by any of its spellings; a noun counts; None for a word that is neither."""
    table = _table()
    plain = word.lower()
    for spelling in (word, plain, plain.removesuffix("s"), plain.removesuffix("es")):
        if spelling in table:
            return table[spelling]
    if plain in _FIGURES:
        return COUNT
    prefixed = _prefixed(word)
    if prefixed:
        return prefixed
    is_chinese = "\u4e00" <= word[:1] <= "\u9fff"
    return COUNT if is_chinese or _is_noun(word) else None


def _is_noun(word: str) -> bool:
    """Whether a word names what is counted: letters of a product are no noun (`2 mgh`)."""
    if word in words_of("no_units") or not _NOUN.fullmatch(word):
        return False
    if len(word) < 4:
        return word in words_of("nouns")
    return list(word) != sorted(set(word))


def _prefixed(word: str) -> Unit | None:
    """A unit with a prefix of the SI that the table does not list: `keV`, `mmol`."""
    factor = _PREFIXES.get(word[:1])
    symbol = word[1:]
    if factor is None or symbol not in _SYMBOLS:
        return None
    base = _table()[symbol]
    return Unit(((word, 1),), base.dimensions, base.factor * factor)


@cache
def _table() -> dict[str, Unit]:
    """Units by every spelling."""
    file = Path(__file__).with_name("units.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    units: dict[str, Unit] = {}
    for dimension, entries in tables.items():
        for name, entry in entries.items():
            unit = Unit(((name, 1),), ((dimension, 1),), Fraction(entry["factor"]))
            units |= dict.fromkeys([name, *entry["words"]], unit)
    return units
