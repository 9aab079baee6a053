"""Figures with their ends: a bootstrap over questions, and Wilson's formula."""

from math import sqrt
from statistics import NormalDist
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Floats, Integers

CONFIDENCE: Final = 0.95

# 1.959964 in the SQL macros; two decimals here, because stored figures were made with them.
Z: Final = 1.96
"""Standard errors on either side of a mean that Wilson's formula starts from."""


UNSEEN: Final = 0.5
"""Questions of another kind that n may have missed: where all are alike, a share of 1/(2n)."""


class Estimate(NamedTuple):
    """A figure and the ends of its 95 % interval over questions; NaN ends are unknown."""

    value: float
    lo: float
    hi: float


UNKNOWN: Final = Estimate(np.nan, np.nan, np.nan)
"""Stands for a figure that there is nothing to calculate from."""


class Bounds(NamedTuple):
    """Ends of the 95 % intervals of many figures; NaN where fewer than two questions were there."""

    lo: Floats
    hi: Floats


class Clusters(NamedTuple):
    """Figures of questions, summed within the groups that they belong to."""

    sums: Floats
    """(groups, columns)."""
    sizes: Floats
    """Questions of each group (groups,)."""

    def errors(self) -> Floats:
        """Standard error of the mean over questions of each column; NaN for one group.

        Groups are what is drawn, so that their sums vary and not their questions (Miller, arXiv
        2411.00640); of groups of one question each this is the usual standard error.
        """
        count = len(self.sizes)
        if count < 2:
            return np.full(self.sums.shape[1], np.nan)
        around = self.around()
        squares = (around * around).sum(axis=0)
        return np.sqrt(squares * count / (count - 1)) / self.sizes.sum()

    def around(self) -> Floats:
        """How far each group's sum is from what the mean of all questions would make it."""
        mean = self.sums.sum(axis=0) / self.sizes.sum()
        return self.sums - self.sizes[:, None] * mean


def clusters_of(values: Floats, groups: Integers | None) -> Clusters:
    """The figures (questions, columns) by group; None: each question is a group of its own."""
    if groups is None:
        return Clusters(values, np.ones(len(values)))
    _, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    sums = np.zeros((len(sizes), values.shape[1]))
    np.add.at(sums, place, values)
    return Clusters(sums, sizes.astype(np.float64))


def groups_of(questions: pl.Series, named: pl.DataFrame) -> Integers | None:
    """A number for what each question belongs to; None where none shares it with another.

    `named` has question_id and question_group; NULL: a question that belongs to nothing.
    """
    if "question_group" not in named.columns:
        return None
    known = questions.to_frame().join(named, on="question_id", how="left", maintain_order="left")
    names = known["question_group"].cast(pl.String)
    # A question without a group is one of its own, whatever other groups are called.
    alone = "question " + questions.cast(pl.String)
    units = pl.Series(np.where(names.is_null(), alone, "group " + names.fill_null("")))
    if units.n_unique() == len(units):
        return None
    return units.rank("dense").to_numpy().astype(np.int64)


def weights(count: int, *, resamples: int, seed: int, groups: Integers | None = None) -> Floats:
    """How often each question is drawn in each resample: (resamples, count).

    Rows sum to `count`. Questions of one of the `groups` are drawn together; where these differ in
    size a resample has more questions or fewer, and its row is scaled.
    """
    if groups is not None:
        kinds, place = np.unique(groups, return_inverse=True)
        each = weights(len(kinds), resamples=resamples, seed=seed)[:, place]
        return each * (count / each.sum(axis=1, keepdims=True))
    # One multinomial row is a bootstrap sample of the questions: products with it are sums over the
    # sample, so that no resample of a matrix is ever copied.
    generator = np.random.default_rng(seed)
    even = np.full(count, 1 / count)
    draws = generator.multinomial(count, even, size=resamples)
    return draws.astype(np.float64)


def centre(resampled: Floats, estimate: Floats | float) -> Floats:
    """The resampled figures (resamples, …), moved so that their mean is the estimate (1, …).

    A resample has fewer distinct questions to learn from and so chooses less well: left where they
    are, the figures of whatever is learnt and measured again in each would make an interval that
    lies too low. They may lie beyond the estimate's range then: who has a range clips.
    """
    return resampled + (estimate - resampled.mean(axis=0))


def bounds(resampled: Floats, *, count: int) -> Bounds:
    """Percentile interval over the first axis of figures resampled from `count` questions.

    The percentiles are moved out so that the interval of a mean is as wide as Student's with
    `count` − 1 degrees of freedom (expanded percentiles: Hesterberg, arXiv 1411.5279, §3.3.2).
    """
    if count < 2:
        unknown = np.full(resampled.shape[1:], np.nan)
        return Bounds(unknown, unknown)
    student = float(special.stdtrit(count - 1, (1 + CONFIDENCE) / 2))  # pyright: ignore
    # A bootstrap's spread lacks Bessel's correction, hence n/(n − 1) beside Student's quantile.
    tail = NormalDist().cdf(-student * sqrt(count / (count - 1)))
    # Of B resamples the ends are the k-th from below and from above, k = ⌊(B + 1)·tail⌋: counted on
    # B alone they are too close (Efron and Tibshirani, An Introduction to the Bootstrap, §12.5).
    rank = max(int(tail * (len(resampled) + 1)), 1)
    low = rank - 1
    high = len(resampled) - rank
    # The k-th value itself and no interpolation: of two infinite figures there is no mean.
    ordered = np.partition(resampled, (low, high), axis=0)
    return Bounds(ordered[low], ordered[high])


def with_bounds(value: float, resampled: Floats, *, count: int) -> Estimate:
    """One figure with the `bounds` of its resamples (resamples,)."""
    ends = bounds(resampled, count=count)
    return Estimate(float(value), float(ends.lo), float(ends.hi))


def design_effect(values: Floats, groups: Integers | None) -> float:
    """How much more the mean of these questions varies, drawn in groups, than one by one.

    At least 1.
    """
    if groups is None or len(values) < 2:
        return 1.0
    column = values[:, None]
    alone = float(clusters_of(column, None).errors()[0])
    together = float(clusters_of(column, groups).errors()[0])
    # One group says nothing of how groups vary: NaN, and no interval is wide enough.
    if alone == 0.0:
        return 1.0
    return max((together / alone) ** 2, 1.0) if np.isfinite(together) else float(len(values))


def wilson(mean: float, variance: float | None, count: int, *, design: float = 1.0) -> Estimate:
    """A mean accuracy over `count` questions with Wilson's interval (`score_size`, `score_end`).

    `variance` is the sample variance of the questions' accuracies, `design` their `design_effect`,
    by which they count for fewer. Raises ValueError for a mean
    outside [0, 1] or no question.
    """
    if not 0 <= mean <= 1 or count < 1:
        raise ValueError(
            f"expected a mean in [0, 1] over at least 1 question, got {mean} over {count}"
        )
    size = score_size(mean, variance, count) / design
    return Estimate(mean, score_end(mean, size, -Z), score_end(mean, size, Z))


def mean_accuracy(values: Floats, groups: Integers | None) -> Estimate:
    """The mean of questions' accuracies (questions,) with Wilson's interval; see `wilson`."""
    count = len(values)
    # The mean of figures that are all 1 may round beyond.
    mean = min(max(float(values.mean()), 0.0), 1.0)
    variance = float(values.var(ddof=1)) if count > 1 else None
    return wilson(mean, variance, count, design=design_effect(values, groups))


def no_surer(ends: Bounds, values: Floats, groups: Integers | None) -> Bounds:
    """The ends of means of these accuracies (questions, figures), moved out to Wilson's.

    Resamples of questions that are all alike have no width. NaN stays.
    """
    least = [mean_accuracy(column, groups) for column in values.T]
    return Bounds(
        np.minimum(ends.lo, [one.lo for one in least]),
        np.maximum(ends.hi, [one.hi for one in least]),
    )


def score_size(mean: float, variance: float | None, count: int) -> float:
    """How many single draws tell as much as these accuracies do: n·p(1−p)/s², at least n.

    Fractional accuracies vary less than single draws and earn a narrower interval, binary ones get
    the plain formula. It is also plain for p = 0 or 1 and where the variance is 0 or unknown. What
    was not met among n questions is not said to be absent: s² is at least what `UNSEEN` of a
    question at the far end would add.
    """
    if not variance or not 0 < mean < 1:
        return count
    far = max(mean, 1 - mean)
    return max(count, count * mean * (1 - mean) / max(variance, UNSEEN * far * far / count))


def score_end(mean: float, size: float, errors: float) -> float:
    """The accuracy from which the mean of so many draws is so many standard errors away.

    Below the mean for a negative number: an end of Wilson's interval, in [0, 1].
    """
    squared = errors * errors / size
    middle = mean + squared / 2
    half = errors * sqrt(mean * (1 - mean) / size + squared / (4 * size))
    end = (middle + half) / (1 + squared)
    # Rounding alone puts an end on the other side of the mean, where that is 0 or 1.
    end = min(end, mean) if errors < 0 else max(end, mean)
    return min(max(end, 0.0), 1.0)
