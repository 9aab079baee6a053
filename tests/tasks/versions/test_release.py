"""A release judged on several benchmarks: what follows from gains, and how often it is wrong."""

from math import isnan, nan

import pytest

from infra.bench.releases import shares
from tasks.statistics.comparisons import Difference
from tasks.statistics.intervals import Estimate
from tasks.versions.comparison import Gain
from tasks.versions.release import finding_of, judge


def gain(value: float, p: float, *, error: float = 0.02, units: int = 100) -> Gain:
    return Gain(Difference(Estimate(value, value - 0.04, value + 0.04), p), error, units)


def findings(*gains: Gain) -> list[str]:
    each, overall = judge(gains)
    return [one.finding for one in (*each, overall)] + [finding_of(each, overall)]


def test_one_benchmark_that_is_worse_makes_the_release_worse() -> None:
    # Over all: −.02 with an error of √(2 · .02²) / 2 = .0141, so that p is about .16.
    assert findings(gain(-0.08, 0.0001), gain(0.04, 0.04)) == [
        "worse",
        "cannot be told",
        "cannot be told",
        "worse",
    ]


def test_p_values_are_adjusted_over_benchmarks_and_the_mean_of_them() -> None:
    each, overall = judge([gain(0.05, 0.02), gain(0.0, 1.0), gain(0.0, 1.0)])
    # Three benchmarks and their mean: the smallest of four is multiplied by 4.
    assert each[0].p == pytest.approx(0.08)
    assert each[0].finding == "cannot be told"
    # .05 / 3 over an error of √3 · .02 / 3 = .01155: 1.44 errors.
    assert overall.gain.estimate.value == pytest.approx(0.05 / 3)
    assert 0.14 < overall.gain.p < 0.16


def test_small_gains_everywhere_are_seen_over_all() -> None:
    assert findings(*[gain(0.035, 0.083)] * 4) == [*["cannot be told"] * 4, "better", "better"]


def test_a_benchmark_that_cannot_be_tested_says_nothing() -> None:
    each, overall = judge([gain(0.1, nan, error=nan, units=1), gain(-0.1, 0.001)])
    assert isnan(each[0].p) and each[0].finding == "cannot be told"
    assert overall.finding == "cannot be told" and finding_of(each, overall) == "worse"


def test_of_one_benchmark_alone_all_is_that_one() -> None:
    assert findings(gain(0.1, 0.001)) == ["better", "better", "better"]


def test_equal_versions_are_hardly_ever_called_better_or_worse_and_losses_are_seen() -> None:
    # 5 of 100 at most are meant: 6 or more of 40 have a chance of .01.
    assert shares((0.0,) * 4, releases=40, resamples=100)["cannot be told"] >= 87.5
    assert shares((0.2,) * 4, releases=4, resamples=100)["worse"] == 100
