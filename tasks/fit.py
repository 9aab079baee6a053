"""The compute-optimal policy of a run, from its outcomes and bins."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tasks.axes import fit_cost_axes
from tasks.runs import Run, note, stage
from tasks.statistics.fleet import fleet
from tasks.statistics.policy import Estimation, fit_policy
from tasks.strategies import parse
from tasks.study import Study
from warehouse.store import Store

FAILURES = 0.05
"""Share of failed verifier calls above which nothing is published."""


def fit(folder: Path, run_id: str) -> str | None:
    """Fit and write policy, cross-validated curve and efficiency factor for each difficulty that has bins.

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
        kinds = store.read("SELECT DISTINCT difficulty FROM bins WHERE run_id = $run_id ORDER BY ALL", run_id=run_id)
        for difficulty in kinds["difficulty"]:
            _fit_one(store, run, difficulty, outcomes)
        fit_cost_axes(store, run)
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
        outcomes, binned, costs_order=("flops",), baseline=run.study.baseline, seed=run.study.seed,
        last=_last_table(store, run, difficulty), estimation=estimation(run.study, difficulty),
    )  # fmt: skip
    key = {"run_id": pl.lit(run.run_id), "difficulty": pl.lit(difficulty)}
    store.append("policies", fitted.table.with_columns(**key))
    store.append("curves", fitted.curve.with_columns(**key))
    uneven = fleet(outcomes, binned, costs_order=("flops",), seed=run.study.seed)
    store.append("allocations", uneven.with_columns(**key))
    store.append("efficiencies", fitted.efficiency.with_columns(**key, baseline=pl.lit(run.study.baseline)))


def _last_table(store: Store, run: Run, difficulty: str) -> pl.DataFrame:
    """(bin, budget, strategy) of the family's newest complete run before this one, of its study on its questions."""
    return store.read(
        "SELECT bin, budget, strategy FROM policies WHERE difficulty = $difficulty AND run_id = ("
        "SELECT its.run_id FROM complete_runs AS done JOIN runs AS its USING (run_id) "
        "JOIN runs AS this ON this.study = done.study AND this.benchmark_fingerprint = done.benchmark_fingerprint "
        "AND coalesce(this.family, this.model) = done.family AND its.opened_at < this.opened_at "
        "WHERE this.run_id = $run_id ORDER BY its.opened_at DESC, its.run_id DESC LIMIT 1)",
        run_id=run.run_id,
        difficulty=difficulty,
    )


def estimation(study: Study, difficulty: str) -> Estimation:
    """What binning a question costs: a probe's draws are the first of any pool strategy that follows."""
    if difficulty != "probe":
        return Estimation(study.difficulty_draws)
    pools = frozenset(one.key for one in map(parse, study.strategies) if one.kind == "pool")
    return Estimation(study.probe_draws, reused_by=pools)


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
