"""The grader of words: right is what reads like the target but for case, articles and marks."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.benchmarks.question import Question
from tasks.grading.by_class import ByClass
from tasks.grading.wording import wording


class TextGrader(ByClass):
    """A Grader of short texts, any of several accepted ones being right."""

    version = "1+words"

    def check(self, questions: Sequence[Question]) -> None:
        """Every text can be a target."""

    def class_of(self, question: Question, answer: str) -> str:  # noqa: ARG002
        """The wording, the same for all questions (tasks/grading/wording.py)."""
        return wording(answer)

    def verdict(self, question: Question, form: str) -> str:
        """`correct` where the wording is that of a target, else `wrong`."""
        is_right = any(form == wording(target) for target in question.targets)
        return "correct" if is_right else "wrong"
