"""What meets a requirement: answers right within limits, on a wanted share of questions (§14).

A question is met by its accuracy where all its costs are within their limits, and not at all where
one is beyond. So there is one figure, the rate at which the requirement is met, and a wanted rate
is a wanted accuracy under limits that hold for every question. What is chosen by some questions is
measured on others: the two folds of a policy, joined over its bins.
"""

from math import sqrt
from typing import Final, Literal, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.cells.ways import choose, exchange_rates, of_each, sides_of
from tasks.statistics.comparisons import SIGNIFICANCE, paired_p
from tasks.statistics.curves import fold_of, remeasure
from tasks.statistics.intervals import Estimate, bounds, centre, mean_accuracy, weights
from tasks.statistics.outcomes import SAME_ACCURACY, Cell, Grid, grid_of, in_one_bin

Conclusion = Literal["reached", "cannot be told", "cannot be reached"]
"""Of a wanted rate: its interval lies above it, holds it, or lies below it."""

SURE: Final = 1.645
"""Standard errors by which a choice must be beyond the wanted rate: one-sided, 95 %."""


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
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    met: str,
    cost: str,
    baseline: str,
) -> Grid:
    named = outcomes.with_columns(accuracy=pl.col(met), cost=pl.col(cost))
    # Draws behind a figure are those of its accuracy, and no claim of a cell is made here.
    return grid_of(named, bins, costs=("cost",), baseline=baseline)


def _beyond(wanted: float, count: int) -> float:
    """The rate from which so many questions say, at their most varied, that it is reached."""
    variance = wanted * (1.0 - wanted) / count
    beyond = wanted + SURE * sqrt(variance)
    return min(beyond, 1.0)


def conclude(met: Estimate, wanted: float) -> Conclusion:
    """What the interval of a rate says of the wanted one; unknown ends say nothing."""
    least = wanted - SAME_ACCURACY
    if met.lo >= least:
        return "reached"
    return "cannot be reached" if met.hi < least else "cannot be told"


def _is_better(
    by_bin: Offer, for_all: Offer, wanted: float | None, groups: Integers | None
) -> bool:
    """Whether bins pay: a higher rate where that is short, else a lower cost, beyond chance."""
    gaps = by_bin.each - for_all.each
    count = gaps.shape[1] if groups is None else len(np.unique(groups))
    ends = bounds(by_bin.resampled - for_all.resampled, count=count)
    is_shown = paired_p(gaps.T, groups=groups) < SIGNIFICANCE
    is_higher = bool(ends.lo[0] > 0.0 and is_shown[0])
    if wanted is None or conclude(for_all.met, wanted) != "reached":
        return is_higher
    is_cheaper = bool(ends.hi[1] < 0.0 and is_shown[1])
    return is_cheaper and conclude(by_bin.met, wanted) == "reached"


def _offer(grid: Grid, fold: Integers, least: float, drawn: Floats) -> Offer:
    """What is named on all questions, and its cross-validated figures."""
    count = len(grid.questions)
    each = np.zeros((2, count))
    total = np.zeros((len(drawn), 2))
    once = np.ones((1, count))
    figures = (grid.accuracy, grid.costs[0])
    for half in (0, 1):
        is_learnt = fold == half
        sides = sides_of(grid, learn=is_learnt, measure=~is_learnt)
        rates = exchange_rates(grid, sides)
        picked = choose(grid, sides, rates, least=least, drawn=once)
        again = choose(grid, sides, rates, least=least, drawn=drawn)
        for side, own, resampled in zip(sides, picked, again, strict=True):
            column = int(own[0])
            rows = side.measure
            for place, values in enumerate(figures):
                each[place, rows] = values[rows, column]
                sums = remeasure(values, side.learn, rows, weights=drawn)
                total[:, place] += of_each(sums, resampled)
    means = each.mean(axis=1)
    moved = centre(total / count, means)
    return Offer(_named(grid, least), *_figures(each, moved, grid), each, moved)


def _figures(each: Floats, moved: Floats, grid: Grid) -> tuple[Estimate, Estimate]:
    """The rate, no surer than Wilson's formula for as many questions, and the cost."""
    ends = bounds(moved, count=grid.units)
    rates, costs = each
    least = mean_accuracy(rates, grid.groups)
    low, cheap = ends.lo.tolist()
    high, dear = ends.hi.tolist()
    met = Estimate(
        value=least.value,
        lo=max(min(low, least.lo), 0.0),
        hi=min(max(high, least.hi), 1.0),
    )
    cost = Estimate(
        value=float(costs.mean()),
        lo=max(cheap, 0.0),
        hi=dear,
    )
    return met, cost


def _named(grid: Grid, least: float) -> list[Named]:
    """The cells that all questions choose."""
    everyone = np.ones(len(grid.questions), dtype=bool)
    sides = sides_of(grid, learn=everyone, measure=everyone)
    rates = exchange_rates(grid, sides)
    once = np.ones((1, len(grid.questions)))
    picked = choose(grid, sides, rates, least=least, drawn=once)
    named: list[Named] = []
    known = np.unique(grid.bins).tolist()
    for one, side, own in zip(known, sides, picked, strict=True):
        column = int(own[0])
        right = grid.accuracy[side.learn, column]
        of_bin = Named(
            bin=one,
            cell=grid.cells[column],
            met=float(right.mean()),
            cost=float(side.cost[column]),
        )
        named.append(of_bin)
    return named
