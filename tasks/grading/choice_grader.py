"""The grader of choices: an answer is a letter, however it is written, or an option's text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from string import ascii_uppercase

from tasks.benchmarks.question import Question
from tasks.grading.by_class import ByClass
from tasks.grading.extraction import extract_answer
from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.canonical import canonical
from tasks.grading.wording import LONGEST, undress, wording
from warehouse.errors import UserError

# No space of its own outside brackets: with those around `_AND` it would be read in two ways, and
# a list that fails at its end in 2 to the power of its length.
_LETTER = r"(?:[(\[{]\s?)?([A-Za-z])(?:\s?[)\]}])?"
_AND = r"\s*(?:,\s*and|,|;|/|&|\+|\band\b)\s*"
_NAMED = re.compile(
    r"(?:(?:the )?(?:(?:correct|right|best|final) )?(?:option|choice|answer|letter)\b(?: is)?"
    r"\s*:?\s*)?(.*)",
    re.IGNORECASE | re.DOTALL,
)
_ALONE = re.compile(rf"{_LETTER}\s*[.:,;]?")
_LIST = re.compile(rf"{_LETTER}(?:{_AND}{_LETTER})+\s*\.?")
_SPELLING = re.compile(r"[A-Z](?:,[A-Z])*")
_RUN = re.compile(r"[A-Z]{2,}")
_FIRST = re.compile(r"[(\[{]?([A-Za-z])\s?(?:[)\]}]\s*[.:,–—-]?|[.:]|\s[–—-])\s*(.+)", re.DOTALL)
_SPACED = re.compile(r"[(\[{]?([A-Za-z])[)\]}]?\s+(.+)", re.DOTALL)
_WORD = re.compile(r"[A-Za-z]+")
_CORRECT = re.compile(r"is (?:the )?(?:correct|right|best|answer)\b(?!.*\bnot\b).*", re.DOTALL)
_WRONG = re.compile(r"(?:is|are|was) (?:not|wrong|incorrect|false)\b|isn['’]t\b", re.IGNORECASE)
_ANOTHER = re.compile(r"(?:\band\b|\bor\b|[,;/&])\s*[(\[]?[A-Za-z]\s?(?:[)\].:]|$)", re.IGNORECASE)
_STATED = re.compile(
    r"(?:[Aa]nswer|[Oo]ption|[Cc]hoice)\s+is:?\s*\**(?:[Oo]ption\s+)?"
    r"(?:[(\[]([A-Z])[)\]]|([A-Z])(?=[*.\s]*(?:$|\n|\.\s)))"
)


class ChoiceGrader(ByClass):
    """A Grader of choices; targets are letters, several of them as `A,C`.

    What names no option, or several where it should be one, has no letter: its class is its
    wording, its verdict `unparsed`.
    """

    # Options that are formulas are told apart by the reader of mathematics.
    version = f"1.{MathGrader.reader}+letters"

    def check(self, questions: Sequence[Question]) -> None:
        """UserError for a question without options, or whose target is not among their letters."""
        for question in questions:
            letters = ascii_uppercase[: len(question.choices)]
            named = [set(target.split(",")) for target in question.targets]
            if not all(target <= set(letters) for target in named):
                raise UserError(
                    f"question {question.question_id}: expected options, and a target among "
                    f"their letters {letters or '(none)'}, got {question.targets}; correct it, or "
                    "name another kind of answer"
                )

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        """What follows a marker; where there is none, the letter of the last `answer is (C)`."""
        marked = extract_answer(text, markers)
        if marked is not None:
            return marked
        stated = [one or other for one, other in _STATED.findall(text)]
        return stated[-1] if stated else None

    def class_of(self, question: Question, answer: str) -> str:
        """The letter; of an answer without one its wording, which has no capitals."""
        letters = letters_of(answer, question.choices)
        return letters or wording(answer)

    def verdict(self, question: Question, form: str) -> str:
        """`correct` or `wrong` for a letter, `unparsed` for anything else."""
        if form in question.targets:
            return "correct"
        is_read = _SPELLING.fullmatch(form)
        return "wrong" if is_read else "unparsed"


def letters_of(answer: str, options: Sequence[str]) -> str | None:
    """The letter that an answer gives, several as `A,C`; None where it gives none that counts."""
    text = undress(answer)
    if len(text) > LONGEST:
        return None
    named = _NAMED.fullmatch(text)
    if named and named[1]:
        text = named[1]
    # A text of an option before letters: of the vitamins A, C, D the answer `D.` may be either,
    # and what the question shows are letters; of longer texts there is no doubt.
    if not _ALONE.fullmatch(text):
        option = _option_of(text, options)
        if option:
            return option
    letters = _only_letters(text) or _letter_first(text, options)
    # A question that somebody types shows its options itself: any letter may be one of them.
    within = ascii_uppercase[: len(options) or None]
    if not letters or not set(letters) <= set(within):
        return None
    return ",".join(letters)


def _only_letters(text: str) -> list[str] | None:
    """The letters of a text that is nothing else: `(C)`, `c.`, `A, C`, `A and C`, `ACD`."""
    letters = list(text)
    if _RUN.fullmatch(text) and letters == sorted(set(letters)):
        return letters
    if not (_ALONE.fullmatch(text) or _LIST.fullmatch(text)):
        return None
    words = _WORD.findall(text)
    named = {word.upper() for word in words if len(word) == 1}
    return sorted(named)


def _letter_first(text: str, options: Sequence[str]) -> list[str] | None:
    """The letter before other words: `C) Paris`, `C: because …`, `C Paris`, `C is correct`."""
    first = _FIRST.fullmatch(text)
    if first:
        letter = first[1].upper()
        rest = first[2]
        # `A) is wrong` and `A) 4 and B) 7` give no answer; `A) Paris` where A is Rome gives two.
        if _WRONG.match(rest) or _ANOTHER.search(rest):
            return None
        other = _option_of(rest, options)
        return [letter] if other in (None, letter) else None
    spaced = _SPACED.fullmatch(text)
    if not spaced:
        return None
    letter = spaced[1].upper()
    rest = spaced[2]
    is_certain = _CORRECT.fullmatch(rest) or _option_of(rest, options) == letter
    return [letter] if is_certain else None


def _option_of(text: str, options: Sequence[str]) -> str | None:
    """The letter of the one option that reads like the text, or is the same number or formula."""
    words = wording(text)
    same = [place for place, option in enumerate(options) if wording(option) == words]
    if not same:
        form = canonical(text)
        same = [place for place, option in enumerate(options) if canonical(option) == form]
    return ascii_uppercase[same[0]] if len(same) == 1 else None
