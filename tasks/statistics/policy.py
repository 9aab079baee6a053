"""The compute-optimal policy: which strategy in which bin at which budget, and how sure (METHOD §7)."""

from collections.abc import Sequence
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.errors import UserError
from tasks.statistics.bootstrap import Floats, Interval, bounds, weights, wilson
from tasks.statistics.curves import Factor, budget_reaching, cross_validated, efficiency_factor, fold_of
from tasks.statistics.outcomes import SAME_ACCURACY, Grid, grid_of

COSTS: Final = ("generated_tokens",)
FACTORS: Final = {
    "budget": pl.Int64,
    "factor": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "beyond": pl.Boolean,
}
PICKS: Final = {
    "bin": pl.Int64,
    "budget": pl.Int64,
    "strategy": pl.String,
    "accuracy": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "gain": pl.Float64,
    "gain_lo": pl.Float64,
    "gain_hi": pl.Float64,
    "over_majority": pl.Float64,
    "over_majority_lo": pl.Float64,
    "over_majority_hi": pl.Float64,
    "decided": pl.Boolean,
    "questions": pl.Int64,
}


class Pick(NamedTuple):
    """A row of the policy table; NaN where a figure is unknown."""

    bin: int
    budget: int
    strategy: str
    accuracy: float
    lo: float
    hi: float
    gain: float
    gain_lo: float
    gain_hi: float
    over_majority: float
    over_majority_lo: float
    over_majority_hi: float
    decided: bool
    questions: int


class PolicyFit(NamedTuple):
    """The policy and what it is worth; intervals are 95 % over questions, NULL where they are unknown.

    - `table` (bin, budget, strategy, accuracy, lo, hi, gain …, over_majority …, decided, questions): the pick
      of each cell, refitted on all questions, hence flattering where it is not decided. `gain` is the pick
      minus the baseline on the same questions, `over_majority` minus majority; NULL where these do not exist.
      `decided`: the interval of the gain excludes 0; where the pick is the baseline (or there is none), the
      pick is ahead of every cheaper strategy, or if it is the cheapest of all others, by more than its interval.
    - `curve` (budget, accuracy, lo, hi): two-fold cross-validated accuracy of the policy.
    - `efficiency` (budget, factor, lo, hi, beyond): see `tasks.statistics.curves.efficiency_factor`.
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
    seed: int = 0,
    resamples: int = 1000,
) -> PolicyFit:
    """The policy of one benchmark, from `outcomes` with one row for each question, strategy and budget.

    `outcomes` has question_id, strategy, budget, accuracy in [0, 1] and the columns of `costs_order`: what
    the strategy would have cost alone; the first that differs says which of two is cheaper. `bins` has
    question_id and bin.

    Pick of a cell: of strategies that cost the same, the most accurate (the first by name of equal ones)
    stands for all. The cheapest holds the cell; going up in cost, the next takes it when it is ahead of the
    holder by more than the interval of their paired difference.

    Raises UserError for an incomplete matrix or an unknown baseline.
    """
    grid = grid_of(outcomes, bins, costs=costs_order)
    if not grid.of(baseline):
        known = ", ".join(sorted({cell.strategy for cell in grid.cells}))
        raise UserError(f"expected a baseline among {known}, got {baseline!r}: name one of them")
    drawn = weights(len(grid.questions), resamples=resamples, seed=seed)
    everyone = np.ones((1, len(grid.questions)))
    fold = fold_of(grid, seed=seed)
    policy = _centred(*(cross_validated(grid, fold, one) for one in (everyone, drawn)))
    fixed = _Measured(*(one @ grid.accuracy / len(grid.questions) for one in (everyone, drawn)))
    return PolicyFit(
        table=_table(grid, baseline, resamples=resamples, seed=seed),
        curve=_with_interval(pl.DataFrame({"budget": grid.budgets}), policy, len(grid.questions)),
        efficiency=_efficiency(grid, baseline, policy=policy, fixed=fixed),
        fixed=_with_interval(
            pl.DataFrame(grid.cells, schema=["budget", "strategy"], orient="row").select("strategy", "budget"),
            fixed,
            len(grid.questions),
        ),
    )


class _Measured(NamedTuple):
    """Figures on all questions (1, figures) and on each resample of them (resamples, figures)."""

    estimate: Floats
    resampled: Floats


def _centred(estimate: Floats, resampled: Floats) -> _Measured:
    """The resampled curve moved onto its estimate.

    A resample has fewer distinct questions to learn from and so chooses less well: left where it is, the
    interval would lie too low.
    """
    moved = resampled + (estimate - resampled.mean(axis=0))
    return _Measured(np.clip(estimate, 0.0, 1.0), np.clip(moved, 0.0, 1.0))


def _with_interval(keys: pl.DataFrame, measured: _Measured, count: int) -> pl.DataFrame:
    ends = bounds(measured.resampled, count=count)
    return keys.with_columns(accuracy=measured.estimate[0], lo=ends.lo, hi=ends.hi).fill_nan(None)


def _efficiency(grid: Grid, baseline: str, *, policy: _Measured, fixed: _Measured) -> pl.DataFrame:
    columns = grid.of(baseline)
    budgets, those = list(columns), list(columns.values())
    factors: list[Factor] = []
    for place, budget in enumerate(grid.budgets):
        needed, resampled = (
            budget_reaching(budgets, figures[:, those], curve[:, place])
            for figures, curve in zip(fixed, policy, strict=True)
        )
        ends = Interval(*(float(end) for end in bounds(resampled, count=len(grid.questions))))
        limits = (budgets[0], budgets[-1])
        factors.append(efficiency_factor(budget, float(needed[0]), interval=ends, limits=limits))
    return pl.DataFrame(factors, schema=FACTORS, orient="row")


def _table(grid: Grid, baseline: str, *, resamples: int, seed: int) -> pl.DataFrame:
    picks: list[Pick] = []
    for one in np.unique(grid.bins).tolist():
        rows = np.flatnonzero(grid.bins == one)
        drawn = weights(len(rows), resamples=resamples, seed=seed)
        inside = _Bin(one, rows, grid.accuracy[rows].mean(axis=0), drawn @ grid.accuracy[rows] / len(rows))
        picks += [_pick(grid, inside, budget, baseline) for budget in grid.budgets]
    return pl.DataFrame(picks, schema=PICKS, orient="row").fill_nan(None)


class Gain(NamedTuple):
    """A paired difference of accuracies with its interval; NaN where there is nothing to compare with."""

    gain: float
    lo: float
    hi: float


class _Bin(NamedTuple):
    """Questions of one bin, and the mean accuracy of every cell on them and on each resample of them."""

    bin: int
    rows: NDArray[np.int64]
    mean: Floats
    resampled: Floats

    def ahead(self, one: int, other: int) -> Interval:
        """Interval of the paired difference between two cells."""
        ends = bounds(self.resampled[:, one] - self.resampled[:, other], count=len(self.rows))
        return Interval(float(ends.lo), float(ends.hi))

    def gain(self, one: int, other: int | None) -> Gain:
        """How far a cell is ahead of another that may be absent."""
        if other is None:
            return Gain(np.nan, np.nan, np.nan)
        return Gain(float(self.mean[one] - self.mean[other]), *self.ahead(one, other))


def _pick(grid: Grid, inside: _Bin, budget: int, baseline: str) -> Pick:
    groups = grid.by_cost(budget, inside.rows)
    best = [max(group, key=lambda one: round(inside.mean[one], 9)) for group in groups]
    holder = best[0]
    for rival in best[1:]:
        if inside.ahead(rival, holder).lo > SAME_ACCURACY:
            holder = rival
    known = grid.of(baseline).get(budget)
    gain = inside.gain(holder, known)
    over_majority = inside.gain(holder, grid.of("majority").get(budget))
    own = next(i for i, group in enumerate(groups) if holder in group)
    rivals = [one for group in groups[:own] or groups for one in group if one != holder]
    apart = gain.lo > SAME_ACCURACY or gain.hi < -SAME_ACCURACY
    ahead = all(inside.ahead(holder, rival).lo > SAME_ACCURACY for rival in rivals)
    decided = ahead if known in (None, holder) else apart
    values = grid.accuracy[inside.rows, holder]
    spread = float(values.var(ddof=1)) if len(values) > 1 else None
    return Pick(
        inside.bin,
        budget,
        grid.cells[holder].strategy,
        float(inside.mean[holder]),
        *wilson(float(inside.mean[holder]), spread, len(values)),
        *gain,
        *over_majority,
        decided=decided,
        questions=len(values),
    )
