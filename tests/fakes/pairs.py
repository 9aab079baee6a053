"""Grading by (answer, target) pairs, where the rest of a question does not matter."""

from __future__ import annotations

from collections.abc import Iterable

from tasks.benchmarks.question import Question
from tasks.protocols import Grader


def grade_pairs(grader: Grader, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], str]:
    """The verdict on every distinct (answer, target) pair, in the order of first appearance."""
    listed = list(pairs)
    asked = [(Question("q", "?", target), answer) for answer, target in listed]
    return dict(zip(listed, grader.grade(asked), strict=True))
