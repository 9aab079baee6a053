"""What a search reached where members of one class differ in verdict."""

from __future__ import annotations

from typing import Any, cast

import pytest

from tasks.asking.completions import GradedCompletion
from tasks.asking.questioning import Result
from tasks.evaluation.estimate import _choice_figure
from tasks.evaluation.pool_rows import pool_of
from tasks.statistics.selectors import SELECTORS
from tasks.strategies import parse


def read(vote: str | None, *, correct: bool, score: float = 0.5) -> GradedCompletion:
    return GradedCompletion(f"{vote}{correct}", vote, correct, score, 0)


class Searched:
    """A search that ended, as far as its figure is concerned."""

    budget = 4

    def __init__(self, selector: str) -> None:
        self.strategy = parse(f"beam_search(m=2)/{selector}")


def reached(selector: str, *reads: GradedCompletion) -> float:
    return _choice_figure(cast("Result", cast("Any", Searched(selector))), list(reads)).accuracy


@pytest.mark.parametrize("selector", list(SELECTORS))
def test_what_is_served_is_judged_and_not_its_class(selector: str) -> None:
    right, wrong = read("a", correct=True, score=0.9), read("a", correct=False, score=0.1)
    # The right one is first and scores more: all three selectors serve it.
    assert reached(selector, right, wrong) == 1.0
    assert reached(selector, right._replace(correct=False), wrong._replace(correct=True)) == 0.0


def test_tied_classes_share_by_how_often_each_is_right() -> None:
    # a is right in one of two, b in none of two: half the credit of each makes a quarter.
    reads = [read(vote, correct=correct) for vote, correct in [("a", True), ("a", False)]]
    assert reached("majority", *reads, read("b", correct=False), read("b", correct=False)) == 0.25


def test_what_has_no_vote_is_never_served() -> None:
    lost = read(None, correct=True, score=1.0)
    assert reached("majority", lost) == 0.0
    pool = pool_of([lost, read("a", correct=False)])
    assert pool.answers.tolist() == [-1, 0]
    assert pool.correct.tolist() == [False, False]
