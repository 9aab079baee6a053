"""Whether one thing beats another on the same questions, and what could be seen (METHOD §7)."""

from collections.abc import Mapping
from math import ceil, log2, sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from scipy import special, stats  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.intervals import Estimate, weights, with_bounds
from tasks.statistics.outcomes import SAME_ACCURACY, Grid, grid_of
from tasks.statistics.repeats import apparent_repeats, draw_errors
from warehouse.errors import UserError

SIGNIFICANCE: Final = 0.05
"""Chance of a false claim that a test, or a table of them together, may take."""


DETECTABLE_RESAMPLES: Final = 200


class Difference(NamedTuple):
    """A paired difference over questions, and the two-sided p-value of there being none."""

    estimate: Estimate
    p: float


def paired_difference(
    first: Floats,
    second: Floats,
    *,
    seed: int,
    resamples: int = 1000,
) -> Difference:
    """How far `first` is ahead of `second`, accuracies of the same questions in the same order.

    The interval is a bootstrap over questions, no narrower than the draws allow (`draw_errors`),
    `p` is that of `paired_p`; both are NaN for one question. Raises ValueError where the two do not
    match.
    """
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError(
            f"expected two accuracies of each question, got shapes {first.shape} and {second.shape}"
        )
    gaps = np.asarray(first - second, dtype=np.float64)
    drawn = weights(gaps.size, resamples=resamples, seed=seed)
    resampled = drawn @ gaps / gaps.size
    gain = with_bounds(float(gaps.mean()), resampled, count=gaps.size)
    both = np.stack([first, second], axis=1).astype(np.float64)
    least = float(draw_errors(both, apparent_repeats(both))[0, 1])
    p = paired_p(gaps[:, None], np.array([least]))[0]
    return Difference(_at_least_as_wide(gain, least, gaps.size), p=float(p))


def _at_least_as_wide(
    gain: Estimate,
    error: float,
    count: int,
) -> Estimate:
    """The estimate with ends no nearer than this standard error allows; NaN ends stay."""
    if count < 2:
        return gain
    half = float(special.stdtrit(count - 1, 1 - SIGNIFICANCE / 2)) * error  # pyright: ignore
    return Estimate(gain.value, min(gain.lo, gain.value - half), max(gain.hi, gain.value + half))


def paired_p(gaps: Floats, least_error: Floats | None = None) -> Floats:
    """Two-sided p-value of no difference for each column of differences (questions, columns).

    Where all differences are −1, 0 or 1, single draws were compared: exact McNemar. Else the paired
    Student t: its interval is what the bootstrap's percentiles are expanded to (`bounds`), and
    unlike a count of resamples it has no smallest value, which a correction over many cells needs.
    Its standard error is no smaller than `least_error` (columns), see `draw_errors`. p is never
    below 2 / 2^m with m the differences that are not 0. NaN for one question.
    """
    count = len(gaps)
    if count < 2:
        return np.full(gaps.shape[1], np.nan)
    least_error = np.zeros(gaps.shape[1]) if least_error is None else least_error
    up = (gaps > SAME_ACCURACY).sum(axis=0)
    down = (-gaps > SAME_ACCURACY).sum(axis=0)
    off_whole = np.abs(gaps - np.round(gaps))
    # Counts of questions are compared only where both figures are of as many draws.
    single = (off_whole < SAME_ACCURACY).all(axis=0) & (least_error == 0.0)
    # The smallest p-value of a test that flips the differences' signs: few questions that all point
    # one way prove less than their lack of spread suggests.
    least = np.minimum(2.0 ** (1.0 - up - down), 1.0)
    p = np.maximum(_student_p(gaps, up + down, least_error), least)
    return np.where(single, _exact(up, down), p)


def _student_p(
    gaps: Floats,
    different: Integers,
    least_error: Floats,
) -> Floats:
    """Two-sided p-value of the paired t of each column, in which so many questions differ."""
    error = np.maximum(standard_error(gaps), least_error)
    # Where all differences are the same the error is 0: t is infinite, and its p-value 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = gaps.mean(axis=0) / error
    # Without any difference that is 0 / 0, and there is nothing to claim.
    t = np.where(different > 0, ratio, 0.0)
    freedom = len(gaps) - 1
    return 2.0 * special.stdtr(freedom, -np.abs(t))  # pyright: ignore


def standard_error(gaps: Floats) -> Floats:
    """Standard error of the mean of each column (questions, columns); NaN for one question."""
    if len(gaps) < 2:
        return np.full(gaps.shape[1], np.nan)
    return gaps.std(axis=0, ddof=1) / sqrt(len(gaps))


def mcnemar(only_first: int, only_second: int) -> float:
    """Exact two-sided p-value of McNemar's test for single draws of the same questions.

    `only_first` questions are right under the first alone, `only_second` under the second alone;
    without a difference either is as likely, so the counts are Binomial(only_first + only_second,
    1/2). 1 where no question differs. Raises ValueError for a negative count.
    """
    if min(only_first, only_second) < 0:
        raise ValueError(f"expected counts of questions, got {only_first} and {only_second}")
    up = np.array([only_first])
    down = np.array([only_second])
    return float(_exact(up, down)[0])


def _exact(up: Integers, down: Integers) -> Floats:
    """McNemar's two-sided p-value for each pair of counts."""
    fewer = np.minimum(up, down)
    tail = stats.binom.cdf(fewer, up + down, 0.5)  # pyright: ignore
    # Twice the tail counts the middle twice where both counts are equal.
    return np.minimum(1.0, 2.0 * tail)  # pyright: ignore


def minimum_detectable(
    outcomes: pl.DataFrame,
    *,
    baseline: str = "weighted",
    power: float = 0.8,
    significance: float = SIGNIFICANCE,
    seed: int = 0,
) -> Estimate:
    """Smallest true difference that a paired comparison on these questions detects with this power.

    (z₁₋significance/₂ + z_power) · s / √n, with n the questions and s the largest standard
    deviation, over questions, of the difference between a strategy and the baseline at one budget:
    it holds for every such pair. Its interval resamples the questions. Neither is below what the
    binomial allows, whatever was seen: so many questions must differ by a draw or more that the
    test can tell (`paired_p`), see `least_share`. Raises UserError for fewer than two questions or
    an unknown baseline.
    """
    # One bin for all: what can be seen is said of the whole benchmark.
    questions = outcomes.select(pl.col("question_id").unique())
    everyone = questions.with_columns(bin=pl.lit(1))
    grid = grid_of(outcomes, everyone, costs=())
    known = grid.of(baseline)
    count = len(grid.questions)
    if count < 2 or not known:
        raise UserError(
            f"expected outcomes of {baseline!r} on at least 2 questions: add it to the study"
        )
    gaps = np.stack(_gaps(grid, known), axis=1)
    drawn = weights(count, resamples=DETECTABLE_RESAMPLES, seed=seed)
    means = drawn @ gaps / count
    squares = drawn @ gaps**2 / count
    spread = squares - means**2
    # To be called significant a difference must reach so far, and to be detected so far beyond.
    two_sided = NormalDist().inv_cdf(1 - significance / 2)
    beyond = NormalDist().inv_cdf(power)
    reach = (two_sided + beyond) / sqrt(count)
    value = reach * float(gaps.std(axis=0, ddof=1).max())
    # Rounding alone can leave a variance below 0.
    largest = np.maximum(spread.max(axis=1), 0.0)
    resampled = reach * np.sqrt(largest * count / (count - 1))
    share = least_share(count, power=power, significance=significance)
    floor = share / _finest(grid, known)
    seen = with_bounds(value, resampled, count=count)
    return Estimate(*(max(one, floor) for one in seen))


def least_share(
    count: int,
    *,
    power: float,
    significance: float,
) -> float:
    """Smallest share of questions that, all differing one way, is seen with this power; at most 1.

    Two-sided, of m that differ all must point one way with a chance of 2 / 2^m: no less than m of
    `count` must differ, which Binomial(count, share) does with this power.
    """
    fewest = ceil(1 - log2(significance))
    if count < fewest:
        return 1.0
    # P(X ≥ m) ≥ power ⇔ share ≥ the quantile of Beta(m, count − m + 1).
    return float(special.betaincinv(fewest, count - fewest + 1, power))  # pyright: ignore


def _finest(
    grid: Grid,
    known: Mapping[int, int],
) -> float:
    """Most draws behind a figure that is compared: by one of them a question differs at least.

    The fewest over the pairs, of a pair the most: what holds for every pair.
    """
    fewest = np.inf
    for budget, own in known.items():
        most = np.maximum(grid.repeats[grid.at(budget)], grid.repeats[own])
        fewest = min(fewest, float(most.min()))
    return fewest


def _gaps(
    grid: Grid,
    known: Mapping[int, int],
) -> list[Floats]:
    """Differences between the baseline, given by its column at each budget, and all else."""
    pairs: list[Floats] = []
    for budget, own in known.items():
        for one in grid.at(budget):
            if one != own:
                pairs.append(grid.accuracy[:, one] - grid.accuracy[:, own])
    if pairs:
        return pairs
    # Without another strategy: two model versions whose accuracies are unrelated differ √2 as much.
    return [np.sqrt(2) * grid.accuracy[:, own] for own in known.values()]


def holm(p_values: Floats) -> Floats:
    """Holm's adjusted p-values in the order given.

    To claim what is below SIGNIFICANCE keeps the chance of one false claim in all of them at most
    there. The i-th smallest of m is multiplied by m − i + 1 and is at least what the smaller ones
    became, at most 1. NaN, a comparison that could not be made, stays NaN and does not count.
    """
    adjusted = np.full(p_values.shape, np.nan)
    known = np.flatnonzero(~np.isnan(p_values))
    order = known[np.argsort(p_values[known], kind="stable")]
    steps = p_values[order] * np.arange(len(order), 0, -1)
    # Without the running maximum a larger p could end below a smaller one.
    adjusted[order] = np.minimum(np.maximum.accumulate(steps), 1.0)
    return adjusted
