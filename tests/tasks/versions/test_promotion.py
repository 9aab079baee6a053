"""When a version takes the champion's place, and what its policy is worth on each question."""

from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nights import chances, night

from tasks.statistics.comparisons import SIGNIFICANCE, Difference
from tasks.statistics.curves import cross_validated, resample_curve
from tasks.statistics.intervals import UNKNOWN, Estimate, weights
from tasks.statistics.outcomes import Cell, Grid, Lost
from tasks.statistics.worth import worth_of
from tasks.versions.comparison import Compared, Comparison, compare
from tasks.versions.promotion import MARGIN, Decision
from tasks.versions.promotion import decide as decide_at
from warehouse.errors import UserError


def difference(lo: float, hi: float) -> Difference:
    """With the p-value of an interval that Student's quantile is two errors wide of."""
    middle = (lo + hi) / 2
    errors = abs(middle) / (hi - lo) * 2 * 1.96
    return Difference(Estimate(middle, lo, hi), p=2 * NormalDist().cdf(-errors))


def decide(several: list[Comparison], *, significance: float = SIGNIFICANCE) -> Decision:
    return decide_at(Compared(several, None), significance=significance)


def at(
    budget: int, lo: float, hi: float, *, cost: tuple[float, float] = (-0.01, 0.01)
) -> Comparison:
    gain, dearer = (difference(*ends) for ends in ((lo, hi), cost))
    return Comparison(budget, 0.5, 0.5, gain, dearer)


CLOSE = (-MARGIN / 2, MARGIN / 2)


def test_better_at_one_budget_and_worse_at_none_is_promoted() -> None:
    decision = decide([at(4, 0.01, 0.05), at(16, -0.2, 0.2)])
    assert decision.promoted and decision.why.startswith(
        "better than the champion at N = 4 (+0.030 [+0.010, +0.050])"
    )


def test_worse_at_one_budget_is_not_promoted_however_good_the_others_are() -> None:
    decision = decide([at(4, 0.1, 0.3), at(16, -0.05, -0.01)])
    assert not decision.promoted and "worse than the champion at N = 16" in decision.why


def test_as_good_and_cheaper_is_promoted() -> None:
    decision = decide([at(4, *CLOSE, cost=(-0.4, -0.2)), at(16, *CLOSE)])
    assert decision.promoted and "-30% FLOPs at N = 4" in decision.why


def test_as_good_but_not_cheaper_stays_candidate() -> None:
    assert not decide([at(4, *CLOSE)]).promoted


def test_cheaper_at_one_budget_and_dearer_at_another_stays_candidate() -> None:
    assert not decide([at(4, *CLOSE, cost=(-0.4, -0.2)), at(16, *CLOSE, cost=(0.2, 0.4))]).promoted


def test_cheaper_but_perhaps_worse_than_the_margin_stays_candidate() -> None:
    decision = decide([at(4, -MARGIN, MARGIN, cost=(-0.4, -0.2))])
    assert not decision.promoted and "not told apart" in decision.why


def test_an_unknown_interval_promotes_nothing() -> None:
    unknown = Difference(UNKNOWN._replace(value=1.0), p=float("nan"))
    assert not decide([Comparison(4, 1.0, 0.0, unknown, unknown)]).promoted


def test_without_a_shared_budget_it_stays_candidate() -> None:
    assert not decide([]).promoted


def test_a_comparison_pairs_the_questions_and_relates_the_cost() -> None:
    one = night(chances(50, seed=0), np.random.default_rng(0))
    grid = replace(one.grid, costs=one.grid.costs * 1.5)
    dearer = worth_of(grid, one.fold)
    (found,), overall = compare([dearer], [one], budgets=(4, 1024), seed=0)
    assert overall is None
    assert (found.budget, *found.gain.estimate) == (4, 0, 0, 0)
    assert found.cost.estimate.value == pytest.approx(0.5) and found.cost.estimate.lo > 0


def test_runs_on_other_questions_are_refused() -> None:
    one = night(chances(50, seed=0), np.random.default_rng(0))
    with pytest.raises(UserError, match="the same questions"):
        compare(
            [one],
            [replace(one, grid=replace(one.grid, questions=one.questions[::-1]))],
            budgets=(4,),
            seed=0,
        )


@given(st.integers(0, 1000), st.integers(5, 25))
def test_the_mean_over_questions_and_over_resamples_is_the_cross_validated_curve(
    seed: int, count: int
) -> None:
    rng = np.random.default_rng(seed)
    accuracy = rng.integers(0, 3, (count, 5)) / 2
    grid = Grid(
        tuple(f"q{i:02d}" for i in range(count)),
        rng.integers(1, 4, count),
        (Cell(1, "a"), Cell(1, "b"), Cell(2, "a"), Cell(2, "b"), Cell(2, "c")),
        accuracy,
        rng.random((1, count, 5)),
        Lost(np.zeros((count, 5)), np.zeros((count, 5))),
        accuracy,
        np.ones(5),
    )
    fold = rng.integers(0, 2, count)
    found, drawn = worth_of(grid, fold), weights(count, resamples=3, seed=seed)
    one = np.ones((1, count))
    assert found.accuracy.mean(axis=0) == pytest.approx(cross_validated(grid, fold, one)[0])
    assert found.resampled(drawn)[0] == pytest.approx(resample_curve(grid, fold, drawn))


def test_a_question_is_served_by_what_the_other_fold_chose() -> None:
    # one bin; fold 0 likes a, fold 1 likes b: so fold 0 is served by b and fold 1 by a, both wrong
    accuracy, costs = np.array([[1.0, 0.0], [0.0, 1.0]]), np.array([[[1.0, 2.0], [1.0, 2.0]]])
    cells, lost = (Cell(1, "a"), Cell(1, "b")), Lost(np.zeros((2, 2)), np.zeros((2, 2)))
    grid = Grid(("p", "q"), np.array([1, 1]), cells, accuracy, costs, lost, accuracy, np.ones(2))
    found = worth_of(grid, np.array([0, 1]))
    assert found.accuracy.tolist() == [[0.0], [0.0]]
    assert found.cost.tolist() == [[2.0], [1.0]]
