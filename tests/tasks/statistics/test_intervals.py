"""Intervals over questions."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.intervals import bounds, weights, wilson


def test_every_resample_draws_as_many_questions_as_there_are() -> None:
    drawn = weights(30, resamples=200, seed=1)
    assert drawn.shape == (200, 30)
    assert (drawn.sum(axis=1) == 30).all()
    assert np.array_equal(drawn, weights(30, resamples=200, seed=1))


def test_the_interval_of_a_mean_of_ten_is_as_wide_as_student_says() -> None:
    values = np.random.default_rng(2).normal(size=10)
    ends = bounds(weights(10, resamples=20000, seed=3) @ values / 10, count=10)
    half = 2.262157 * values.std(ddof=1) / 10**0.5  # t for 9 degrees of freedom
    assert (ends.hi - ends.lo) / 2 == pytest.approx(half, rel=0.08)


def test_infinite_figures_do_not_spoil_the_other_end() -> None:
    figures = np.concatenate([np.linspace(1, 2, 900), np.full(100, np.inf)])
    ends = bounds(figures, count=500)
    assert 1 < ends.lo < 1.1
    assert ends.hi == np.inf


def test_one_question_has_no_interval() -> None:
    assert np.isnan(bounds(np.ones(100), count=1)).all()


def test_binary_accuracies_have_the_plain_wilson_interval() -> None:
    # 50 of 100: (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) / (1 + z²/n)
    assert wilson(0.5, 0.25 * 100 / 99, 100) == pytest.approx((0.5, 0.40383, 0.59617), abs=1e-5)


def test_fractional_accuracies_have_a_narrower_interval() -> None:
    # a quarter of the binary variance counts as four times the questions
    assert wilson(0.5, 0.0625, 100) == pytest.approx(wilson(0.5, 0.25, 400))


@pytest.mark.parametrize(("mean", "variance"), [(0.0, 0.0), (1.0, 0.0), (0.5, None), (0.5, 0.0)])
def test_without_a_variance_the_interval_is_the_plain_one(
    mean: float, variance: float | None
) -> None:
    found = wilson(mean, variance, 20)
    assert found == pytest.approx(wilson(mean, 0.25, 20))
    assert found.hi - found.lo > 0.1


@given(st.floats(0, 1), st.floats(0, 0.26), st.integers(1, 2000))
def test_the_interval_holds_the_mean_and_stays_in_range(
    mean: float, variance: float, count: int
) -> None:
    found = wilson(mean, variance, count)
    assert 0 <= found.lo <= found.value + 1e-12
    assert found.value - 1e-12 <= found.hi <= 1


def test_a_mean_outside_the_range_is_refused() -> None:
    with pytest.raises(ValueError, match="expected a mean in"):
        wilson(1.2, 0.1, 10)


@given(st.floats(0, 1) | st.sampled_from([0.0, 1.0]), st.integers(1, 2000))
def test_a_mean_lies_within_its_own_interval(mean: float, count: int) -> None:
    found = wilson(mean, None, count)
    assert 0.0 <= found.lo <= mean <= found.hi <= 1.0
