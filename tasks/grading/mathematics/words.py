"""Answers that are words: names, yes and no, numbers in words, and letters of choices."""

from __future__ import annotations

import re

_NUMBERS = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen", "twenty"]
_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]

_SHORT = frozenset(
    ["no", "on", "so", "up", "us", "we", "he", "me", "my", "by", "to", "of", "or", "is", "in", "it", "if", "as", "at", "an", "am", "be", "do", "go", "ok", "oh", "al"]
)
"""Words of two letters; any other two letters are a product, whose letters may change places."""
_SHOUTED = frozenset(["NO", "YES", "TRUE", "FALSE", "NONE", "DNE", "ODD", "EVEN", "BOTH", "NEITHER"])

# The first word has three letters or more: `ab` is a product, whose case matters.
_WORDS = re.compile(r"(?:(?:[Aa]n?|[Tt]he) )?[A-Za-z][a-z]{2,}(?:[ -][A-Za-z][a-z]*)*")
_LETTERS = re.compile(r"[A-Za-z]+(?:[ -][A-Za-z]+)*")
_PRODUCTS = re.compile(r"[b-df-hj-np-tv-z]+|[a-d]+|[u-z]+")
"""Lower-case letters that are variables side by side: no vowel among them, or all from one end of
the alphabet. `xyz` is a product, `may` is none."""
_JOINTS = re.compile(r"(?:^| )(?:and|or)(?: |$)")
_ARTICLE = re.compile(r"(?:an?|the) (?=[a-z]{3})")
_CHOICE = re.compile(r"\(?([A-Z])\)?")


def read_words(text: str, *, is_marked: bool) -> str | None:
    r"""The form of a text that is words, else None; `is_marked`: it stood in `\text{}`.

    Words in lower case without their article; a number in words in digits.
    """
    choice = _CHOICE.fullmatch(text)
    if choice:
        return choice[1]
    if not is_words(text, is_marked=is_marked):
        return None
    lower = text.lower()
    lower = _ARTICLE.sub("", lower, count=1)
    return _number_in_words(lower) or lower


def is_words(text: str, *, is_marked: bool) -> bool:
    """Whether the text is words, not letters that are multiplied, nor several answers."""
    if _JOINTS.search(text):
        return False
    if is_marked:
        return len(text) > 1 and bool(_LETTERS.fullmatch(text))
    if text in _SHOUTED or (text.lower() in _SHORT and not text.isupper()):
        return True
    return bool(_WORDS.fullmatch(text)) and not _PRODUCTS.fullmatch(text)


def is_product(text: str) -> bool:
    """Whether letters side by side are variables, whose order says nothing."""
    return bool(_PRODUCTS.fullmatch(text)) or (
        len(text) == 2 and text.islower() and text not in _SHORT
    )


def _number_in_words(words: str) -> str | None:
    """Digits of `five` or `twenty-one`; None for any other words."""
    if words in _NUMBERS:
        return str(_NUMBERS.index(words))
    tens, _, ones = words.replace("-", " ").partition(" ")
    if tens not in _TENS or (ones and ones not in _NUMBERS[1:10]):
        return None
    return str(10 * (_TENS.index(tens) + 2) + (_NUMBERS.index(ones) if ones else 0))
