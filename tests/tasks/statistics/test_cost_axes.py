"""The policy when a budget is a cost (METHOD §7, §9)."""

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics.cost_axes import fit_costs
from tasks.statistics.curves import folds

Cell = tuple[str, int]


def matrix(
    cells: dict[Cell, tuple[float, float]],
    *,
    questions: int = 40,
    bins: int = 2,
    extra: float = 0.0,
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Outcomes with the same accuracy and cost on every question, and bins of equal size."""
    names = [f"q{i:02}" for i in range(questions)]
    rows = [
        (question, strategy, budget, accuracy, cost + extra, cost)
        for question in names
        for (strategy, budget), (accuracy, cost) in cells.items()
    ]
    columns = ["question_id", "strategy", "budget", "accuracy", "cost", "alone"]
    placed = pl.DataFrame(
        {"question_id": names, "bin": [1 + i * bins // questions for i in range(questions)]}
    )
    return pl.DataFrame(rows, schema=columns, orient="row"), placed


LADDER: dict[Cell, tuple[float, float]] = {
    ("majority", 1): (0.3, 1.0),
    ("weighted", 1): (0.3, 1.5),
    ("majority", 4): (0.5, 4.0),
    ("weighted", 4): (0.6, 6.0),
    ("beam", 2): (0.9, 8.5),
}


def test_each_level_takes_the_most_accurate_cell_that_it_can_pay() -> None:
    # unit 1: level 0 pays 1, level 1 pays 2, level 2 pays 4, level 3 pays 8, level 4 pays 16
    fit = fit_costs(*matrix(LADDER), unit=1.0, resamples=50)
    table = fit.table.filter(pl.col("bin") == 1)
    assert table.select("level", "at_most", "strategy", "budget").rows() == [
        (0, 1.0, "majority", 1),
        (1, 2.0, "majority", 1),  # weighted is no better there, and dearer
        (2, 4.0, "majority", 4),
        (3, 8.0, "weighted", 4),
        (4, 16.0, "beam", 2),
    ]
    assert table["cost"].to_list() == [1.0, 1.0, 4.0, 6.0, 8.5]
    assert fit.curve["accuracy"].to_list() == pytest.approx([0.3, 0.3, 0.5, 0.6, 0.9])
    assert fit.curve["cost"].to_list() == [1.0, 1.0, 4.0, 6.0, 8.5]


def test_the_baseline_stands_beside_the_curve_at_its_largest_affordable_budget() -> None:
    curve = fit_costs(*matrix(LADDER), unit=1.0, resamples=50).curve
    assert curve["baseline_budget"].to_list() == [None, 1, 1, 4, 4]
    assert curve["gain"].to_list() == [None, *map(pytest.approx, (0.0, 0.2, 0.0, 0.3))]
    assert curve["gain_lo"].to_list()[1:] == pytest.approx(
        [0.0, 0.2, 0.0, 0.3]
    )  # nothing varies over questions


def test_what_estimating_difficulty_costs_is_paid_by_the_policy_and_not_by_the_baseline() -> None:
    # 4 more for each: cells cost 5, 5.5, 8, 10, 12.5; nothing is within 4, majority at 4 within 8
    fit = fit_costs(*matrix(LADDER, extra=4.0), unit=1.0, resamples=50)
    assert fit.curve["level"].to_list() == [3, 4]
    assert fit.table.filter(pl.col("bin") == 2)["strategy"].to_list() == ["majority", "beam"]
    assert fit.curve["baseline_budget"].to_list() == [4, 4]
    assert fit.curve["cost"].to_list() == [8.0, 12.5]


def test_a_level_that_one_bin_cannot_pay_is_left_out() -> None:
    outcomes, bins = matrix(LADDER)
    dear = (
        pl.when(pl.col("question_id") >= "q20").then(3.0).otherwise(1.0)
    )  # bin 2: 3, 4.5, 12, 18, 25.5
    fit = fit_costs(outcomes.with_columns(cost=pl.col("cost") * dear), bins, unit=1.0, resamples=50)
    assert fit.curve["level"].to_list() == [2, 3, 4, 5]
    assert fit.table.filter(pl.col("level") == 2).select("bin", "strategy", "budget").rows() == [
        (1, "majority", 4),
        (2, "majority", 1),
    ]


def test_choosing_on_one_fold_and_measuring_on_the_other_is_honest() -> None:
    # of two cells that cost the same, one is right on fold 0 only and the other on fold 1 only
    outcomes, bins = matrix({("a", 1): (0.0, 1.0), ("b", 1): (0.0, 1.0)})
    fold = dict(folds(bins, seed=5).select("question_id", "fold").rows())
    right = [
        float(fold[q] == (s == "b")) for q, s in outcomes.select("question_id", "strategy").rows()
    ]
    fit = fit_costs(
        outcomes.with_columns(accuracy=pl.Series(right)), bins, unit=1.0, seed=5, resamples=50
    )
    assert fit.curve["accuracy"].to_list() == [0.0]


@settings(max_examples=25)
@given(st.integers(0, 10_000))
def test_the_curve_is_what_brute_force_over_bins_folds_and_cells_gives(seed: int) -> None:
    rng = np.random.default_rng(seed)
    outcomes, bins = matrix(
        {(s, n): (0.0, float(n)) for s in "abc" for n in (1, 2, 4)}, questions=20
    )
    outcomes = outcomes.with_columns(
        accuracy=pl.Series(rng.random(len(outcomes)).round(1)),
        cost=pl.col("cost") * pl.Series(rng.uniform(0.5, 2, len(outcomes))),
    )
    fit = fit_costs(outcomes, bins, unit=1.0, baseline="a", seed=seed, resamples=3)
    placed = outcomes.join(folds(bins, seed=seed), on="question_id")
    for level, accuracy, cost in fit.curve.select("level", "accuracy", "cost").iter_rows():
        total = np.zeros(2)
        for (bin_,), inside in placed.group_by("bin"):
            whole = inside.group_by("strategy", "budget").agg(price=pl.col("cost").mean())
            payable = whole.filter(pl.col("price") <= 2.0**level).drop("price")
            for side in (0, 1):
                learn = inside.filter(pl.col("fold") == side).join(
                    payable, on=["strategy", "budget"]
                )
                best = learn.group_by("strategy", "budget").agg(pl.col("accuracy").mean().round(9))
                best = best.join(whole, on=["strategy", "budget"]).sort(
                    "accuracy", "price", descending=[True, False]
                )
                pick = best.row(0, named=True)
                measure = inside.filter(
                    (pl.col("fold") != side)
                    & (pl.col("strategy") == pick["strategy"])
                    & (pl.col("budget") == pick["budget"])
                )
                total += (measure["accuracy"].sum(), measure["cost"].sum())
            del bin_
        assert (accuracy, cost) == pytest.approx(tuple(total / 20))


def test_intervals_hold_the_estimate_and_are_wide_where_questions_differ() -> None:
    outcomes, bins = matrix(LADDER)
    rng = np.random.default_rng(1)
    lucky = outcomes.with_columns(
        accuracy=pl.Series(rng.random(len(outcomes)) < outcomes["accuracy"].to_numpy()).cast(
            pl.Float64
        )
    )
    curve = fit_costs(lucky, bins, unit=1.0, resamples=400).curve
    assert ((curve["lo"] <= curve["accuracy"]) & (curve["accuracy"] <= curve["hi"])).all()
    # ± 1.96 · √(.21/40) = ± .14 around .3
    assert 0.2 < curve["hi"][0] - curve["lo"][0] < 0.4
