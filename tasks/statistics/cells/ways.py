"""Ways to use cells on the questions of every bin, from cheap to dear, and the first good enough.

A way is a cell for each bin. Over all bins together what counts is its rate and its cost, so the
ways are those in which every bin gives the same rate for the same cost (METHOD §14).
"""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.curves import DECIMALS
from tasks.statistics.outcomes import SAME_ACCURACY, Grid

STEPS: Final = 24
"""Exchange rates of cost for rate at which the bins' cells are looked for."""


class Side(NamedTuple):
    """A bin's questions: those that choose, those that measure, and the mean cost of its cells."""

    learn: Integers
    measure: Integers
    cost: Floats


def sides_of(grid: Grid, *, learn: Flags, measure: Flags) -> list[Side]:
    """Every bin's questions that choose and that measure, bins rising."""
    sides: list[Side] = []
    for one in np.unique(grid.bins):
        inside = grid.bins == one
        # Costs are known before anything is chosen: of all the bin's questions.
        side = Side(
            learn=np.flatnonzero(inside & learn),
            measure=np.flatnonzero(inside & measure),
            cost=grid.costs[0, inside].mean(axis=0),
        )
        sides.append(side)
    return sides


def exchange_rates(grid: Grid, sides: Sequence[Side]) -> list[float]:
    """What a unit of cost may be worth in rate, falling: from the cheapest cells to the best ones.

    The slopes between cells of a bin of which neither is both dearer and worse than another.
    """
    slopes: list[float] = []
    for side in sides:
        if not len(side.learn):
            continue
        rate = grid.preference[side.learn].mean(axis=0)
        order = np.lexsort((-rate, side.cost))
        best = np.maximum.accumulate(rate[order])
        is_ahead = np.concatenate([[True], best[1:] > best[:-1]])
        kept = order[is_ahead]
        gained = np.diff(rate[kept])
        paid = np.diff(side.cost[kept])
        with np.errstate(divide="ignore"):
            slopes += (gained / paid).tolist()
    finite = {one for one in slopes if np.isfinite(one)}
    known = sorted(finite, reverse=True)
    if not known:
        return [0.0]
    # A few of them, evenly over their order, from just above the largest down to none.
    count = min(len(known), STEPS)
    spread = np.linspace(0, len(known) - 1, count)
    places = np.unique(spread.astype(np.int64)).tolist()
    between = [known[place] * (1.0 - 1e-9) for place in places]
    return [known[0] * 2.0, *between, 0.0]


def choose(
    grid: Grid,
    sides: Sequence[Side],
    rates: Sequence[float],
    *,
    least: float,
    drawn: Floats,
) -> list[Integers]:
    """Columns of each bin in each resample (resamples,): the cheapest way that reaches `least`.

    Where no way does, that of the highest rate, the cheapest of equal ones.
    """
    sums = [drawn[:, side.learn] @ grid.preference[side.learn] for side in sides]
    learn = np.concatenate([side.learn for side in sides])
    asked = drawn[:, learn].sum(axis=1)
    is_single = len(sides) == 1
    ways = _single(sums[0], sides[0]) if is_single else _by_slope(sums, sides, rates)
    reached = np.zeros(ways[0].shape)
    for of_bin, columns in zip(sums, ways, strict=True):
        reached += np.take_along_axis(of_bin, columns, axis=1)
    questions = np.maximum(asked, 1.0)[:, None]
    rate = np.round(reached / questions, DECIMALS)
    is_reached = rate >= least - SAME_ACCURACY
    # `argmax` is the first of equal ones, and ways are listed from cheap to dear.
    first = is_reached.argmax(axis=1)
    highest = rate.argmax(axis=1)
    place = np.where(is_reached.any(axis=1), first, highest)
    return [of_each(columns, place) for columns in ways]


def _single(sums: Floats, side: Side) -> list[Integers]:
    """Every cell, from cheap to dear: (resamples, ways), for the only bin."""
    order = np.argsort(side.cost, kind="stable").astype(np.int64)
    return [np.broadcast_to(order, sums.shape)]


def _by_slope(
    sums: Sequence[Floats], sides: Sequence[Side], rates: Sequence[float]
) -> list[Integers]:
    """Of each bin the cell that is best when cost counts so much: (resamples, ways)."""
    ways: list[Integers] = []
    for of_bin, side in zip(sums, sides, strict=True):
        order = np.argsort(side.cost, kind="stable").astype(np.int64)
        paid = len(side.learn) * side.cost[order]
        ordered = of_bin[:, order]
        best: list[Integers] = []
        for rate in rates:
            worth = np.round(ordered - rate * paid, DECIMALS)
            place = worth.argmax(axis=1)
            best.append(order[place])
        ways.append(np.stack(best, axis=1))
    return ways


def of_each(values: np.ndarray, columns: Integers) -> np.ndarray:
    """One column of each row."""
    taken = np.take_along_axis(values, columns[:, None], axis=1)
    return taken[:, 0]
