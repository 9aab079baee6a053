"""The compute-optimal policy of a run, from its outcomes and bins."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import polars as pl

from tasks.evaluation.cost_axes import fit_cost_axes
from tasks.runs.completeness import missing_outcomes, missing_scores
from tasks.runs.events import note, stage
from tasks.runs.outcomes import cost_order, load_bins, load_difficulties, load_outcomes
from tasks.runs.run import Run
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.statistics.fleet import fleet
from tasks.statistics.policy import Estimation, fit_policy
from tasks.study.study import Study
from warehouse.store import Store


def run(folder: Path, run_id: str) -> str | None:
    """Fit and write policy, cross-validated curve and efficiency factor for each difficulty.

    Returns what is missing when the run is incomplete (nothing is written then), else None.
    """
    with stage(folder, run_id, "fit_policy") as (store, run):
        missing = missing_outcomes(store, run_id) or missing_scores(store, run)
        if missing:
            note(store, run_id, "incomplete", missing)
            return missing
        outcomes = load_outcomes(store, run_id)
        parts: dict[str, list[pl.DataFrame]] = defaultdict(list)
        for difficulty in load_difficulties(store, run_id):
            for table, rows in _fit_difficulty(store, run, difficulty, outcomes).items():
                parts[table].append(rows)
        for table, rows in fit_cost_axes(store, run):
            parts[table].append(rows)
        # At once: a write for each would take longer than the fitting.
        store.append_together(
            {table: pl.concat(rows, how="vertical_relaxed") for table, rows in parts.items()}
        )
        # Last: whoever finds a run complete finds its policy too.
        note(store, run_id, "complete")
        # And its answers: no later stage adds to them, so that no later copy need bring them.
        store.publish_snapshot(whole=True)
        return None


def _fit_difficulty(
    store: Store, run: Run, difficulty: str, outcomes: pl.DataFrame
) -> dict[str, pl.DataFrame]:
    """Rows of each table under one difficulty."""
    binned = load_bins(store, run.run_id, difficulty)
    baseline = run.study.baseline
    seed = run.study.seed
    # Between strategies of equal accuracy the one of fewer FLOPs is chosen (METHOD §7).
    order = cost_order(outcomes)
    fitted = fit_policy(
        outcomes,
        binned,
        costs_order=order,
        baseline=baseline,
        seed=seed,
        last=_last_table(store, run, difficulty),
        estimation=estimation(run.study, difficulty),
    )
    uneven = fleet(outcomes, binned, costs_order=order, baseline=baseline, seed=seed)
    key = {"run_id": pl.lit(run.run_id), "difficulty": pl.lit(difficulty)}
    efficiency = fitted.efficiency.with_columns(**key, baseline=pl.lit(baseline))
    return {
        "policies": fitted.table.with_columns(**key),
        "curves": fitted.curve.with_columns(**key),
        "allocations": uneven.with_columns(**key),
        "efficiencies": efficiency,
    }


# By when runs were opened, not by when they were complete: a run that is resumed late still
# follows the one before it.
_LAST_TABLE = """
SELECT bin, budget, strategy FROM policies WHERE difficulty = $difficulty AND run_id = (
    SELECT its.run_id
    FROM complete_runs AS done
    JOIN runs AS its USING (run_id)
    JOIN runs AS this
        ON this.study = done.study AND this.benchmark_fingerprint = done.benchmark_fingerprint
        AND coalesce(this.family, this.model) = done.family AND its.opened_at < this.opened_at
        AND its.grader = this.grader
    WHERE this.run_id = $run_id
    ORDER BY its.opened_at DESC, its.run_id DESC LIMIT 1
)
"""


def _last_table(store: Store, run: Run, difficulty: str) -> pl.DataFrame:
    """(bin, budget, strategy) of the family's newest complete run before this one.

    Of the same study on the same questions, by the same version of the grader: a table is held
    against noise, not against a better judgement. No rows when there is none.
    """
    return store.read(_LAST_TABLE, run_id=run.run_id, difficulty=difficulty)


def estimation(study: Study, difficulty: str) -> Estimation:
    """What binning a question costs, in draws, and which strategies use those draws again."""
    if DIFFICULTIES[difficulty].price == "difficulty":
        return Estimation(study.difficulty_draws)
    # A probe's draws are the first of the study's pool.
    strategies = map(study.strategy, study.strategies)
    most = max(study.budgets)
    pools = {one.key: one.own_draws(most) for one in strategies if one.shares_pool}
    # A probe reads no more than is drawn for difficulty (`bin_difficulty`).
    draws = min(study.probe_draws, study.difficulty_draws)
    return Estimation(draws, reused_by=pools)
