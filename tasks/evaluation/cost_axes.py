"""The policy of a run when it is paid for in FLOPs or in seconds (METHOD §9), probe included."""

from __future__ import annotations

from collections.abc import Mapping

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

# With the pseudo-strategy `pass`: a plain completion is the unit that budgets double from.
_OUTCOMES = """
SELECT question_id, strategy, budget, accuracy, generations, generated_tokens, verifier_tokens,
    flops, truncated, no_answer
FROM outcomes WHERE run_id = $run_id
"""

_OF_OUTCOMES = ("question_id", "strategy", "budget", "accuracy", "truncated", "no_answer")
"""What the policy along a cost is fitted on, besides the cost."""

_PROBINGS = """
SELECT question_id, draws, generated_tokens AS generated, prompt_tokens AS prompt,
    verifier_tokens AS verifier
FROM probings JOIN probes USING (run_id) WHERE run_id = $run_id
"""


def fit_cost_axes(store: Store, run: Run) -> None:
    """Write the policy and its curve along FLOPs and, where the models' pace is known, seconds.

    Difficulty counts as known, except by a probe: its draws are paid for. A pool strategy goes on
    from them (it pays for those it would not have drawn or scored itself), any other pays for all.
    """
    outcomes = store.read(_OUTCOMES, run_id=run.run_id)
    with_probe = _add_probe(outcomes, store.read(_PROBINGS, run_id=run.run_id))
    models = [one for one in (run.generator, run.verifier, run.reviser, run.judge) if one]
    # A forward pass takes two FLOPs a parameter and token: one multiplication, one addition.
    work = {one.fingerprint: one.flops_a_token for one in models}
    paces = {one.fingerprint: seconds_a_token(store, run.run_id, one) for one in models}
    alone = {"flops": pl.col("flops"), "seconds": _seconds(run, outcomes, paces)}
    # A measured pace has the reading of prompts in it; FLOPs count them token by token.
    probe = {
        "flops": _probe_cost(run, work, prompts=True),
        "seconds": _probe_cost(run, paces, prompts=False),
    }
    for axis, cost in alone.items():
        priced = with_probe.with_columns(alone=cost, probe=probe[axis])
        for difficulty in load_difficulties(store, run.run_id):
            _fit_axis(store, run, priced, axis=axis, difficulty=difficulty)


def _add_probe(outcomes: pl.DataFrame, probings: pl.DataFrame) -> pl.DataFrame:
    """The outcomes with the tokens that a probe adds to each.

    Columns `more_generated`, `more_prompt`, `more_verifier`.
    """
    keys = outcomes["strategy"].unique()
    pools = [key for key in keys if key != "pass" and parse(key).kind == "pool"]
    is_pool = pl.col("strategy").is_in(pools)
    # The probe's draws are a pool's first ones: what it draws itself is not added again.
    beyond = (1 - pl.col("generations") / pl.col("draws")).clip(0, 1)
    share = pl.when(is_pool).then(beyond).otherwise(1.0)
    # A pool strategy that asks no verifier still pays for all scores that the probe was read by.
    scores_itself = is_pool & (pl.col("verifier_tokens") > 0)
    return outcomes.join(probings, on="question_id", how="left").with_columns(
        more_generated=pl.col("generated") * share,
        # A pool has read the prompt anyway.
        more_prompt=pl.when(is_pool).then(0).otherwise(pl.col("prompt")),
        more_verifier=pl.col("verifier") * pl.when(scores_itself).then(share).otherwise(1.0),
    )


def _probe_cost(run: Run, prices: Prices, *, prompts: bool) -> pl.Expr:
    """What the probe adds to a question's cost; NULL where a price is unknown."""
    written = pl.col("more_generated") + (pl.col("more_prompt") if prompts else 0)
    drawing = _paid(written, run.generator, prices)
    return drawing + _paid(pl.col("more_verifier"), run.verifier, prices)


def _seconds(run: Run, outcomes: pl.DataFrame, paces: Prices) -> pl.Expr:
    """Seconds of engine time that each outcome takes at the measured paces; NULL: one unknown."""
    written = pl.col("generated_tokens")
    judged = pl.col("verifier_tokens")

    def seconds_of(key: str) -> pl.Expr:
        writer, judge = (run.generator, None) if key == "pass" else run.models(parse(key))
        return _paid(written, writer, paces) + _paid(judged, judge, paces)

    # Strategies that revise ask other models, at another pace.
    return pl.coalesce(
        pl.when(pl.col("strategy") == key).then(seconds_of(key))
        for key in outcomes["strategy"].unique().to_list()
    )


def _paid(tokens: pl.Expr, model: Model | None, prices: Prices) -> pl.Expr:
    """Price of so many tokens; 0 for none, even where the price is unknown."""
    price = prices[model.fingerprint] if model else None
    return pl.when(tokens > 0).then(tokens * pl.lit(price, dtype=pl.Float64)).otherwise(0.0)


def _fit_axis(store: Store, run: Run, priced: pl.DataFrame, *, axis: str, difficulty: str) -> None:
    """Write one axis under one difficulty; nothing where a cost is unknown."""
    costs = _total_costs(priced, difficulty)
    unit = _plain_cost(costs)
    if costs["cost"].has_nulls() or not unit:
        return
    fitted = fit_costs(
        costs.filter(pl.col("strategy") != "pass"),
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


def _total_costs(priced: pl.DataFrame, difficulty: str) -> pl.DataFrame:
    """The columns of _OF_OUTCOMES, and alone, cost: what each outcome costs in all."""
    # Only a probe is drawn for the question itself; what the other kinds take is known beforehand.
    is_probed = DIFFICULTIES[difficulty].price == "probe"
    extra = pl.col("probe") if is_probed else pl.lit(0.0)
    cost = pl.col("alone") + extra
    return priced.select(*_OF_OUTCOMES, "alone", cost=cost)


def _plain_cost(costs: pl.DataFrame) -> float:
    """Mean cost of one plain completion: a draw of the pool, unscored."""
    plain = costs.filter(pl.col("strategy") == "pass")
    least = plain.filter(pl.col("budget") == plain["budget"].min())
    mean = (least["alone"] / least["budget"]).mean()
    return float(mean or 0.0)  # pyright: ignore
