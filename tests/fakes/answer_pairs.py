"""Answers beside targets, equal or unequal by construction: what a grader of mathematics meets.

Every kind re-writes one value into other spellings and makes near misses of it. Expressions are
told apart by numbers (`tests/fakes/answers/algebra.py`), all else by how it is made; no grader is
asked.
"""

from __future__ import annotations

import random
import zlib
from collections.abc import Callable
from typing import NamedTuple

from answers import (
    algebra,
    amounts,
    dress,
    expressions,
    identities,
    numbers,
    relations,
    several,
    words,
)
from answers.sheets import Sheet


class Pair(NamedTuple):
    """An answer asked of a target, and whether they mean the same."""

    kind: str
    answer: str
    target: str
    is_equal: bool


KINDS: dict[str, tuple[Callable[[random.Random], Sheet], ...]] = {
    "money": (amounts.money,),
    "thousands": (amounts.thousands,),
    "list read as thousands": (amounts.list_read_as_thousands,),
    "units": (amounts.units, dress.measures),
    "units that change the value": (amounts.units_that_change_the_value, dress.directions),
    "unit letters that are variables": (expressions.letters_like_units,),
    "percent": (amounts.percent,),
    "degrees": (amounts.degrees,),
    "degrees inside a function": (expressions.degrees_inside_a_function,),
    "scientific": (amounts.scientific, dress.powers_of_ten),
    "tiny numbers": (numbers.tiny_numbers,),
    "huge numbers": (numbers.huge_numbers,),
    "decimals": (amounts.decimals,),
    "repeating decimals": (numbers.repeating_decimals, dress.endless_decimals),
    "mixed numbers": (numbers.mixed_numbers, identities.whole_and_fraction),
    "equations": (relations.lines, relations.circles, relations.values_of_a_name),
    "assignments": (relations.assignments,),
    "intervals": (relations.intervals, relations.rays, relations.unions, dress.regions),
    "tuples": (several.tuples, several.lists_of_tuples),
    "sets and lists": (several.sets_and_lists, several.plus_or_minus, dress.braces),
    "ratio and time": (several.ratios,),
    "am and pm": (several.times_of_day,),
    "matrices": (several.matrices,),
    "text": (
        words.text,
        words.text,
        words.numerals,
        words.lists_in_words,
        dress.figures,
    ),
    "choices": (words.choices, words.choices, words.several_choices),
    "bases": (words.bases,),
    "wrappers": (words.wrappers,),
    "trailing": (words.trailing,),
    "AIME integers": (numbers.aime_integers,),
    "fractions and signs": (numbers.fractions_and_signs,),
    "plain-text mathematics": (expressions.plain_text_mathematics,),
    "algebra": (algebra.algebra, identities.identities),
    "complex numbers": (algebra.complex_numbers,),
    "lost plus sign": (expressions.lost_plus_sign,),
    "full-width and Chinese": (words.full_width,),
    "fraction of a command": (expressions.fraction_of_a_command,),
}
"""Kinds of pairs and what makes their sheets; one that stands twice is asked twice as often."""

_SHEETS_EACH = 400
"""More than any kind needs: a kind with few values ends earlier, instead of searching for ever."""
_OF_A_SHEET = 3


def answer_pairs(*, each: int = 90, seed: int = 0) -> list[Pair]:
    """About `each` different pairs of every kind, half of them equal."""
    found: list[Pair] = []
    for kind, makers in KINDS.items():
        # Of the kind's name: another kind more changes no pair of the others.
        rng = random.Random(zlib.crc32(f"{seed} {kind}".encode()))
        found += _pairs_of(kind, makers, each, rng)
    return found


def _pairs_of(
    kind: str, makers: tuple[Callable[[random.Random], Sheet], ...], each: int, rng: random.Random
) -> list[Pair]:
    equal: dict[Pair, None] = {}
    unequal: dict[Pair, None] = {}
    half = each // 2
    for _ in range(_SHEETS_EACH):
        if min(len(equal), len(unequal)) >= each - half:
            break
        sheet = rng.choice(makers)(rng)
        same, other = list(dict.fromkeys(sheet.same)), list(dict.fromkeys(sheet.other))
        # A few of each sheet: many targets, not many spellings of one.
        for answer in rng.sample(same, min(_OF_A_SHEET, len(same))):
            equal[Pair(kind, answer, sheet.target, True)] = None
        for answer in rng.sample(other, min(_OF_A_SHEET, len(other))):
            unequal[Pair(kind, answer, sheet.target, False)] = None
    return [*list(equal)[:half], *list(unequal)[: each - half]]
