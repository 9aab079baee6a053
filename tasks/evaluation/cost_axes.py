"""The policy of a run along every axis on which its costs are known (METHOD §9, §12)."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import polars as pl

from tasks.asking.costs import Rates, Spent, costs
from tasks.evaluation.rates import load_rates
from tasks.runs.outcomes import load_bins, load_difficulties
from tasks.runs.run import Run
from tasks.statistics.axes import AXES, TOKEN_BUDGETS, Axis, Limits
from tasks.statistics.cost_axes import fit_costs
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.statistics.outcomes import SAME_COST
from tasks.strategies import Strategy
from warehouse.store import Store

_OF_OUTCOMES = ("question_id", "strategy", "budget", "accuracy", "truncated", "no_answer")
"""What the policy along a cost is fitted on, besides the cost."""

_FACTORS = ("factor", "factor_lo", "factor_hi", "beyond")

# With the pseudo-strategy `pass`: a plain completion is the unit that limits double from.
_OUTCOMES = "SELECT * FROM outcomes WHERE run_id = $run_id ORDER BY question_id, strategy, budget"
_PROBINGS = """
SELECT question_id, draws, generated_tokens, prompt_tokens, verifier_tokens, latency_tokens
FROM probings JOIN probes USING (run_id) WHERE run_id = $run_id
"""


Fitted = Iterator[tuple[str, pl.DataFrame]]
"""Rows, each with the table that they are of."""


def fit_cost_axes(store: Store, run: Run) -> Fitted:
    """The policy and its curve along every axis on which the cost of all outcomes is known.

    Difficulty counts as known, except by a probe: its draws are paid for. A pool strategy goes on
    from them (it pays for those it would not have drawn or scored itself), any other pays for all.
    """
    outcomes = store.read(_OUTCOMES, run_id=run.run_id)
    for difficulty in load_difficulties(store, run.run_id):
        none = [0.0] * len(outcomes)
        extra = pl.DataFrame({axis.column: none for axis in AXES.values()})
        # Only a probe is drawn for the question itself; what the other kinds take is known before.
        if DIFFICULTIES[difficulty].price == "probe":
            probings = store.read(_PROBINGS, run_id=run.run_id)
            extra = probe_costs(run, outcomes, probings, load_rates(store, run))
        for name, axis in AXES.items():
            alone = outcomes.select(*_OF_OUTCOMES, alone=axis.column)
            priced = alone.with_columns(cost=alone["alone"] + extra[axis.column])
            unit = _plain_cost(outcomes, axis)
            if unit and not priced["cost"].has_nulls():
                yield from _fit_axis(
                    store, run, priced, unit=unit, axis=name, difficulty=difficulty
                )
        yield from _fit_token_budgets(store, run, outcomes, extra["generated_tokens"], difficulty)


def probe_costs(
    run: Run, outcomes: pl.DataFrame, probings: pl.DataFrame, rates: Rates
) -> pl.DataFrame:
    """What the probe adds to each of the outcomes, in their order: their cost columns.

    NULL where that is unknown.
    """
    probed = {row["question_id"]: row for row in probings.to_dicts()}
    strategies = {key: run.study.strategy(key) for key in _keys(outcomes)}
    rows: list[dict[str, float]] = []
    for outcome in outcomes.to_dicts():
        probe = _with_nan(probed[outcome["question_id"]])
        strategy = strategies.get(outcome["strategy"])
        # Only one that chooses from the study's own pool goes on from the probe's draws.
        pool = strategy if strategy and strategy.shares_pool else None
        share = _share_beyond(outcome, probe, pool)
        spent = _probe_spent(
            _with_nan(outcome),
            probe,
            share=share,
            is_pool=pool is not None,
        )
        if pool and pool.small is not None:
            # What is passed on waits for the probe, however few draws of its own the strategy has.
            spent = spent._replace(latency=probe["latency_tokens"])
        rows.append(costs(run.generator, run.verifier, probe["draws"] * share, spent, rates))
    return pl.DataFrame(rows).fill_nan(None)


def _with_nan(row: dict[str, Any]) -> dict[str, Any]:
    """With NaN for what nobody told, so that all that rests on it is NaN too."""
    return {key: math.nan if value is None else value for key, value in row.items()}


def _share_beyond(
    outcome: dict[str, Any], probe: dict[str, Any], strategy: Strategy | None
) -> float:
    """Share of the probe's draws that a pool strategy would not have made itself; None: none is."""
    if strategy is None:
        return 1.0
    # The probe's draws are a pool's first ones: what it draws itself is not added again. Draws of
    # a larger model are none of these.
    own = outcome["generations"] if strategy.small is None else strategy.small
    return min(max(1 - own / probe["draws"], 0.0), 1.0)


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


def _fit_token_budgets(
    store: Store, run: Run, outcomes: pl.DataFrame, extra: pl.Series, difficulty: str
) -> Fitted:
    """The policy at the study's budgets in tokens, those that every bin can pay.

    Strategies that choose from a pool draw one after the other up to the budget; any other may be
    used at a budget in generations whose mean tokens are within it.
    """
    if outcomes["generated_tokens"].has_nulls():
        return
    whole = outcomes.with_columns(extra=extra)
    runs = [key for key in _keys(outcomes) if not run.study.strategy(key).draws_in_turn]
    searches = _capped(whole.filter(pl.col("strategy").is_in(runs)))
    for place, budget in enumerate(run.study.token_budgets):
        pools = _load_capped(store, run, budget, difficulty)
        priced = pl.concat([searches, _capped(pools)])
        limits = Limits(range(place, place + 1), [float(budget)])
        if _is_payable(priced, load_bins(store, run.run_id, difficulty), budget):
            name = TOKEN_BUDGETS
            yield from _fit_axis(store, run, priced, unit=limits, axis=name, difficulty=difficulty)


def _keys(outcomes: pl.DataFrame) -> list[str]:
    """Of the strategies, without coverage, by name."""
    return outcomes.filter(pl.col("strategy") != "pass")["strategy"].unique().sort().to_list()


def _capped(rows: pl.DataFrame) -> pl.DataFrame:
    """What a policy in tokens is fitted on."""
    alone = pl.col("generated_tokens")
    # Whole numbers and means of them alike.
    return rows.select(
        *_OF_OUTCOMES, alone=alone.cast(pl.Float64), cost=alone + pl.col("extra").cast(pl.Float64)
    )


_CAPPED = """
SELECT capped.question_id, capped.strategy, whole.budget, capped.accuracy, whole.truncated,
    whole.no_answer, capped.generations, capped.generated_tokens,
    0e0 AS verifier_tokens, 0e0 AS latency_tokens
FROM token_outcomes AS capped JOIN outcomes AS whole USING (run_id, strategy, question_id)
WHERE capped.run_id = $run_id AND token_budget = $budget AND whole.budget = $most
ORDER BY question_id, strategy
"""


def _load_capped(store: Store, run: Run, budget: int, difficulty: str) -> pl.DataFrame:
    """Pool strategies under one budget in tokens; their budget is what they may draw at most."""
    most = max(run.study.budgets)
    rows = store.read(_CAPPED, run_id=run.run_id, budget=budget, most=most)
    if DIFFICULTIES[difficulty].price != "probe":
        return rows.with_columns(extra=pl.lit(0.0))
    probings = store.read(_PROBINGS, run_id=run.run_id)
    extra = probe_costs(run, rows, probings, {})
    return rows.with_columns(extra=extra["generated_tokens"])


def _is_payable(priced: pl.DataFrame, bins: pl.DataFrame, budget: int) -> bool:
    """Whether every bin has a cell whose mean tokens are within the budget."""
    means = priced.join(bins, on="question_id").group_by("bin", "strategy", "budget")
    cheapest = means.agg(pl.col("cost").mean()).group_by("bin").agg(pl.col("cost").min())
    return bool((cheapest["cost"] <= budget * (1 + SAME_COST)).all())


def _fit_axis(
    store: Store,
    run: Run,
    priced: pl.DataFrame,
    *,
    unit: float | Limits,
    axis: str,
    difficulty: str,
) -> Fitted:
    """One axis under one difficulty."""
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
    yield "cost_policies", fitted.table.with_columns(**columns)
    curve = fitted.curve
    if isinstance(unit, Limits):
        # The baseline is there at the same limit alone: of one figure no other can be read off.
        curve = curve.with_columns(pl.lit(None).alias(name) for name in _FACTORS)
    yield "cost_curves", curve.with_columns(**columns, baseline=baseline)
