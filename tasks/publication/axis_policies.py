"""The policy when a question may cost so much along an axis: a row a limit, a column a bin."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from tasks.publication.summary import RunSummary
from tasks.publication.words import amount_text, factor_text, plus_minus_text
from tasks.statistics.axes import SHOWN
from tasks.strategies.names import short_names

UNKNOWN = "–"


class AxisTable(NamedTuple):
    """One axis under the used difficulty, in the words of the screen."""

    axis: str
    title: str
    head: list[str]
    body: list[list[str]]
    note: str


def axis_tables(summary: RunSummary) -> list[AxisTable]:
    """A table for each axis on which the run's costs are known, in the order of screens."""
    if not summary.difficulties:
        return []
    of_kind = summary.cost_policies.filter(difficulty=summary.used_difficulty)
    known = set(of_kind["axis"].to_list())
    return [_table(summary, axis, of_kind.filter(axis=axis)) for axis in SHOWN if axis in known]


def axis_factors(summary: RunSummary, axis: str) -> list[dict[str, Any]]:
    """Rows of the curve along an axis that have an efficiency factor, by rising limit.

    Under the used difficulty; above one plain completion, of which there is nothing to choose.
    """
    rows = summary.cost_curves.filter(difficulty=summary.used_difficulty, axis=axis)
    known = rows.drop_nulls("factor").filter(pl.col("level") > 0).sort("level")
    return known.to_dicts()


def axis_factor_text(row: dict[str, Any]) -> str:
    """The factor with its interval, as `factor_text` writes those along generations."""
    ends = {"factor": row["factor"], "lo": row["factor_lo"], "hi": row["factor_hi"]}
    return factor_text({**ends, "beyond": row["beyond"]})


def _table(summary: RunSummary, axis: str, cells: pl.DataFrame) -> AxisTable:
    names = short_names(summary.strategies)
    curve = summary.cost_curves.filter(difficulty=summary.used_difficulty, axis=axis)
    by_limit = {row["level"]: row for row in curve.to_dicts()}
    bins = cells["bin"].unique().sort().to_list()
    body: list[list[str]] = []
    for (limit,), inside in cells.sort("level", "bin").group_by("level", maintain_order=True):
        reached = by_limit[limit]
        picks = {row["bin"]: row for row in inside.to_dicts()}
        texts = [_pick_text(picks.get(one), names) for one in bins]
        half = (reached["hi"] - reached["lo"]) / 2
        accuracy = plus_minus_text(reached["accuracy"], half)
        factor = UNKNOWN if reached["factor"] is None else axis_factor_text(reached)
        body.append([amount_text(reached["at_most"]), *texts, accuracy, factor])
    named = SHOWN[axis]
    return AxisTable(
        axis=axis,
        title=f"Policy by {named.title}, {summary.used_difficulty} difficulty",
        head=["at most", *(f"bin {one}" for one in bins), "accuracy", "factor"],
        body=body,
        note=(
            f"At most: what a question may cost on average, {named.unit}; a cell is the strategy "
            "and its N. Accuracy is cross-validated, ± half its 95 % interval. Factor: what "
            f"{summary.baseline} costs to be as accurate, over what the policy costs."
        ),
    )


def _pick_text(row: dict[str, Any] | None, names: dict[str, str]) -> str:
    """`majority N=4`."""
    if row is None:
        return UNKNOWN
    return f"{names.get(row['strategy'], row['strategy'])} N={row['budget']}"
