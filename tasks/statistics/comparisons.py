"""Whether one thing beats another on the same questions, and what could be seen (METHOD §7)."""

from typing import Final, NamedTuple

import numpy as np
from scipy import special, stats  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.intervals import Clusters, Estimate, clusters_of, weights, with_bounds
from tasks.statistics.outcomes import SAME_ACCURACY
from tasks.statistics.repeats import apparent_repeats, draw_errors

SIGNIFICANCE: Final = 0.05
"""Chance of a false claim that a test, or a table of them together, may take."""


class Difference(NamedTuple):
    """A paired difference over questions, and the two-sided p-value of there being none."""

    estimate: Estimate
    p: float


def paired_difference(
    first: Floats,
    second: Floats,
    *,
    seed: int,
    groups: Integers | None = None,
    resamples: int = 1000,
) -> Difference:
    """How far `first` is ahead of `second`, accuracies of the same questions in the same order.

    The interval is a bootstrap over questions, or over their groups, no narrower than the draws
    allow (`draw_errors`), `p` is that of `paired_p`; both are NaN for one of them. Raises
    ValueError where the two do not match.
    """
    if first.shape != second.shape or first.ndim != 1 or not first.size:
        raise ValueError(
            f"expected two accuracies of each question, got shapes {first.shape} and {second.shape}"
        )
    gaps = np.asarray(first - second, dtype=np.float64)
    drawn = weights(gaps.size, resamples=resamples, seed=seed, groups=groups)
    resampled = drawn @ gaps / gaps.size
    units = gaps.size if groups is None else len(np.unique(groups))
    gain = with_bounds(float(gaps.mean()), resampled, count=units)
    both = np.stack([first, second], axis=1).astype(np.float64)
    least = float(draw_errors(both, apparent_repeats(both))[0, 1])
    p = paired_p(gaps[:, None], np.array([least]), groups=groups)[0]
    return Difference(_at_least_as_wide(gain, least, units), p=float(p))


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


def paired_p(
    gaps: Floats, least_error: Floats | None = None, *, groups: Integers | None = None
) -> Floats:
    """Two-sided p-value of no difference for each column of differences (questions, columns).

    Where all differences are −1, 0 or 1, single draws were compared: exact McNemar. Else the paired
    Student t: its interval is what the bootstrap's percentiles are expanded to (`bounds`), and
    unlike a count of resamples it has no smallest value, which a correction over many cells needs.
    Its standard error is no smaller than `least_error` (columns), see `draw_errors`. p is never
    below 2 / 2^m with m the differences that are not 0. Of questions in groups their sums are
    compared in place of single ones, by Student's t. NaN for one question, or one group.
    """
    clusters = clusters_of(gaps, groups)
    if len(clusters.sizes) < 2:
        return np.full(gaps.shape[1], np.nan)
    least_error = np.zeros(gaps.shape[1]) if least_error is None else least_error
    up = (clusters.sums > SAME_ACCURACY).sum(axis=0)
    down = (-clusters.sums > SAME_ACCURACY).sum(axis=0)
    off_whole = np.abs(gaps - np.round(gaps))
    # Counts of questions are compared only where both figures are of as many draws.
    single = (off_whole < SAME_ACCURACY).all(axis=0) & (least_error == 0.0) & (groups is None)
    # The smallest p-value of a test that flips the differences' signs: few questions that all point
    # one way prove less than their lack of spread suggests.
    least = np.minimum(2.0 ** (1.0 - up - down), 1.0)
    p = np.maximum(_student_p(clusters, up + down, least_error), least)
    return np.where(single, _exact(up, down), p)


def _student_p(
    clusters: Clusters,
    different: Integers,
    least_error: Floats,
) -> Floats:
    """Two-sided p-value of the paired t of each column, in which so many of them differ."""
    error = np.maximum(clusters.errors(), least_error)
    # Where all differences are the same the error is 0: t is infinite, and its p-value 0.
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = clusters.sums.sum(axis=0) / clusters.sizes.sum() / error
    # Without any difference that is 0 / 0, and there is nothing to claim.
    t = np.where(different > 0, ratio, 0.0)
    freedom = len(clusters.sizes) - 1
    return 2.0 * special.stdtr(freedom, -np.abs(t))  # pyright: ignore


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
