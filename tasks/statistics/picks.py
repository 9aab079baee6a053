"""The cells of the policy table: which strategy each names, and whether that can be said (METHOD §7)."""

from collections.abc import Mapping
from typing import Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.comparisons import paired_p, standard_error
from tasks.statistics.intervals import UNKNOWN, Estimate, Floats, weights, wilson, with_bounds
from tasks.statistics.multiplicity import SIGNIFICANCE, holm
from tasks.statistics.outcomes import SAME_ACCURACY, Grid

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


class _Bin(NamedTuple):
    """Questions of one bin: accuracy (questions, cells), its mean, and its mean on each resample of them."""

    bin: int
    rows: NDArray[np.int64]
    accuracy: Floats
    mean: Floats
    resampled: Floats

    def gain(self, one: int, other: int | None) -> Estimate:
        """How far a cell is ahead of another, paired; unknown where that one is absent."""
        if other is None:
            return UNKNOWN
        resampled = self.resampled[:, one] - self.resampled[:, other]
        return with_bounds(self.mean[one] - self.mean[other], resampled, count=len(self.rows))

    def gaps(self, one: int, others: list[int]) -> Floats:
        """Accuracy of a cell minus that of others on every question: (questions, others)."""
        return self.accuracy[:, [one]] - self.accuracy[:, others]


def policy_table(
    grid: Grid, baseline: str, *, last: Last, resamples: int, seed: int
) -> pl.DataFrame:
    """The pick of every bin and budget, with Holm-adjusted p-values over the table (see `PolicyFit`)."""
    picks: list[Pick] = []
    for one in np.unique(grid.bins).tolist():
        rows = np.flatnonzero(grid.bins == one)
        accuracy = grid.accuracy[rows]
        drawn = weights(len(rows), resamples=resamples, seed=seed)
        inside = _Bin(one, rows, accuracy, accuracy.mean(axis=0), drawn @ accuracy / len(rows))
        picks += [
            _pick(grid, inside, budget, baseline=baseline, last=last) for budget in grid.budgets
        ]
    table = pl.DataFrame(picks, schema=PICKS, orient="row")
    adjusted = {name: pl.Series(holm(table[name].to_numpy())) for name in ("p", "over_majority_p")}
    table = table.with_columns(**adjusted).fill_nan(None)
    return table.with_columns(
        decided=pl.col("alone") | (pl.col("p") < SIGNIFICANCE).fill_null(False)
    ).drop("alone")


def _pick(grid: Grid, inside: _Bin, budget: int, *, baseline: str, last: Last) -> Pick:
    groups, known = grid.by_cost(budget, inside.rows), grid.of(baseline).get(budget)
    tonight = _named(inside, groups, known)
    holder = _held(grid, inside, tonight, known, earlier=last.get((inside.bin, budget)))
    majority = grid.of("majority").get(budget)
    rivals = _rivals(groups, holder, known)
    values = inside.accuracy[:, holder]
    spread = float(values.var(ddof=1)) if len(values) > 1 else None
    return Pick(
        inside.bin,
        budget,
        grid.cells[holder].strategy,
        None if holder == tonight else grid.cells[tonight].strategy,
        *wilson(float(inside.mean[holder]), spread, len(values)),
        *inside.gain(holder, known),
        *inside.gain(holder, majority),
        over_majority_p=_told_apart(
            inside, holder, [one for one in (majority,) if one not in (None, holder)]
        ),
        p=_told_apart(inside, holder, rivals, ahead=known in (None, holder)),
        alone=not rivals,
        questions=len(values),
    )


def _named(inside: _Bin, groups: list[list[int]], known: int | None) -> int:
    """The cheapest strategy that tonight's data do not speak against (see `PolicyFit`)."""
    stand_ins = [max(group, key=lambda one: round(inside.mean[one], 9)) for group in groups]
    best = max(stand_ins, key=lambda one: round(inside.mean[one], 9))
    against_best = inside.gaps(best, stand_ins)
    reach = float(special.stdtrit(max(len(against_best) - 1, 1), 1 - SIGNIFICANCE))  # pyright: ignore
    out = _ahead(against_best, reach) | _behind(inside, known, stand_ins)
    return next(one for one, left_out in zip(stand_ins, out.tolist(), strict=True) if not left_out)


def _ahead(gaps: Floats, errors: float) -> NDArray[np.bool_]:
    """Which mean differences are above 0 by more than so many standard errors; none for one question."""
    return gaps.mean(axis=0) > np.maximum(errors * standard_error(gaps), SAME_ACCURACY)


def _behind(inside: _Bin, known: int | None, ones: list[int]) -> NDArray[np.bool_]:
    """Which cells look worse than the baseline: by more than one standard error."""
    return (
        np.zeros(len(ones), dtype=bool) if known is None else _ahead(inside.gaps(known, ones), 1.0)
    )


def _held(grid: Grid, inside: _Bin, tonight: int, known: int | None, *, earlier: str | None) -> int:
    """The last table's strategy, unless tonight's is ahead beyond their interval or the baseline looks better."""
    budget = grid.cells[tonight].budget
    column = None if earlier is None else grid.of(earlier).get(budget)
    if (
        column is None
        or inside.gain(tonight, column).lo > SAME_ACCURACY
        or _behind(inside, known, [column]).any()
    ):
        return tonight
    return column


def _rivals(groups: list[list[int]], holder: int, known: int | None) -> list[int]:
    """What the pick is compared with: the baseline, or if it is that itself, what is cheaper, or else all others."""
    if known not in (None, holder):
        return [known]
    own = next(place for place, group in enumerate(groups) if holder in group)
    return [one for group in groups[:own] or groups for one in group if one != holder]


def _told_apart(inside: _Bin, holder: int, rivals: list[int], *, ahead: bool = False) -> float:
    """p-value of the pick being no different from its nearest rival, or not ahead of it; NaN without rivals."""
    if not rivals:
        return np.nan
    gaps = inside.gaps(holder, rivals)
    p = paired_p(gaps)
    return float(np.where(gaps.mean(axis=0) < 0, 1.0, p).max() if ahead else p.max())
