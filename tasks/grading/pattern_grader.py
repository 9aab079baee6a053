"""The grader of patterns: right is what a regular expression matches as a whole."""

from __future__ import annotations

import re
from collections.abc import Sequence

import polars as pl

from tasks.benchmarks.question import Question
from tasks.grading.by_class import ByClass
from tasks.grading.wording import undress
from warehouse.errors import UserError

LONGEST = 10_000
"""Characters of an answer that is read: time goes with this times the pattern's size."""


class PatternGrader(ByClass):
    """A Grader whose targets are regular expressions.

    They are matched by Rust's engine, the one behind Polars: in linear time whatever the answer,
    hence without look-around and back references. `(?i)` in front makes capitals equal.
    """

    version = "1+patterns"

    def check(self, questions: Sequence[Question]) -> None:
        """UserError for a target that is no regular expression of this engine."""
        for question in questions:
            for target in question.targets:
                _check(question.question_id, target)

    def class_of(self, question: Question, answer: str) -> str:  # noqa: ARG002
        """The answer as written, without its dress: the pattern says what else is the same."""
        return undress(answer)

    def verdict(self, question: Question, form: str) -> str:
        """`correct` where a target matches all of it; `unparsed` for an answer too long to read."""
        if len(form) > LONGEST:
            return "unparsed"
        is_right = any(_matches(target, form) for target in question.targets)
        return "correct" if is_right else "wrong"


def _matches(pattern: str, text: str) -> bool:
    whole = rf"\A(?:{pattern})\z"
    return bool(pl.Series([text]).str.contains(whole).item())


def _check(question_id: str, pattern: str) -> None:
    try:
        # Alone first: brackets that only the ones around it close, as in `a)|(b`, are a mistake.
        pl.Series([""]).str.contains(pattern)
        _matches(pattern, "")
    except pl.exceptions.ComputeError as error:
        reason = re.sub(r"\s+", " ", str(error))
        raise UserError(
            f"question {question_id}: expected a target that is a regular expression without "
            f"look-around and back references, got {pattern!r} ({reason}); write it otherwise"
        ) from error
