"""What was measured, in the words of the table of claims."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.publication.words import signed_text
from tasks.statistics.intervals import Estimate


def estimate_text(figure: Estimate) -> str:
    """`+0.12 [+0.08, +0.16]`."""
    value = signed_text(figure.value)
    lo = signed_text(figure.lo)
    hi = signed_text(figure.hi)
    return f"{value} [{lo}, {hi}]"


def mean_text(compared: str, budgets: Sequence[int], gap: Estimate) -> str:
    """`beam minus weighted, mean of N = 4 … 64: +0.12 [+0.08, +0.16]`."""
    first = budgets[0]
    last = budgets[-1]
    # One budget is no span: `4`, not `4 … 4`.
    span = str(first) if len(budgets) == 1 else f"{first} … {last}"
    return f"{compared}, mean of N = {span}: {estimate_text(gap)}"
