"""Limits of a cost that double, and what each of them affords in a bin (METHOD §9)."""

from math import ceil, log2
from typing import NamedTuple

import numpy as np

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.curves import DECIMALS
from tasks.statistics.outcomes import SAME_COST, Grid


class Shop(NamedTuple):
    """One bin's cells, cheapest first, and how many of them each doubling affords."""

    bin: int
    rows: Integers
    """Of the grid: the bin's questions."""
    cells: Integers
    """Columns of the grid."""
    affords: list[int]
    """By doubling: the first so many of the cells."""

    def halves(self, fold: Integers) -> tuple[Integers, Integers]:
        """Rows of the bin's questions in either fold."""
        inside = fold[self.rows]
        return self.rows[inside == 0], self.rows[inside == 1]


class Limits(NamedTuple):
    """The doublings, and what each allows a question to cost on average."""

    doublings: range
    at_most: list[float]


def limits_of(grid: Grid, unit: float) -> Limits:
    """From the first doubling that affords something in every bin to the first that affords all."""
    cheapest: list[float] = []
    dearest: list[float] = []
    for one in np.unique(grid.bins):
        rows = np.flatnonzero(grid.bins == one)
        means = grid.costs[0, rows].mean(axis=0)[grid.candidates(rows)]
        cheapest.append(means.min())
        dearest.append(means.max())
    # The bin that is last to afford anything decides, and the one that is last to afford all.
    first = _doubling(max(cheapest), unit)
    last = _doubling(max(dearest), unit)
    doublings = range(first, last + 1)
    at_most = [unit * 2.0**doubling for doubling in doublings]
    return Limits(doublings, at_most)


def _doubling(cost: float, unit: float) -> int:
    """The first that affords a cost, at least 0."""
    exact = log2(cost / unit)
    # A cost that is a power of two but for rounding needs no further doubling.
    return max(0, ceil(exact - SAME_COST))


def shop_of(grid: Grid, one: int, limits: Limits) -> Shop:
    """A bin's cells by mean cost over all its questions; what was mostly cut is not for sale."""
    rows = np.flatnonzero(grid.bins == one)
    means = grid.costs[0, rows].mean(axis=0)
    left = grid.candidates(rows)
    # Stable: of equal costs the cell of the smaller budget, then the first by name.
    cells = left[np.argsort(means[left], kind="stable")]
    reach = np.asarray(limits.at_most) * (1 + SAME_COST)
    # Costs rise, so that what a limit affords is the first so many of them.
    affords = np.searchsorted(means[cells], reach, side="right")
    return Shop(one, rows, cells, affords.tolist())


def best_affordable(shop: Shop, sums: Floats) -> Integers:
    """Most accurate cell at each doubling, the cheapest of equal ones: (resamples, doublings)."""
    rounded = np.round(sums[:, shop.cells], DECIMALS)
    best = np.zeros(len(sums), dtype=np.int64)
    place = 0
    chosen: list[Integers] = []
    for end in shop.affords:
        if end > place:
            # What this doubling affords for the first time, against the best of all before it.
            rival = place + np.argmax(rounded[:, place:end], axis=1)
            # Only one that is really ahead: of equal ones the cheaper stays.
            ahead = _at(rounded, rival) > _at(rounded, best)
            best = np.where(ahead, rival, best)
            place = end
        chosen.append(shop.cells[best])
    return np.stack(chosen, axis=1)


def _at(figures: Floats, columns: Integers) -> Floats:
    """One column of each row."""
    return figures[np.arange(len(figures)), columns]
