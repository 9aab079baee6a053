"""The compute-optimal policy: which strategy in which bin at which budget, and how sure (METHOD §7)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.statistics.curves import (
    Factor,
    budget_reaching,
    cheapest_first,
    choices,
    cross_validated,
    efficiency_factor,
    fold_of,
    resample_curve,
)
from tasks.statistics.intervals import Floats, bounds, centre, weights, with_bounds
from tasks.statistics.outcomes import Grid, grid_of
from tasks.statistics.picks import policy_table
from warehouse.errors import UserError

COSTS: Final = ("generated_tokens",)
FACTORS: Final = {
    "budget": pl.Int64,
    "factor": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "beyond": pl.Boolean,
}


class Estimation(NamedTuple):
    """What it costs to place a question in its bin."""

    draws: int = 0
    """Generations on every question."""
    reused_by: frozenset[str] = frozenset()
    """Strategies that take these draws as their own first ones: for them only draws above the budget are extra."""

    def generations(self, strategy: str, budget: int) -> int:
        """Generations on one question under a strategy, its difficulty included."""
        return max(budget, self.draws) if strategy in self.reused_by else budget + self.draws


FREE: Final = Estimation()


class PolicyFit(NamedTuple):
    """The policy and what it is worth; intervals are 95 % over questions, NULL where they are unknown.

    - `table` (bin, budget, strategy, unheld, accuracy, lo, hi, gain …, over_majority …, p, decided, questions):
      the pick of each cell, refitted on all questions, hence flattering where it is not decided. `gain` is the
      pick minus the baseline on the same questions, `over_majority` minus majority; NULL where these do not
      exist. `p` is the two-sided p-value (`paired_p`) of the pick being no different from the baseline; where
      the pick is the baseline (or there is none), of its being ahead of every cheaper strategy, or if it is
      the cheapest of all others. `p`, and likewise `over_majority_p`, are Holm-adjusted over all cells of the
      table, not for the choice among the strategies inside a cell: with dozens that are all equal a table
      says something false a little more often than once in 20. `decided`: p < 0.05, or there is nothing else
      to name (p NULL). `unheld` is the strategy that these data alone would name where it is another, else NULL.
    - `curve` (budget, accuracy, lo, hi, generations): two-fold cross-validated accuracy of the policy, and the
      mean generations a question, those that estimated its difficulty included; a strategy counts as its budget.
    - `efficiency` (budget, factor, lo, hi, beyond, net_factor, net_lo, net_hi): see
      `tasks.statistics.curves.efficiency_factor`; net: divided by those generations instead of the budget.
    - `fixed` (strategy, budget, accuracy, lo, hi): each strategy on all questions.
    """

    table: pl.DataFrame
    curve: pl.DataFrame
    efficiency: pl.DataFrame
    fixed: pl.DataFrame


def fit_policy(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    costs_order: Sequence[str] = COSTS,
    baseline: str = "weighted",
    last: pl.DataFrame | None = None,
    estimation: Estimation = FREE,
    seed: int = 0,
    resamples: int = 1000,
) -> PolicyFit:
    """The policy of one benchmark, from `outcomes` with one row for each question, strategy and budget.

    `outcomes` has question_id, strategy, budget, accuracy in [0, 1] and the columns of `costs_order`: what
    the strategy would have cost alone; the first that differs says which of two is cheaper. `bins` has
    question_id and bin, `estimation` says what these cost. `last` is the table before (bin, budget, strategy).

    Pick of a cell: the cheapest strategy that the best of the cell is not ahead of by more than the interval
    of their paired difference (one-sided, 95 %: the best is ahead of all by construction), and that is not
    more than one standard error behind the baseline: saving cost is no reason to name what looks worse than
    the strategy one would use without a policy. Of strategies that cost the same the most accurate stands for
    all (the first by name of equal ones). Which one is named is a choice and not a claim: that is `decided`.

    Hysteresis: a cell keeps the strategy of `last`, if it was measured tonight, unless the pick is ahead of
    it by more than the interval of their paired difference, or the baseline by more than one standard error.

    Raises UserError for an incomplete matrix or an unknown baseline.
    """
    grid = grid_of(outcomes, bins, costs=costs_order)
    if not grid.of(baseline):
        known = ", ".join(sorted({cell.strategy for cell in grid.cells}))
        raise UserError(f"expected a baseline among {known}, got {baseline!r}: name one of them")
    drawn = weights(len(grid.questions), resamples=resamples, seed=seed)
    everyone = np.ones((1, len(grid.questions)))
    fold = fold_of(grid, seed=seed)
    estimate = cross_validated(grid, fold, everyone)
    policy = _Measured(
        np.clip(estimate, 0.0, 1.0),
        np.clip(centre(resample_curve(grid, fold, drawn), estimate), 0.0, 1.0),
    )
    fixed = _Measured(*(one @ grid.accuracy / len(grid.questions) for one in (everyone, drawn)))
    spent = pl.DataFrame(
        {"budget": grid.budgets, "generations": _generations(grid, fold, estimation)}
    )
    earlier = (
        {}
        if last is None
        else {(bin_, n): name for bin_, n, name in last["bin", "budget", "strategy"].rows()}
    )
    return PolicyFit(
        table=policy_table(grid, baseline, last=earlier, resamples=resamples, seed=seed),
        curve=_with_interval(spent, policy, len(grid.questions)),
        efficiency=_net(_efficiency(grid, baseline, policy=policy, fixed=fixed), spent),
        fixed=_with_interval(
            pl.DataFrame(grid.cells, schema=["budget", "strategy"], orient="row").select(
                "strategy", "budget"
            ),
            fixed,
            len(grid.questions),
        ),
    )


def _generations(grid: Grid, fold: NDArray[np.int64], estimation: Estimation) -> Floats:
    """Mean generations a question at each budget under the cross-validated choice."""
    each = np.array(
        [estimation.generations(cell.strategy, cell.budget) for cell in grid.cells],
        dtype=np.float64,
    )
    total, columns = np.zeros(len(grid.budgets)), cheapest_first(grid)
    for one in np.unique(grid.bins):
        halves = [np.flatnonzero((grid.bins == one) & (fold == side)) for side in (0, 1)]
        for learnt, measured in (halves, halves[::-1]):
            chosen = choices(grid.accuracy[learnt].sum(axis=0, keepdims=True), columns)[0]
            total += len(measured) * each[chosen]
    return total / len(grid.questions)


def _net(efficiency: pl.DataFrame, spent: pl.DataFrame) -> pl.DataFrame:
    share = pl.col("budget") / pl.col("generations")
    net = {f"net_{end}": pl.col(end) * share for end in ("factor", "lo", "hi")}
    return (
        efficiency.join(spent, on="budget", maintain_order="left")
        .with_columns(**net)
        .drop("generations")
    )


class _Measured(NamedTuple):
    """Figures on all questions (1, figures) and on each resample of them (resamples, figures)."""

    estimate: Floats
    resampled: Floats


def _with_interval(keys: pl.DataFrame, measured: _Measured, count: int) -> pl.DataFrame:
    ends = bounds(measured.resampled, count=count)
    return keys.with_columns(accuracy=measured.estimate[0], lo=ends.lo, hi=ends.hi).fill_nan(None)


def _efficiency(grid: Grid, baseline: str, *, policy: _Measured, fixed: _Measured) -> pl.DataFrame:
    columns = grid.of(baseline)
    budgets, those = list(columns), list(columns.values())
    factors: list[Factor] = []
    for place, budget in enumerate(grid.budgets):
        estimate, resampled = (
            budget_reaching(budgets, figures[:, those], curve[:, place])
            for figures, curve in zip(fixed, policy, strict=True)
        )
        needed = with_bounds(estimate[0], resampled, count=len(grid.questions))
        factors.append(efficiency_factor(budget, needed, limits=(budgets[0], budgets[-1])))
    return pl.DataFrame(factors, schema=FACTORS, orient="row")
