"""What a policy is worth on each question and on resamples, so that two versions can be paired."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.curves import cheapest_first, choices, halves, remeasure
from tasks.statistics.outcomes import Grid


@dataclass(frozen=True, slots=True, eq=False)
class PolicyWorth:
    """Accuracy and cost (questions, budgets) of what the policy chooses for each question."""

    grid: Grid
    fold: Integers
    accuracy: Floats
    cost: Floats
    """On the grid's first axis of costs."""

    @property
    def questions(self) -> tuple[str, ...]:
        """Ids of the rows."""
        return self.grid.questions

    @property
    def budgets(self) -> list[int]:
        """Of the columns, rising."""
        return self.grid.budgets

    def at(self, budget: int) -> int:
        """Column of a budget."""
        return self.budgets.index(budget)

    def resampled(self, weights: Floats) -> tuple[Floats, Floats]:
        """Mean accuracy and cost in each resample at each budget: (resamples, budgets).

        `weights` (resamples, questions) says how often a question is drawn. How a choice is
        measured, and why: `tasks.statistics.curves.resample_curve`, which gives the same
        accuracies.
        """
        grid = self.grid
        columns = cheapest_first(grid)
        accuracy = np.zeros((len(weights), len(grid.budgets)))
        cost = np.zeros_like(accuracy)
        for learn, measure in halves(grid, self.fold):
            # The choice is repeated because it belongs to the width of every interval: one choice
            # counts for all questions of a bin's half at once.
            learnt = weights[:, learn] @ grid.preference[learn]
            picks = choices(learnt, columns)
            right = remeasure(grid.accuracy, learn, measure, weights=weights)
            paid = remeasure(grid.costs[0], learn, measure, weights=weights)
            accuracy += np.take_along_axis(right, picks, axis=1)
            cost += np.take_along_axis(paid, picks, axis=1)
        count = len(grid.questions)
        return accuracy / count, cost / count


def worth_of(grid: Grid, fold: Integers) -> PolicyWorth:
    """Each question under the strategy that the other fold of its bin chooses at each budget.

    The mean of its accuracies over all questions is `tasks.statistics.curves.cross_validated`.
    """
    columns = cheapest_first(grid)
    accuracy = np.zeros((len(grid.questions), len(grid.budgets)))
    cost = np.zeros_like(accuracy)
    for learn, measure in halves(grid, fold):
        sums = grid.preference[learn].sum(axis=0)
        picks = choices(sums[None], columns)[0]
        cells = np.ix_(measure, picks)
        accuracy[measure] = grid.accuracy[cells]
        cost[measure] = grid.costs[0][cells]
    return PolicyWorth(grid, fold, accuracy, cost)
