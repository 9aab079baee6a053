"""Uneven spending over bins: optimal against brute force, honest under cross-validation."""

from itertools import permutations, product

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.curves import cross_validated, fold_of
from tasks.statistics.fleet import allocate, fleet
from tasks.statistics.outcomes import grid_of

BUDGETS = [1, 2, 4, 8]
COSTS = ("generated_tokens",)


def best_by_trying(accuracy: np.ndarray, shares: np.ndarray, average: float) -> float:
    """Highest accuracy over every choice of a budget a bin, one bin split between two."""
    best, bins = -1.0, range(len(accuracy))
    for split, picks in product(bins, product(range(len(BUDGETS)), repeat=len(accuracy))):
        for other in range(len(BUDGETS)):
            rest = average - sum(shares[b] * BUDGETS[picks[b]] for b in bins if b != split)
            low, high = sorted((BUDGETS[picks[split]], BUDGETS[other]))
            if rest < shares[split] * low - 1e-9:
                continue
            part = (
                1.0
                if rest >= shares[split] * high - 1e-12
                else (rest / shares[split] - low) / (high - low)
            )
            ends = [accuracy[split][BUDGETS.index(end)] for end in (low, high)]
            mixed = ends[0] + part * (ends[1] - ends[0])
            best = max(
                best,
                sum(shares[b] * accuracy[b][picks[b]] for b in bins if b != split)
                + shares[split] * mixed,
            )
    return best


@given(
    accuracy=st.lists(st.lists(st.integers(0, 20), min_size=4, max_size=4), min_size=1, max_size=3),
    sizes=st.lists(st.integers(1, 5), min_size=3, max_size=3),
    average=st.floats(1, 9),
)
def test_no_other_spending_is_more_accurate(accuracy, sizes, average):
    figures = np.array(accuracy) / 20
    shares = np.array(sizes[: len(figures)]) / sum(sizes[: len(figures)])
    spread = allocate(figures, BUDGETS, shares, average=average)
    spent = shares @ spread.mixed(np.tile(np.array(BUDGETS, dtype=float), (len(figures), 1)))
    assert spent <= average + 1e-9
    assert shares @ spread.mixed(figures) == pytest.approx(
        best_by_trying(figures, shares, average), abs=1e-9
    )


def test_a_step_that_does_not_fit_is_taken_by_a_share_of_the_questions():
    # Two equal bins, so a step from 1 to 2 in one of them costs ½ on average. The second bin gains
    # more by it: at an average of 1.5 it takes the step in full, the first bin nothing.
    accuracy = np.array([[0.5, 0.6, 0.6, 0.6], [0.0, 0.5, 0.6, 0.6]])
    whole = allocate(accuracy, BUDGETS, np.array([0.5, 0.5]), average=1.5)
    assert (whole.low.tolist(), whole.high.tolist()) == ([0, 1], [0, 1])
    # At 1.25 half of the second bin's questions take it.
    half = allocate(accuracy, BUDGETS, np.array([0.5, 0.5]), average=1.25)
    assert (half.low.tolist(), half.high.tolist(), half.upper.tolist()) == (
        [0, 0],
        [0, 1],
        [0.0, 0.5],
    )


def test_a_budget_below_the_hull_is_jumped_over():
    # From 1 to 4 gains 0.6 over 3 generations; 2 alone gains nothing and so is never a stop.
    spread = allocate(np.array([[0.0, 0.0, 0.6, 0.6]]), BUDGETS, np.array([1.0]), average=2.5)
    assert (spread.low.item(), spread.high.item(), spread.upper.item()) == (0, 2, 0.5)


def test_nothing_is_spent_where_nothing_is_gained():
    spread = allocate(np.array([[0.9, 0.9, 0.8, 0.7]]), BUDGETS, np.array([1.0]), average=8)
    assert (spread.low.item(), spread.high.item()) == (0, 0)


def test_an_average_below_the_smallest_budget_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        allocate(np.zeros((1, 4)), BUDGETS, np.ones(1), average=0.5)


def study(accuracy, *, questions=40):
    """Outcomes and bins whose questions have the accuracy given for bin, strategy and budget."""
    rows = [
        {
            "question_id": f"q{bin_}-{i}",
            "strategy": strategy,
            "budget": budget,
            "accuracy": accuracy(bin_, i, strategy, budget),
            "generated_tokens": float(budget),
        }
        for bin_ in (1, 2)
        for i in range(questions)
        for strategy in ("majority", "weighted")
        for budget in BUDGETS
    ]
    bins = [
        {"question_id": f"q{bin_}-{i}", "bin": bin_} for bin_ in (1, 2) for i in range(questions)
    ]
    return pl.DataFrame(rows), pl.DataFrame(bins)


def test_budget_moves_from_where_it_is_wasted_to_where_it_counts():
    # Bin 1 is solved at budget 1; bin 2 gains 0.25 with every doubling. At an average of 4 bin 2
    # can have 7: between 4 (0.5) and 8 (0.75), so 0.6875; over both bins (1 + 0.6875) / 2 against
    # (1 + 0.5) / 2.
    outcomes, bins = study(lambda bin_, _, __, n: 1.0 if bin_ == 1 else 0.25 * np.log2(n))
    row = fleet(outcomes, bins, costs_order=COSTS).filter(budget=4).to_dicts()[0]
    assert (row["uniform"], row["accuracy"]) == pytest.approx((0.75, 0.84375))
    assert row["gain_lo"] > 0
    assert row["spent"] == pytest.approx(4.0)
    assert row["bin_budgets"] == pytest.approx([1.0, 7.0])


def test_what_was_learnt_from_noise_gains_nothing_on_the_other_half():
    # Accuracy is a coin flip that no budget changes: learning in sample would find steps of gain
    # everywhere.
    coin = np.random.default_rng(5).random((3, 40, 2, 9)) < 0.5
    outcomes, bins = study(lambda bin_, i, s, n: float(coin[bin_, i, int(s == "weighted"), n]))
    found = fleet(outcomes, bins, costs_order=COSTS)
    assert (found["gain_lo"] <= 0).all()


def test_uniform_is_the_compute_optimal_curve():
    rng = np.random.default_rng(3)
    outcomes, bins = study(lambda *_: float(rng.random()))
    grid = grid_of(outcomes, bins, costs=COSTS)
    curve = cross_validated(grid, fold_of(grid, seed=7), np.ones((1, 80)))[0]
    assert fleet(outcomes, bins, costs_order=COSTS, seed=7)["uniform"].to_list() == pytest.approx(
        curve.tolist()
    )


def test_the_order_of_the_rows_does_not_matter():
    rng = np.random.default_rng(4)
    outcomes, bins = study(lambda *_: float(rng.random()), questions=6)
    wanted = fleet(outcomes, bins, costs_order=COSTS)
    for order in list(permutations(range(3)))[1:3]:
        mixed = pl.concat([outcomes[part::3] for part in order])
        assert fleet(mixed, bins.reverse(), costs_order=COSTS).equals(wanted)
