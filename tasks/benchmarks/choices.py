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
_LETTER = r"\(?([A-Za-z])\)?"
_LETTERS = re.compile(rf"{_LETTER}(?:\s*(?:,|;|&|and)\s*{_LETTER})*[.)]?")
_WORD = re.compile(r"[A-Za-z]+")


def with_letters(question: Question, place: str, *, shuffle: int | None) -> Question:
    """The question as it is asked: options under their letters, the right one's letter as target.

    A target that is a letter counts the options in the file's order, which then stays. Where it is
    an option's text the file leaves the order open, and a hash of seed, question and option
    decides: by `shuffle`, else by 0. A named `shuffle` orders every question anew.
    """
    options = question.choices
    _check_options(options, place)
    by_letter = _by_letters(question.target, options)
    right = by_letter or _by_text(question.target, options)
    _check_target(question, by_letter, right, place)
    order = options
    if shuffle is not None or not by_letter:
        seed = SEED if shuffle is None else shuffle
        order = _shuffled(question, seed)
    letters = [ascii_uppercase[order.index(option)] for option in right]
    return dataclasses.replace(
        question,
        text=_shown(question.text, order),
        target=",".join(sorted(letters)),
        choices=order,
    )


def _check_options(options: tuple[str, ...], place: str) -> None:
    most = len(ascii_uppercase)
    if not 2 <= len(options) <= most:
        raise UserError(
            f"{place}: expected 2 to {most} options in 'choices' or 'options', "
            f"got {len(options)}; add them, or say which kind of answer the file has"
        )
    # Two letters for one text: whichever is right, who says the text says both.
    if len(set(options)) < len(options):
        raise UserError(f"{place}: expected different options, got {list(options)}; drop the copy")


def _check_target(question: Question, by_letter: list[str], right: list[str], place: str) -> None:
    target = question.target
    options = question.choices
    if not right:
        last = ascii_uppercase[len(options) - 1]
        raise UserError(
            f"{place}: expected a target that is a letter from A to {last} "
            f"or the text of an option, got {target[:60]!r}; correct it"
        )
    by_text = _by_text(target, options)
    if by_letter and by_text and by_letter != by_text:
        raise UserError(
            f"{place}: expected a target that is a letter or an option's text, got {target!r}, "
            "which is both, of two options; write the letter's option in full"
        )


def _by_text(target: str, options: tuple[str, ...]) -> list[str]:
    return [option for option in options if option == target]


def _by_letters(target: str, options: tuple[str, ...]) -> list[str]:
    """The options that a target names by letters, `C`, `(C)` or `A, C`; else none."""
    if not _LETTERS.fullmatch(target):
        return []
    letters = [word.upper() for word in _WORD.findall(target) if len(word) == 1]
    places = [ascii_uppercase.index(letter) for letter in letters]
    if max(places) >= len(options):
        return []
    return [options[place] for place in places]


def _shuffled(question: Question, seed: int) -> tuple[str, ...]:
    """The options by a hash of seed, question and option, so that no order is learnt from a file.

    Those that speak of the rest, such as `none of the above`, stay the last.
    """

    def rank(option: str) -> tuple[bool, bytes]:
        key = f"{seed}|{question.question_id}|{option}"
        digest = hashlib.sha256(key.encode()).digest()
        is_about_the_rest = _OF_THE_REST.search(option) is not None
        return is_about_the_rest, digest

    return tuple(sorted(question.choices, key=rank))


def _shown(text: str, options: tuple[str, ...]) -> str:
    """The question with its options below it, unless it shows them already."""
    lettered = list(zip(ascii_uppercase, options, strict=False))
    if all(_shows(text, letter, option) for letter, option in lettered):
        return text
    lines = [f"{letter}) {option}" for letter, option in lettered]
    return "\n".join([text, "", *lines])


def _shows(text: str, letter: str, option: str) -> bool:
    written = re.escape(option)
    return re.search(rf"\b{letter}\W{{1,6}}{written}", text) is not None
