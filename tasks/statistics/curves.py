"""The compute-optimal curve, cross-validated, and how much budget it saves (METHOD §7)."""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.intervals import Estimate
from tasks.statistics.outcomes import SAME_ACCURACY, Grid

DECIMALS: Final = 9
"""To which sums of accuracies are rounded before the largest is chosen.

Sums of the same figures in another order differ beyond; without rounding they would choose, and not
the order by cost.
"""


def folds(bins: pl.DataFrame, *, seed: int) -> pl.DataFrame:
    """Fold 0 or 1 of each question: (question_id, bin, fold).

    Halves of a bin differ by at most one question: they alternate in the order of a hash of seed
    and id, whatever the order of the rows.
    """
    order: list[str] = []
    for question_id in bins["question_id"]:
        salted = f"{seed}:{question_id}"
        order.append(sha256(salted.encode()).hexdigest())
    # Odd and even bins begin with another fold: the odd questions do not all end in the same one.
    place = pl.int_range(pl.len()).over("bin") + pl.col("bin")
    return (
        bins.select("question_id", "bin")
        .with_columns(order=pl.Series(order, dtype=pl.String))
        .sort("bin", "order")
        .with_columns(fold=place % 2)
        .drop("order")
    )


def fold_of(grid: Grid, *, seed: int) -> Integers:
    """Fold of each question of the grid, in its order; no fold splits a group."""
    if grid.groups is not None:
        return _fold_of_groups(grid.bins, grid.groups, seed=seed)
    placed = pl.DataFrame({"question_id": grid.questions, "bin": grid.bins})
    ordered = folds(placed, seed=seed).sort("question_id")
    return ordered["fold"].to_numpy().astype(np.int64)


def _fold_of_groups(bins: Integers, groups: Integers, *, seed: int) -> Integers:
    """Each group in the fold that leaves the halves of its bins most alike, the largest first.

    Groups of one size come in the order of a hash of seed and number.
    """
    kinds, place, sizes = np.unique(groups, return_inverse=True, return_counts=True)
    columns = np.unique(bins, return_inverse=True)[1]
    inside = np.zeros((len(kinds), columns.max() + 1))
    np.add.at(inside, (place, columns), 1.0)
    salted = [sha256(f"{seed}:{kind}".encode()).hexdigest() for kind in kinds.tolist()]
    order = sorted(range(len(kinds)), key=lambda one: (-sizes[one], salted[one]))
    fold = np.zeros(len(kinds), dtype=np.int64)
    # Questions of the first fold beyond those of the second, by bin.
    ahead = np.zeros(inside.shape[1])
    for one in order:
        joined = ((ahead + inside[one]) ** 2).sum()
        apart = ((ahead - inside[one]) ** 2).sum()
        fold[one] = int(apart < joined)
        ahead += inside[one] if fold[one] == 0 else -inside[one]
    return fold[place]


def cheapest_first(grid: Grid) -> list[Integers]:
    """Columns of the strategies at each budget, cheapest first over all questions, then by name."""
    everyone = np.arange(len(grid.questions))
    columns: list[Integers] = []
    for budget in grid.budgets:
        groups = grid.by_cost(budget, everyone)
        columns.append(np.concatenate(groups).astype(np.int64))
    return columns


def choices(sums: Floats, columns: Sequence[Integers]) -> Integers:
    """Column of highest sum at each budget, the first listed of equal ones: (resamples, budgets).

    `sums` (resamples, cells) are accuracies summed over the questions learnt from; `columns` are
    listed by budget.
    """
    picked: list[Integers] = []
    for those in columns:
        rounded = np.round(sums[:, those], DECIMALS)
        # `argmax` returns the first of equal ones, which is the cheapest.
        place = np.argmax(rounded, axis=1)
        picked.append(those[place])
    return np.stack(picked, axis=1)


def learnt(
    grid: Grid, learn: Integers, measure: Integers, *, weights: Floats | None = None
) -> Floats:
    """Sums over one half of a bin by which cells are chosen in each resample: (resamples, cells).

    Without `weights` a row in which each question counts once. What was mostly cut in the bin comes
    last even where no question of the half was drawn.
    """
    sums = (
        grid.preference[learn].sum(axis=0, keepdims=True)
        if weights is None
        else weights[:, learn] @ grid.preference[learn]
    )
    return sums - handicap(grid, np.concatenate([learn, measure]))


def handicap(grid: Grid, rows: Integers) -> Floats:
    """What the cells of a bin are preferred less than their accuracy says: (cells,)."""
    # The same for each of its questions.
    return grid.accuracy[rows[0]] - grid.preference[rows[0]]


def cross_validated(grid: Grid, fold: Integers, weights: Floats) -> Floats:
    """Compute-optimal accuracy in each resample at each budget: (resamples, budgets).

    In each bin the strategy with the highest accuracy on one fold, the cheapest of equal ones, is
    measured on the other; then they swap; the mean is over all questions. `weights` (resamples,
    questions) says how often a question is drawn: all copies stay in its fold. A fold without a
    question chooses the cheapest that was not mostly cut.
    """
    columns = cheapest_first(grid)
    total = np.zeros((len(weights), len(grid.budgets)))
    for learn, measure in halves(grid, fold):
        picks = choices(learnt(grid, learn, measure, weights=weights), columns)
        sums = weights[:, measure] @ grid.accuracy[measure]
        total += np.take_along_axis(sums, picks, axis=1)
    return total / weights.sum(axis=1, keepdims=True)


def resample_curve(grid: Grid, fold: Integers, weights: Floats) -> Floats:
    """The cross-validated curve, choices repeated in each resample: (resamples, budgets).

    For its interval. A resampled measure of a choice is what the strategy is worth in the bin, on
    all questions of it, plus how far the resample of the measuring fold lies from that fold. To
    measure it as `cross_validated` does would count the noise of that fold twice: strategies that
    are truly equal differ on it, and each resample chooses another one. To hold the choices fixed
    would make the interval too narrow (Bates, Hastie, Tibshirani, arXiv 2104.00673). The mean over
    resamples lies below the estimate: `centre` it. Coverage: `infra/bench/intervals.py`.
    """
    columns = cheapest_first(grid)
    total = np.zeros((len(weights), len(grid.budgets)))
    for learn, measure in halves(grid, fold):
        picks = choices(learnt(grid, learn, measure, weights=weights), columns)
        sums = remeasure(grid.accuracy, learn, measure, weights=weights)
        total += np.take_along_axis(sums, picks, axis=1)
    return total / len(grid.questions)


def halves(grid: Grid, fold: Integers) -> list[tuple[Integers, Integers]]:
    """(questions to choose by, questions to measure on) of every bin, both ways round."""
    pairs: list[tuple[Integers, Integers]] = []
    for one in np.unique(grid.bins):
        inside = grid.bins == one
        first = np.flatnonzero(inside & (fold == 0))
        second = np.flatnonzero(inside & (fold == 1))
        pairs.append((first, second))
        pairs.append((second, first))
    return pairs


def remeasure(values: Floats, learn: Integers, measure: Integers, *, weights: Floats) -> Floats:
    """Sums over one half of a bin in each resample, as `resample_curve` says: (resamples, cells).

    `values` (questions, cells): the mean of both halves, plus how far the resampled half lies from
    itself.
    """
    whole = np.concatenate([learn, measure])
    worth = values[whole].mean(axis=0)
    resampled = weights[:, measure] @ values[measure]
    itself = values[measure].sum(axis=0)
    # From left to right: the last digits of stored intervals come from this order.
    return resampled + len(measure) * worth - itself


def budget_reaching(budgets: Sequence[float], accuracy: Floats, target: Floats) -> Floats:
    """Budget, or cost, at which a strategy first reaches `target`, in each resample.

    `accuracy` is (resamples, budgets), budgets rising, linear in log2 of the budget between them.
    0 where it is above the target at its smallest budget already, ∞ where it never gets there.
    """
    # A budget that measured less than a smaller one did can always be spent as that one.
    best = np.maximum.accumulate(accuracy, axis=1)
    reached = best >= target[:, None] - SAME_ACCURACY
    # The first budget that reaches it, and the one before.
    at = np.argmax(reached, axis=1)
    before = np.maximum(at - 1, 0)
    rows = np.arange(len(target))
    high = best[rows, at]
    part = _part_between(best[rows, before], high, target, at > 0)
    crossing = _budget_between(budgets, before, at, part)
    above = (at == 0) & (high > target + SAME_ACCURACY)
    reaching = np.where(above, 0.0, crossing)
    return np.where(reached.any(axis=1), reaching, np.inf)


def _part_between(low: Floats, high: Floats, target: Floats, between: Flags) -> Floats:
    """How far the target lies from `low` to `high`, in [0, 1]; 0 where nothing lies between."""
    # At the smallest budget there is nothing before it, and low and high are the same.
    with np.errstate(divide="ignore", invalid="ignore"):
        part = (target - low) / (high - low)
    return np.clip(np.where(between, part, 0.0), 0, 1)


def _budget_between(
    budgets: Sequence[float], before: Integers, at: Integers, part: Floats
) -> Floats:
    """The budget that lies so far from the one to the other, both given by their places."""
    # Linear in doublings: twice the budget is one step, wherever it starts.
    logs = np.log2(np.asarray(budgets, dtype=np.float64))
    step = logs[at] - logs[before]
    return 2.0 ** (logs[before] + part * step)


class Factor(NamedTuple):
    """A row of the efficiency table."""

    budget: float
    """Or what the policy costs."""
    factor: float
    lo: float | None
    hi: float | None
    beyond: bool


def efficiency_factor(budget: float, needed: Estimate, *, limits: tuple[float, float]) -> Factor:
    """Budget that the baseline needs for the policy's accuracy at `budget`, divided by it.

    Along another axis costs stand in the place of budgets. `needed` holds budgets as
    `budget_reaching` gives them, `limits` the baseline's smallest and largest. Where the baseline
    never gets there, `beyond` is set, the factor is the lower bound largest / budget and hi is
    NULL. Where it is above at its smallest budget already, the factor is the upper bound smallest /
    budget and lo is NULL. So is an end beyond the budgets.
    """
    smallest, largest = limits
    beyond = bool(np.isinf(needed.value))
    lo_known = needed.value > 0 and needed.lo > 0
    hi_known = not beyond and bool(np.isfinite(needed.hi))
    measured = float(np.clip(needed.value, smallest, largest))
    return Factor(
        budget=budget,
        factor=measured / budget,
        # An end that is known but beyond the budgets is moved to the last that was measured.
        lo=min(needed.lo, largest) / budget if lo_known else None,
        hi=max(needed.hi, smallest) / budget if hi_known else None,
        beyond=beyond,
    )
