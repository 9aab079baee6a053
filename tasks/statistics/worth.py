"""What a policy is worth: against another version's, and against one strategy for all (§14).

`recommendations` is the one place that decides whether to adapt to difficulty. Its rows stand with
the curve, and whatever shows, registers or serves a policy reads them there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.comparisons import SIGNIFICANCE, paired_p
from tasks.statistics.curves import (
    cheapest_first,
    choices,
    cross_validated,
    halves,
    learnt,
    remeasure,
    resample_curve,
)
from tasks.statistics.intervals import Bounds, bounds, centre, no_surer
from tasks.statistics.outcomes import Cell, Grid, in_one_bin


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
            picks = choices(learnt(grid, learn, measure, weights=weights), columns)
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
        picks = choices(learnt(grid, learn, measure), columns)[0]
        cells = np.ix_(measure, picks)
        accuracy[measure] = grid.accuracy[cells]
        cost[measure] = grid.costs[0][cells]
    return PolicyWorth(grid, fold, accuracy, cost)


class Measured(NamedTuple):
    """Accuracies on all questions (1, figures) and on each resample (resamples, figures)."""

    estimate: Floats
    resampled: Floats
    each: Floats
    """Of each question (questions, figures)."""

    def in_range(self) -> Measured:
        """The same as accuracies: moved onto the estimate, a resample may pass 0 or 1."""
        return self._replace(
            estimate=np.clip(self.estimate, 0.0, 1.0), resampled=np.clip(self.resampled, 0.0, 1.0)
        )

    def ends(self, grid: Grid) -> Bounds:
        """Of the 95 % intervals over the grid's questions."""
        inside = bounds(self.in_range().resampled, count=grid.units)
        return no_surer(inside, self.each, grid.groups)


def measure_policy(grid: Grid, fold: Integers, drawn: Floats) -> Measured:
    """The cross-validated policy at each budget; resamples may pass 0 or 1.

    `drawn` (resamples, questions) says how often a question is in each resample.
    """
    everyone = np.ones((1, len(grid.questions)))
    estimate = cross_validated(grid, fold, everyone)
    resampled = resample_curve(grid, fold, drawn)
    return Measured(estimate, centre(resampled, estimate), worth_of(grid, fold).accuracy)


def recommendations(
    grid: Grid,
    fold: Integers,
    *,
    policy: Measured,
    table: pl.DataFrame,
    baseline: str,
    drawn: Floats,
) -> pl.DataFrame:
    """One strategy for all beside the policy, a row a budget.

    (budget, fixed, fixed_accuracy, fixed_lo, fixed_hi, ahead, ahead_lo, ahead_hi, adapts)

    - `fixed`: the most accurate on all questions, the cheapest of equal ones; `fixed_accuracy` is
      of the one that the other fold chooses at each, as the policy's is, with its interval.
    - `ahead`: the policy's cross-validated accuracy (`measure_policy`) minus that, paired; the
      interval reaches 0 where `paired_p` shows no difference.
    - `adapts`: the policy is ahead beyond the interval, and its `table` (bin, budget, strategy) is
      not significantly behind any one strategy on these questions. Else `fixed` is recommended.
    """
    count = grid.units
    # With one bin for all, what is chosen on one fold and measured on the other is one strategy.
    whole = in_one_bin(grid, baseline=baseline)
    fixed = measure_policy(whole, fold, drawn)
    ahead = _ahead(policy, fixed, count=count)
    pairs = policy.each - fixed.each
    # A few questions that all point one way leave resamples too little spread.
    is_shown = paired_p(pairs, groups=grid.groups) < SIGNIFICANCE
    lo = np.where(is_shown, ahead.lo, np.minimum(ahead.lo, 0.0))
    accuracy = fixed.in_range()
    ends = fixed.ends(grid)
    sums = whole.preference.sum(axis=0, keepdims=True)
    named = choices(sums, cheapest_first(grid))[0]
    frame = pl.DataFrame(
        {
            "budget": grid.budgets,
            "fixed": [grid.cells[column].strategy for column in named],
            "fixed_accuracy": accuracy.estimate[0],
            "fixed_lo": ends.lo,
            "fixed_hi": ends.hi,
            "ahead": policy.estimate[0] - fixed.estimate[0],
            "ahead_lo": lo,
            "ahead_hi": ahead.hi,
            # NaN, of one question, is not above 0.
            "adapts": (lo > 0.0) & ~_behind_one(grid, table),
        }
    )
    return frame.fill_nan(None)


def _ahead(policy: Measured, fixed: Measured, *, count: int) -> Bounds:
    """Ends of the paired difference at each budget; both are of the same resamples."""
    gap = policy.estimate - fixed.estimate
    gaps = centre(policy.resampled - fixed.resampled, gap)
    return bounds(gaps, count=count)


def _behind_one(grid: Grid, table: pl.DataFrame) -> Flags:
    """At which budgets a table is significantly behind one of its own strategies: (budgets,).

    A cell names what is cheap and little behind; what five cells lose to one strategy may add up.
    What was mostly cut is none that could be taken in its place.
    """
    place = {cell: column for column, cell in enumerate(grid.cells)}
    named = table.select("bin", "budget", "strategy").rows()
    picks = {(one, budget): place[Cell(budget, strategy)] for one, budget, strategy in named}
    behind: list[bool] = []
    rows = np.arange(len(grid.questions))
    for budget in grid.budgets:
        columns = np.array([picks[int(one), budget] for one in grid.bins])
        worth = grid.accuracy[rows, columns]
        others = np.intersect1d(grid.at(budget), grid.candidates(rows))
        gaps = worth[:, None] - grid.accuracy[:, others]
        significant = paired_p(gaps, groups=grid.groups) < SIGNIFICANCE
        behind.append(bool((significant & (gaps.mean(axis=0) < 0.0)).any()))
    return np.array(behind)
