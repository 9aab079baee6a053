"""The policy of a run along every axis on which its costs are known (METHOD §9, §12)."""

from __future__ import annotations

import math
from typing import Any

import polars as pl

from tasks.asking.costs import Rates, Spent, costs
from tasks.evaluation.rates import load_rates
from tasks.runs.outcomes import load_bins, load_difficulties
from tasks.runs.run import Run
from tasks.statistics.axes import AXES, Axis
from tasks.statistics.cost_axes import fit_costs
from tasks.statistics.difficulty import DIFFICULTIES
from warehouse.store import Store

_OF_OUTCOMES = ("question_id", "strategy", "budget", "accuracy", "truncated", "no_answer")
"""What the policy along a cost is fitted on, besides the cost."""

# With the pseudo-strategy `pass`: a plain completion is the unit that limits double from.
_OUTCOMES = "SELECT * FROM outcomes WHERE run_id = $run_id ORDER BY question_id, strategy, budget"
_PROBINGS = """
SELECT question_id, draws, generated_tokens, prompt_tokens, verifier_tokens, latency_tokens
FROM probings JOIN probes USING (run_id) WHERE run_id = $run_id
"""


def fit_cost_axes(store: Store, run: Run) -> None:
    """Write the policy and its curve along every axis on which the cost of all outcomes is known.

    Difficulty counts as known, except by a probe: its draws are paid for. A pool strategy goes on
    from them (it pays for those it would not have drawn or scored itself), any other pays for all.
    """
    outcomes = store.read(_OUTCOMES, run_id=run.run_id)
    for difficulty in load_difficulties(store, run.run_id):
        extra = pl.DataFrame({axis.column: [0.0] for axis in AXES.values()})
        # Only a probe is drawn for the question itself; what the other kinds take is known before.
        if DIFFICULTIES[difficulty].price == "probe":
            probings = store.read(_PROBINGS, run_id=run.run_id)
            extra = _probe_costs(run, outcomes, probings, load_rates(store, run))
        for name, axis in AXES.items():
            alone = outcomes.select(*_OF_OUTCOMES, alone=axis.column)
            priced = alone.with_columns(cost=alone["alone"] + extra[axis.column])
            unit = _plain_cost(outcomes, axis)
            if unit and not priced["cost"].has_nulls():
                _fit_axis(store, run, priced, unit=unit, axis=name, difficulty=difficulty)


def _probe_costs(
    run: Run, outcomes: pl.DataFrame, probings: pl.DataFrame, rates: Rates
) -> pl.DataFrame:
    """What the probe adds to each of the outcomes, in their order: their cost columns.

    NULL where that is unknown.
    """
    probed = {row["question_id"]: row for row in probings.to_dicts()}
    kinds = {
        key: key != "pass" and run.study.strategy(key).shares_pool
        for key in outcomes["strategy"].unique()
    }
    rows: list[dict[str, float]] = []
    for outcome in outcomes.to_dicts():
        probe = _with_nan(probed[outcome["question_id"]])
        is_pool = kinds[outcome["strategy"]]
        share = _share_beyond(outcome, probe) if is_pool else 1.0
        spent = _probe_spent(_with_nan(outcome), probe, share=share, is_pool=is_pool)
        rows.append(costs(run.generator, run.verifier, probe["draws"] * share, spent, rates))
    return pl.DataFrame(rows).fill_nan(None)


def _with_nan(row: dict[str, Any]) -> dict[str, Any]:
    return {key: math.nan if value is None else value for key, value in row.items()}


def _share_beyond(outcome: dict[str, Any], probe: dict[str, Any]) -> float:
    """Share of the probe's draws that a pool strategy would not have made itself."""
    # The probe's draws are a pool's first ones: what it draws itself is not added again.
    return min(max(1 - outcome["generations"] / probe["draws"], 0.0), 1.0)


def _probe_spent(
    outcome: dict[str, Any], probe: dict[str, Any], *, share: float, is_pool: bool
) -> Spent:
    """What the probe adds to an outcome, of which `share` says how much is drawn beside it."""
    # A pool strategy that asks no verifier still pays for all scores that the probe was read by.
    scores_itself = is_pool and outcome["verifier_tokens"] > 0
    return Spent(
        generated=probe["generated_tokens"] * share,
        # A pool has read the prompt anyway.
        prompt=0.0 if is_pool else probe["prompt_tokens"],
        verifier=probe["verifier_tokens"] * (share if scores_itself else 1.0),
        latency=_probe_latency(outcome, probe, is_pool=is_pool),
    )


def _probe_latency(outcome: dict[str, Any], probe: dict[str, Any], *, is_pool: bool) -> float:
    """What follows the probe waits for it; a pool of no more draws than it has nothing to follow.

    An upper bound for larger pools, whose other draws are fewer than all of them.
    """
    waits = probe["latency_tokens"]
    if is_pool and outcome["generations"] <= probe["draws"]:
        return max(waits - outcome["latency_tokens"], 0.0)
    return waits


def _plain_cost(outcomes: pl.DataFrame, axis: Axis) -> float | None:
    """Mean cost of one plain completion: a draw of the pool, unscored; None: unknown."""
    plain = outcomes.filter(pl.col("strategy") == "pass")
    least = plain.filter(pl.col("budget") == plain["budget"].min())
    mean = (least[axis.plain or axis.column] / least["budget"]).mean()
    return None if mean is None else float(mean)  # pyright: ignore


def _fit_axis(
    store: Store, run: Run, priced: pl.DataFrame, *, unit: float, axis: str, difficulty: str
) -> None:
    """Write one axis under one difficulty."""
    fitted = fit_costs(
        priced.filter(pl.col("strategy") != "pass"),
        load_bins(store, run.run_id, difficulty),
        unit=unit,
        baseline=run.study.baseline,
        seed=run.study.seed,
    )
    key = {"run_id": run.run_id, "difficulty": difficulty, "axis": axis}
    columns = {name: pl.lit(value) for name, value in key.items()}
    baseline = pl.lit(run.study.baseline)
    store.append("cost_policies", fitted.table.with_columns(**columns))
    store.append("cost_curves", fitted.curve.with_columns(**columns, baseline=baseline))
