"""Intervals over questions: bootstrap weights and percentiles, and the variance-adjusted Wilson formula."""

from math import sqrt
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

Floats = NDArray[np.float64]

CONFIDENCE = 0.95


class Bounds(NamedTuple):
    """Ends of a 95 % interval; NaN where fewer than two questions leave them unknown."""

    lo: Floats
    hi: Floats


def weights(count: int, *, resamples: int, seed: int) -> Floats:
    """How often each question is drawn in each resample: (resamples, count), rows sum to `count`."""
    draws = np.random.default_rng(seed).multinomial(
        count, np.full(count, 1 / count), size=resamples
    )
    return draws.astype(np.float64)


def bounds(resampled: Floats, *, count: int) -> Bounds:
    """Percentile interval over the first axis of figures resampled from `count` questions.

    The percentiles are moved out so that the interval of a mean is as wide as Student's with `count` − 1
    degrees of freedom (expanded percentiles: Hesterberg, arXiv 1411.5279, §3.3.2). Of B resamples the ends are
    the k-th from below and from above, k = ⌊(B + 1)·tail⌋, at least 1: counted on B alone they are too close
    (Efron and Tibshirani, An Introduction to the Bootstrap, 1993, §12.5). Infinite figures are
    allowed: no two of them are averaged.
    """
    if count < 2:
        unknown = np.full(resampled.shape[1:], np.nan)
        return Bounds(unknown, unknown)
    student = float(special.stdtrit(count - 1, (1 + CONFIDENCE) / 2))  # pyright: ignore
    tail = NormalDist().cdf(-student * sqrt(count / (count - 1)))
    rank = max(int(tail * (len(resampled) + 1)), 1)
    ordered = np.partition(resampled, (rank - 1, len(resampled) - rank), axis=0)
    return Bounds(ordered[rank - 1], ordered[len(resampled) - rank])


class Interval(NamedTuple):
    """Ends of an interval of one figure."""

    lo: float
    hi: float


def wilson(mean: float, variance: float | None, count: int, *, z: float = 1.96) -> Interval:
    """Wilson interval of a mean accuracy over `count` questions whose accuracies have this sample variance.

    The number of questions is replaced by n·p(1−p)/s², at least n: fractional accuracies vary less than
    single draws and earn a narrower interval, binary ones get the plain formula. It is also plain for p = 0
    or 1 and where the variance is 0 or unknown (one question). Raises ValueError for a mean outside [0, 1]
    or no question.
    """
    if not 0 <= mean <= 1 or count < 1:
        raise ValueError(
            f"expected a mean in [0, 1] over at least 1 question, got {mean} over {count}"
        )
    spread = mean * (1 - mean)
    size = max(count, count * spread / variance) if variance and variance > 0 else count
    centre = (mean + z * z / (2 * size)) / (1 + z * z / size)
    half = z * sqrt(spread / size + z * z / (4 * size * size)) / (1 + z * z / size)
    return Interval(max(centre - half, 0.0), min(centre + half, 1.0))
