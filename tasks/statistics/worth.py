"""What a policy is worth on each question and on resamples of them, so that two versions can be paired (METHOD §7)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tasks.statistics.curves import cheapest_first, choices, halves, remeasure
from tasks.statistics.intervals import Floats
from tasks.statistics.outcomes import Grid


@dataclass(frozen=True, slots=True, eq=False)
class PolicyWorth:
    """Accuracy and cost (questions, budgets) of what the policy chooses for each question."""

    grid: Grid
    fold: NDArray[np.int64]
    accuracy: Floats
    cost: Floats
    """On the grid's first axis of costs."""

    @property
    def questions(self) -> tuple[str, ...]:
        return self.grid.questions

    @property
    def budgets(self) -> list[int]:
        return self.grid.budgets

    def at(self, budget: int) -> int:
        """Column of a budget."""
        return self.budgets.index(budget)

    def resampled(self, weights: Floats) -> tuple[Floats, Floats]:
        """Mean accuracy and cost in each resample at each budget, strategies chosen anew in each: (resamples, budgets).

        `weights` (resamples, questions) says how often a question is drawn. That the choice is repeated belongs
        to the width of every interval: one choice counts for all questions of a bin's half at once. How a choice
        is measured, and why: `tasks.statistics.curves.resample_curve`, which gives the same accuracies.
        """
        grid, columns = self.grid, cheapest_first(self.grid)
        total = np.zeros((2, len(weights), len(grid.budgets)))
        for learn, measure in halves(grid, self.fold):
            picks = choices(weights[:, learn] @ grid.accuracy[learn], columns)
            found = [
                remeasure(one, learn, measure, weights=weights)
                for one in (grid.accuracy, grid.costs[0])
            ]
            total += np.take_along_axis(np.stack(found), picks[None], axis=2)
        return total[0] / len(grid.questions), total[1] / len(grid.questions)


def worth_of(grid: Grid, fold: NDArray[np.int64]) -> PolicyWorth:
    """Each question under the strategy that the other fold of its bin chooses at each budget.

    The mean of its accuracies over all questions is `tasks.statistics.curves.cross_validated`.
    """
    accuracy = np.zeros((len(grid.questions), len(grid.budgets)))
    cost, columns = np.zeros_like(accuracy), cheapest_first(grid)
    for learn, measure in halves(grid, fold):
        picks = choices(grid.accuracy[learn].sum(axis=0)[None], columns)[0]
        accuracy[measure] = grid.accuracy[np.ix_(measure, picks)]
        cost[measure] = grid.costs[0][np.ix_(measure, picks)]
    return PolicyWorth(grid, fold, accuracy, cost)
