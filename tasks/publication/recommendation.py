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
    gap = gap_text(row)
    if row["adapts"]:
        return f"{recommended_text(row, names)}, ahead of {name} for all by {gap}."
    if _could_be_ahead(row):
        why = f"adapting could be ahead ({gap}), but this table is behind a strategy of its own"
    else:
        why = f"adapting is not ahead, {gap}"
    return f"{recommended_text(row, names)}; {why}."


def recommended_text(row: Mapping[str, Any], names: Mapping[str, str]) -> str:
    """`Recommended at N = 16: beam m=4 for all questions`: the beginning of its sentence."""
    name = names.get(row["fixed"], row["fixed"])
    what = "adapt to difficulty" if row["adapts"] else f"{name} for all questions"
    return f"Recommended at N = {row['budget']}: {what}"


def matters_text(row: Mapping[str, Any]) -> str:
    """Whether difficulty matters at a budget, as far as the questions tell; no full sentence."""
    if row["adapts"]:
        return "matters"
    if row["ahead_hi"] is not None and row["ahead_hi"] < 0:
        return "does not help"
    if _could_be_ahead(row):
        return "may matter"
    return "cannot be told to matter"


def _could_be_ahead(row: Mapping[str, Any]) -> bool:
    """Whether the interval lies above 0, whatever is recommended."""
    return row["ahead_lo"] is not None and row["ahead_lo"] > 0


def gap_text(row: Mapping[str, Any]) -> str:
    """`+0.020 [−0.010, +0.050]`; without ends where there was one question alone."""
    value = _signed(row["ahead"])
    if row["ahead_lo"] is None:
        return value
    return f"{value} [{_signed(row['ahead_lo'])}, {_signed(row['ahead_hi'])}]"


def _signed(gap: float) -> str:
    """Three digits: an end just above 0 decides, and must not be read as 0."""
    return f"{gap:+.3f}".replace("-", "−")
