"""What is true of all questions of a simulated line-up, and of policies learnt from some."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from infra.bench import simulated
from infra.bench.simulated import BASELINE, BUDGETS, Lineup, Truth
from tasks.statistics.arrays import Floats
from tasks.statistics.curves import budget_reaching, cheapest_first, choices, fold_of
from tasks.statistics.outcomes import Grid, grid_of
from tasks.statistics.policy import COSTS


class Population(NamedTuple):
    """A line-up, its truth, and the true curve and factors for benchmarks of one size (budgets)."""

    lineup: Lineup
    truth: Truth
    curve: Floats
    factors: Floats


def population(lineup: Lineup, size: int, *, learners: int) -> Population:
    """What is true of all questions and of policies learnt from benchmarks of `size` questions."""
    known = simulated.truth(lineup)
    worth = np.mean(
        [_worth(lineup, known, size, seed) for seed in range(10**6, 10**6 + learners)], axis=0
    )
    places = [i for i, cell in enumerate(simulated.cells(lineup)) if cell.strategy.key == BASELINE]
    baseline = np.tile(known.accuracy[places], (len(BUDGETS), 1))
    return Population(
        lineup, known, worth, budget_reaching(BUDGETS, baseline, worth) / np.array(BUDGETS)
    )


def _worth(lineup: Lineup, known: Truth, size: int, seed: int) -> Floats:
    """True accuracy at each budget of what one benchmark's folds choose, mean of both."""
    grid = grid_of_benchmark(simulated.benchmark(lineup, size, seed=seed))
    fold, columns = fold_of(grid, seed=seed), cheapest_first(grid)
    picked = [
        known.by_bin[
            one - 1,
            choices(grid.accuracy[(grid.bins == one) & (fold == side)].sum(axis=0)[None], columns)[
                0
            ],
        ]
        for one in np.unique(grid.bins)
        for side in (0, 1)
    ]
    return np.mean(picked, axis=0)


def grid_of_benchmark(measured: simulated.Benchmark) -> Grid:
    """The measured accuracies as one matrix."""
    return grid_of(measured.outcomes, measured.bins, costs=COSTS)
