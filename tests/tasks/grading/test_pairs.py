"""The grader of mathematics examined: pairs that are equal or near misses by construction."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby

import pytest
from answer_pairs import Pair, answer_pairs

from tasks.benchmarks.question import Question
from tasks.grading.math_grader import MathGrader


@pytest.fixture(scope="module")
def grader() -> Iterator[MathGrader]:
    with MathGrader() as grader:
        yield grader


def asked_of(pairs: list[Pair]) -> list[tuple[Question, str]]:
    return [(Question("q", "?", pair.target), pair.answer) for pair in pairs]


def false_joins(grader: MathGrader, pairs: list[Pair]) -> list[Pair]:
    """Unequal answers in the class of their target, or of an answer that is equal to it."""
    right: dict[str, set[str]] = {}
    targets = list(dict.fromkeys(pair.target for pair in pairs))
    own = grader.canonical([(Question("q", "?", target), target) for target in targets])
    for target, form in zip(targets, own, strict=True):
        right[target] = {form}
    formed = list(zip(pairs, grader.canonical(asked_of(pairs)), strict=True))
    for pair, form in formed:
        if pair.is_equal:
            right[pair.target].add(form)
    return [pair for pair, form in formed if not pair.is_equal and form in right[pair.target]]


def examine(grader: MathGrader, pairs: list[Pair]) -> None:
    verdicts = grader.grade(asked_of(pairs))
    judged = list(zip(pairs, verdicts, strict=True))
    assert [pair for pair, verdict in judged if verdict == "correct" and not pair.is_equal] == []
    assert false_joins(grader, pairs) == []
    wrong = [pair for pair, verdict in judged if pair.is_equal and verdict != "correct"]
    assert len(wrong) <= 0.03 * len(pairs), wrong


def test_a_few_pairs_of_every_kind(grader: MathGrader) -> None:
    # Of kinds that need algebra too few to tell shares by: none is wrong.
    examine(grader, answer_pairs(each=6, seed=11))


@pytest.mark.slow  # half a minute of algebra
@pytest.mark.parametrize("seed", [0, 1])
def test_three_thousand_pairs(grader: MathGrader, seed: int) -> None:
    examine(grader, answer_pairs(each=90, seed=seed))


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (r"-3+\frac12", r"-\frac52"),
        (r"-3-\frac12", r"-\frac72"),
        (r"-3\frac12", r"-\frac72"),
        (r"5-\frac{1}{2}", r"\frac92"),
        (r"3+\frac12", r"\frac72"),
    ],
)
def test_a_sum_is_no_mixed_number(grader: MathGrader, answer: str, value: str) -> None:
    question = Question("q", "?", value)
    assert grader.grade([(question, answer)]) == ["correct"]
    forms = grader.canonical([(question, answer), (question, value)])
    assert forms[0] == forms[1]


def test_a_class_has_one_verdict(grader: MathGrader) -> None:
    # Every target of a kind is asked of every answer of that kind: near misses of others.
    for _, those in groupby(answer_pairs(each=8, seed=3), key=lambda pair: pair.kind):
        mine = list(those)
        targets = dict.fromkeys(pair.target for pair in mine)
        asked = [(Question("q", "?", target), pair.answer) for target in targets for pair in mine]
        verdicts: dict[tuple[str, str], set[str]] = {}
        forms = grader.canonical(asked)
        for (question, _), form, verdict in zip(asked, forms, grader.grade(asked), strict=True):
            verdicts.setdefault((question.target, form), set()).add(verdict)
        assert {pair: few for pair, few in verdicts.items() if len(few) > 1} == {}
