"""The compute-optimal policy when a budget is a cost, in FLOPs or seconds (METHOD §9).

Limits are doublings of one plain completion's cost: at doubling k a question may cost that of 2^k
completions on average.
"""

from collections.abc import Sequence
from math import ceil, log2
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.curves import DECIMALS, fold_of, remeasure
from tasks.statistics.intervals import (
    UNKNOWN,
    Estimate,
    bounds,
    centre,
    weights,
    wilson,
    with_bounds,
)
from tasks.statistics.outcomes import SAME_COST, Grid, grid_of

CELLS: Final = {
    "level": pl.Int64,
    "bin": pl.Int64,
    "at_most": pl.Float64,
    "strategy": pl.String,
    "budget": pl.Int64,
    "questions": pl.Int64,
    "accuracy": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "cost": pl.Float64,
}
CURVE: Final = {
    "level": pl.Int64,
    "at_most": pl.Float64,
    "accuracy": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "cost": pl.Float64,
    "baseline_budget": pl.Int64,
    "baseline_accuracy": pl.Float64,
    "gain": pl.Float64,
    "gain_lo": pl.Float64,
    "gain_hi": pl.Float64,
}


class CostFit(NamedTuple):
    """The policy along one cost axis and what it is worth; intervals are 95 % over questions.

    The column `level` holds the doubling. One at which some bin can afford nothing is left out.
    """

    table: pl.DataFrame
    """Columns of CELLS: the most accurate strategy and budget of mean cost `at_most` in the bin.

    The cheapest of equal ones; on all questions, hence flattering.
    """
    curve: pl.DataFrame
    """Columns of CURVE: two-fold cross-validated accuracy and mean cost.

    Beside it the baseline at the largest budget within the limit, and the paired gain over it, NULL
    where none is within.
    """


class _Shop(NamedTuple):
    """One bin's cells, cheapest first, and how many of them each doubling affords."""

    bin: int
    rows: Integers
    cells: Integers
    affords: list[int]

    def halves(self, fold: Integers) -> tuple[Integers, Integers]:
        """Rows of the bin's questions in either fold."""
        inside = fold[self.rows]
        return self.rows[inside == 0], self.rows[inside == 1]


class _Limits(NamedTuple):
    """The doublings, and what each allows a question to cost on average."""

    doublings: range
    at_most: list[float]


def fit_costs(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    unit: float,
    baseline: str = "weighted",
    seed: int = 0,
    resamples: int = 1000,
) -> CostFit:
    """The policy of one benchmark along one cost axis.

    `outcomes` has question_id, strategy, budget, accuracy, `cost` (what a question costs, its share
    of estimating difficulty included) and `alone` (without it: what the baseline costs, which needs
    no bin). `unit` is the cost of one plain completion. What a bin can afford follows from the
    costs of all its questions; only which of it is best is learnt on one fold and measured on the
    other. Raises UserError for an incomplete matrix.
    """
    grid = grid_of(outcomes, bins, costs=("cost", "alone"))
    limits = _limits(grid, unit)
    shops = [_shop(grid, int(one), limits) for one in np.unique(grid.bins)]
    cells = [cell for shop in shops for cell in _cells(grid, shop, limits)]
    table = pl.DataFrame(cells, schema=CELLS, orient="row").sort("level", "bin")
    drawn = weights(len(grid.questions), resamples=resamples, seed=seed)
    curve = _curve(grid, shops, limits, drawn=drawn, baseline=baseline, seed=seed)
    return CostFit(table, curve)


def _limits(grid: Grid, unit: float) -> _Limits:
    """From the first doubling that affords something in every bin to the first that affords all."""
    means = [grid.costs[0, grid.bins == one].mean(axis=0) for one in np.unique(grid.bins)]
    first = _doubling(max(mean.min() for mean in means), unit)
    last = _doubling(max(mean.max() for mean in means), unit)
    doublings = range(first, last + 1)
    return _Limits(doublings, [unit * 2.0**doubling for doubling in doublings])


def _doubling(cost: float, unit: float) -> int:
    """The first that affords a cost, at least 0."""
    # A cost that is a power of two but for rounding needs no further doubling.
    return max(0, ceil(log2(cost / unit) - SAME_COST))


def _shop(grid: Grid, one: int, limits: _Limits) -> _Shop:
    rows = np.flatnonzero(grid.bins == one)
    means = grid.costs[0, rows].mean(axis=0)
    cells = np.argsort(means, kind="stable").astype(np.int64)
    reach = np.asarray(limits.at_most) * (1 + SAME_COST)
    affords = np.searchsorted(means[cells], reach, side="right")
    return _Shop(one, rows, cells, affords.tolist())


def _choices(shop: _Shop, sums: Floats) -> Integers:
    """Most accurate cell at each doubling, the cheapest of equal ones: (resamples, doublings)."""
    rounded = np.round(sums[:, shop.cells], DECIMALS)
    best, place = np.zeros(len(sums), dtype=np.int64), 0
    chosen: list[Integers] = []
    for end in shop.affords:
        if end > place:
            # What this doubling affords for the first time, against the best of all before it.
            rival = place + np.argmax(rounded[:, place:end], axis=1)
            ahead = _at(rounded, rival) > _at(rounded, best)
            best, place = np.where(ahead, rival, best), end
        chosen.append(shop.cells[best])
    return np.stack(chosen, axis=1)


def _at(figures: Floats, columns: Integers) -> Floats:
    """One column of each row."""
    return figures[np.arange(len(figures)), columns]


def _cells(grid: Grid, shop: _Shop, limits: _Limits) -> list[tuple[object, ...]]:
    """Rows of CELLS of one bin."""
    accuracy, count = grid.accuracy[shop.rows], len(shop.rows)
    picks = _choices(shop, accuracy.sum(axis=0, keepdims=True))[0]
    rows: list[tuple[object, ...]] = []
    for doubling, at_most, pick in zip(*limits, picks, strict=True):
        values, cell = accuracy[:, pick], grid.cells[pick]
        mean = float(values.mean())
        variance = float(values.var(ddof=1)) if count > 1 else None
        # The mean of figures that are all 1 may round beyond.
        ends = wilson(min(max(mean, 0.0), 1.0), variance, count)
        cost = float(grid.costs[0, shop.rows, pick].mean())
        named = (doubling, shop.bin, at_most, cell.strategy, cell.budget, count)
        rows.append((*named, mean, ends.lo, ends.hi, cost))
    return rows


class _Measured(NamedTuple):
    """Mean accuracy and cost of a question at each doubling: (resamples, doublings)."""

    accuracy: Floats
    cost: Floats


def _cross_validated(
    grid: Grid, shops: Sequence[_Shop], fold: Integers, drawn: Floats
) -> _Measured:
    """As `tasks.statistics.curves.cross_validated`, over doublings instead of budgets."""
    total = np.zeros((2, len(drawn), len(shops[0].affords)))
    figures = np.stack([grid.accuracy, grid.costs[0]])
    for shop in shops:
        sums = [
            np.stack([drawn[:, rows] @ one[rows] for one in figures]) for rows in shop.halves(fold)
        ]
        for learn, measure in (sums, sums[::-1]):
            chosen = _choices(shop, learn[0])
            total += np.stack([np.take_along_axis(one, chosen, axis=1) for one in measure])
    return _Measured(*(total / drawn.sum(axis=1)[None, :, None]))


def _resample(grid: Grid, shops: Sequence[_Shop], fold: Integers, drawn: Floats) -> Floats:
    """As `tasks.statistics.curves.resample_curve`, over doublings: (resamples, doublings)."""
    total = np.zeros((len(drawn), len(shops[0].affords)))
    for shop in shops:
        first, second = shop.halves(fold)
        for learn, measure in ((first, second), (second, first)):
            chosen = _choices(shop, drawn[:, learn] @ grid.accuracy[learn])
            sums = remeasure(grid.accuracy, learn, measure, weights=drawn)
            total += np.take_along_axis(sums, chosen, axis=1)
    return total / len(grid.questions)


def _curve(
    grid: Grid,
    shops: Sequence[_Shop],
    limits: _Limits,
    *,
    drawn: Floats,
    baseline: str,
    seed: int,
) -> pl.DataFrame:
    count, fold = len(grid.questions), fold_of(grid, seed=seed)
    policy = _cross_validated(grid, shops, fold, np.ones((1, count)))
    resampled = _resample(grid, shops, fold, drawn)
    centred = np.clip(centre(resampled, policy.accuracy), 0.0, 1.0)
    ends = bounds(centred, count=count)
    accuracy = np.clip(policy.accuracy[0], 0.0, 1.0)
    rows: list[tuple[object, ...]] = []
    for place, (doubling, at_most) in enumerate(zip(*limits, strict=True)):
        own = (accuracy[place], ends.lo[place], ends.hi[place], policy.cost[0, place])
        column = _within(grid, baseline, at_most)
        gain = _gain(grid, policy.accuracy[0, place], resampled[:, place], column, drawn)
        rows.append((doubling, at_most, *own, *_beside(grid, column), *gain))
    return pl.DataFrame(rows, schema=CURVE, orient="row").fill_nan(None)


def _within(grid: Grid, baseline: str, limit: float) -> int | None:
    """Column of the baseline's largest budget whose mean cost is within the limit."""
    # Its own cost, without that of telling difficulty: the baseline needs no bin.
    columns, reach = grid.of(baseline).values(), limit * (1 + SAME_COST)
    affordable = [one for one in columns if grid.costs[1, :, one].mean() <= reach]
    return affordable[-1] if affordable else None


def _beside(grid: Grid, column: int | None) -> tuple[int | None, float | None]:
    """Budget and accuracy of the baseline that the policy is compared with."""
    if column is None:
        return None, None
    return grid.cells[column].budget, float(grid.accuracy[:, column].mean())


def _gain(
    grid: Grid, accuracy: float, resampled: Floats, column: int | None, drawn: Floats
) -> Estimate:
    """How far the policy is ahead of a cell, with the paired interval."""
    if column is None:
        return UNKNOWN
    count, values = len(grid.questions), grid.accuracy[:, column]
    gain = accuracy - float(values.mean())
    gaps = resampled - drawn @ values / count
    return with_bounds(gain, centre(gaps, gain), count=count)
