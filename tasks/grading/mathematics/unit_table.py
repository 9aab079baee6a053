"""The units that there are: by every spelling, with prefixes, and words that are no unit."""

from __future__ import annotations

import re
import tomllib
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import NamedTuple

from tasks.grading.mathematics.words import words_of

Powers = tuple[tuple[str, int], ...]


class Unit(NamedTuple):
    """What a number measures; one without powers is a count."""

    powers: Powers
    """Its parts with their powers, sorted: km/h is (("h", -1), ("km", 1))."""
    dimensions: Powers
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


COUNT = Unit((), (), Fraction(1))
"""Apples, people, square units: `5 apples` is 5."""

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
FIGURES = frozenset(("unit", "units", "degree", "degrees", "°", "point", "points"))
"""Units that say nothing, and are worth nothing in a product of units either."""


def unit_of(word: str) -> Unit | None:
    """One unit by any of its spellings; a noun counts; None for a word that is neither."""
    table = all_units()
    plain = word.lower()
    for spelling in (word, plain, plain.removesuffix("s"), plain.removesuffix("es")):
        if spelling in table:
            return table[spelling]
    if plain in FIGURES:
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
    base = all_units()[symbol]
    return Unit(((word, 1),), base.dimensions, base.factor * factor)


@cache
def all_units() -> dict[str, Unit]:
    """Units by every spelling."""
    file = Path(__file__).with_name("units.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    units: dict[str, Unit] = {}
    for dimension, entries in tables.items():
        for name, entry in entries.items():
            unit = Unit(((name, 1),), ((dimension, 1),), Fraction(entry["factor"]))
            units |= dict.fromkeys([name, *entry["words"]], unit)
    return units
