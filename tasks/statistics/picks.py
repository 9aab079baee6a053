"""The cells of the policy table: which strategy each names, and whether that can be said.

Pick of a cell (METHOD §7): the cheapest strategy that the best of the cell is not ahead of by more
than the interval of their paired difference (one-sided, 95 %), and that is not more than one
standard error behind the baseline: saving cost is no reason to name what looks worse than the
strategy one would use without a policy. Of strategies that cost the same the most accurate stands
for all (the first by name of equal ones). Which one is named is a choice and not a claim: that is
`decided`.

What was cut is no candidate: a strategy most of whose completions were cut is named only where
that is so of all, and then it is the baseline, and nothing is recommended.

Hysteresis: a cell keeps the strategy of the last table, if it was measured tonight, unless the pick
is ahead of it by more than the interval of their paired difference, or the baseline by more than
one standard error.
"""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.comparisons import SIGNIFICANCE, holm, paired_p, standard_error
from tasks.statistics.curves import DECIMALS
from tasks.statistics.intervals import UNKNOWN, Estimate, weights, wilson, with_bounds
from tasks.statistics.outcomes import SAME_ACCURACY, Grid, Lost, mostly_cut

PICKS: Final = {
    "bin": pl.Int64,
    "budget": pl.Int64,
    "strategy": pl.String,
    "unheld": pl.String,
    "accuracy": pl.Float64,
    "lo": pl.Float64,
    "hi": pl.Float64,
    "gain": pl.Float64,
    "gain_lo": pl.Float64,
    "gain_hi": pl.Float64,
    "over_majority": pl.Float64,
    "over_majority_lo": pl.Float64,
    "over_majority_hi": pl.Float64,
    "over_majority_p": pl.Float64,
    "p": pl.Float64,
    "alone": pl.Boolean,
    "questions": pl.Int64,
    "truncated": pl.Float64,
    "no_answer": pl.Float64,
    "recommended": pl.Boolean,
}
Last = Mapping[tuple[int, int], str]
"""The strategy that an earlier table names, by bin and budget."""


class Pick(NamedTuple):
    """A row of the policy table; NaN where a figure is unknown, p-values not yet adjusted."""

    bin: int
    budget: int
    strategy: str
    unheld: str | None
    accuracy: float
    lo: float
    hi: float
    gain: float
    gain_lo: float
    gain_hi: float
    over_majority: float
    over_majority_lo: float
    over_majority_hi: float
    over_majority_p: float
    p: float
    alone: bool
    questions: int
    truncated: float
    no_answer: float
    recommended: bool


class _Bin(NamedTuple):
    """Questions of one bin: accuracy (questions, cells), its mean, and that of each resample."""

    bin: int
    rows: Integers
    accuracy: Floats
    mean: Floats
    resampled: Floats
    lost: Lost

    @property
    def is_cut(self) -> Flags:
        """Which cells had most of their completions cut."""
        return mostly_cut(self.lost.truncated)

    def estimate(self, one: int) -> Estimate:
        """Accuracy of a cell."""
        values = self.accuracy[:, one]
        variance = float(values.var(ddof=1)) if len(values) > 1 else None
        return wilson(float(self.mean[one]), variance, len(values))

    def gain(self, one: int, other: int | None) -> Estimate:
        """How far a cell is ahead of another, paired; unknown where that one is absent."""
        if other is None:
            return UNKNOWN
        ahead = self.mean[one] - self.mean[other]
        resampled = self.resampled[:, one] - self.resampled[:, other]
        return with_bounds(ahead, resampled, count=len(self.rows))

    def gaps(self, one: int, others: list[int]) -> Floats:
        """Accuracy of a cell minus that of others on every question: (questions, others)."""
        return self.accuracy[:, [one]] - self.accuracy[:, others]


def policy_table(
    grid: Grid, baseline: str, *, last: Last, resamples: int, seed: int
) -> pl.DataFrame:
    """The pick of every bin and budget, p-values Holm-adjusted over the table (see `PolicyFit`)."""
    picks: list[Pick] = []
    for one in np.unique(grid.bins).tolist():
        inside = _bin_of(grid, one, resamples=resamples, seed=seed)
        for budget in grid.budgets:
            pick = _pick(grid, inside, budget, baseline=baseline, last=last)
            picks.append(pick)
    table = pl.DataFrame(picks, schema=PICKS, orient="row")
    # Two claims of different kinds: each is adjusted over its own column.
    for name in ("p", "over_majority_p"):
        adjusted = holm(table[name].to_numpy())
        table = table.with_columns(pl.Series(name, adjusted))
    significant = (pl.col("p") < SIGNIFICANCE).fill_null(False)
    return table.fill_nan(None).with_columns(decided=pl.col("alone") | significant).drop("alone")


def _bin_of(grid: Grid, one: int, *, resamples: int, seed: int) -> _Bin:
    rows = np.flatnonzero(grid.bins == one)
    accuracy = grid.accuracy[rows]
    # Of the bin's own questions: how many of them a resample has is not left to chance.
    drawn = weights(len(rows), resamples=resamples, seed=seed)
    return _Bin(
        bin=one,
        rows=rows,
        accuracy=accuracy,
        mean=accuracy.mean(axis=0),
        resampled=drawn @ accuracy / len(rows),
        lost=grid.only(rows).lost,
    )


def _pick(grid: Grid, inside: _Bin, budget: int, *, baseline: str, last: Last) -> Pick:
    every = grid.by_cost(budget, inside.rows)
    known = grid.of(baseline).get(budget)
    majority = grid.of("majority").get(budget)
    groups = _leave_out_cut(inside, every)
    earlier = last.get((inside.bin, budget))
    if groups:
        tonight = _choose(inside, groups, known)
        holder = _hold(grid, inside, tonight, known, earlier=earlier)
        rivals = _rivals(groups, holder, known)
    else:
        tonight = holder = _stand_in(grid, every, inside)
        rivals = []
    voters = [] if majority in (None, holder) else [majority]
    return Pick(
        inside.bin,
        budget,
        grid.cells[holder].strategy,
        None if holder == tonight else grid.cells[tonight].strategy,
        *inside.estimate(holder),
        *inside.gain(holder, known),
        *inside.gain(holder, majority),
        over_majority_p=_p_value(inside, holder, voters),
        p=_p_value(inside, holder, rivals, ahead=known in (None, holder)),
        alone=bool(groups) and not rivals,
        questions=len(inside.rows),
        truncated=float(inside.lost.truncated[:, holder].mean()),
        no_answer=float(inside.lost.no_answer[:, holder].mean()),
        recommended=bool(groups),
    )


def _leave_out_cut(inside: _Bin, groups: list[list[int]]) -> list[list[int]]:
    """The groups without the cells most of whose completions were cut."""
    is_cut = inside.is_cut
    left = [[one for one in group if not is_cut[one]] for group in groups]
    return [group for group in left if group]


def _stand_in(grid: Grid, groups: list[list[int]], inside: _Bin) -> int:
    """What stands in a cell where all were cut: the baseline, or where it is absent the best."""
    preference = grid.preference[inside.rows].mean(axis=0)
    columns = [one for group in groups for one in group]
    # `max` keeps the first of equal ones: the cheapest.
    return max(columns, key=lambda one: round(preference[one], DECIMALS))


def _choose(inside: _Bin, groups: list[list[int]], known: int | None) -> int:
    """The cheapest strategy that tonight's data do not speak against."""

    def rounded(one: int) -> float:
        # `max` keeps the first of equal ones: the cheapest, then the first by name.
        return round(inside.mean[one], DECIMALS)

    stand_ins = [max(group, key=rounded) for group in groups]
    best = max(stand_ins, key=rounded)
    against_best = inside.gaps(best, stand_ins)
    # One-sided: the best is ahead of all by construction.
    freedom = max(len(against_best) - 1, 1)
    reach = float(special.stdtrit(freedom, 1 - SIGNIFICANCE))  # pyright: ignore
    worse = _is_ahead(against_best, reach)
    out = worse | _is_behind(inside, known, stand_ins)
    # One is always left: nothing is ahead of the best. Groups come cheapest first.
    left = np.flatnonzero(~out)
    return stand_ins[left[0]]


def _is_ahead(gaps: Floats, errors: float) -> Flags:
    """Which mean differences are above 0 by more than so many standard errors."""
    interval = errors * standard_error(gaps)
    # Without any spread the error is 0, and rounding alone would put a strategy ahead of itself.
    reach = np.maximum(interval, SAME_ACCURACY)
    return gaps.mean(axis=0) > reach


def _is_behind(inside: _Bin, known: int | None, ones: list[int]) -> Flags:
    """Which cells look worse than the baseline: by more than one standard error."""
    if known is None:
        return np.zeros(len(ones), dtype=bool)
    return _is_ahead(inside.gaps(known, ones), 1.0)


def _hold(grid: Grid, inside: _Bin, tonight: int, known: int | None, *, earlier: str | None) -> int:
    """The last table's strategy, or tonight's where that is ahead beyond the interval.

    Tonight's too where the baseline looks better than the last one, or that was not measured.
    """
    if earlier is None:
        return tonight
    column = grid.of(earlier).get(grid.cells[tonight].budget)
    if column is None or inside.is_cut[column] or _is_behind(inside, known, [column]).any():
        return tonight
    return tonight if inside.gain(tonight, column).lo > SAME_ACCURACY else column


def _rivals(groups: list[list[int]], holder: int, known: int | None) -> list[int]:
    """What the pick is compared with: the baseline.

    If it is that itself, what is cheaper; if nothing is, all others.
    """
    if known not in (None, holder):
        return [known]
    own = next(place for place, group in enumerate(groups) if holder in group)
    cheaper = groups[:own]
    rivals: list[int] = []
    for group in cheaper or groups:
        rivals += [one for one in group if one != holder]
    return rivals


def _p_value(inside: _Bin, holder: int, rivals: list[int], *, ahead: bool = False) -> float:
    """p-value of the pick being no different from its nearest rival; NaN without rivals.

    With `ahead` of its not being ahead of all of them: 1 where a rival is.
    """
    if not rivals:
        return np.nan
    gaps = inside.gaps(holder, rivals)
    p = paired_p(gaps)
    if ahead:
        p = np.where(gaps.mean(axis=0) < 0, 1.0, p)
    # The largest: only then is it different from, or ahead of, every one of them.
    return float(p.max())
