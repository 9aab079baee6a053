"""The compute-optimal policy when a budget is a cost along some axis (METHOD §9, §12).

Limits are doublings of one plain completion's cost: at doubling k a question may cost that of 2^k
completions on average.
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.axes import (
    Limits,
    Reached,
    Shop,
    best_affordable,
    factor_along,
    ladder_of,
    limits_of,
    shop_of,
)
from tasks.statistics.curves import fold_of, remeasure
from tasks.statistics.intervals import (
    UNKNOWN,
    Estimate,
    bounds,
    centre,
    mean_accuracy,
    weights,
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
    "factor": pl.Float64,
    "factor_lo": pl.Float64,
    "factor_hi": pl.Float64,
    "beyond": pl.Boolean,
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
    where none is within; and what the baseline would cost to be as accurate, divided by the mean
    cost of the policy: the efficiency factor along this axis.
    """


def fit_costs(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    unit: float | Limits,
    baseline: str = "weighted",
    seed: int = 0,
    resamples: int = 1000,
) -> CostFit:
    """The policy of one benchmark along one cost axis.

    `outcomes` has question_id, strategy, budget, accuracy, `cost` (what a question costs, its share
    of estimating difficulty included) and `alone` (without it: what the baseline costs, which needs
    no bin). `unit` is the cost of one plain completion, from which limits double, or the limits
    themselves, each of which every bin can pay. What a bin can afford follows from the costs of all
    its questions; only which of it is best is learnt on one fold and measured on the other. Raises
    UserError for an incomplete matrix.
    """
    grid = grid_of(outcomes, bins, costs=("cost", "alone"), baseline=baseline)
    limits = unit if isinstance(unit, Limits) else limits_of(grid, unit)
    shops: list[Shop] = []
    cells: list[tuple[object, ...]] = []
    for one in np.unique(grid.bins):
        shop = shop_of(grid, int(one), limits)
        shops.append(shop)
        cells += _cells(grid, shop, limits)
    table = pl.DataFrame(cells, schema=CELLS, orient="row")
    drawn = weights(len(grid.questions), resamples=resamples, seed=seed, groups=grid.groups)
    curve = curve_along(
        grid,
        shops,
        limits,
        drawn=drawn,
        baseline=baseline,
        seed=seed,
    )
    return CostFit(table.sort("level", "bin"), curve)


def _cells(grid: Grid, shop: Shop, limits: Limits) -> list[tuple[object, ...]]:
    """Rows of CELLS of one bin."""
    accuracy = grid.accuracy[shop.rows]
    groups = None if grid.groups is None else grid.groups[shop.rows]
    sums = grid.preference[shop.rows].sum(axis=0, keepdims=True)
    picks = best_affordable(shop, sums)[0]
    rows: list[tuple[object, ...]] = []
    for doubling, at_most, pick in zip(*limits, picks, strict=True):
        cell = grid.cells[pick]
        reached = mean_accuracy(accuracy[:, pick], groups)
        cost = grid.costs[0, shop.rows, pick].mean()
        named = (doubling, shop.bin, at_most, cell.strategy, cell.budget)
        rows.append((*named, len(shop.rows), *reached, float(cost)))
    return rows


class _Measured(NamedTuple):
    """Accuracy and cost: means of a question at each doubling (resamples, doublings), or sums."""

    accuracy: Floats
    cost: Floats


def _cross_validated(grid: Grid, shops: Sequence[Shop], fold: Integers, drawn: Floats) -> _Measured:
    """As `tasks.statistics.curves.cross_validated`, over doublings instead of budgets."""
    accuracy = np.zeros((len(drawn), len(shops[0].affords)))
    cost = np.zeros_like(accuracy)
    for shop in shops:
        first, second = shop.halves(fold)
        for learn, rows in ((first, second), (second, first)):
            chosen = best_affordable(shop, drawn[:, learn] @ grid.preference[learn])
            measure = _sum_up(grid, rows, drawn)
            accuracy += np.take_along_axis(measure.accuracy, chosen, axis=1)
            cost += np.take_along_axis(measure.cost, chosen, axis=1)
    questions = drawn.sum(axis=1)[:, None]
    return _Measured(accuracy / questions, cost / questions)


def _sum_up(grid: Grid, rows: Integers, drawn: Floats) -> _Measured:
    """Accuracy and cost of every cell, summed over some questions: (resamples, cells)."""
    times = drawn[:, rows]
    return _Measured(
        accuracy=times @ grid.accuracy[rows],
        cost=times @ grid.costs[0][rows],
    )


def _resample(grid: Grid, shops: Sequence[Shop], fold: Integers, drawn: Floats) -> Floats:
    """As `tasks.statistics.curves.resample_curve`, over doublings: (resamples, doublings)."""
    total = np.zeros((len(drawn), len(shops[0].affords)))
    for shop in shops:
        first, second = shop.halves(fold)
        for learn, measure in ((first, second), (second, first)):
            learnt = drawn[:, learn] @ grid.preference[learn]
            chosen = best_affordable(shop, learnt)
            sums = remeasure(grid.accuracy, learn, measure, weights=drawn)
            total += np.take_along_axis(sums, chosen, axis=1)
    return total / len(grid.questions)


def curve_along(
    grid: Grid,
    shops: Sequence[Shop],
    limits: Limits,
    *,
    drawn: Floats,
    baseline: str,
    seed: int,
) -> pl.DataFrame:
    """Columns of CURVE, a row a doubling: what the shops sell, beside the baseline."""
    count = len(grid.questions)
    fold = fold_of(grid, seed=seed)
    policy = _cross_validated(grid, shops, fold, np.ones((1, count)))
    resampled = _resample(grid, shops, fold, drawn)
    # Moved onto the estimate, the resamples may pass 0 or 1, which no accuracy does.
    centred = np.clip(centre(resampled, policy.accuracy), 0.0, 1.0)
    ends = bounds(centred, count=grid.units)
    accuracy = np.clip(policy.accuracy[0], 0.0, 1.0)
    ladder = ladder_of(grid, baseline, drawn)
    rows: list[tuple[object, ...]] = []
    for place, (doubling, at_most) in enumerate(zip(*limits, strict=True)):
        own = (
            accuracy[place],
            ends.lo[place],
            ends.hi[place],
            policy.cost[0, place],
        )
        rival = _largest_within(grid, baseline, at_most)
        # Before clipping: a clipped end would not be paired with the baseline any more.
        gain = _gain(
            grid,
            policy.accuracy[0, place],
            resampled[:, place],
            rival,
            drawn,
        )
        reached = Reached(policy.accuracy[:, place], centred[:, place], policy.cost[0, place])
        factor = factor_along(ladder, reached, count=grid.units)
        rows.append((doubling, at_most, *own, *_beside(grid, rival), *gain, *factor))
    return pl.DataFrame(rows, schema=CURVE, orient="row").fill_nan(None)


def _largest_within(grid: Grid, baseline: str, limit: float) -> int | None:
    """Column of the baseline's largest budget whose mean cost is within the limit."""
    reach = limit * (1 + SAME_COST)
    largest: int | None = None
    for column in grid.of(baseline).values():
        # Its own cost, without that of telling difficulty: the baseline needs no bin.
        alone = grid.costs[1, :, column]
        if alone.mean() <= reach:
            largest = column
    return largest


def _beside(grid: Grid, column: int | None) -> tuple[int | None, float | None]:
    """Budget and accuracy of the baseline that the policy is compared with."""
    if column is None:
        return None, None
    accuracy = grid.accuracy[:, column].mean()
    return grid.cells[column].budget, float(accuracy)


def _gain(
    grid: Grid,
    accuracy: float,
    resampled: Floats,
    column: int | None,
    drawn: Floats,
) -> Estimate:
    """How far the policy is ahead of a cell, with the paired interval."""
    if column is None:
        return UNKNOWN
    count = len(grid.questions)
    values = grid.accuracy[:, column]
    gain = accuracy - float(values.mean())
    # The same resamples as the policy's: what is hard in one is hard for both.
    rival = drawn @ values / count
    gaps = centre(resampled - rival, gain)
    return with_bounds(gain, gaps, count=grid.units)
