"""What is cut is cheap: a cell names nothing most of whose completions were cut (METHOD §7)."""

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal
from policy_outcomes import BINS, noisy, outcomes_of

from tasks.statistics.cost_axes import fit_costs
from tasks.statistics.curves import fold_of
from tasks.statistics.fleet import fleet
from tasks.statistics.outcomes import grid_of
from tasks.statistics.policy import fit_policy
from tasks.statistics.worth import worth_of

NAMES = {"weighted": 2.0, "majority": 1.0, "beam": 0.1}
COSTS = ("generated_tokens",)
LOW = pl.col("bin") <= 2


def lost(outcomes: pl.DataFrame, shares: dict[str, float], *, where: pl.Expr = LOW) -> pl.DataFrame:
    """Outcomes in which a share of a strategy's completions was cut in some bins."""
    share = pl.col("strategy").replace_strict(shares, default=0.0, return_dtype=pl.Float64)
    cut = pl.when(where).then(share).otherwise(0.0)
    return outcomes.join(BINS, on="question_id").with_columns(truncated=cut, no_answer=cut)


def equal(*_: object) -> float:
    return 0.5


def test_a_cheap_strategy_that_was_mostly_cut_is_not_named() -> None:
    outcomes = lost(outcomes_of(equal, NAMES), {"beam": 0.6})
    table = fit_policy(outcomes, BINS, resamples=50).table
    # All are equally accurate: the cheapest that was not cut, and beam where it was not.
    assert table["strategy"].to_list() == ["majority", "majority", "beam", "beam", "beam"]
    assert table["recommended"].to_list() == [True] * 5
    assert table["truncated"].to_list() == [0.0] * 5


def test_at_half_a_strategy_is_still_named_and_its_losses_stand_beside_it() -> None:
    outcomes = lost(outcomes_of(equal, NAMES), {"beam": 0.5}).with_columns(
        no_answer=pl.col("truncated") + 0.25
    )
    table = fit_policy(outcomes, BINS, resamples=50).table
    assert table["strategy"].to_list() == ["beam"] * 5
    assert table["truncated"].to_list() == [0.5, 0.5, 0.0, 0.0, 0.0]
    assert table["no_answer"].to_list() == [0.75, 0.75, 0.25, 0.25, 0.25]


def test_shares_are_means_over_the_bin() -> None:
    # 12 of a bin's 20 questions were cut wholly: 0.6 of its completions.
    outcomes = lost(outcomes_of(equal, NAMES), {"beam": 1.0}, where=pl.lit(True)).with_columns(
        truncated=pl.col("truncated")
        * (pl.col("question_id").str.tail(2).cast(pl.Int64) % 20 < 12).cast(pl.Float64)
    )
    table = fit_policy(outcomes, BINS, resamples=50).table
    assert table["strategy"].to_list() == ["majority"] * 5


def test_where_all_were_cut_the_baseline_stands_and_nothing_is_recommended() -> None:
    outcomes = outcomes_of(lambda _q, s, _b: 0.9 if s == "beam" else 0.1, NAMES)
    table = fit_policy(lost(outcomes, dict.fromkeys(NAMES, 0.9)), BINS, resamples=50).table
    assert table["strategy"].to_list() == ["weighted", "weighted", "beam", "beam", "beam"]
    assert table["recommended"].to_list() == [False, False, True, True, True]
    assert table["decided"].to_list()[:2] == [False, False]
    assert table["p"].to_list()[:2] == [None, None]
    assert table["truncated"].to_list()[:2] == pytest.approx([0.9, 0.9])


def test_where_all_were_cut_and_the_baseline_is_absent_the_most_accurate_stands() -> None:
    accuracy = outcomes_of(lambda _q, s, _b: 0.3 if s == "beam" else 0.1, NAMES, (4, 8))
    outcomes = lost(accuracy, dict.fromkeys(NAMES, 0.9)).filter(
        (pl.col("strategy") != "weighted") | (pl.col("budget") == 8)
    )
    table = fit_policy(outcomes, BINS, resamples=50).table.filter(pl.col("bin") == 1)
    assert table["strategy"].to_list() == ["beam", "weighted"]
    assert table["recommended"].to_list() == [False, False]


def test_hysteresis_holds_nothing_that_was_mostly_cut() -> None:
    last = pl.DataFrame({"bin": [1, 3], "budget": [4, 4], "strategy": ["slow", "slow"]})
    outcomes = lost(outcomes_of(equal, NAMES | {"slow": 3.0}), {"slow": 0.6})
    table = fit_policy(outcomes, BINS, last=last, resamples=50).table
    assert table["strategy"].to_list() == ["beam", "beam", "slow", "beam", "beam"]


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 10_000), st.sampled_from(["beam", "slow"]), st.floats(0.51, 1.0))
# In one resample no question of some bin's half was drawn.
@example(310, "beam", 1.0)
# The table is behind what was cut.
@example(856, "beam", 1.0)
def test_a_strategy_cut_everywhere_might_as_well_not_have_been_measured(
    seed: int, cut: str, share: float
) -> None:
    """Table, curve, factors, uneven spending and what versions are compared by: all without it."""
    gains = {"beam": 0.2, "slow": 0.3, "majority": 0.1}
    outcomes = outcomes_of(noisy(seed, gain=gains), NAMES | {"slow": 3.0}, (1, 4))
    measured = lost(outcomes, {cut: share}, where=pl.lit(True))
    without = measured.filter(pl.col("strategy") != cut)
    found, expected = (
        fit_policy(one, BINS, seed=seed, resamples=50) for one in (measured, without)
    )
    for part in ("table", "curve", "efficiency"):
        assert_frame_equal(getattr(found, part), getattr(expected, part))
    uneven, alone = (
        fleet(one, BINS, costs_order=COSTS, seed=seed, resamples=50) for one in (measured, without)
    )
    assert_frame_equal(uneven, alone)
    grids = [grid_of(one, BINS, costs=COSTS, baseline="weighted") for one in (measured, without)]
    worths = [worth_of(grid, fold_of(grid, seed=seed)) for grid in grids]
    assert worths[0].accuracy.tolist() == worths[1].accuracy.tolist()
    assert worths[0].cost.tolist() == worths[1].cost.tolist()


def test_the_curve_is_of_what_the_table_names_where_all_were_cut() -> None:
    outcomes = outcomes_of(lambda _q, s, _b: 0.9 if s == "beam" else 0.1, NAMES)
    all_cut = lost(outcomes, dict.fromkeys(NAMES, 0.9), where=pl.lit(True))
    fit = fit_policy(all_cut, BINS, resamples=50)
    # The baseline's accuracy, not that of the cheap one that was cut as well.
    assert fit.curve["accuracy"].to_list() == pytest.approx([0.1])


def test_along_a_cost_what_was_mostly_cut_is_not_for_sale() -> None:
    outcomes = outcomes_of(lambda _q, s, _b: 0.9 if s == "weighted" else 0.5, NAMES, (1, 4))
    priced = outcomes.with_columns(cost=pl.col("generated_tokens"), alone="generated_tokens")
    measured = lost(priced, {"beam": 0.6}, where=pl.lit(True))
    without = measured.filter(pl.col("strategy") != "beam")
    found, expected = (fit_costs(one, BINS, unit=1.0, resamples=50) for one in (measured, without))
    assert_frame_equal(found.table, expected.table)
    assert_frame_equal(found.curve, expected.curve)
    # Where all were cut something is named all the same.
    nothing = fit_costs(lost(priced, dict.fromkeys(NAMES, 0.9)), BINS, unit=1.0, resamples=50)
    assert set(nothing.table["bin"]) == {1, 2, 3, 4, 5}
