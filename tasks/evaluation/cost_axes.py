"""The policy of a run when it is paid for in FLOPs or in seconds (METHOD §9), probe included."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import polars as pl

from tasks.engines.pace import seconds_a_token
from tasks.models.version import Model
from tasks.runs.outcomes import load_bins, load_difficulties
from tasks.runs.run import Run
from tasks.statistics.cost_axes import fit_costs
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.strategies import parse
from warehouse.store import Store

Prices = Mapping[str, float | None]
"""Cost of a token by the model's fingerprint; None: unknown."""

_OUTCOMES = """
SELECT question_id, strategy, budget, accuracy, generations, generated_tokens, verifier_tokens, flops
FROM outcomes WHERE run_id = $run_id
"""


def fit_cost_axes(store: Store, run: Run) -> None:
    """Write the policy and its curve along FLOPs and, where the models' pace was measured, seconds.

    Difficulty counts as known, except by a probe: its draws are paid for. A pool strategy goes on from them (it pays
    for those it would not have drawn or scored itself), any other pays for all.
    """
    outcomes = store.read(_OUTCOMES, run_id=run.run_id)
    models = [one for one in (run.generator, run.verifier, run.reviser, run.judge) if one]
    paces = {one.fingerprint: seconds_a_token(store, run.run_id, one) for one in models}
    work = {one.fingerprint: 2.0 * one.parameters for one in models}
    probing = _probing(store, run, outcomes)
    kinds = load_difficulties(store, run.run_id)
    for axis, alone, prices in (
        ("flops", pl.col("flops"), work),
        ("seconds", _seconds(run, outcomes, paces), paces),
    ):
        priced = probing.with_columns(
            alone=alone, probe=_probe(run, prices, prompts=axis == "flops")
        )
        for difficulty in kinds:
            _fit_one(store, run, _Axis(axis, difficulty), priced)


class _Axis(NamedTuple):
    axis: str
    difficulty: str


def _probing(store: Store, run: Run, outcomes: pl.DataFrame) -> pl.DataFrame:
    """The outcomes with the tokens that a probe adds to each: `more_generated`, `more_prompt`, `more_verifier`."""
    took = store.read(
        "SELECT probings.* EXCLUDE (run_id) RENAME (generated_tokens AS generated, prompt_tokens AS prompt, "
        "verifier_tokens AS verifier), draws FROM probings JOIN probes USING (run_id) WHERE run_id = $run_id",
        run_id=run.run_id,
    )
    pools = [
        key for key in outcomes["strategy"].unique() if key != "pass" and parse(key).kind == "pool"
    ]
    pool = pl.col("strategy").is_in(pools)
    left = (
        pl.when(pool).then((1 - pl.col("generations") / pl.col("draws")).clip(0, 1)).otherwise(1.0)
    )
    scoring = pool & (pl.col("verifier_tokens") > 0)
    return outcomes.join(took, on="question_id", how="left").with_columns(
        more_generated=pl.col("generated") * left,
        more_prompt=pl.when(pool).then(0).otherwise(pl.col("prompt")),
        more_verifier=pl.col("verifier") * pl.when(scoring).then(left).otherwise(1.0),
    )


def _probe(run: Run, prices: Prices, *, prompts: bool) -> pl.Expr:
    """What the probe adds to a question's cost; NULL where a price is unknown."""
    written = pl.col("more_generated") + (pl.col("more_prompt") if prompts else 0)
    return _paid(written, run.generator, prices) + _paid(
        pl.col("more_verifier"), run.verifier, prices
    )


def _seconds(run: Run, outcomes: pl.DataFrame, paces: Prices) -> pl.Expr:
    """Seconds of engine time that each outcome takes at the measured paces; NULL where one is unknown."""
    keys = outcomes["strategy"].unique().to_list()
    models = {
        key: (run.generator, None) if key == "pass" else run.models(parse(key)) for key in keys
    }
    written, judged = pl.col("generated_tokens"), pl.col("verifier_tokens")
    taken = {
        key: _paid(written, writer, paces) + _paid(judged, judge, paces)
        for key, (writer, judge) in models.items()
    }
    return pl.coalesce(
        pl.when(pl.col("strategy") == key).then(seconds) for key, seconds in taken.items()
    )


def _paid(tokens: pl.Expr, model: Model | None, prices: Prices) -> pl.Expr:
    """Price of so many tokens; 0 for none, even where the price is unknown."""
    price = prices[model.fingerprint] if model else None
    return pl.when(tokens > 0).then(tokens * pl.lit(price, dtype=pl.Float64)).otherwise(0.0)


def _fit_one(store: Store, run: Run, axis: _Axis, priced: pl.DataFrame) -> None:
    """Write one axis under one difficulty; nothing where a cost is unknown."""
    # Only a probe is drawn for the question itself; what the other kinds take is known beforehand.
    probed = DIFFICULTIES[axis.difficulty].price == "probe"
    extra = pl.col("probe") if probed else pl.lit(0.0)
    costs = priced.select(
        "question_id", "strategy", "budget", "accuracy", "alone", cost=pl.col("alone") + extra
    )
    unit = _unit(costs)
    if costs["cost"].has_nulls() or not unit:
        return
    binned = load_bins(store, run.run_id, axis.difficulty)
    baseline, seed = run.study.baseline, run.study.seed
    fitted = fit_costs(
        costs.filter(pl.col("strategy") != "pass"), binned, unit=unit, baseline=baseline, seed=seed
    )
    key = {
        "run_id": pl.lit(run.run_id),
        "difficulty": pl.lit(axis.difficulty),
        "axis": pl.lit(axis.axis),
    }
    store.append("cost_policies", fitted.table.with_columns(**key))
    store.append("cost_curves", fitted.curve.with_columns(**key, baseline=pl.lit(baseline)))


def _unit(costs: pl.DataFrame) -> float:
    """Mean cost of one plain completion: a draw of the pool, unscored."""
    plain = costs.filter(pl.col("strategy") == "pass")
    least = plain.filter(pl.col("budget") == plain["budget"].min())
    return float((least["alone"] / least["budget"]).mean() or 0.0)  # pyright: ignore
