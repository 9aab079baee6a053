"""Answers that are words: names, yes and no, numbers in words, and letters of choices."""

from __future__ import annotations

import re
import tomllib
from functools import cache
from pathlib import Path


@cache
def words_of(name: str) -> tuple[str, ...]:
    """The list of that name in words.toml."""
    file = Path(__file__).with_name("words.toml")
    lists = tomllib.loads(file.read_text(encoding="utf-8"))
    return tuple(lists[name].split())


# The first word has three letters or more: `ab` is a product, whose case matters.
_WORDS = re.compile(r"(?:(?:[Aa]n?|[Tt]he) )?[A-Za-z][a-z]{2,}(?:[ -][A-Za-z][a-z]*)*")
_LETTERS = re.compile(r"[A-Za-z]+(?:[ -][A-Za-z]+)*")
_PRODUCTS = re.compile(r"[b-df-hj-np-tv-z]+|[a-d]+|[u-z]+")
"""Lower-case letters that are variables side by side: no vowel among them, or all from one end of
the alphabet. `xyz` is a product, `may` is none."""
NOTHING = frozenset(
    ("no solution", "no solutions", "none", "empty set", "no real solutions", "no real solution")
)
"""Words for the empty set."""
_MEANINGS = {
    "all real numbers": r"\mathbb{R}",
    "all reals": r"\mathbb{R}",
    "noon": "12:00 pm",
    "midnight": "12:00 am",
}
_JOINTS = re.compile(r"(?:^| )(?:and|or)(?: |$)")
_ARTICLE = re.compile(r"(?:an?|the) (?=[a-z]{3})")
_ROMAN = re.compile(r"[IVX]{2,}")
_CHOICE = re.compile(r"\(?([A-Z])\)?")


def read_words(text: str, *, is_marked: bool) -> str | None:
    r"""The form of a text that is words, else None; `is_marked`: it stood in `\text{}`.

    Words in lower case without their article; a number in words in digits.
    """
    choice = _CHOICE.fullmatch(text)
    if choice:
        return choice[1]
    # `Yes!` is said loud; `n!` is a factorial.
    if text.endswith("!") and is_words(text[:-1], is_marked=False):
        text = text[:-1]
    if _ROMAN.fullmatch(text) or not is_words(text, is_marked=is_marked):
        return None
    lower = text.lower()
    lower = _ARTICLE.sub("", lower, count=1)
    # A capital keeps `Ada` a word, where `ada` could be a product of letters.
    if is_product(lower):
        return lower.capitalize()
    return _number_in_words(lower) or _MEANINGS.get(lower, lower)


def is_words(text: str, *, is_marked: bool) -> bool:
    """Whether the text is words, not letters that are multiplied, nor several answers."""
    if _JOINTS.search(text):
        return False
    if is_marked:
        return len(text) > 1 and bool(_LETTERS.fullmatch(text))
    if text in words_of("shouted") or (text.lower() in words_of("short") and not text.isupper()):
        return True
    return bool(_WORDS.fullmatch(text)) and not _PRODUCTS.fullmatch(text)


def is_product(text: str) -> bool:
    """Whether letters side by side are variables, whose order says nothing."""
    return bool(_PRODUCTS.fullmatch(text)) or (
        len(text) == 2 and text.islower() and text not in words_of("short")
    )


def _number_in_words(words: str) -> str | None:
    """Digits of `five` or `twenty-one`; None for any other words."""
    numbers, all_tens = words_of("numbers"), words_of("tens")
    if words in numbers:
        return str(numbers.index(words))
    tens, _, ones = words.replace("-", " ").partition(" ")
    if tens not in all_tens or (ones and ones not in numbers[1:10]):
        return None
    return str(10 * (all_tens.index(tens) + 2) + numbers.index(ones or "zero"))
