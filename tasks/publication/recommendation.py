"""What a policy recommends, in the words of every screen (METHOD §14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tasks.publication.summary import RunSummary
from tasks.strategies.names import short_names


def recommendation_lines(summary: RunSummary) -> list[str]:
    """A sentence a budget under the used difficulty, budgets rising.

    None for a run from before it was decided.
    """
    rows = summary.curve.filter(difficulty=summary.used_difficulty).drop_nulls("adapts")
    names = short_names(summary.strategies)
    return [recommendation_text(row, names) for row in rows.sort("budget").to_dicts()]


def recommendation_text(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """Whether to adapt at a budget, and by how much that is ahead of one strategy for all.

    `row` is one of table `curves`, `names` are short names by key. Terminal, report, MLflow, the
    registered policy and served answers say it with these words.
    """
    name = names.get(row["fixed"], row["fixed"])
    place = f"Recommended at N = {row['budget']}"
    gap = _gap_text(row)
    if row["adapts"]:
        return f"{place}: adapt to difficulty, ahead of {name} for all by {gap}."
    if row["ahead_lo"] is not None and row["ahead_lo"] > 0:
        why = f"adapting could be ahead ({gap}), but this table is behind a strategy of its own"
    else:
        why = f"adapting is not ahead, {gap}"
    return f"{place}: {name} for all questions; {why}."


def _gap_text(row: Mapping[str, Any]) -> str:
    """`+0.020 [−0.010, +0.050]`; without ends where there was one question alone."""
    value = _signed(row["ahead"])
    if row["ahead_lo"] is None:
        return value
    return f"{value} [{_signed(row['ahead_lo'])}, {_signed(row['ahead_hi'])}]"


def _signed(gap: float) -> str:
    """Three digits: an end just above 0 decides, and must not be read as 0."""
    return f"{gap:+.3f}".replace("-", "−")
