"""Options to choose from: their order, their letters, and how a question shows them."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from string import ascii_uppercase

from tasks.benchmarks.question import Question
from warehouse.errors import UserError

SEED = 0
"""Of the order of options where their file leaves it open and its header names no seed."""

_OF_THE_REST = re.compile(r"\b(?:of|the) (?:the )?(?:above|below|others?)\b", re.IGNORECASE)
_LETTERS = re.compile(r"\(?([A-Za-z])\)?(?:\s*(?:,|;|&|and)\s*\(?([A-Za-z])\)?)*[.)]?")


def with_letters(question: Question, place: str, *, shuffle: int | None) -> Question:
    """The question as it is asked: options under their letters, the right one's letter as target.

    A target that is a letter counts the options in the file's order, which then stays. Where it is
    an option's text the file leaves the order open, and a hash of seed, question and option
    decides: by `shuffle`, else by 0. A named `shuffle` orders every question anew.
    """
    options = question.choices
    if not 2 <= len(options) <= len(ascii_uppercase):
        raise UserError(
            f"{place}: expected 2 to {len(ascii_uppercase)} options in 'choices' or 'options', "
            f"got {len(options)}; add them, or say which kind of answer the file has"
        )
    right, is_letter = _right_options(question, place)
    keeps_order = is_letter and shuffle is None
    order = options if keeps_order else _shuffled(question, SEED if shuffle is None else shuffle)
    letters = sorted(ascii_uppercase[order.index(option)] for option in right)
    return dataclasses.replace(
        question, text=_shown(question.text, order), target=",".join(letters), choices=order
    )


def _right_options(question: Question, place: str) -> tuple[list[str], bool]:
    """The right options, and whether the target names them by letter."""
    options, target = question.choices, question.target
    if len(set(options)) < len(options):
        # Two letters for one text: whichever is right, who says the text says both.
        raise UserError(f"{place}: expected different options, got {list(options)}; drop the copy")
    by_letter = _by_letters(target, len(options))
    named = [options[number] for number in by_letter]
    if target in options and named not in ([], [target]):
        raise UserError(
            f"{place}: expected a target that is a letter or an option's text, got {target!r}, "
            "which is both, of two options; write the letter's option in full"
        )
    if named:
        return named, True
    if target in options:
        return [target], False
    raise UserError(
        f"{place}: expected a target that is a letter from A to "
        f"{ascii_uppercase[len(options) - 1]} or the text of an option, got {target[:60]!r}; "
        "correct it"
    )


def _by_letters(target: str, count: int) -> list[int]:
    """Places of the options that a target names by letters, `C`, `(C)` or `A, C`; else none."""
    if not _LETTERS.fullmatch(target):
        return []
    words = re.findall(r"[A-Za-z]+", target)
    places = [ascii_uppercase.index(word.upper()) for word in words if len(word) == 1]
    return places if max(places) < count else []


def _shuffled(question: Question, seed: int) -> tuple[str, ...]:
    """The options by a hash of seed, question and option, so that no order is learnt from a file.

    Those that speak of the rest, such as `none of the above`, stay the last.
    """

    def rank(option: str) -> tuple[bool, bytes]:
        key = f"{seed}|{question.question_id}|{option}"
        return bool(_OF_THE_REST.search(option)), hashlib.sha256(key.encode()).digest()

    return tuple(sorted(question.choices, key=rank))


def _shown(text: str, options: tuple[str, ...]) -> str:
    """The question with its options below it, unless it shows them already."""
    lettered = list(zip(ascii_uppercase, options, strict=False))
    if all(_shows(text, letter, option) for letter, option in lettered):
        return text
    lines = [f"{letter}) {option}" for letter, option in lettered]
    return "\n".join([text, "", *lines])


def _shows(text: str, letter: str, option: str) -> bool:
    return bool(re.search(rf"\b{letter}\W{{1,6}}{re.escape(option)}", text))
