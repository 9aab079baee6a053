"""Rounds of one family side by side on the same questions, each against the first model."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.publication.summary import COVERAGE
from tasks.publication.words import model_short_name
from tasks.runs.loading import load_run
from tasks.runs.run import Run
from tasks.statistics.intervals import Floats
from tasks.statistics.comparisons import paired_difference
from tasks.strategies.names import short_names
from tasks.versions.version import Version, version_of, worth_of_run
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
    verdict: str | None
    """`better`, `worse`, or `no difference` where the 95 % interval holds 0."""


def round_rows(store: Store, run_ids: Sequence[str]) -> list[Row]:
    """Every figure of every round, round 0 being the first run; UserError unless all ran on the same questions."""
    runs = [load_run(store, run_id) for run_id in run_ids]
    if len({run.benchmark.fingerprint for run in runs}) > 1:
        raise UserError(
            "versions: expected runs on the same questions, got several benchmarks; evaluate them alike"
        )
    versions = [version_of(store, run_id) for run_id in run_ids]
    measured = [figures(store, run) for run in runs]
    return [
        _row(figure, number, versions[number], accuracy=one[figure], first=measured[0][figure])
        for figure in measured[0]
        for number, one in enumerate(measured)
    ]


def _row(figure: str, number: int, version: Version, *, accuracy: Floats, first: Floats) -> Row:
    named = (
        figure,
        number,
        version.version,
        model_short_name(version.model),
        version.run_id,
        float(accuracy.mean()),
    )
    if number == 0:
        return Row(*named, None, None, None, None)
    found = paired_difference(accuracy, first, seed=0).estimate
    verdict = "better" if found.lo > 0 else "worse" if found.hi < 0 else "no difference"
    return Row(*named, found.value, found.lo, found.hi, verdict)


def figures(store: Store, run: Run) -> dict[str, Floats]:
    """Accuracy of each question, in the order of their ids, under every figure that rounds are compared by.

    One draw; the baseline, and the cross-validated policy, at the headline budgets; and greedy decoding.
    """
    outcomes = store.read(
        "SELECT * FROM outcomes WHERE run_id = $run_id ORDER BY question_id", run_id=run.run_id
    )

    def measured(strategy: str, budget: int) -> Floats:
        cell = outcomes.filter(pl.col("strategy") == strategy, pl.col("budget") == budget)
        return cell["accuracy"].to_numpy().astype(np.float64)

    baseline, least, headline = run.study.baseline, run.study.budgets[0], run.study.headline_budgets
    policy = worth_of_run(store, run.run_id)
    return {
        f"pass@{least}": measured(COVERAGE, least),
        **{
            f"{short_names([baseline])[baseline]} at {budget}": measured(baseline, budget)
            for budget in headline
        },
        **{f"policy at {budget}": policy.accuracy[:, policy.at(budget)] for budget in headline},
        "greedy": _greedy(run),
    }


def _greedy(run: Run) -> Floats:
    from tasks.training.distill import greedy

    asked = sorted(run.benchmark.questions, key=lambda question: question.question_id)
    written = greedy(run.generator.folder, [run.format.prompt(question) for question in asked])
    answers = [run.format.answer(run.format.tokenizer.decode(ids)) for ids in written]
    canonical = run.grader.canonical
    right = [
        answer is not None and canonical(answer) == canonical(question.target)
        for answer, question in zip(answers, asked, strict=True)
    ]
    return np.array(right, dtype=np.float64)
