"""What meets a requirement: answers right within limits, on a wanted share of questions (§14).

A question is met by its accuracy where all its costs are within their limits, and not at all where
one is beyond. So there is one figure, the rate at which the requirement is met, and a wanted rate
is a wanted accuracy under limits that hold for every question. What is chosen by some questions is
measured on others: the two folds of a policy, joined over its bins.
"""

from collections.abc import Sequence
from math import sqrt
from typing import Final, Literal, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.comparisons import SIGNIFICANCE, paired_p
from tasks.statistics.curves import DECIMALS, fold_of, remeasure
from tasks.statistics.intervals import Estimate, bounds, centre, design_effect, weights, wilson
from tasks.statistics.outcomes import SAME_ACCURACY, Cell, Grid, grid_of, in_one_bin

Conclusion = Literal["reached", "cannot be told", "cannot be reached"]
"""Of a wanted rate: its interval lies above it, holds it, or lies below it."""

SURE: Final = 1.645
"""Standard errors by which a choice must be beyond the wanted rate: one-sided, 95 %."""
STEPS: Final = 24
"""Exchange rates of cost for rate at which the bins' cells are looked for."""


class Named(NamedTuple):
    """What is used on the questions of a bin, with its figures on all of them, which chose it."""

    bin: int
    cell: Cell
    met: float
    cost: float


class Offer(NamedTuple):
    """A way to meet the requirement."""

    cells: list[Named]
    """One a bin, or one for all questions."""
    met: Estimate
    """The rate on questions that did not choose the cells, with its interval."""
    cost: Estimate
    """Mean cost of these."""
    each: Floats
    """Rate and cost of each of them: (2, questions)."""
    resampled: Floats
    """Mean rate and cost in each resample, moved onto the estimate: (resamples, 2)."""


class Answer(NamedTuple):
    """What meets a requirement by bins and with one cell for all, and which is recommended."""

    by_bin: Offer
    for_all: Offer
    adapts: bool
    conclusion: Conclusion | None
    """Of what is recommended; None where no rate was wanted."""

    @property
    def recommended(self) -> Offer:
        """The one of both that should be used."""
        return self.by_bin if self.adapts else self.for_all


def answer_of(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    wanted: float | None,
    baseline: str,
    seed: int = 0,
    resamples: int = 1000,
) -> Answer:
    """The cheapest cells that reach the wanted rate; without one those of the highest rate.

    `outcomes` has question_id, strategy, budget, `met` and `cost` (as a policy by bins pays it,
    telling difficulty included), `met_alone` and `cost_alone` (without it, as one cell for all
    does), and may have the shares of `Lost`. To reach it is to be beyond it by SURE standard errors
    on all questions, or the cheapest would mostly be a lucky one; where nothing is, the highest
    rate is taken. Raises UserError for an incomplete matrix.
    """
    binned = _grid(outcomes, bins, met="met", cost="cost", baseline=baseline)
    alone = _grid(outcomes, bins, met="met_alone", cost="cost_alone", baseline=baseline)
    fold = fold_of(binned, seed=seed)
    count = len(binned.questions)
    groups = binned.groups
    drawn = weights(count, resamples=resamples, seed=seed, groups=groups)
    least = np.inf if wanted is None else _beyond(wanted, count)
    by_bin = _offer(binned, fold, least, drawn)
    for_all = _offer(in_one_bin(alone, baseline=baseline), fold, least, drawn)
    adapts = _is_better(by_bin, for_all, wanted, groups)
    used = by_bin if adapts else for_all
    conclusion = None if wanted is None else conclude(used.met, wanted)
    return Answer(by_bin, for_all, adapts, conclusion)


def _grid(
    outcomes: pl.DataFrame, bins: pl.DataFrame, *, met: str, cost: str, baseline: str
) -> Grid:
    named = outcomes.with_columns(accuracy=pl.col(met), cost=pl.col(cost))
    # Draws behind a figure are those of its accuracy, and no claim of a cell is made here.
    return grid_of(named, bins, costs=("cost",), baseline=baseline)


def _beyond(wanted: float, count: int) -> float:
    """The rate from which so many questions say, at their most varied, that it is reached."""
    return min(wanted + SURE * sqrt(wanted * (1.0 - wanted) / count), 1.0)


def conclude(met: Estimate, wanted: float) -> Conclusion:
    """What the interval of a rate says of the wanted one; unknown ends say nothing."""
    if met.lo >= wanted - SAME_ACCURACY:
        return "reached"
    return "cannot be reached" if met.hi < wanted - SAME_ACCURACY else "cannot be told"


def _is_better(
    by_bin: Offer, for_all: Offer, wanted: float | None, groups: Integers | None
) -> bool:
    """Whether bins pay: a higher rate where that is short, else a lower cost, beyond chance."""
    gaps = by_bin.each - for_all.each
    count = gaps.shape[1] if groups is None else len(np.unique(groups))
    ends = bounds(by_bin.resampled - for_all.resampled, count=count)
    is_shown = paired_p(gaps.T, groups=groups) < SIGNIFICANCE
    is_met = wanted is not None and conclude(for_all.met, wanted) == "reached"
    if not is_met:
        return bool(ends.lo[0] > 0.0 and is_shown[0])
    still_met = wanted is not None and conclude(by_bin.met, wanted) == "reached"
    return bool(ends.hi[1] < 0.0 and is_shown[1] and still_met)


class _Side(NamedTuple):
    """A bin's questions: those that choose, those that measure, and the mean cost of its cells."""

    learn: Integers
    measure: Integers
    cost: Floats


def _offer(grid: Grid, fold: Integers, least: float, drawn: Floats) -> Offer:
    """What is named on all questions, and its cross-validated figures."""
    count = len(grid.questions)
    each = np.zeros((2, count))
    total = np.zeros((len(drawn), 2))
    once = np.ones((1, count))
    for half in (0, 1):
        sides = _sides(grid, learn=fold == half, measure=fold != half)
        rates = _exchange_rates(grid, sides)
        picked = _choose(grid, sides, rates, least=least, drawn=once)
        again = _choose(grid, sides, rates, least=least, drawn=drawn)
        for side, own, resampled in zip(sides, picked, again, strict=True):
            column = int(own[0])
            each[0, side.measure] = grid.accuracy[side.measure, column]
            each[1, side.measure] = grid.costs[0, side.measure, column]
            for place, values in enumerate((grid.accuracy, grid.costs[0])):
                sums = remeasure(values, side.learn, side.measure, weights=drawn)
                total[:, place] += np.take_along_axis(sums, resampled[:, None], axis=1)[:, 0]
    means = each.mean(axis=1)
    moved = centre(total / count, means)
    return Offer(_named(grid, least), *_figures(each, moved, grid), each, moved)


def _figures(each: Floats, moved: Floats, grid: Grid) -> tuple[Estimate, Estimate]:
    """The rate, no surer than Wilson's formula for as many questions, and the cost."""
    count = each.shape[1]
    ends = bounds(moved, count=grid.units)
    rate = min(max(float(each[0].mean()), 0.0), 1.0)
    variance = float(each[0].var(ddof=1)) if count > 1 else None
    # Where all questions agree, resamples leave no width.
    least = wilson(rate, variance, count, design=design_effect(each[0], grid.groups))
    lo = max(min(float(ends.lo[0]), least.lo), 0.0)
    hi = min(max(float(ends.hi[0]), least.hi), 1.0)
    cost = Estimate(float(each[1].mean()), max(float(ends.lo[1]), 0.0), float(ends.hi[1]))
    return Estimate(rate, lo, hi), cost


def _named(grid: Grid, least: float) -> list[Named]:
    """The cells that all questions choose."""
    everyone = np.ones(len(grid.questions), dtype=bool)
    sides = _sides(grid, learn=everyone, measure=everyone)
    rates = _exchange_rates(grid, sides)
    once = np.ones((1, len(grid.questions)))
    picked = _choose(grid, sides, rates, least=least, drawn=once)
    named: list[Named] = []
    for one, side, own in zip(np.unique(grid.bins).tolist(), sides, picked, strict=True):
        column = int(own[0])
        met = float(grid.accuracy[side.learn, column].mean())
        named.append(Named(one, grid.cells[column], met, float(side.cost[column])))
    return named


def _sides(grid: Grid, *, learn: Flags, measure: Flags) -> list[_Side]:
    sides: list[_Side] = []
    for one in np.unique(grid.bins):
        inside = grid.bins == one
        # Costs are known before anything is chosen: of all the bin's questions.
        cost = grid.costs[0, inside].mean(axis=0)
        sides.append(_Side(np.flatnonzero(inside & learn), np.flatnonzero(inside & measure), cost))
    return sides


def _exchange_rates(grid: Grid, sides: Sequence[_Side]) -> list[float]:
    """What a unit of cost may be worth in rate, falling: from the cheapest cells to the best ones.

    The slopes between cells of a bin of which neither is both dearer and worse than another.
    """
    slopes: list[float] = []
    for side in sides:
        rate = grid.preference[side.learn].mean(axis=0) if len(side.learn) else side.cost * 0.0
        order = np.lexsort((-rate, side.cost))
        best = np.maximum.accumulate(rate[order])
        is_ahead = np.concatenate([[True], best[1:] > best[:-1]])
        kept = order[is_ahead]
        with np.errstate(divide="ignore"):
            slopes += (np.diff(rate[kept]) / np.diff(side.cost[kept])).tolist()
    known = sorted({one for one in slopes if np.isfinite(one)}, reverse=True)
    # A few of them, evenly over their order, from just above the largest down to none.
    places = np.unique(np.linspace(0, len(known) - 1, min(len(known), STEPS)).astype(np.int64))
    between = [known[place] * (1.0 - 1e-9) for place in places.tolist()] if known else []
    return [*([known[0] * 2.0] if known else []), *between, 0.0]


def _choose(
    grid: Grid, sides: Sequence[_Side], rates: Sequence[float], *, least: float, drawn: Floats
) -> list[Integers]:
    """Columns of each bin in each resample (resamples,): the cheapest way that reaches `least`.

    Where no way does, that of the highest rate, the cheapest of equal ones.
    """
    sums = [drawn[:, side.learn] @ grid.preference[side.learn] for side in sides]
    learn = np.concatenate([side.learn for side in sides])
    asked = drawn[:, learn].sum(axis=1)
    ways = _single(sums[0], sides[0]) if len(sides) == 1 else _by_slope(sums, sides, rates)
    reached = np.zeros(ways[0].shape)
    for of_bin, columns in zip(sums, ways, strict=True):
        reached += np.take_along_axis(of_bin, columns, axis=1)
    rate = np.round(reached / np.maximum(asked, 1.0)[:, None], DECIMALS)
    is_reached = rate >= least - SAME_ACCURACY
    # `argmax` is the first of equal ones, and ways are listed from cheap to dear.
    place = np.where(is_reached.any(axis=1), is_reached.argmax(axis=1), rate.argmax(axis=1))
    return [np.take_along_axis(columns, place[:, None], axis=1)[:, 0] for columns in ways]


def _single(sums: Floats, side: _Side) -> list[Integers]:
    """Every cell, from cheap to dear: (resamples, ways), for the only bin."""
    order = np.argsort(side.cost, kind="stable").astype(np.int64)
    return [np.broadcast_to(order, sums.shape)]


def _by_slope(
    sums: Sequence[Floats], sides: Sequence[_Side], rates: Sequence[float]
) -> list[Integers]:
    """Of each bin the cell that is best when cost counts so much: (resamples, ways)."""
    ways: list[Integers] = []
    for of_bin, side in zip(sums, sides, strict=True):
        order = np.argsort(side.cost, kind="stable").astype(np.int64)
        paid = len(side.learn) * side.cost[order]
        worth = [np.round(of_bin[:, order] - rate * paid, DECIMALS) for rate in rates]
        ways.append(np.stack([order[one.argmax(axis=1)] for one in worth], axis=1))
    return ways
