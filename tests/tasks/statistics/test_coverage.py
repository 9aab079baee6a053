"""Intervals against simulated benchmarks of known truth: `infra/bench/intervals.py`, made small."""

import numpy as np
import polars as pl
import pytest

from infra.bench import simulated
from infra.bench.intervals import check_ends, null_ahead, one_benchmark, population
from infra.bench.rare import KINDS, Kind, held
from infra.bench.simulated import EQUAL, SNELL
from tasks.statistics.curves import choices, cross_validated, fold_of, resample_curve
from tasks.statistics.intervals import bounds, weights
from tasks.statistics.outcomes import Grid, Lost, grid_of
from tasks.statistics.policy import fit_policy


@pytest.fixture
def grid() -> Grid:
    measured = simulated.benchmark(SNELL, 40, seed=3)
    return grid_of(measured.outcomes, measured.bins, costs=("generated_tokens",))


def test_intervals_hold_the_truth_about_nineteen_times_in_twenty() -> None:
    # 60 benchmarks, figures of one benchmark depend on each other: 95 % ± 3 standard errors of at
    # most 2.8 %
    known = population(SNELL, 60, learners=150)
    found = [one_benchmark(known, 60, seed=seed, resamples=200) for seed in range(60)]
    for name in (
        "accuracy, Wilson",
        "accuracy, bootstrap",
        "difference, bootstrap",
        "curve, bootstrap",
    ):
        share = np.mean([one[name].inside.mean() for one in found])
        assert 0.87 < share < 0.995, name
    assert np.mean([one["factor, reached"].inside.mean() for one in found]) > 0.87


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_questions_of_a_kind_that_is_seldom_met_are_allowed_for(kind: Kind) -> None:
    # 400 benchmarks: 95 % ± 3 standard errors of 1.1 %
    plain, ours = held(kind, 400)
    assert ours > 0.915
    assert ours >= plain


@pytest.mark.parametrize("right", [0.0, 1.0])
def test_a_curve_of_questions_that_are_all_alike_has_a_width(right: float) -> None:
    """Every resample of them is the same."""
    measured = simulated.benchmark(SNELL, 40, seed=3)
    alike = measured.outcomes.with_columns(accuracy=pl.lit(right))
    fit = fit_policy(alike, measured.bins, resamples=50)
    for frame, lo, hi in (
        (fit.curve, "lo", "hi"),
        (fit.curve, "fixed_lo", "fixed_hi"),
        (fit.fixed, "lo", "hi"),
    ):
        # 40 of 40: z² / (40 + z²) = .0876
        assert (frame[hi] - frame[lo]).to_numpy() == pytest.approx(0.0876, abs=1e-3)


def test_the_curve_is_not_ahead_where_all_strategies_are_equal() -> None:
    ahead = [null_ahead(60, seed=seed, resamples=200) for seed in range(40)]
    assert np.mean([one.paired[-1] for one in ahead]) < 0.15
    assert np.mean([one.alone[:-1].mean() for one in ahead]) < 0.1


def test_the_null_family_is_one_strategy_under_many_names() -> None:
    true, known = simulated.truth(EQUAL, count=20_000), simulated.cells(EQUAL)
    at_four = [true.accuracy[i] for i, cell in enumerate(known) if cell.budget == 4]
    assert len(at_four) == len(EQUAL)
    assert max(at_four) - min(at_four) < 0.005


def test_measured_accuracies_are_right_on_average() -> None:
    true = simulated.truth(SNELL, count=20_000)
    measured = simulated.benchmark(SNELL, 5000, seed=0)
    grid = grid_of(measured.outcomes, measured.bins, costs=())
    assert [cell.budget for cell in grid.cells] == [cell.budget for cell in simulated.cells(SNELL)]
    assert np.abs(grid.accuracy.mean(axis=0) - true.accuracy).max() < 0.025  # 3.5 × .5 / √5000


def test_an_open_end_holds_all_that_lies_there() -> None:
    lo, hi, true = (
        np.array([np.nan, 1.0, 1.0, 1.0]),
        np.array([2.0, np.nan, 2.0, 2.0]),
        np.array([0, np.inf, 3, 0.5]),
    )
    found = check_ends(lo, hi, true)
    assert found.inside.tolist() == [1, 1, 0, 0]
    assert found.below.tolist() == [0, 0, 0, 1]


def test_of_equal_sums_the_first_listed_is_chosen() -> None:
    sums = np.array([[1.0, 2.0, 2.0, 5.0], [3.0, 2.0, 1.0, 5.0]])
    columns = [np.array([2, 1, 0]), np.array([3])]
    assert choices(sums, columns).tolist() == [[2, 3], [0, 3]]


def test_a_resample_that_draws_every_question_once_is_measured_on_the_whole_bin(grid: Grid) -> None:
    fold, everyone = fold_of(grid, seed=1), np.ones((1, 40))
    total = np.zeros(7)
    for one in range(1, 6):
        mine = grid.bins == one
        for side in (0, 1):
            learn, worth = (
                grid.accuracy[mine & (fold == side)].sum(axis=0),
                grid.accuracy[mine].mean(axis=0),
            )
            for place, budget in enumerate(grid.budgets):
                by_cost = [c for group in grid.by_cost(budget, np.arange(40)) for c in group]
                total[place] += (
                    worth[max(by_cost, key=lambda c: round(learn[c], 9))]
                    * (mine & (fold != side)).sum()
                )
    assert resample_curve(grid, fold, everyone)[0] == pytest.approx(total / 40)


def test_where_there_is_no_choice_the_resampled_curve_is_the_cross_validated_one(
    grid: Grid,
) -> None:
    alone = [i for i, cell in enumerate(grid.cells) if cell.strategy == "weighted"]
    single = Grid(
        grid.questions,
        grid.bins,
        tuple(grid.cells[i] for i in alone),
        grid.accuracy[:, alone],
        grid.costs[:, :, alone],
        Lost(*(share[:, alone] for share in grid.lost)),
        grid.preference[:, alone],
        grid.repeats[alone],
    )
    fold, drawn = fold_of(single, seed=1), weights(40, resamples=50, seed=2)
    assert resample_curve(single, fold, drawn) == pytest.approx(
        cross_validated(single, fold, drawn)
    )


def test_noise_of_equal_strategies_is_not_counted_twice() -> None:
    # the spread of the resamples against the spread of the curve over benchmarks, at budget 64 of
    # the null family
    curves, spreads, naive = [], [], []
    for seed in range(150):
        measured = simulated.benchmark(EQUAL, 60, seed=seed)
        grid = grid_of(measured.outcomes, measured.bins, costs=("generated_tokens",))
        fold, drawn = fold_of(grid, seed=seed), weights(60, resamples=100, seed=seed)
        curves.append(cross_validated(grid, fold, np.ones((1, 60)))[0, -1])
        spreads.append(resample_curve(grid, fold, drawn)[:, -1].std())
        naive.append(cross_validated(grid, fold, drawn)[:, -1].std())
    assert np.mean(spreads) == pytest.approx(np.std(curves), rel=0.15)
    assert np.mean(naive) > np.mean(spreads) * 1.05


def test_ends_are_the_resamples_of_rank_k_from_both_sides() -> None:
    # 500 questions: t = 1.9647, tail = Φ(−t·√(500/499)) = .0246, k = ⌊1000 · .0246⌋ = 24
    ends = bounds(np.arange(1, 1000).astype(np.float64), count=500)
    assert tuple(map(float, ends)) == (24, 976)
