"""What a policy is worth to those who ask it: the controller over a run's stored draws."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import NamedTuple

import polars as pl

from tasks.asking.replay import replay_questions
from tasks.benchmarks.question import Question
from tasks.runs.run import Run
from tasks.serving.controller import Controller, Solved
from tasks.serving.policy import load_policy
from tasks.serving.probe import load_probe
from tasks.statistics.intervals import wilson
from warehouse.store import Store


class Answered(NamedTuple):
    """One question of the run as the controller answers it."""

    question: Question
    solved: Solved


def replay_answers(store: Store, run: Run, budgets: Sequence[int]) -> list[Answered]:
    """Every question of the run at every budget, from stored draws alone.

    MissingDraws when one is not there.
    """
    _, policy = load_policy(store, run)
    probe = load_probe(store, run.run_id)

    async def everything() -> list[Answered]:
        answered: list[Answered] = []
        for question, asking in replay_questions(store, run):
            controller = Controller(asking, policy, probe)
            for budget in budgets:
                solved = await controller.solve(question, budget)
                answered.append(Answered(question, solved))
        return answered

    return asyncio.run(everything())


def accuracy_of_answers(store: Store, run: Run, answers: Sequence[Answered]) -> pl.DataFrame:
    """(budget, accuracy, lo, hi, generations, questions) of the answers that were served.

    Generations are the mean a question, the probe's included. In sample: the policy was fitted on
    these questions.
    """
    is_correct = _are_correct(store, run, answers)
    rows = [
        (one.solved.budget, correct, one.solved.cost.generations)
        for one, correct in zip(answers, is_correct, strict=True)
    ]
    served = pl.DataFrame(rows, schema=["budget", "correct", "generations"], orient="row")
    by_budget = served.group_by("budget").agg(
        pl.col("correct").mean().alias("accuracy"), pl.col("generations").mean(), questions=pl.len()
    )
    # An answer is right or wrong, whatever else would have tied with it: a share, with Wilson's
    # interval.
    ends = [
        wilson(accuracy, None, count)
        for accuracy, count in by_budget.select("accuracy", "questions").iter_rows()
    ]
    lo = pl.Series([one.lo for one in ends])
    hi = pl.Series([one.hi for one in ends])
    return by_budget.with_columns(lo=lo, hi=hi).sort("budget")


def _are_correct(store: Store, run: Run, answers: Sequence[Answered]) -> list[bool]:
    """Whether each answer that was served is right.

    By its own form: another member of the class that won may be judged otherwise.
    """
    correct = _correct_answers(store, run)
    given = [(one.question, one.solved.answer) for one in answers]
    served = [(question, answer) for question, answer in given if answer is not None]
    forms = iter(run.grader.canonical(served))
    return [
        answer is not None and (question.question_id, next(forms)) in correct
        for question, answer in given
    ]


def _correct_answers(store: Store, run: Run) -> set[tuple[str, str]]:
    """(question id, canonical answer) of what the run's grader called correct."""
    rows = store.read(
        "SELECT question_id, canonical FROM grades "
        "WHERE benchmark_fingerprint = $benchmark AND grader = $grader AND verdict = 'correct'",
        benchmark=run.benchmark.fingerprint,
        grader=run.grader.version,
    )
    return set(rows.iter_rows())  # pyright: ignore[reportReturnType]
