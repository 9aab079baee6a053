"""What every kind of benchmark is once it is loaded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from typing import NamedTuple

from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.question import Question


class LoadedBenchmark(NamedTuple):
    """A Benchmark: questions in memory, and the fingerprint of their content."""

    name: str
    fingerprint: str
    content: str
    """Fingerprint of all questions that there are, those left out included: which benchmark it is,
    whatever it is called."""
    questions: list[Question]
    kind: AnswerKind


def benchmark_of(
    name: str,
    questions: list[Question],
    kind: AnswerKind | None = None,
    *,
    content: Iterable[Question] | None = None,
) -> LoadedBenchmark:
    """The benchmark that these questions are; None: their answers are mathematics.

    `content` are all questions that they were chosen from; None: those are made as they are asked
    for, and the benchmark is known by its name.
    """
    fingerprint = fingerprint_of(questions)
    whole = _hash(name) if content is None else fingerprint_of(content)
    return LoadedBenchmark(name, fingerprint, whole, questions, kind or AnswerKind())


def fingerprint_of(questions: Iterable[Question]) -> str:
    """16 hex digits over all that decides what is asked and what is right, in whatever order.

    Level and metadata decide neither. What a question does not carry is left out: a benchmark of
    plain questions keeps the fingerprint that it had before questions could carry more.
    """
    ordered = sorted(questions, key=lambda q: (q.question_id, q.text, q.target))
    return _hash(json.dumps([_content(question) for question in ordered]))


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _content(question: Question) -> tuple[object, ...]:
    plain = (question.question_id, question.text, question.target)
    more = {
        "accepted": question.accepted,
        "choices": question.choices,
        "tests": question.tests,
        "group": question.group,
    }
    carried = {name: value for name, value in more.items() if value}
    return (*plain, carried) if carried else plain
