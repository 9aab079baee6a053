"""What a question tells of its answers: which unit they are in, and whether their order counts.

A class joins only what is certainly the same (METHOD §15). On its own `3 ft` may be another answer
than 3; to a question that speaks of feet and of no other length it is the same.
"""

from __future__ import annotations

import re
from functools import lru_cache

from tasks.grading.mathematics.canonical import canonical
from tasks.grading.mathematics.grouped_forms import as_set
from tasks.grading.mathematics.splitting import inside, split_answers
from tasks.grading.mathematics.unit_table import COUNT, Unit, unit_of
from tasks.grading.mathematics.units import read_quantity

_WORD = re.compile(r"[A-Za-z°¢€£¥₹]+")
_AFTER_NUMBER = re.compile(
    r"(?<=[0-9]) ?\\?(?:[,;~ ]|text|mathrm|mbox|\{)*\s?([msghLNJWVAK])(?![A-Za-z])"
)
_DOLLARS = re.compile(r"\\\$|\$\s?[0-9]|dollar", re.IGNORECASE)
_ORDERED = re.compile(
    r"order|coordinate|pair|tuple|triple|triplet|vector|point|interval|sequence|respectively"
    r"|\(\s?[a-zA-Z]\s?,\s?[a-zA-Z]\s?",
    re.IGNORECASE,
)
_SEVERAL = re.compile(
    r"\ball\b|solutions|roots|values|zeros|commas|\blist\b|integers|\bset\b", re.IGNORECASE
)


@lru_cache(maxsize=100_000)  # many draws end in few answers
def class_of(question: str, answer: str) -> str:
    """The class of an answer to a question of that text.

    The canonical form, without a unit that the question names and no rival of it, and as a set
    where the question asks for all of something and not for their order.
    """
    form = canonical(answer)
    quantity = read_quantity(form)
    if quantity and quantity.times == 1 and _is_named(quantity.unit, question):
        form = quantity.value
    parts = split_answers(form)
    if parts is None or inside(form, r"\{", r"\}") or "=" in form or parts.join != ",":
        return form
    is_free = _SEVERAL.search(question) and not _ORDERED.search(question)
    return as_set(parts.texts) if is_free and len(set(parts.texts)) == len(parts.texts) else form


def _is_named(unit: Unit, question: str) -> bool:
    """Whether a unit is made of what the question names, and no other unit of their kinds."""
    if unit == COUNT:
        return False
    parts = {name for name, _ in unit.powers}
    dimensions = {name for name, _ in unit.dimensions}
    named = {name for name, dimension in _named(question) if dimension in dimensions}
    return parts == named


@lru_cache(maxsize=10_000)
def _named(question: str) -> frozenset[tuple[str, str]]:
    """(name, dimension) of every unit that a question names."""
    words = {word for word in _WORD.findall(question) if len(word) > 1 or not word.isascii()}
    words |= set(_AFTER_NUMBER.findall(question))
    if _DOLLARS.search(question):
        words.add("＄")
    units = [unit_of(word) for word in words]
    return frozenset(
        (unit.powers[0][0], unit.dimensions[0][0]) for unit in units if unit and unit != COUNT
    )
