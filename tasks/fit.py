"""Difficulty bins and the compute-optimal policy of a run, from its outcomes."""

from __future__ import annotations

import asyncio
from pathlib import Path

import polars as pl

from tasks.reading import Reader
from tasks.replay import replayed
from tasks.runs import Run, note, stage
from tasks.statistics.difficulty import bins, oracle_values, predicted_values
from tasks.statistics.policy import fit_policy
from warehouse.store import Store

FAILURES = 0.05
"""Share of failed verifier calls above which nothing is published."""


def bin_difficulty(folder: Path, run_id: str) -> int:
    """Cut the questions into five bins, by the targets (oracle) and by the verifier alone (predicted).

    The draws are those of role difficulty, never those that accuracy is measured on (METHOD §6 a).
    Returns how many rows are new: none while outcomes are missing.
    """
    with stage(folder, run_id, "bin_difficulty") as (store, run):
        if missing_outcomes(store, run_id):
            return 0
        draws = asyncio.run(_difficulty_draws(store, run))
        values = {"oracle": oracle_values(draws)}
        if run.verifier:
            values["predicted"] = predicted_values(draws)
        return sum(
            store.append("bins", bins(frame).with_columns(run_id=pl.lit(run_id), difficulty=pl.lit(difficulty)))
            for difficulty, frame in values.items()
        )


async def _difficulty_draws(store: Store, run: Run) -> pl.DataFrame:
    asking, reader = replayed(store, run), Reader(store, run)
    rows = [
        (question.question_id, read.correct, read.score)
        for question in run.benchmark.questions
        for read in await reader.read(asking.proposing.scorer, await asking.difficulty(question))
    ]
    schema = {"question_id": pl.String, "correct": pl.Boolean, "score": pl.Float64}
    return pl.DataFrame(rows, schema=schema, orient="row")


def fit(folder: Path, run_id: str) -> str | None:
    """Fit and write policy, cross-validated curve and efficiency factor for each difficulty.

    Returns what is missing when the run is incomplete (nothing is written then), else None.
    """
    with stage(folder, run_id, "fit_policy") as (store, run):
        missing = missing_outcomes(store, run_id) or missing_scores(store, run)
        if missing:
            note(store, run_id, "incomplete", missing)
            return missing
        outcomes = store.read(
            "SELECT question_id, strategy, budget, accuracy, flops FROM outcomes "
            "WHERE run_id = $run_id AND strategy <> 'pass'",
            run_id=run_id,
        )
        for difficulty in ("oracle", "predicted") if run.verifier else ("oracle",):
            _fit_one(store, run, difficulty, outcomes)
        note(store, run_id, "complete")
        store.publish_snapshot()
        return None


def _fit_one(store: Store, run: Run, difficulty: str, outcomes: pl.DataFrame) -> None:
    binned = store.read(
        "SELECT question_id, bin FROM bins WHERE run_id = $run_id AND difficulty = $difficulty",
        run_id=run.run_id,
        difficulty=difficulty,
    )
    fitted = fit_policy(
        outcomes, binned, costs_order=("flops",), baseline=run.study.baseline,
        seed=run.study.seed,
    )  # fmt: skip
    key = {"run_id": pl.lit(run.run_id), "difficulty": pl.lit(difficulty)}
    store.append("policies", fitted.table.with_columns(**key))
    store.append("curves", fitted.curve.with_columns(**key))
    store.append("efficiencies", fitted.efficiency.with_columns(**key, baseline=pl.lit(run.study.baseline)))


def missing_scores(store: Store, run: Run) -> str | None:
    """One sentence when the verifier failed on too many completions to trust what rests on it."""
    failed, reason = store.read(
        "SELECT count(*), mode(reason) FROM verifier_failures WHERE run_id = $run_id", run_id=run.run_id
    ).row(0)
    scored = store.read("SELECT count(*) FROM scores WHERE run_id = $run_id", run_id=run.run_id).item()
    if failed <= FAILURES * (failed + scored):
        return None
    return f"the verifier failed {failed} times ({reason}), more than {FAILURES:.0%} of calls; mend it and run again"


def missing_outcomes(store: Store, run_id: str) -> str | None:
    """One sentence on the cells that lack questions; None for a complete run."""
    rows = store.read(
        "SELECT c.strategy, c.budget, count(*) AS missing FROM run_cells c JOIN run_questions q USING (run_id) "
        "ANTI JOIN outcomes o ON o.run_id = c.run_id AND o.strategy = c.strategy AND o.budget = c.budget "
        "AND o.question_id = q.question_id WHERE c.run_id = $run_id GROUP BY ALL ORDER BY missing DESC",
        run_id=run_id,
    )
    if not len(rows):
        return None
    strategy, budget, count = rows.row(0)
    return f"{len(rows)} cells lack outcomes, {strategy} at budget {budget} on {count} questions; run the study again"
