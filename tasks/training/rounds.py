"""Rounds of one family side by side on the same questions, each against the first model."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.publication.summary import COVERAGE
from tasks.publication.words import model_short_name
from tasks.runs.loading import load_run
from tasks.runs.run import Run
from tasks.statistics.arrays import Floats
from tasks.statistics.comparisons import paired_difference
from tasks.strategies.names import short_names
from tasks.versions.version import Version, version_of, worths_of_runs
from warehouse.errors import UserError
from warehouse.store import Store


class Row(NamedTuple):
    """One figure of one version, on all questions; the difference is paired over them."""

    figure: str
    round: int
    """0 is what the others were made from."""
    version: int
    """Its number in its family, as in MLflow."""
    model: str
    run_id: str
    accuracy: float
    difference: float | None
    """To round 0; NULL of round 0 itself."""
    lo: float | None
    hi: float | None
    comparison: str | None
    """`better`, `worse`, or `no difference` where the 95 % interval holds 0."""


def round_rows(store: Store, run_ids: Sequence[str]) -> list[Row]:
    """Every figure of every round, round 0 being the first run.

    UserError unless all ran on the same questions.
    """
    runs = [load_run(store, run_id) for run_id in run_ids]
    if len({run.benchmark.fingerprint for run in runs}) > 1:
        raise UserError(
            "versions: expected runs on the same questions, got several benchmarks; "
            "evaluate them alike"
        )
    versions = [version_of(store, run_id) for run_id in run_ids]
    by_round = [figures(store, run) for run in runs]
    rows: list[Row] = []
    # All rounds of one figure next to each other: that is what is compared.
    for figure, first in by_round[0].items():
        for number, accuracies in enumerate(by_round):
            accuracy = accuracies[figure]
            rows.append(_row(figure, number, versions[number], accuracy=accuracy, first=first))
    return rows


def _row(figure: str, number: int, version: Version, *, accuracy: Floats, first: Floats) -> Row:
    common = (
        figure,
        number,
        version.version,
        model_short_name(version.model),
        version.run_id,
        float(accuracy.mean()),
    )
    if number == 0:
        return Row(*common, None, None, None, None)
    # Paired, because all rounds answered the same questions. One seed: equal data, equal interval.
    difference = paired_difference(accuracy, first, seed=0).estimate
    comparison = "no difference"
    if difference.lo > 0:
        comparison = "better"
    elif difference.hi < 0:
        comparison = "worse"
    return Row(*common, difference.value, difference.lo, difference.hi, comparison)


def figures(store: Store, run: Run) -> dict[str, Floats]:
    """Figure → accuracy of each question, in the order of their ids.

    One draw; the baseline and the cross-validated policy at the headline budgets; greedy decoding.
    """
    outcomes = store.read(
        "SELECT * FROM outcomes WHERE run_id = $run_id ORDER BY question_id", run_id=run.run_id
    )

    def accuracy(strategy: str, budget: int) -> Floats:
        is_strategy = pl.col("strategy") == strategy
        cell = outcomes.filter(is_strategy, pl.col("budget") == budget)
        return cell["accuracy"].to_numpy().astype(np.float64)

    baseline = run.study.baseline
    least = run.study.budgets[0]
    (policy,) = worths_of_runs(store, run.run_id)
    by_figure = {f"pass@{least}": accuracy(COVERAGE, least)}
    for budget in run.study.headline_budgets:
        name = short_names([baseline])[baseline]
        by_figure[f"{name} at {budget}"] = accuracy(baseline, budget)
    for budget in run.study.headline_budgets:
        by_figure[f"policy at {budget}"] = policy.accuracy[:, policy.at(budget)]
    by_figure["greedy"] = _greedy(run)
    return by_figure


def _greedy(run: Run) -> Floats:
    # Imported here: torch loads for seconds, and the command line imports this file.
    from tasks.training.distill import greedy

    # In the order of the outcomes that it stands beside.
    asked = sorted(run.benchmark.questions, key=lambda question: question.question_id)
    prompts = [run.format.prompt(question) for question in asked]
    written = greedy(run.generator.files, prompts)
    texts = [run.format.tokenizer.decode(ids) for ids in written]
    answers = {
        question: answer
        for question, text in zip(asked, texts, strict=True)
        if (answer := run.answer(text)) is not None
    }
    with contextlib.closing(run.grader) as grader:
        graded = dict(zip(answers, grader.grade(answers.items()), strict=True))
    right = [graded.get(question) == "correct" for question in asked]
    return np.array(right, dtype=np.float64)
