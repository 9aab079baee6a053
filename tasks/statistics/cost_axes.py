"""The compute-optimal policy when a budget is a cost, in FLOPs or seconds, and not a number of generations (METHOD §9).

The doublings are powers of two of one plain completion's cost: at doubling k a question may cost 2^k completions on average.
"""

from collections.abc import Sequence
from math import ceil, log2
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.statistics.curves import fold_of, remeasure
from tasks.statistics.intervals import (
    UNKNOWN,
    Estimate,
    Floats,
    bounds,
    centre,
    weights,
    wilson,
    with_bounds,
)
from tasks.statistics.outcomes import SAME_COST, Grid, grid_of

Columns = NDArray[np.int64]

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


class CostFit(NamedTuple):
    """The policy along one cost axis and what it is worth; intervals are 95 % over questions.

    - `table` (level, bin, at_most, strategy, budget, questions, accuracy, lo, hi, cost): the most accurate strategy
      and budget whose mean cost in the bin is at most `at_most`, the cheapest of equal ones; on all questions, hence
      flattering.
    - `curve` (level, at_most, accuracy, lo, hi, cost, baseline_budget, baseline_accuracy, gain, gain_lo, gain_hi):
      two-fold cross-validated accuracy and mean cost; beside it the baseline at the largest budget within the doubling,
      and the paired gain over it, NULL where none is within.

    A doubling at which some bin can afford nothing is left out.
    """

    table: pl.DataFrame
    curve: pl.DataFrame


class _Shop(NamedTuple):
    """One bin's cells from the cheapest to the dearest, and how many of them each doubling affords."""

    bin: int
    rows: NDArray[np.int64]
    cells: Columns
    affords: list[int]


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

    `outcomes` has question_id, strategy, budget, accuracy, `cost` (what a question costs, its share of estimating
    difficulty included) and `alone` (without it: what the baseline costs, which needs no bin). `unit` is the cost of
    one plain completion. What a bin can afford follows from the costs of all its questions; only which of it is best is
    learnt on one fold and measured on the other. Raises UserError for an incomplete matrix.
    """
    grid = grid_of(outcomes, bins, costs=("cost", "alone"))
    doublings = _doublings(grid, unit)
    limits = [unit * 2.0**doubling for doubling in doublings]
    shops = [_shop(grid, int(one), limits) for one in np.unique(grid.bins)]
    table = pl.DataFrame(
        [cell for shop in shops for cell in _cells(grid, shop, doublings, limits)],
        schema=CELLS,
        orient="row",
    ).sort("level", "bin")
    drawn = weights(len(grid.questions), resamples=resamples, seed=seed)
    return CostFit(
        table, _curve(grid, shops, doublings, limits, drawn=drawn, baseline=baseline, seed=seed)
    )


def _doublings(grid: Grid, unit: float) -> range:
    """From the first doubling that affords something in every bin to the first that affords everything."""
    means = [grid.costs[0, grid.bins == one].mean(axis=0) for one in np.unique(grid.bins)]
    first, last = max(mean.min() for mean in means), max(mean.max() for mean in means)
    least, most = (max(0, ceil(log2(cost / unit) - SAME_COST)) for cost in (first, last))
    return range(least, most + 1)


def _shop(grid: Grid, one: int, limits: Sequence[float]) -> _Shop:
    rows = np.flatnonzero(grid.bins == one)
    means = grid.costs[0, rows].mean(axis=0)
    cells = np.argsort(means, kind="stable").astype(np.int64)
    affords = np.searchsorted(means[cells], np.asarray(limits) * (1 + SAME_COST), side="right")
    return _Shop(one, rows, cells, affords.tolist())


def _choices(shop: _Shop, sums: Floats) -> Columns:
    """Cell of highest accuracy at each doubling, the cheapest of equal ones: (resamples, doublings)."""
    rounded = np.round(sums[:, shop.cells], 9)
    best, place = np.zeros(len(sums), dtype=np.int64), 0
    chosen: list[Columns] = []
    for end in shop.affords:
        if end > place:
            rival = place + np.argmax(rounded[:, place:end], axis=1)
            ahead = _at(rounded, rival) > _at(rounded, best)
            best, place = np.where(ahead, rival, best), end
        chosen.append(shop.cells[best])
    return np.stack(chosen, axis=1)


def _at(figures: Floats, columns: Columns) -> Floats:
    return figures[np.arange(len(figures)), columns]


def _cells(
    grid: Grid, shop: _Shop, doublings: range, limits: Sequence[float]
) -> list[tuple[object, ...]]:
    accuracy, count = grid.accuracy[shop.rows], len(shop.rows)
    picks = _choices(shop, accuracy.sum(axis=0, keepdims=True))[0]
    rows: list[tuple[object, ...]] = []
    for doubling, limit, pick in zip(doublings, limits, picks, strict=True):
        mean = float(accuracy[:, pick].mean())
        variance = float(accuracy[:, pick].var(ddof=1)) if count > 1 else None
        ends = wilson(min(max(mean, 0.0), 1.0), variance, count)
        cost = float(grid.costs[0, shop.rows, pick].mean())
        named = (limit, *grid.cells[pick][::-1])
        rows.append((doubling, shop.bin, *named, count, mean, ends.lo, ends.hi, cost))
    return rows


class _Measured(NamedTuple):
    """Mean accuracy and cost of a question at each doubling: (resamples, doublings)."""

    accuracy: Floats
    cost: Floats


def _cross_validated(
    grid: Grid, shops: Sequence[_Shop], fold: NDArray[np.int64], drawn: Floats
) -> _Measured:
    """As `tasks.statistics.curves.cross_validated`, over doublings: chosen on one fold of a bin, measured on the other."""
    total = np.zeros((2, len(drawn), len(shops[0].affords)))
    figures = np.stack([grid.accuracy, grid.costs[0]])
    for shop in shops:
        halves = [shop.rows[fold[shop.rows] == side] for side in (0, 1)]
        sums = [np.stack([drawn[:, rows] @ one[rows] for one in figures]) for rows in halves]
        for learn, measure in (sums, sums[::-1]):
            chosen = _choices(shop, learn[0])
            total += np.stack([np.take_along_axis(one, chosen, axis=1) for one in measure])
    return _Measured(*(total / drawn.sum(axis=1)[None, :, None]))


def _resampled(
    grid: Grid, shops: Sequence[_Shop], fold: NDArray[np.int64], drawn: Floats
) -> Floats:
    """As `tasks.statistics.curves.resample_curve`, over doublings: accuracies for the interval, (resamples, doublings)."""
    total = np.zeros((len(drawn), len(shops[0].affords)))
    for shop in shops:
        first, second = (shop.rows[fold[shop.rows] == side] for side in (0, 1))
        for learn, measure in ((first, second), (second, first)):
            chosen = _choices(shop, drawn[:, learn] @ grid.accuracy[learn])
            total += np.take_along_axis(
                remeasure(grid.accuracy, learn, measure, weights=drawn), chosen, axis=1
            )
    return total / len(grid.questions)


def _curve(
    grid: Grid,
    shops: Sequence[_Shop],
    doublings: range,
    limits: Sequence[float],
    *,
    drawn: Floats,
    baseline: str,
    seed: int,
) -> pl.DataFrame:
    fold, everyone = fold_of(grid, seed=seed), np.ones((1, len(grid.questions)))
    policy = _cross_validated(grid, shops, fold, everyone)
    resampled = _resampled(grid, shops, fold, drawn)
    moved = centre(resampled, policy.accuracy)
    count = len(grid.questions)
    ends = bounds(np.clip(moved, 0.0, 1.0), count=count)
    within = [_within(grid, baseline, limit) for limit in limits]
    gains = [
        _gain(grid, policy.accuracy[0, i], resampled[:, i], column, drawn)
        for i, column in enumerate(within)
    ]
    return (
        pl.DataFrame(
            {
                "level": doublings,
                "at_most": limits,
                "accuracy": np.clip(policy.accuracy[0], 0.0, 1.0),
                "lo": ends.lo,
                "hi": ends.hi,
                "cost": policy.cost[0],
                "baseline_budget": [
                    None if one is None else grid.cells[one].budget for one in within
                ],
                "baseline_accuracy": [
                    None if one is None else float(grid.accuracy[:, one].mean()) for one in within
                ],
            },
            schema_overrides={
                "level": pl.Int64,
                "baseline_budget": pl.Int64,
                "baseline_accuracy": pl.Float64,
            },
        )
        .with_columns(
            pl.Series(name, values, dtype=pl.Float64)
            for name, values in zip(
                ("gain", "gain_lo", "gain_hi"), zip(*gains, strict=True), strict=True
            )
        )
        .fill_nan(None)
    )


def _within(grid: Grid, baseline: str, limit: float) -> int | None:
    """Column of the baseline's largest budget whose mean cost over all questions is within the limit."""
    columns = grid.of(baseline).values()
    affordable = [one for one in columns if grid.costs[1, :, one].mean() <= limit * (1 + SAME_COST)]
    return affordable[-1] if affordable else None


def _gain(
    grid: Grid, accuracy: float, resampled: Floats, column: int | None, drawn: Floats
) -> Estimate:
    """How far the policy is ahead of a cell, with the paired interval."""
    if column is None:
        return UNKNOWN
    count = len(grid.questions)
    gain = accuracy - float(grid.accuracy[:, column].mean())
    gaps = resampled - drawn @ grid.accuracy[:, column] / count
    return with_bounds(gain, centre(gaps, gain), count=count)
