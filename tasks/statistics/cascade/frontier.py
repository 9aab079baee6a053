"""What some strategies save against another one at equal accuracy (METHOD §13)."""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.axes import limits_of, shop_of
from tasks.statistics.cost_axes import curve_along
from tasks.statistics.intervals import weights
from tasks.statistics.outcomes import grid_of


class Saving(NamedTuple):
    """The share of a rival's cost that is saved at equal accuracy; NaN where that is unknown."""

    at_most: float
    """What a question may cost on average."""
    accuracy: float
    """Cross-validated."""
    cost: float
    share: float
    """Least over the rivals; at least so much where one of them never gets there."""
    lo: float
    """Lower end of its 95 % interval."""

    @property
    def is_sure(self) -> bool:
        """Whether something is saved beyond the interval."""
        return self.lo > 0


def frontier(
    outcomes: pl.DataFrame,
    *,
    pair: Collection[str],
    alone: str,
    unit: float,
    seed: int = 0,
    resamples: int = 1000,
) -> pl.DataFrame:
    """The frontier of the strategies in `pair` along a cost, held against one that is not of them.

    Columns of `tasks.statistics.cost_axes.CURVE`, a row a doubling of `unit` that some of the pair
    can pay. Which of them, and so which threshold, is best within a limit is learnt on one half of
    the questions and measured on the other; then they swap. `outcomes` has question_id, strategy,
    budget, accuracy and `cost`. Intervals are over questions, choices repeated in each resample.
    """
    wanted = outcomes.filter(pl.col("strategy").is_in([*pair, alone]))
    priced = wanted.with_columns(alone=pl.col("cost"))
    # All questions are one bin: what a question is like nobody knows before it is asked.
    bins = priced.select("question_id").unique().with_columns(bin=pl.lit(1))
    costs = ("cost", "alone")
    grid = grid_of(priced, bins, costs=costs, baseline=alone)
    of_pair = priced.filter(pl.col("strategy").is_in(list(pair)))
    own = grid_of(of_pair, bins, costs=costs)
    limits = limits_of(own, unit)
    shop = shop_of(own, 1, limits)
    # The same cells in the matrix that has the rival too, which is not for sale.
    places = np.array([grid.cells.index(cell) for cell in own.cells])
    drawn = weights(len(grid.questions), resamples=resamples, seed=seed, groups=grid.groups)
    return curve_along(
        grid,
        [shop._replace(cells=places[shop.cells])],
        limits,
        drawn=drawn,
        baseline=alone,
        seed=seed,
    )


def savings(frontiers: Collection[pl.DataFrame]) -> list[Saving]:
    """What is saved against all rivals at each limit, from the frontier against each of them."""
    joined = pl.concat(frontiers).sort("level")
    found: list[Saving] = []
    for (_,), rows in joined.group_by("level", maintain_order=True):
        first = rows.row(0, named=True)
        share = min(_saved(factor) for factor in rows["factor"])
        lo = min(_saved(factor) for factor in rows["factor_lo"])
        one = Saving(
            at_most=first["at_most"],
            accuracy=first["accuracy"],
            cost=first["cost"],
            share=share,
            lo=lo,
        )
        found.append(one)
    return found


def _saved(factor: float | None) -> float:
    """A rival that costs `factor` times as much is saved all but the inverse of it."""
    # Where the rival is more accurate at its cheapest already there is no lower end.
    return -np.inf if factor is None else 1 - 1 / factor
