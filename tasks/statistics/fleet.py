"""One budget spread over many questions by marginal gain over bins (METHOD §11.4)."""

from collections.abc import Sequence
from itertools import combinations
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.curves import cheapest_first, choices, fold_of, handicap
from tasks.statistics.intervals import bounds, weights
from tasks.statistics.outcomes import SAME_ACCURACY, Grid, grid_of

ALLOCATIONS: Final = {
    "budget": pl.Int64,
    "spent": pl.Float64,
    "uniform": pl.Float64,
    "accuracy": pl.Float64,
    "gain": pl.Float64,
    "gain_lo": pl.Float64,
    "gain_hi": pl.Float64,
    "bin_budgets": pl.List(pl.Float64),
}


class Spread(NamedTuple):
    """Where each bin stands on its hull: (…, bins).

    `low` and `high` are indices of budgets, the same where all questions of a bin get one budget;
    `upper` holds the share of its questions with the larger one.
    """

    low: Integers
    high: Integers
    upper: Floats

    def mixed(self, figures: Floats) -> Floats:
        """Figures of each bin and budget (…, bins, budgets) as the bins get them: (…, bins)."""
        low = _pick(figures, self.low)
        high = _pick(figures, self.high)
        return low + self.upper * (high - low)


def _pick(figures: Floats, places: Integers) -> Floats:
    """One figure of each bin (…, bins) out of those by budget (…, bins, budgets)."""
    picked = np.take_along_axis(figures, places[..., None], axis=-1)
    return picked[..., 0]


def allocate(accuracy: Floats, budgets: Sequence[int], shares: Floats, *, average: float) -> Spread:
    """The spending of highest accuracy among those of at most `average` generations a question.

    `accuracy` (…, bins, budgets), budgets rising; `shares` (…, bins) of all questions sum to 1.
    Every bin starts at the smallest budget and climbs the concave hull of its accuracy, steepest
    step of all bins first, the easier bin's of equal ones; a step that no longer fits is taken by a
    share of the bin's questions: that is optimal when they are picked at random. Nothing is spent
    on a step without gain. Raises ValueError for an average below the smallest budget.
    """
    grid = np.asarray(budgets, dtype=np.float64)
    if average < grid[0]:
        raise ValueError(
            f"expected an average of at least {budgets[0]}, the smallest budget, got {average}"
        )
    hull = _hull(accuracy, grid)
    widths = np.diff(grid)
    # Rounded, so that steps which are equally steep but for rounding go to the easier bin.
    slopes = np.round(np.diff(hull, axis=-1) / widths, 12)
    price = shares[..., None] * widths
    # All bins' steps in one row: they compete for one budget.
    one_row = (*slopes.shape[:-2], -1)
    taken = _take(
        slopes.reshape(one_row),
        price.reshape(one_row),
        # The smallest budget of every question is spent already.
        average - grid[0],
    )
    climbed = taken.reshape(slopes.shape) * widths
    at = grid[0] + climbed.sum(axis=-1)
    # Where the hull is the accuracy itself, a budget is one that a bin can really stand on.
    corner = np.abs(hull - accuracy) <= SAME_ACCURACY
    return _between(corner, grid, at)


def _hull(accuracy: Floats, grid: Floats) -> Floats:
    """The smallest concave function that is nowhere below, on the budgets themselves."""
    hull = accuracy.copy()
    # The highest of all chords over each budget: quadratic, but of a handful of budgets.
    for left, right in combinations(range(len(grid)), 2):
        inside = slice(left + 1, right)
        width = grid[right] - grid[left]
        part = (grid[inside] - grid[left]) / width
        low = accuracy[..., [left]]
        high = accuracy[..., [right]]
        chord = low + part * (high - low)
        hull[..., inside] = np.maximum(hull[..., inside], chord)
    return hull


def _take(slopes: Floats, money: Floats, left: float) -> Floats:
    """Share of each step that is paid for, steepest first, until nothing is left: (…, steps)."""
    # Stable: of equal slopes the first in the row, which is the easier bin's.
    order = np.argsort(-slopes, axis=-1, kind="stable")
    price = np.take_along_axis(money, order, axis=-1)
    before = np.cumsum(price, axis=-1) - price
    # A bin that no question of a resample is in has steps for nothing: all that come in time.
    with np.errstate(divide="ignore", invalid="ignore"):
        part = np.clip((left - before) / price, 0.0, 1.0)
        paid = np.where(price > 0, part, before < left)
    taken = np.zeros_like(slopes)
    np.put_along_axis(taken, order, paid, axis=-1)
    return np.where(slopes > 0, taken, 0.0)


def _between(corner: Flags, grid: Floats, at: Floats) -> Spread:
    """The corners of the hulls on either side of where the bins stand."""
    places = np.arange(len(grid))
    near = SAME_ACCURACY * grid[-1]
    stand = at[..., None]
    below = corner & (grid <= stand + near)
    above = corner & (grid >= stand - near)
    # The smallest and the largest budget are corners of every hull: one is always left.
    low = np.where(below, places, 0).max(axis=-1)
    high = np.where(above, places, len(grid) - 1).min(axis=-1)
    # Within the tolerance a corner is on both sides, or the sides would cross.
    high = np.maximum(low, high)
    gap = grid[high] - grid[low]
    # Divided by 1 where there is no gap: that value is thrown away, a division by 0 would warn.
    width = np.where(gap > 0, gap, 1.0)
    upper = np.clip((at - grid[low]) / width, 0.0, 1.0)
    return Spread(low, high, np.where(gap > 0, upper, 0.0))


def fleet(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    costs_order: Sequence[str],
    baseline: str | None = None,
    seed: int = 0,
    resamples: int = 1000,
) -> pl.DataFrame:
    """What uneven spending is worth at each average budget (columns of ALLOCATIONS).

    Two-fold cross-validated: strategies, hulls and spending are learnt on one half of each bin's
    questions and measured on the other; then they swap. `uniform` spends the average on every
    question, under strategies chosen in the same way: the compute-optimal curve. `gain` is the
    paired difference with its 95 % interval, learning repeated in each resample of the questions
    and the resampled gains moved onto the estimate. `spent` is the mean budget really used, below
    the average where more gains nothing. `bin_budgets` is the mean budget of each bin, easiest
    first, refitted on all questions; one between two measured budgets is a mixture of them.
    Arguments as those of `fit_policy`; a probe's generations are in neither.
    """
    grid = grid_of(outcomes, bins, costs=costs_order, baseline=baseline)
    count = len(grid.questions)
    drawn = weights(count, resamples=resamples, seed=seed, groups=grid.groups)
    estimate = _measure(grid, np.ones((1, count)), seed=seed)
    gains = _measure(grid, drawn, seed=seed).gain
    # As `centre` moves them, but subtracted first: stored gains were rounded in this order.
    centred = gains - gains.mean(axis=0) + estimate.gain
    lo, hi = bounds(centred, count=grid.units)
    columns = (
        grid.budgets,
        estimate.spent[0],
        estimate.uniform[0],
        estimate.accuracy[0],
        estimate.gain[0],
        lo,
        hi,
        _refit(grid),
    )
    rows = list(zip(*columns, strict=True))
    return pl.DataFrame(rows, schema=ALLOCATIONS, orient="row").fill_nan(None)


class _Measured(NamedTuple):
    """Figures of each resample at each average budget: (resamples, budgets)."""

    spent: Floats
    uniform: Floats
    accuracy: Floats

    @property
    def gain(self) -> Floats:
        """Accuracy of uneven minus that of even spending."""
        return self.accuracy - self.uniform


class _Half(NamedTuple):
    """One fold in each resample, by bin."""

    sums: Floats
    """Summed accuracy of every cell: (resamples, bins, cells)."""
    preference: Floats
    """The sums by which cells are chosen."""
    counts: Floats
    """Questions: (resamples, bins)."""


def _measure(grid: Grid, drawn: Floats, *, seed: int) -> _Measured:
    fold = fold_of(grid, seed=seed)
    columns = cheapest_first(grid)
    first = _half(grid, np.flatnonzero(fold == 0), drawn)
    second = _half(grid, np.flatnonzero(fold == 1), drawn)
    there = _transfer(grid, first, second, columns)
    back = _transfer(grid, second, first, columns)
    total = drawn.sum(axis=1, keepdims=True)
    return _Measured(
        spent=(there.spent + back.spent) / total,
        uniform=(there.uniform + back.uniform) / total,
        accuracy=(there.accuracy + back.accuracy) / total,
    )


def _half(grid: Grid, rows: Integers, drawn: Floats) -> _Half:
    sums: list[Floats] = []
    preference: list[Floats] = []
    counts: list[Floats] = []
    for one in np.unique(grid.bins):
        inside = rows[grid.bins[rows] == one]
        times = drawn[:, inside]
        sums.append(times @ grid.accuracy[inside])
        last = handicap(grid, np.flatnonzero(grid.bins == one))
        preference.append(times @ grid.preference[inside] - last)
        counts.append(times.sum(axis=1))
    return _Half(
        np.stack(sums, axis=1),
        np.stack(preference, axis=1),
        np.stack(counts, axis=1),
    )


def _transfer(grid: Grid, learn: _Half, measure: _Half, columns: Sequence[Integers]) -> _Measured:
    """Sums over the questions of one half under what was learnt on the other."""
    chosen = _choose(learn, columns)
    measured = np.take_along_axis(measure.sums, chosen, axis=2)
    means, shares = _learn(learn, chosen)
    budgets = _budgets_like(grid, measured)
    spent: list[Floats] = []
    accuracy: list[Floats] = []
    for average in grid.budgets:
        spread = allocate(means, grid.budgets, shares, average=average)
        each = spread.mixed(budgets)
        spent.append((measure.counts * each).sum(axis=1))
        accuracy.append(spread.mixed(measured).sum(axis=1))
    return _Measured(
        spent=np.stack(spent, axis=1),
        uniform=measured.sum(axis=1),
        accuracy=np.stack(accuracy, axis=1),
    )


def _learn(half: _Half, chosen: Integers) -> tuple[Floats, Floats]:
    """Mean accuracy (resamples, bins, budgets), and each bin's share of the questions."""
    sums = np.take_along_axis(half.sums, chosen, axis=2)
    # At least one question, in place of 0 / 0: a bin without any has no share and gets nothing.
    means = sums / np.maximum(half.counts, 1.0)[..., None]
    everyone = half.counts.sum(axis=1, keepdims=True)
    shares = half.counts / np.maximum(everyone, 1.0)
    return means, shares


def _choose(half: _Half, columns: Sequence[Integers]) -> Integers:
    """Column of the best strategy in each bin at each budget: (resamples, bins, budgets)."""
    bins = range(half.preference.shape[1])
    chosen = [choices(half.preference[:, one], columns) for one in bins]
    return np.stack(chosen, axis=1)


def _budgets_like(grid: Grid, figures: Floats) -> Floats:
    """The budgets in every row of figures whose last axis they are."""
    budgets = np.asarray(grid.budgets, dtype=np.float64)
    return np.broadcast_to(budgets, figures.shape)


def _refit(grid: Grid) -> list[list[float]]:
    """Mean budget of each bin at each average budget, learnt on all questions."""
    count = len(grid.questions)
    every = _half(grid, np.arange(count), np.ones((1, count)))
    chosen = _choose(every, cheapest_first(grid))
    sums = np.take_along_axis(every.sums, chosen, axis=2)
    # One row, in which each question counts once.
    means = sums[0] / every.counts[0][:, None]
    shares = every.counts[0] / count
    budgets = _budgets_like(grid, means)
    refitted: list[list[float]] = []
    for average in grid.budgets:
        spread = allocate(means, grid.budgets, shares, average=average)
        refitted.append(spread.mixed(budgets).tolist())
    return refitted
