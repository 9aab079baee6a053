"""Whether a claim holds, from intervals alone."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, Literal

import polars as pl

from tasks.statistics.intervals import Estimate

Conclusion = Literal["holds", "does not hold", "cannot be told"]
LEAST_BUDGET: Final = 16
FACTOR: Final = 4.0
LEAST_END: Final = 2.0
"""The paper's saving: a factor of FACTOR at some budget of LEAST_BUDGET or more.

Its interval lies above LEAST_END.
"""


def above(figure: Estimate, threshold: float = 0.0) -> Conclusion:
    """Whether a figure is above a threshold: its whole interval is, or lies below it."""
    # An unknown end is NaN and passes neither test: then it cannot be told.
    if figure.lo > threshold:
        return "holds"
    return "does not hold" if figure.hi < threshold else "cannot be told"


def below(figure: Estimate, threshold: float = 0.0) -> Conclusion:
    """Whether a figure is below a threshold: its whole interval is, or lies above it."""
    mirrored = Estimate(-figure.value, -figure.hi, -figure.lo)
    return above(mirrored, -threshold)


def within(figure: Estimate, margin: float) -> Conclusion:
    """Whether a figure is as good as 0: its interval lies inside ± margin, or beyond it."""
    if -margin < figure.lo and figure.hi < margin:
        return "holds"
    # Better by more than the margin is no equivalence either.
    beyond = figure.hi < -margin or figure.lo > margin
    return "does not hold" if beyond else "cannot be told"


def every(conclusions: Iterable[Conclusion]) -> Conclusion:
    """Whether all of several claims hold; one that does not hold decides."""
    kinds = set(conclusions)
    if kinds == {"holds"}:
        return "holds"
    return "does not hold" if "does not hold" in kinds else "cannot be told"


def some(conclusions: Iterable[Conclusion]) -> Conclusion:
    """Whether at least one of several claims holds; it does not where none of them does."""
    kinds = set(conclusions)
    if "holds" in kinds:
        return "holds"
    return "does not hold" if kinds == {"does not hold"} else "cannot be told"


def factor_conclusion(efficiency: pl.DataFrame) -> Conclusion:
    """Whether the factor is 4 or more at some budget ≥ 16, the lower end of its interval above 2.

    `efficiency` has budget, factor, lo, hi as `fit_policy` gives them. It does not hold where the
    interval at every such budget ends below 4.
    """
    rows = saving_at(efficiency)
    saving = rows.filter(
        pl.col("factor") >= FACTOR,
        pl.col("lo") > LEAST_END,
    )
    if saving.height:
        return "holds"
    # No upper end: the baseline may need any budget beyond the largest measured.
    ends = rows["hi"].fill_null(float("inf"))
    # Without a row `all` would be true, and nothing was measured.
    refuted = rows.height and (ends < FACTOR).all()
    return "does not hold" if refuted else "cannot be told"


def saving_at(efficiency: pl.DataFrame) -> pl.DataFrame:
    """The rows at the budgets where a saving is looked for."""
    return efficiency.filter(pl.col("budget") >= LEAST_BUDGET)


def largest_factor(efficiency: pl.DataFrame) -> dict[str, Any] | None:
    """The row of the largest factor where a saving is looked for; the smallest budget of equals."""
    rows = saving_at(efficiency).sort(
        "factor",
        "budget",
        descending=[True, False],
    )
    if not rows.height:
        return None
    return rows.row(0, named=True)
