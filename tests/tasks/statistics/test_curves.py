"""The curve of the compute-optimal policy and its efficiency factor (METHOD §7)."""

import numpy as np
import polars as pl
import pytest
from policy_outcomes import BINS, noisy, outcomes_of

from tasks.statistics.curves import budget_reaching, efficiency_factor, folds
from tasks.statistics.intervals import Estimate
from tasks.statistics.policy import Estimation, fit_policy


def test_each_bin_is_cut_in_halves_that_do_not_depend_on_the_order_of_rows() -> None:
    one, other = folds(BINS, seed=3), folds(BINS.sample(fraction=1, shuffle=True, seed=0), seed=3)
    assert one.sort("question_id").equals(other.sort("question_id"))
    assert one.group_by("bin").agg(pl.col("fold").sum())["fold"].to_list() == [10] * 5
    assert not one.equals(folds(BINS, seed=4))


def test_where_folds_contradict_each_other_the_honest_answer_is_zero() -> None:
    # a is right on fold 0 only, b on fold 1 only: choosing and measuring on the same fold would
    # score 1.0
    fold = dict(folds(BINS, seed=5).select("question_id", "fold").rows())
    outcomes = outcomes_of(
        lambda q, s, _: float(fold[q] == (s == "b")), {"a": 1.0, "b": 1.0, "weighted": 1.0}
    )
    outcomes = outcomes.with_columns(
        accuracy=pl.when(pl.col("strategy") == "weighted").then(0.25).otherwise("accuracy")
    )
    fit = fit_policy(outcomes, BINS, seed=5, resamples=200)
    in_sample = outcomes.group_by("question_id").agg(pl.col("accuracy").max())["accuracy"].mean()
    assert in_sample == 1.0
    assert fit.curve["accuracy"].to_list() == [0.0]


def test_where_all_strategies_are_equal_the_curve_does_not_exceed_the_best_of_them() -> None:
    names = {"weighted": 1.0, "majority": 1.0, "best_of_n": 1.0, "beam_search(m=4)/weighted": 1.1}
    above = 0
    for seed in range(40):
        fit = fit_policy(outcomes_of(noisy(seed), names), BINS, seed=seed, resamples=200)
        above += fit.curve["lo"][0] > fit.fixed["accuracy"].max()
        assert not fit.table.filter(pl.col("gain_lo") > pl.col("gain")).height
    assert above == 0


def test_the_efficiency_factor_is_read_off_the_baseline_on_a_log_axis() -> None:
    # baseline .2 .3 .4 .5 at 1 4 16 64; beam search .35 at 4, .5 at 16
    base = {1: 0.2, 4: 0.3, 16: 0.4, 64: 0.5}
    beam = {4: 0.35, 16: 0.5, 64: 0.9}
    names = {"weighted": 1.0, "beam": 1.0}
    full = outcomes_of(
        lambda _q, s, b: base[b] if s == "weighted" else beam.get(b, 0.0), names, (1, 4, 16, 64)
    )
    outcomes = full.filter((pl.col("strategy") == "weighted") | (pl.col("budget") > 1))
    factors = fit_policy(outcomes, BINS, resamples=100).efficiency.rows()
    # .35 lies halfway between 4 and 16: 8, so 2; .5 is reached at 64: 4; .9 never: more than 64/64
    assert [row[1] for row in factors] == pytest.approx([1.0, 2.0, 4.0, 1.0])
    assert [row[4] for row in factors] == [False, False, False, True]
    assert factors[3][3] is None
    assert factors[1][2:4] == pytest.approx((2.0, 2.0))  # questions do not differ


def test_a_baseline_above_the_policy_at_its_smallest_budget_gives_an_upper_bound() -> None:
    needed = budget_reaching([2, 4], np.array([[0.5, 0.6]]), np.array([0.4]))
    assert needed.tolist() == [0.0]
    row = efficiency_factor(8, Estimate(0.0, 0.0, 4.0), limits=(2, 4))
    assert row == (8, 0.25, None, 0.5, False)  # at most 2/8


def test_a_baseline_that_falls_keeps_what_it_has_reached() -> None:
    accuracy = np.array([[0.2, 0.4, 0.3, 0.5]])
    assert budget_reaching([1, 2, 4, 8], accuracy, np.array([0.4])).tolist() == [2.0]
    # .45 is halfway between the .4 kept at 4 and .5 at 8
    assert budget_reaching([1, 2, 4, 8], accuracy, np.array([0.45])) == pytest.approx(4 * 2**0.5)


def test_an_efficiency_factor_beyond_the_budgets_has_no_upper_end() -> None:
    row = efficiency_factor(4, Estimate(float("inf"), 6.0, float("inf")), limits=(1, 8))
    assert row == (4, 2.0, 1.5, None, True)


def test_the_curve_counts_the_draws_that_estimate_difficulty() -> None:
    # beam, a search, is right where weighted is not: bins 4 and 5
    names = {"weighted": 1.0, "beam": 2.0}
    hard = dict(BINS.with_columns(hard=pl.col("bin") >= 4).select("question_id", "hard").rows())
    outcomes = outcomes_of(lambda q, s, _b: float((s == "beam") == hard[q]), names, (2, 8))
    free = fit_policy(outcomes, BINS, resamples=50)
    binned = fit_policy(outcomes, BINS, estimation=Estimation(32), resamples=50)
    probed = fit_policy(outcomes, BINS, estimation=Estimation(4, {"weighted": 8}), resamples=50)
    assert free.curve["generations"].to_list() == [2.0, 8.0]
    assert binned.curve["generations"].to_list() == [34.0, 40.0]
    # 60 % weighted: max(2, 4) and 8; 40 % beam: 2 + 4 and 8 + 4
    assert probed.curve["generations"].to_list() == pytest.approx(
        [0.6 * 4 + 0.4 * 6, 0.6 * 8 + 0.4 * 12]
    )
    factor, net = free.efficiency["factor"], binned.efficiency["net_factor"]
    assert free.efficiency["net_factor"].to_list() == factor.to_list()
    assert net.to_list() == pytest.approx([factor[0] * 2 / 34, factor[1] * 8 / 40])
