"""The grader of numbers: right is what has the target's value, at the precision that it states."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from fractions import Fraction

from tasks.benchmarks.question import Question
from tasks.grading.amounts import Amount, Terms, read_amount, spelled, terms_of
from tasks.grading.by_class import ByClass
from tasks.grading.extraction import extract_answer
from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.units import read_unit
from warehouse.errors import UserError

_DECIMALS = re.compile(r"([0-9][0-9,]*)?\.([0-9]+)")
_BRACES = re.compile(r"\{[^{}]*\}")
_NEXT_SENTENCE = re.compile(r"[.!?]\s+(?=[A-Z][a-z]*\s)")
_UNREAD = "unparsed"
_OWN_MARKER = "####"
"""What answers follow in GSM8K itself, and in what models have learnt of it."""


class NumberGrader(ByClass):
    """A Grader of numbers; classes are exact values, with a unit where it says something.

    A target with two decimals or more, or with one and three digits in all, is a rounded number:
    right is what rounds to it (`33.333` and `100/3` to `33.3`). Any other target is exact. What
    is no number, such as `2^5 - 1`, is judged as mathematics.
    """

    version = f"2+numbers+{MathGrader.version}"

    def __init__(self) -> None:
        self._mathematics = MathGrader()

    def check(self, questions: Sequence[Question]) -> None:
        """UserError for a target that is no number."""
        for question in questions:
            terms = terms_of(question.text)
            unread = [one for one in question.targets if read_amount(one, terms) is None]
            if unread:
                seen = unread[0][:60]
                raise UserError(
                    f"question {question.question_id}: expected a target that is a number, got "
                    f'{seen!r}; correct it, or name another kind of answer, e.g. answer = "math"'
                )

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        """What the model wrote after a marker, or on the last line that begins with `####`.

        Of several sentences it is the first, where that is a number.
        """
        answer = extract_answer(text, markers)
        if answer is None:
            answer = extract_answer(text, [_OWN_MARKER])
        return None if answer is None else _first_sentence(answer)

    def class_of(self, question: Question, answer: str) -> str:
        """The value, exactly; of an answer that is no number its class in mathematics."""
        terms = terms_of(question.text)
        amount = read_amount(answer, terms)
        if amount is not None:
            return amount.spelling
        (form,) = self._mathematics.canonical([(question, answer)])
        return form

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        """The verdict on each (question, answer), in their order: of numbers by their value."""
        pairs = list(asked)
        verdicts = super().grade(pairs)
        unread = [
            place
            for place, pair in enumerate(pairs)
            if verdicts[place] == _UNREAD and not _is_equation(self.class_of(*pair))
        ]
        judged = self._mathematics.grade([pairs[place] for place in unread])
        for place, verdict in zip(unread, judged, strict=True):
            verdicts[place] = verdict
        return verdicts

    def close(self) -> None:
        """End what judged mathematics."""
        self._mathematics.close()

    def verdict(self, question: Question, form: str) -> str:
        """`correct` or `wrong` for a number, `unparsed` for any other class."""
        amount = spelled(form)
        if amount is None:
            return _UNREAD
        terms = terms_of(question.text)
        is_right = any(_agree(amount, target, terms) for target in question.targets)
        return "correct" if is_right else "wrong"


def _first_sentence(answer: str) -> str:
    """`200` of `200. The trader sold 20 bags`; any other answer as it is."""
    following = _NEXT_SENTENCE.search(answer)
    first = answer[: following.start()] if following else ""
    # A list begins with this number too.
    if first in ("", "1") or read_amount(first, terms_of("")) is None:
        return answer
    return first


def _is_equation(form: str) -> bool:
    """Whether it has an `=` outside of braces: `2x = 18` gives no number, whatever equals it."""
    return "=" in _BRACES.sub("", form)


def _agree(amount: Amount, written: str, terms: Terms) -> bool:
    target = read_amount(written, terms)
    if target is None:
        return False
    if amount.is_percent != target.is_percent:
        return _agree_in_percent(amount, target, written)
    if not (amount.unit and target.unit):
        # Who leaves the unit out means the one that the other wrote.
        return _rounds_to(amount.value, target.value, written)
    own = read_unit(amount.unit)
    wanted = read_unit(target.unit)
    if own is None or wanted is None or own.dimensions != wanted.dimensions:
        return False
    converted = amount.value * own.factor / wanted.factor
    return _rounds_to(converted, target.value, written)


def _agree_in_percent(amount: Amount, target: Amount, written: str) -> bool:
    """One of the two has the sign: it may be a hundredth, or only the name of what is counted."""
    if amount.is_percent and _rounds_to(amount.value / 100, target.value, written):
        return True
    # 0.35% is not 0.35: below one a plain target is a share, and the sign divides.
    is_name = abs(target.value) >= 1
    if is_name and _rounds_to(amount.value, target.value, written):
        return True
    return target.is_percent and amount.value * 100 == target.value


def _rounds_to(value: Fraction, target: Fraction, written: str) -> bool:
    """Whether the value is the target, or rounds to it at the decimals that it states."""
    if value == target:
        return True
    stated = _DECIMALS.search(written)
    if stated is None or (value < 0) != (target < 0):
        return False
    decimals = len(stated[2])
    whole = (stated[1] or "").replace(",", "")
    digits = len(whole.lstrip("0")) + decimals
    if decimals < 2 and digits < 3:
        return False
    half = Fraction(1, 2 * 10**decimals)
    return abs(target) - half <= abs(value) < abs(target) + half
