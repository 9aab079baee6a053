"""The cells of the policy table: which strategy each names, and whether that can be said.

Figures of a cell are of a strategy that the same questions chose: they count only what would have
chosen it too (`tasks.statistics.cells.conditional`).

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

import polars as pl

from tasks.statistics.cells.bin import Bin, bins_of
from tasks.statistics.cells.choice import Choice, choice_of
from tasks.statistics.cells.claims import Claims, claims_of
from tasks.statistics.cells.figures import accuracy_of, gain_of
from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.statistics.outcomes import Grid

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
    """A row of the policy table; NaN where a figure is unknown."""

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


def policy_table(
    grid: Grid,
    baseline: str,
    *,
    last: Last,
) -> pl.DataFrame:
    """The pick of every bin and budget, with what can be said of it (see `PolicyFit`)."""
    bins = bins_of(grid)
    against_baseline = claims_of(grid, bins, baseline)
    against_majority = claims_of(grid, bins, "majority")
    picks: list[Pick] = []
    for inside in bins:
        for budget in grid.budgets:
            choice = choice_of(
                grid, inside, budget, baseline=baseline, earlier=last.get((inside.bin, budget))
            )
            pick = _pick(grid, inside, choice, against_baseline, against_majority)
            picks.append(pick)
    table = pl.DataFrame(picks, schema=PICKS, orient="row")
    significant = (pl.col("p") < SIGNIFICANCE).fill_null(False)
    return table.fill_nan(None).with_columns(decided=pl.col("alone") | significant).drop("alone")


def _pick(
    grid: Grid,
    inside: Bin,
    choice: Choice,
    against_baseline: Claims,
    against_majority: Claims,
) -> Pick:
    holder = choice.holder
    claim = against_baseline.of(inside.bin, holder, choice.rivals)
    majority = grid.of("majority").get(choice.budget)
    # What stands in where all were cut claims nothing.
    is_claimed = choice.is_open and majority != holder
    voters = [majority] if majority is not None and is_claimed else []
    over = against_majority.of(inside.bin, holder, voters)
    return Pick(
        inside.bin,
        choice.budget,
        grid.cells[holder].strategy,
        None if holder == choice.tonight else grid.cells[choice.tonight].strategy,
        *accuracy_of(inside, choice, claim),
        *gain_of(inside, choice, claim, choice.known),
        *gain_of(inside, choice, over, majority),
        over_majority_p=over.p,
        p=claim.p,
        alone=choice.is_open and not choice.rivals,
        questions=len(inside.rows),
        truncated=float(inside.lost.truncated[:, holder].mean()),
        no_answer=float(inside.lost.no_answer[:, holder].mean()),
        recommended=choice.is_open,
    )
