"""What accuracy costs in FLOPs and in seconds: one figure for each cost that is known."""

from __future__ import annotations

from math import ceil, floor

import polars as pl

from tasks.publication.figures import PALETTE
from tasks.publication.summary import RunSummary
from tasks.publication.svg import GREY, Frame, Point, Series, axes, end_labels, line, page
from tasks.statistics.difficulty import DIFFICULTIES

NOTE = (
    "Cross-validated; the strategy and its budget are chosen in each bin among what a question may cost there. "
    "The probe pays for its own draws; other difficulty counts as known. Dashed: the baseline at its largest budget "
    "within that cost."
)
_UNITS = {"flops": "FLOPs", "seconds": "seconds of engine time"}


def cost_figures(summary: RunSummary) -> dict[str, str]:
    """Title and SVG of accuracy against each cost that the run's curves know."""
    axes_known = [axis for axis in _UNITS if axis in summary.cost_curves["axis"].to_list()]
    return {f"Accuracy against {_UNITS[axis]}": _figure(summary, axis) for axis in axes_known}


def _figure(summary: RunSummary, axis: str) -> str:
    rows = summary.cost_curves.filter(axis=axis)
    levels = sorted(rows["level"].unique().to_list())
    lines = _lines(rows, summary.baseline)
    points = [point for series in lines for point in series.points]
    low = max(floor(10 * min(point.lo for point in points)) / 10, 0.0)
    high = min(ceil(10 * max(point.hi for point in points)) / 10, 1.0)
    frame = Frame(
        50,
        22,
        830,
        330,
        [2**level for level in range(levels[0], levels[-1] + 1)],
        low,
        max(high, low + 0.1),
        symbol=f"{axis} in plain completions",
        axis=_axis(rows, axis),
    )
    body = [axes(frame), *(line(frame, series) for series in lines), end_labels(frame, lines)]
    return page(1180, 400, body, label=f"Accuracy against {_UNITS[axis]}")


def _axis(rows: pl.DataFrame, axis: str) -> str:
    one = rows["at_most"][0] / 2.0 ** rows["level"][0]
    return f"{_UNITS[axis]} a question may cost (1: a plain completion, {one:.2g} {axis.replace('flops', 'FLOPs')}; log₂)"


def _lines(rows: pl.DataFrame, baseline: str) -> list[Series]:
    found: list[Series] = []
    for place, kind in enumerate(one for one in DIFFICULTIES if one != "frozen"):
        mine = rows.filter(difficulty=kind).sort("level")
        points = [
            Point(2.0**k, *rest)
            for k, *rest in mine.select("level", "accuracy", "lo", "hi").iter_rows()
        ]
        if points:
            found.append(Series(f"policy, {kind}", points, PALETTE[place], mark=place))
    return [*found, *_baseline(rows, baseline)]


def _baseline(rows: pl.DataFrame, baseline: str) -> list[Series]:
    """The baseline costs the same under every difficulty; its own interval is in the figure over budgets."""
    known = rows.drop_nulls("baseline_accuracy").unique("level").sort("level")
    points = [
        Point(2.0**k, y, y, y) for k, y in known.select("level", "baseline_accuracy").iter_rows()
    ]
    return [Series(baseline, points, GREY, "6 4", mark=len(DIFFICULTIES))] if points else []
