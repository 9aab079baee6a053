"""What graders share whose verdict is on the class: one class can have no two verdicts."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence

from tasks.benchmarks.question import Question
from tasks.grading.extraction import marked_answer


class ByClass(ABC):
    """A Grader that says the class of an answer, and judges the class alone."""

    @abstractmethod
    def class_of(self, question: Question, answer: str) -> str:
        """The class of one answer in the votes on its question."""

    @abstractmethod
    def verdict(self, question: Question, form: str) -> str:
        """The verdict on all answers of a class."""

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        """What the model wrote after a marker (tasks/grading/extraction.py)."""
        return marked_answer(text, markers)

    def canonical(self, asked: Sequence[tuple[Question, str]]) -> list[str]:
        """The class of each (question, answer), in their order."""
        return [self.class_of(question, answer) for question, answer in asked]

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        """The verdict on the class of each (question, answer), in their order."""
        return [
            self.verdict(question, self.class_of(question, answer)) for question, answer in asked
        ]

    def close(self) -> None:  # noqa: B027 (nothing to end is what most have)
        """Nothing was started."""
