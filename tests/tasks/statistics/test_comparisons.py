"""What can be said of differences: p-values, one or many, and what is detectable (METHOD §7)."""

from itertools import product
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics.comparisons import (
    holm,
    mcnemar,
    paired_difference,
    paired_p,
)
from tasks.statistics.repeats import draw_errors

P_VALUES = st.lists(
    st.floats(0, 1) | st.sampled_from([0.0, 0.01, 0.05, 1.0]), min_size=1, max_size=12
)


def rejected_step_down(p_values: list[float], significance: float) -> set[int]:
    """Holm's procedure as he wrote it: the smallest first, until one fails.

    Each against the significance over the number of hypotheses left.
    """
    rejected: set[int] = set()
    for place, one in enumerate(sorted(range(len(p_values)), key=lambda i: p_values[i])):
        if p_values[one] > significance / (len(p_values) - place):
            break
        rejected.add(one)
    return rejected


@given(P_VALUES, st.floats(0.001, 0.999))
def test_an_adjusted_p_value_is_the_level_at_which_holms_procedure_rejects(
    ps: list[float], significance: float
) -> None:
    adjusted = holm(np.array(ps))
    near = np.abs(adjusted - significance) < 1e-9  # either answer is right on the edge
    rejected = rejected_step_down(ps, significance)
    assert all(
        (i in rejected) == (adjusted[i] <= significance) for i in np.flatnonzero(~near).tolist()
    )


def test_holm_by_hand_leaves_out_what_could_not_be_compared() -> None:
    # 3 · .01, then max(.03, 2 · .02), then max(.04, .03)
    assert holm(np.array([0.02, np.nan, 0.03, 0.01])) == pytest.approx(
        [0.04, np.nan, 0.04, 0.03], nan_ok=True
    )


def enumerated(only_first: int, only_second: int) -> float:
    """Chance of a split at least as unlikely as the one seen, over all splits."""
    total = only_first + only_second
    seen = comb(total, only_first)
    return sum(comb(total, k) for k in range(total + 1) if comb(total, k) <= seen) / 2**total


@given(st.integers(0, 30), st.integers(0, 30))
def test_mcnemar_is_the_sum_over_all_splits_that_are_as_unlikely(first: int, second: int) -> None:
    assert mcnemar(first, second) == pytest.approx(enumerated(first, second), abs=1e-12)


def test_mcnemar_refuses_what_is_no_count() -> None:
    with pytest.raises(ValueError, match="expected counts of questions"):
        mcnemar(-1, 3)


def test_a_p_value_agrees_with_the_interval_about_zero() -> None:
    rng = np.random.default_rng(3)
    agreed = 0
    for seed in range(200):
        first = rng.binomial(8, 0.5, 60) / 8
        second = np.clip(first + rng.normal(0.05, 0.2, 60), 0, 1)
        found = paired_difference(second, first, seed=seed)
        agreed += (found.p < 0.05) == (found.estimate.lo > 0 or found.estimate.hi < 0)
    assert agreed >= 190  # apart from skew and the noise of 1,000 resamples


def test_without_a_difference_one_p_value_in_twenty_is_below_5_percent() -> None:
    rng, shape = np.random.default_rng(1), (30, 20_000)
    single = rng.binomial(1, 0.5, shape) - rng.binomial(1, 0.5, shape).astype(float)
    seldom = rng.choice([-0.5, 0.0, 0.0, 0.0, 0.0, 0.0, 0.5], shape)
    found = [
        float((paired_p(gaps) < 0.05).mean()) for gaps in (rng.normal(size=shape), single, seldom)
    ]
    assert 0.045 < found[0] < 0.055
    assert 0.01 < found[1] < 0.05  # exact: never above, and below because counts come in steps
    assert 0.03 < found[2] < 0.055


@settings(max_examples=50)
@given(st.lists(st.sampled_from([-0.5, -0.25, 0.0, 0.25, 0.5]), min_size=2, max_size=8))
def test_a_p_value_is_never_below_the_smallest_that_flipping_signs_can_give(
    gaps: list[float],
) -> None:
    flips = [
        abs(sum(a * b for a, b in zip(signs, gaps, strict=True)))
        for signs in product((-1, 1), repeat=len(gaps))
    ]
    largest = max(flips)
    smallest = sum(flip >= largest - 1e-12 for flip in flips) / len(flips)
    assert paired_p(np.array(gaps)[:, None])[0] >= smallest - 1e-12


def test_five_questions_that_all_point_one_way_are_not_enough() -> None:
    gaps = np.array([[0.5]] * 5 + [[0.0]] * 35)  # Student alone: t = 2.36, p = .023
    assert paired_p(gaps)[0] == 2 / 2**5


def test_a_search_that_is_right_throughout_is_not_ahead_of_a_pool_that_nearly_is() -> None:
    # Equal chances of 31/32 leave ten single draws without an error with chance .73.
    found = paired_difference(np.full(10, 1.0), np.full(10, 31 / 32), seed=0)
    assert found.p > 0.5
    assert found.estimate.lo < 0 < found.estimate.hi


@pytest.mark.parametrize("count", [10, 50])
def test_single_draws_beside_means_of_many_keep_the_level_far_out(count: int) -> None:
    rng = np.random.default_rng(4)
    for low, high in ((0.5, 0.5), (0.9, 1.0), (0.95, 0.99), (0.0, 0.1), (0.0, 1.0)):
        chance = rng.uniform(low, high, (count, 2000))
        single = rng.binomial(1, chance).astype(np.float64)
        mean = rng.binomial(32, chance) / 32
        repeats = np.array([1.0, 32.0])
        least = np.array(
            [
                draw_errors(np.stack([a, b], axis=1), repeats)[0, 1]
                for a, b in zip(single.T, mean.T, strict=True)
            ]
        )
        p = paired_p(single - mean, least)
        for level in (0.05, 0.01):
            # 4 standard errors of a share of 2,000.
            assert (p < level).mean() < level + 4 * (level / 2000) ** 0.5, (low, high, level)


def test_single_draws_are_compared_by_mcnemars_exact_test() -> None:
    gaps = np.array([[1.0]] * 9 + [[-1.0]] * 2 + [[0.0]] * 20)
    assert paired_p(gaps)[0] == mcnemar(9, 2) == pytest.approx(2 * (1 + 11 + 55) / 2**11)


def test_a_difference_is_paired_by_question() -> None:
    rng = np.random.default_rng(0)
    hard = rng.random(100)
    found = paired_difference(
        hard * 0.8 + 0.1, hard * 0.8, seed=0
    )  # .1 on every question, whatever its accuracy
    assert found.estimate == pytest.approx((0.1, 0.1, 0.1))
    assert found.p < 1e-6
    assert paired_difference(hard, hard, seed=0) == ((0.0, 0.0, 0.0), 1.0)


def test_versions_on_other_questions_are_refused() -> None:
    with pytest.raises(ValueError, match="expected two accuracies of each question"):
        paired_difference(np.ones(3), np.ones(4), seed=0)
