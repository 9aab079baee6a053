"""The compute-optimal policy: which strategy in which bin at which budget (METHOD §7)."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.cells.picks import Last, policy_table
from tasks.statistics.curves import (
    Factor,
    budget_reaching,
    cheapest_first,
    choices,
    efficiency_factor,
    fold_of,
    halves,
    learnt,
)
from tasks.statistics.intervals import weights, with_bounds
from tasks.statistics.outcomes import Grid, grid_of
from tasks.statistics.worth import Measured, measure_policy, recommendations
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
    reused_by: Mapping[str, int] = MappingProxyType({})
    """Strategies that take these draws as their own first ones, and how many they take at most.

    For them only draws above these, or above the budget, are extra.
    """

    def generations(self, strategy: str, budget: int) -> int:
        """Generations on one question under a strategy, its difficulty included."""
        reused = min(self.reused_by.get(strategy, 0), budget)
        return budget + max(self.draws - reused, 0)


FREE: Final = Estimation()


class PolicyFit(NamedTuple):
    """The policy and what it is worth; intervals are 95 % over questions, NULL: unknown."""

    table: pl.DataFrame
    """The pick of each cell, refitted on all questions.

    (bin, budget, strategy, unheld, accuracy, lo, hi, gain …, over_majority …, p, decided,
    questions)

    - `unheld`: what these data alone would name where it is another strategy, else NULL.
    - `gain`: the pick minus the baseline on the same questions, `over_majority` minus majority;
      NULL where these do not exist.
    - `accuracy` and both gains are of a strategy that the same questions chose: their intervals
      hold given that it was named, with the claim that is made of it (`cells.conditional`).
    - `p`: the two-sided p-value (`paired_p`) of the pick being no different from the baseline, 1
      where it is behind; where the pick is the baseline (or there is none), of its being ahead of
      every cheaper strategy, or if it is the cheapest of all others. `p` is Holm-adjusted over all
      strategies in all cells of the table, whichever are named, and so is `over_majority_p`.
    - `decided`: p is significant, or there is nothing else to name (p NULL).
    """
    curve: pl.DataFrame
    """Two-fold cross-validated accuracy of the policy, and the mean generations a question.

    (budget, accuracy, lo, hi, generations, fixed, fixed_accuracy, fixed_lo, fixed_hi, ahead …,
    adapts): the generations include those that estimated the difficulty, and a strategy counts as
    its budget; from `fixed` on it is what is recommended (`statistics.worth`).
    """
    efficiency: pl.DataFrame
    """What the baseline needs for as much: `tasks.statistics.curves.efficiency_factor`.

    (budget, factor, lo, hi, beyond, net_factor, net_lo, net_hi); net: divided by the generations of
    the curve instead of the budget.
    """
    fixed: pl.DataFrame
    """Each strategy on all questions: (strategy, budget, accuracy, lo, hi)."""


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
    """The policy of one benchmark.

    `outcomes` has question_id, strategy, budget, accuracy in [0, 1] and the columns of
    `costs_order`: what the strategy would have cost alone; the first that differs says which of two
    is cheaper. `bins` has question_id and bin, `estimation` says what these cost. `last` is the
    table before (bin, budget, strategy). How a cell is picked: METHOD §7, `cells.picks`.

    Raises UserError for an incomplete matrix or an unknown baseline.
    """
    grid = grid_of(outcomes, bins, costs=costs_order, baseline=baseline)
    _check(grid, baseline)
    count = len(grid.questions)
    fold = fold_of(grid, seed=seed)
    # One set of resamples for the policy and for what it is compared with: factors are paired.
    drawn = weights(count, resamples=resamples, seed=seed, groups=grid.groups)
    measured = measure_policy(grid, fold, drawn)
    policy = measured.in_range()
    fixed = _measure_strategies(grid, drawn)
    generations = _generations(grid, fold, estimation)
    spent = pl.DataFrame({"budget": grid.budgets, "generations": generations})
    efficiency = _efficiency(grid, baseline, policy=policy, fixed=fixed)
    cells = pl.DataFrame(grid.cells, schema=["budget", "strategy"], orient="row")
    table = policy_table(grid, baseline, last=_by_cell(last))
    advice = recommendations(
        grid, fold, policy=measured, table=table, baseline=baseline, drawn=drawn
    )
    curve = _with_interval(spent, policy, grid)
    return PolicyFit(
        table=table,
        curve=curve.join(advice, on="budget", maintain_order="left"),
        efficiency=_net(efficiency, spent),
        fixed=_with_interval(cells.select("strategy", "budget"), fixed, grid),
    )


def _check(grid: Grid, baseline: str) -> None:
    if not grid.of(baseline):
        known = ", ".join(sorted({cell.strategy for cell in grid.cells}))
        raise UserError(f"expected a baseline among {known}, got {baseline!r}: name one of them")


def _by_cell(last: pl.DataFrame | None) -> Last:
    """Strategy of an earlier table by bin and budget; empty without one."""
    if last is None:
        return {}
    rows = last["bin", "budget", "strategy"].rows()
    return {(one, budget): strategy for one, budget, strategy in rows}


def _generations(grid: Grid, fold: Integers, estimation: Estimation) -> Floats:
    """Mean generations a question at each budget under the cross-validated choice."""
    cells = [estimation.generations(cell.strategy, cell.budget) for cell in grid.cells]
    each = np.array(cells, dtype=np.float64)
    columns = cheapest_first(grid)
    total = np.zeros(len(grid.budgets))
    for learn, measure in halves(grid, fold):
        chosen = choices(learnt(grid, learn, measure), columns)[0]
        total += len(measure) * each[chosen]
    return total / len(grid.questions)


def _net(efficiency: pl.DataFrame, spent: pl.DataFrame) -> pl.DataFrame:
    """The factors beside those that are divided by generations in place of the budget."""
    share = pl.col("budget") / pl.col("generations")
    net = {f"net_{end}": pl.col(end) * share for end in ("factor", "lo", "hi")}
    return (
        efficiency.join(spent, on="budget", maintain_order="left")
        .with_columns(**net)
        .drop("generations")
    )


def _measure_strategies(grid: Grid, drawn: Floats) -> Measured:
    """Accuracy of each cell: plain means, which learn nothing and stay where they are."""
    count = len(grid.questions)
    everyone = np.ones((1, count))
    return Measured(
        # A product like that of the resamples, so that both are rounded in the same way.
        estimate=everyone @ grid.accuracy / count,
        resampled=drawn @ grid.accuracy / count,
        each=grid.accuracy,
    )


def _with_interval(keys: pl.DataFrame, measured: Measured, grid: Grid) -> pl.DataFrame:
    ends = measured.ends(grid)
    figures = keys.with_columns(
        accuracy=measured.estimate[0],
        lo=ends.lo,
        hi=ends.hi,
    )
    return figures.fill_nan(None)


def _efficiency(grid: Grid, baseline: str, *, policy: Measured, fixed: Measured) -> pl.DataFrame:
    """Columns of FACTORS: what the baseline needs for the policy's accuracy at each budget."""
    columns = grid.of(baseline)
    budgets = list(columns)
    those = list(columns.values())
    limits = (budgets[0], budgets[-1])
    rival = fixed.estimate[:, those]
    rival_resampled = fixed.resampled[:, those]
    factors: list[Factor] = []
    for place, budget in enumerate(grid.budgets):
        estimate = budget_reaching(budgets, rival, policy.estimate[:, place])
        resampled = budget_reaching(
            budgets,
            rival_resampled,
            policy.resampled[:, place],
        )
        needed = with_bounds(estimate[0], resampled, count=grid.units)
        factors.append(efficiency_factor(budget, needed, limits=limits))
    return pl.DataFrame(factors, schema=FACTORS, orient="row")
