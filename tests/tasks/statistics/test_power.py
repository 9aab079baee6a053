"""What a comparison can see, and how many questions it takes."""

from math import comb

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.comparisons import SIGNIFICANCE, paired_p
from tasks.statistics.power import (
    WORST,
    Spread,
    detectable_by_bin,
    detectable_with,
    least_share,
    minimum_detectable,
    questions_needed,
    spread_of,
)


def test_the_minimum_detectable_difference_is_what_80_percent_power_needs() -> None:
    # differences are +1 for half of the questions and −1 for the others: s² = 100/99
    rows = [
        (f"q{i:02}", s, 4, float((s == "weighted") == (i < 50)))
        for i in range(100)
        for s in ("weighted", "b")
    ]
    outcomes = pl.DataFrame(
        rows, schema=["question_id", "strategy", "budget", "accuracy"], orient="row"
    )
    expected = (1.959964 + 0.841621) * (100 / 99) ** 0.5 / 10
    found = minimum_detectable(outcomes)
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert found.lo - 1e-9 <= found.value <= found.hi + 1e-9


@pytest.mark.parametrize(("right", "count"), [(0, 30), (1, 30), (5, 5), (500, 500)])
def test_no_number_of_questions_can_detect_every_difference(right: int, count: int) -> None:
    rows = [(f"q{i:03}", s, 4, float(i < right)) for i in range(count) for s in ("weighted", "b")]
    outcomes = pl.DataFrame(
        rows, schema=["question_id", "strategy", "budget", "accuracy"], orient="row"
    )
    found = minimum_detectable(outcomes)
    # 6 questions must differ, for 2 / 2^6 is the first below .05: with fewer nothing is seen.
    assert found.lo >= (6 / count if count >= 6 else 1.0)


@given(st.integers(6, 300), st.floats(0.3, 0.95))
def test_the_least_share_lets_enough_questions_differ_with_the_power_asked_for(
    count: int, power: float
) -> None:
    share = least_share(count, power=power, significance=0.05)
    enough = sum(comb(count, k) * share**k * (1 - share) ** (count - k) for k in range(6))
    assert 1 - enough == pytest.approx(power, abs=1e-6)


def drawn(rng: np.random.Generator, chances: np.ndarray, draws: int, name: str) -> pl.DataFrame:
    return pl.DataFrame(
        {
            "question_id": [f"q{i:04}" for i in range(len(chances))],
            "strategy": [name] * len(chances),
            "budget": [4] * len(chances),
            "accuracy": rng.binomial(draws, chances) / draws,
            "repeats": [float(draws)] * len(chances),
        }
    )


def test_the_spread_is_told_apart_into_questions_and_draws() -> None:
    rng = np.random.default_rng(0)
    # Chances .5 ± .1 and .5: differences of variance .01, a draw of each adds .5 − .01.
    first = 0.5 + 0.1 * rng.choice([-1.0, 1.0], 4000)
    outcomes = pl.concat([drawn(rng, first, 8, "a"), drawn(rng, np.full(4000, 0.5), 8, "weighted")])
    found = spread_of(outcomes, baseline="weighted")
    assert found.draws == pytest.approx(8)
    assert found.between == pytest.approx(0.01, abs=0.005)
    assert found.draw == pytest.approx(0.49, abs=0.02)


def test_so_many_questions_as_are_said_to_be_needed_show_the_difference_mostly() -> None:
    # Worst case, 10 points: (1.960 + .842)² · .5 / .01 = 392.4 questions.
    count = questions_needed(WORST, 0.1, draws=1)
    assert count == 393
    assert detectable_with(WORST, count, draws=1) == pytest.approx(0.1, abs=1e-3)
    rng = np.random.default_rng(1)
    gaps = rng.binomial(1, 0.55, (count, 1000)) - rng.binomial(1, 0.45, (count, 1000))
    seen = (paired_p(gaps.astype(float)) < SIGNIFICANCE).mean()
    # 1,000 comparisons: a standard error of 1.3 points; the exact test is a little less sure.
    assert 0.74 < seen < 0.84


def test_more_draws_take_fewer_questions_until_questions_themselves_decide() -> None:
    spread = Spread(between=0.04, draw=0.36, draws=1)
    # (2.8016 / .1)² = 784.9 times .4, .13 and .0625.
    assert questions_needed(spread, 0.1, draws=1) == 314
    assert questions_needed(spread, 0.1, draws=4) == 103
    assert questions_needed(spread, 0.1, draws=16) == 50


def test_a_difference_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="above 0 and up to 1"):
        questions_needed(WORST, 0.0, draws=1)


def test_where_nothing_varies_six_questions_must_still_differ() -> None:
    # 25 of 100 points: least_share(30) = .25 at 80 % power.
    assert questions_needed(Spread(0.0, 0.0, 1.0), 0.25, draws=1) in range(30, 35)


def test_bins_have_a_smallest_difference_each_and_groups_count_for_fewer() -> None:
    rng = np.random.default_rng(2)
    halves = np.repeat([0.2, 0.8], 60)
    outcomes = pl.concat([drawn(rng, halves, 1, "a"), drawn(rng, halves, 1, "weighted")])
    names = outcomes["question_id"].unique().sort()
    bins = pl.DataFrame({"question_id": names, "bin": [1] * 60 + [2] * 60})
    found = dict(detectable_by_bin(outcomes, bins, baseline="weighted"))
    whole = minimum_detectable(outcomes)
    assert found.keys() == {1, 2}
    assert all(one.value > whole.value for one in found.values())
    # Each question ten times over under one group says what one question says.
    copies = pl.concat(
        [outcomes.with_columns(question_id=pl.col("question_id") + f"-{i}") for i in range(10)]
    )
    belongs = copies.select("question_id", question_group=pl.col("question_id").str.slice(0, 5))
    together = minimum_detectable(copies, questions=belongs.unique())
    assert together.value == pytest.approx(whole.value, rel=0.01)
