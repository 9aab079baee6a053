"""Policies along one axis and along another, and how many times dearer the baseline is there."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics.axes import AXES, Reached, factor_along, ladder_of
from tasks.statistics.cost_axes import CostFit, fit_costs
from tasks.statistics.estimators import Pool, pool_estimates
from tasks.statistics.outcomes import grid_of
from tasks.statistics.selectors import SELECTORS, Candidate

QUESTIONS = 20
BUDGETS = (1, 2, 4)

Rows = list[dict[str, object]]


def binned(bins: int = 2) -> pl.DataFrame:
    names = [f"q{i:02}" for i in range(QUESTIONS)]
    placed = [1 + i * bins // QUESTIONS for i in range(QUESTIONS)]
    return pl.DataFrame({"question_id": names, "bin": placed})


def fit_along(rows: Rows, axis: str, *, unit: float, bins: int = 2) -> CostFit:
    """The policy of outcomes along an axis, difficulty known."""
    column = AXES[axis].column
    outcomes = pl.DataFrame(rows).with_columns(cost=pl.col(column), alone=pl.col(column))
    return fit_costs(outcomes, binned(bins), unit=unit, baseline="majority", resamples=50)


def test_a_policy_by_tokens_is_another_than_that_by_generations() -> None:
    # A generation of `long` takes ten times the tokens of one of majority and is right more often
    # than as many of those, but less often than majority that spends as many tokens.
    accuracy = {("majority", 1): 0.2, ("majority", 2): 0.3, ("majority", 16): 0.7}
    accuracy |= {("long", 1): 0.4, ("long", 2): 0.6}
    each = {"majority": 100.0, "long": 1000.0}
    rows: Rows = [
        {
            "question_id": question,
            "strategy": strategy,
            "budget": budget,
            "accuracy": share,
            "generations": float(budget),
            "generated_tokens": each[strategy] * budget,
        }
        for question in binned()["question_id"]
        for (strategy, budget), share in accuracy.items()
    ]
    by_generations = fit_along(rows, "generations", unit=1.0).table.filter(bin=1)
    by_tokens = fit_along(rows, "tokens", unit=100.0).table.filter(bin=1)
    picks = ("level", "strategy", "budget")
    assert by_generations.select(picks).rows() == [
        (0, "long", 1),
        (1, "long", 2),
        (2, "long", 2),
        (3, "long", 2),
        (4, "majority", 16),
    ]
    # 100 tokens · 2^k: 1,600 pay for one of `long` or for 16 of majority, 2,000 are above them.
    assert by_tokens.select(picks).rows() == [
        (0, "majority", 1),
        (1, "majority", 2),
        (2, "majority", 2),
        (3, "majority", 2),
        (4, "majority", 16),
        (5, "majority", 16),
    ]


def small_pool(rng: np.random.Generator) -> Pool:
    """Five draws of few answers; what is right tends to be short or long, as the dice have it."""
    answers = rng.integers(-1, 3, 5)
    scores = rng.choice([0.2, 0.5, 0.9], 5)
    tokens = rng.integers(1, 50, 5).astype(float)
    return Pool(answers, answers == 0, scores, tokens)


def by_all_orders(pool: Pool, strategy: str, budget: int) -> tuple[float, float]:
    """Accuracy and tokens, averaged over every order of the pool."""
    assert pool.tokens is not None
    shares: list[float] = []
    spent: list[float] = []
    for order in permutations(range(5)):
        drawn = order[:budget]
        seen = [
            Candidate(None if pool.answers[one] < 0 else str(pool.answers[one]), pool.scores[one])
            for one in drawn
        ]
        choice = SELECTORS[strategy](seen)
        if strategy == "majority":
            shares.append(choice.credits.get("0", 0.0))
        else:
            shares.append(float(choice.index is not None and pool.correct[drawn[choice.index]]))
        spent.append(sum(pool.tokens[one] for one in drawn))
    return float(np.mean(shares)), float(np.mean(spent))


@settings(max_examples=8, deadline=None)
@given(st.integers(0, 10_000))
def test_the_policy_by_tokens_is_that_of_all_orders_of_small_pools(seed: int) -> None:
    rng = np.random.default_rng(seed)
    rows: Rows = []
    brute: Rows = []
    for question in binned()["question_id"]:
        pool = small_pool(rng)
        assert pool.tokens is not None
        for one in pool_estimates(pool, BUDGETS, seed=0):
            if one.selector in ("majority", "best_of_n"):
                key = {"question_id": question, "strategy": one.selector, "budget": one.budget}
                tokens = float(pool.tokens.mean()) * one.budget
                rows.append(key | {"accuracy": one.accuracy, "generated_tokens": tokens})
                share, spent = by_all_orders(pool, one.selector, one.budget)
                brute.append(key | {"accuracy": share, "generated_tokens": spent})
    found = fit_along(rows, "tokens", unit=25.0).table
    every = pl.DataFrame(brute).join(binned(), on="question_id")
    means = every.group_by("bin", "strategy", "budget").agg(
        pl.col("accuracy").mean().round(9), pl.col("generated_tokens").mean()
    )
    for cell in found.iter_rows(named=True):
        payable = means.filter(
            pl.col("bin") == cell["bin"], pl.col("generated_tokens") <= cell["at_most"] * (1 + 1e-9)
        )
        best = payable["accuracy"].max()
        at_best = payable.filter(accuracy=best)
        cheapest = at_best.filter(
            pl.col("generated_tokens") < at_best["generated_tokens"].min() + 1e-6
        )
        assert (cell["strategy"], cell["budget"]) in cheapest.select("strategy", "budget").rows()
        assert cell["accuracy"] == pytest.approx(best, abs=1e-8)
        assert cell["cost"] == pytest.approx(cheapest["generated_tokens"][0])


def ladder_rows(costs: dict[int, float]) -> pl.DataFrame:
    """Majority is right on so many tenths at budget 1, 2, 4, 8: .2, .4, .6, .8."""
    rows = [
        {
            "question_id": question,
            "strategy": "majority",
            "budget": budget,
            "accuracy": 0.2 * (place + 1),
            "cost": cost,
            "alone": cost,
        }
        for question in binned()["question_id"]
        for place, (budget, cost) in enumerate(costs.items())
    ]
    return pl.DataFrame(rows)


@pytest.mark.parametrize(
    ("accuracy", "cost", "factor", "beyond"),
    [
        # At .6 the baseline costs 800; the policy spends 200 there.
        (0.6, 200.0, 4.0, False),
        # Halfway between .4 at 200 and .6 at 800, in doublings: 400.
        (0.5, 400.0, 1.0, False),
        # It never gets above .8, for which it costs 1,600: a lower bound.
        (0.9, 400.0, 4.0, True),
        # It is above .1 from the start, where it costs 100: an upper bound.
        (0.1, 50.0, 2.0, False),
    ],
)
def test_the_factor_is_what_the_baseline_costs_for_as_much_over_what_the_policy_costs(
    accuracy: float, cost: float, factor: float, beyond: bool
) -> None:
    outcomes = ladder_rows({1: 100.0, 2: 200.0, 4: 800.0, 8: 1600.0})
    grid = grid_of(outcomes, binned(), costs=("cost", "alone"), baseline="majority")
    ladder = ladder_of(grid, "majority", np.ones((50, QUESTIONS)))
    reached = Reached(np.array([accuracy]), np.full(50, accuracy), cost)
    found, lo, hi, is_beyond = factor_along(ladder, reached, count=QUESTIONS)
    assert (found, is_beyond) == (pytest.approx(factor), beyond)
    # Nothing varies: the ends are the figure, and unknown where it is a bound.
    assert lo == (None if accuracy < 0.2 else pytest.approx(factor))
    assert hi == (None if beyond else pytest.approx(factor))


def test_without_a_baseline_there_is_no_factor() -> None:
    outcomes = ladder_rows({1: 100.0, 2: 200.0})
    fitted = fit_costs(outcomes, binned(), unit=100.0, baseline="weighted", resamples=20)
    assert fitted.curve["factor"].null_count() == len(fitted.curve)
    assert fitted.curve["beyond"].null_count() == len(fitted.curve)


def test_the_baseline_against_itself_has_a_factor_of_one() -> None:
    outcomes = ladder_rows({1: 100.0, 2: 200.0, 4: 400.0, 8: 800.0})
    curve = fit_costs(outcomes, binned(), unit=100.0, baseline="majority", resamples=20).curve
    assert curve["factor"].to_list() == pytest.approx([1.0] * 4)
