"""What accuracy costs along every axis on which costs are known: one figure for each."""

from __future__ import annotations

import polars as pl

from tasks.publication.charts import Point, Series, axes, end_labels, line
from tasks.publication.figures import PALETTE, WIDTH, accuracy_span
from tasks.publication.summary import RunSummary
from tasks.publication.svg import GREY, Frame, page
from tasks.statistics.axes import AXES, Axis
from tasks.statistics.difficulty import DIFFICULTIES

NOTE = (
    "Cross-validated; the strategy and its budget are chosen in each bin among what a question may "
    "cost there. The probe pays for its own draws; other difficulty counts as known. Dashed: the "
    "baseline at its largest budget within that cost."
)
"""What the figures show, in words."""
# Costs are limited at doublings of what one plain completion costs (METHOD §9); the warehouse's
# column of the doubling is called `level`.


def cost_figures(summary: RunSummary) -> dict[str, str]:
    """Title and SVG of accuracy against each cost that the run's curves know (METHOD §9, §12).

    None for a run from before they were computed, or along an axis on which costs are unknown.
    """
    known = set(summary.cost_curves["axis"].to_list())
    return {
        f"Accuracy against {axis.title}": _figure(summary, name, axis)
        for name, axis in AXES.items()
        if name in known
    }


def _figure(summary: RunSummary, name: str, axis: Axis) -> str:
    """SVG: accuracy against one cost, in plain completions."""
    rows = summary.cost_curves.filter(axis=name)
    doublings = sorted(rows["level"].unique().to_list())
    lines = _lines(rows, summary.baseline)
    low, high = accuracy_span(lines)
    frame = Frame(
        left=50,
        top=22,
        width=830,
        height=330,
        # Every doubling is on the axis, also one at which no line has a point.
        budgets=[2**doubling for doubling in range(doublings[0], doublings[-1] + 1)],
        low=low,
        high=high,
        symbol=f"{name} in plain completions",
        axis=_axis_title(rows, axis),
    )
    body = [axes(frame)]
    body += [line(frame, series) for series in lines]
    body.append(end_labels(frame, lines))
    return page(WIDTH, 400, body, label=f"Accuracy against {axis.title}")


def _axis_title(rows: pl.DataFrame, axis: Axis) -> str:
    """What the axis counts, and what one of it is."""
    # Any row tells what a plain completion costs: each limit is that, doubled so many times.
    limit = rows["at_most"][0]
    doubling = rows["level"][0]
    plain = f"a plain completion, {limit / 2.0**doubling:.2g} {axis.unit}"
    return f"{axis.title} a question may cost (1: {plain}; log₂)"


def _lines(rows: pl.DataFrame, baseline: str) -> list[Series]:
    """A line a kind of difficulty, from the first doubling that it can pay, and the baseline."""
    lines: list[Series] = []
    # Frozen bins are another run's: they compare model versions, not costs (METHOD §6 b).
    kinds = [kind for kind in DIFFICULTIES if kind != "frozen"]
    for place, kind in enumerate(kinds):
        points = _points(rows.filter(difficulty=kind))
        if points:
            # Colour and mark by kind, so that they stay where another kind has no line.
            series = Series(
                name=f"policy, {kind}",
                points=points,
                colour=PALETTE[place],
                mark=place,
            )
            lines.append(series)
    return [*lines, *_baseline_series(rows, baseline)]


def _points(rows: pl.DataFrame) -> list[Point]:
    """The policy's accuracy at what a question may cost, in plain completions."""
    values = rows.sort("level").select("level", "accuracy", "lo", "hi")
    points: list[Point] = []
    for doubling, accuracy, lo, hi in values.iter_rows():
        points.append(Point(2.0**doubling, accuracy, lo, hi))
    return points


def _baseline_series(rows: pl.DataFrame, baseline: str) -> list[Series]:
    """The baseline's line without a band; none where it is never affordable."""
    # It costs the same under every difficulty, so any row of a doubling will do. Its interval
    # stands in the figure over budgets.
    known = rows.drop_nulls("baseline_accuracy").unique("level").sort("level")
    points: list[Point] = []
    for doubling, accuracy in known.select("level", "baseline_accuracy").iter_rows():
        points.append(Point(2.0**doubling, accuracy, accuracy, accuracy))
    if not points:
        return []
    series = Series(
        name=baseline,
        points=points,
        colour=GREY,
        dash="6 4",
        mark=len(DIFFICULTIES),  # none of the policies' marks
    )
    return [series]
