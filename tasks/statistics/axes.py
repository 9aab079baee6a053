"""The axes along which a budget can be paid, and what limits along one afford (METHOD §9, §12)."""

from collections.abc import Mapping
from math import ceil, log2
from typing import Final, NamedTuple

import numpy as np

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.curves import DECIMALS, budget_reaching, efficiency_factor
from tasks.statistics.intervals import with_bounds
from tasks.statistics.outcomes import SAME_COST, Grid


class Axis(NamedTuple):
    """What is paid in. Limits are doublings of what one plain completion costs (METHOD §9)."""

    column: str
    """Of table `outcomes`: what a question costs."""
    unit: str
    """What a number of it counts, in words that stand behind it."""
    title: str
    """What is paid in, in words."""
    needs: str
    """What must be known of every model that is asked."""
    plain: str = ""
    """Column that a plain completion is told by: what several cost, divided by how many.

    Empty: `column` itself.
    """


AXES: Final[Mapping[str, Axis]] = {
    "generations": Axis("generations", "generations", "generations", "nothing"),
    "tokens": Axis("generated_tokens", "tokens", "generated tokens", "token counts"),
    "money": Axis("money", "in money", "money", "prices, in the study's table [prices]"),
    # Parallel draws take as long as the slowest: what several cost says nothing of one.
    "latency": Axis(
        "latency_tokens",
        "tokens in a row",
        "latency, tokens in a row",
        "token counts",
        "generated_tokens",
    ),
    "flops": Axis("flops", "FLOPs", "FLOPs", "parameters and token counts"),
    "seconds": Axis("engine_seconds", "seconds", "seconds of engine time", "a measured pace"),
}
"""By the name that tables and the command line know them by, in the order of screens."""

TOKEN_BUDGETS: Final = "token_budgets"
"""Stands for an axis whose limits are the study's budgets in tokens; a level is the place of one.
"""
_OF_BUDGETS: Final = Axis("generated_tokens", "tokens", "token budget", "token counts")
SHOWN: Final[Mapping[str, Axis]] = {**AXES, TOKEN_BUDGETS: _OF_BUDGETS}
"""All along which tables are shown."""

COST_COLUMNS: Final = (
    "generations",
    "generated_tokens",
    "prompt_tokens",
    "cached_tokens",
    "verifier_tokens",
    "latency_tokens",
    "flops",
    "money",
    "engine_seconds",
    "latency_seconds",
)
"""All that an outcome tells of what a question costs; NULL: unknown."""


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


class Ladder(NamedTuple):
    """The baseline at all its budgets, by rising cost."""

    costs: list[float]
    """Means of a question, without what telling difficulty costs: the baseline needs no bin."""
    accuracy: Floats
    """(1, budgets)."""
    resampled: Floats
    """(resamples, budgets)."""


def ladder_of(grid: Grid, baseline: str, drawn: Floats) -> Ladder | None:
    """None where nothing of the baseline was measured."""
    columns = list(grid.of(baseline).values())
    if not columns:
        return None
    count = len(grid.questions)
    means = grid.costs[1].mean(axis=0)
    # Along some axes a larger budget need not cost more.
    columns.sort(key=lambda column: means[column])
    values = grid.accuracy[:, columns]
    everyone = np.ones((1, count))
    return Ladder(means[columns].tolist(), everyone @ values / count, drawn @ values / count)


class Reached(NamedTuple):
    """What the policy reaches at one doubling."""

    accuracy: Floats
    """(1,)."""
    resampled: Floats
    """(resamples,)."""
    cost: float


def factor_along(
    ladder: Ladder | None, reached: Reached, *, count: int
) -> tuple[float | None, float | None, float | None, bool | None]:
    """What the baseline costs at the policy's accuracy over what the policy costs, and its ends.

    Costs are held at their means; the interval is that of the accuracies, which are paired.
    """
    if ladder is None:
        return None, None, None, None
    needed = budget_reaching(ladder.costs, ladder.accuracy, reached.accuracy)
    resampled = budget_reaching(ladder.costs, ladder.resampled, reached.resampled)
    found = with_bounds(float(needed[0]), resampled, count=count)
    limits = (ladder.costs[0], ladder.costs[-1])
    factor = efficiency_factor(reached.cost, found, limits=limits)
    return factor.factor, factor.lo, factor.hi, factor.beyond
