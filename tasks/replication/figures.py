"""The replication's figures as SVG text, in the order of the paper's."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from math import floor
from typing import NamedTuple

import polars as pl

from tasks.publication.charts import Point, Series, axes, end_labels, legend, line
from tasks.publication.figures import PALETTE
from tasks.publication.summary import COVERAGE
from tasks.publication.svg import GREY, Frame, page, text
from tasks.replication.evidence import PARALLEL, Evidence, chain_length, revision_strategies
from tasks.replication.paper import BASELINE, BEAM, LOOKAHEAD
from tasks.statistics.difficulty import BINS
from tasks.statistics.policy import PolicyFit
from tasks.strategies.names import short_names

WIDTH = 1180
STYLES = {
    "oracle": ("#000000", ""),
    "predicted": (PALETTE[0], "7 4"),
    "probe": (PALETTE[2], "2 4"),
}
"""Colour and dash of a policy's line by kind of difficulty."""
SEARCHED = (
    "majority",
    "best_of_n",
    BASELINE,
    BEAM,
    "beam_search(m=sqrt)/weighted",
    LOOKAHEAD,
    "lookahead(k=3,m=4)/weighted",
    "lookahead(k=3,m=sqrt)/weighted",
)
"""Every search of the paper's figure that the study may have."""
# Five small charts side by side hold three lines each.
IN_PANELS = ("majority", BASELINE, BEAM)
RATIO_AXIS = "attempts in sequence s (N/s chains in parallel, log₂)"


class _Line(NamedTuple):
    """How a strategy is drawn."""

    key: str
    name: str
    colour: str
    mark: int


def search(evidence: Evidence) -> str:
    """Figure 3, left: searches and best-of-N against budget."""
    series = _series(evidence, evidence.summary.overall, _searches(SEARCHED))
    return _chart(series, evidence.budgets, label="Search against best-of-N over budget")


def search_by_bin(evidence: Evidence) -> str:
    """Figure 3, right: the same by bin of oracle difficulty."""
    rows = evidence.summary.accuracy.filter(pl.col("difficulty") == "oracle")
    lines = _searches(IN_PANELS)

    def inside(bin_: int) -> list[Series]:
        return _series(evidence, rows.filter(pl.col("bin") == bin_), lines)

    return _panels(inside, evidence.budgets, label="Search against best-of-N by bin")


def _searches(keys: Sequence[str]) -> list[_Line]:
    """Lines whose colour and mark are the same in both figures of the search."""
    names = short_names(SEARCHED)
    places = {key: SEARCHED.index(key) for key in keys}
    return [
        _Line(key, names[key], PALETTE[place % len(PALETTE)], place)
        for key, place in places.items()
    ]


def search_policy(evidence: Evidence) -> str:
    """Figure 4: compute-optimal search against best-of-N."""
    lines = [
        _Line("majority", "majority", GREY, 1),
        _Line(BASELINE, "best-of-N weighted", PALETTE[1], 2),
    ]
    fixed = _series(evidence, evidence.summary.overall, lines)
    policies = _policies(evidence.search)
    return _chart([*fixed, *policies], evidence.budgets, label="Compute-optimal search")


def revision_policy(evidence: Evidence) -> str:
    """Figure 8: compute-optimal revisions against attempts in parallel."""
    lines = [
        _Line(PARALLEL, "attempts in parallel", PALETTE[1], 2),
        _Line(BASELINE, "best-of-N weighted", GREY, 1),
    ]
    fixed = _series(evidence, evidence.summary.overall, lines)
    policies = _policies(evidence.revising)
    return _chart([*fixed, *policies], evidence.budgets, label="Compute-optimal revisions")


def ratio(evidence: Evidence) -> str:
    """Figure 7, left: accuracy against the number of attempts in sequence, a line a budget."""
    budgets = [n for n in evidence.budgets if n >= 4]
    lines: list[Series] = []
    for place, budget in enumerate(budgets):
        points = _along_chains(evidence.summary.overall, budget, "hierarchical")
        colour = _ramp(place, len(budgets))
        lines.append(Series(f"N = {budget}", points, colour, mark=place))
    low = _floor(point.lo for series in lines for point in series.points)
    frame = Frame(50, 44, WIDTH - 80, 330, evidence.budgets, low, 1.0, symbol="s", axis=RATIO_AXIS)
    body = [legend(lines, left=50), axes(frame), *(line(frame, series) for series in lines)]
    return page(WIDTH, 418, body, label="Sequential to parallel ratio")


def ratio_by_bin(evidence: Evidence) -> str:
    """Figure 7, right: the same by bin, at two budgets and under both selectors."""
    rows = evidence.summary.accuracy.filter(pl.col("difficulty") == "oracle")
    top = evidence.budgets[-1]
    # A quarter of the largest, so that the two lines lie apart.
    small = max((n for n in evidence.budgets if n <= top // 4), default=top)
    budgets = dict.fromkeys((top, small))
    pairs = [(n, selector) for selector in ("hierarchical", "majority") for n in budgets]

    def inside(bin_: int) -> list[Series]:
        part = rows.filter(pl.col("bin") == bin_)
        series: list[Series] = []
        for place, (budget, selector) in enumerate(pairs):
            name = "verifier" if selector == "hierarchical" else selector
            points = _along_chains(part, budget, selector)
            series.append(Series(f"N = {budget}, {name}", points, PALETTE[place], mark=place))
        return series

    label = "Sequential to parallel ratio by bin"
    return _panels(inside, evidence.budgets, label=label, symbol="s", axis=RATIO_AXIS)


def _series(evidence: Evidence, rows: pl.DataFrame, lines: Sequence[_Line]) -> list[Series]:
    """Accuracy against budget of those of the strategies that the run measured."""
    series: list[Series] = []
    for one in lines:
        if one.key in evidence.strategies:
            points = _points(rows.filter(pl.col("strategy") == one.key))
            series.append(Series(one.name, points, one.colour, mark=one.mark))
    return series


def _policies(fits: dict[str, PolicyFit]) -> list[Series]:
    """One line a kind of difficulty, wider than those of single strategies."""
    return [
        Series(f"compute-optimal, {kind}", _points(fit.curve), *STYLES[kind], width=3.2)
        for kind, fit in fits.items()
    ]


def _along_chains(rows: pl.DataFrame, budget: int, selector: str) -> list[Point]:
    """Accuracy at one budget by attempts in sequence, from all parallel to all in sequence."""
    # Coverage stands among the accuracies and is no strategy.
    part = rows.filter(pl.col("budget") == budget, pl.col("strategy") != COVERAGE)
    by_key = {row["strategy"]: row for row in part.to_dicts()}
    points: list[Point] = []
    for key in revision_strategies(list(by_key), selector):
        row, length = by_key[key], chain_length(key)
        # A smaller budget has no whole chain.
        if length <= budget:
            points.append(Point(length, row["accuracy"], row["lo"], row["hi"]))
    return points


def _points(rows: pl.DataFrame) -> list[Point]:
    figures = rows.sort("budget").select("budget", "accuracy", "lo", "hi")
    return [Point(*row) for row in figures.iter_rows()]


def _chart(lines: Sequence[Series], budgets: list[int], *, label: str) -> str:
    """One wide chart with its lines named at their right ends."""
    drawn = [series for series in lines if series.points]
    low = _floor(point.lo for series in drawn for point in series.points)
    frame = Frame(50, 18, 820, 350, budgets, max(low, 0.0), 1.0)
    body = [axes(frame), *(line(frame, series) for series in drawn), end_labels(frame, drawn)]
    return page(WIDTH, 412, body, label=label)


def _floor(ends: Iterable[float]) -> float:
    """Where the axis of accuracy begins: the tenth below the lowest end."""
    return floor(10 * min(ends)) / 10


def _panels(
    inside: Callable[[int], list[Series]], budgets: list[int], *, label: str, **looks: str
) -> str:
    """A chart for each bin side by side on one accuracy axis, with one legend."""
    # One axis from 0 to 1 for all, or the heights of two charts could not be compared.
    wide = (WIDTH - 64) / BINS
    notes = {1: " · easiest", BINS: " · hardest"}
    body = [legend(inside(1), left=48)]
    for bin_ in range(1, BINS + 1):
        frame = Frame(48 + (bin_ - 1) * wide, 58, wide - 34, 190, budgets, 0.0, 1.0, **looks)
        title = f"bin {bin_}{notes.get(bin_, '')}"
        body += [text(frame.left, 48, title, font_weight="600"), axes(frame)]
        body += [line(frame, series) for series in inside(bin_) if series.points]
    return page(WIDTH, 296, body, label=label)


def _ramp(place: int, count: int) -> str:
    """Light to dark blue: budgets are ordered, so their colours are."""
    light, dark = (125, 180, 222), (8, 38, 84)
    share = place / max(count - 1, 1)
    mixed = [round(a + (b - a) * share) for a, b in zip(light, dark, strict=True)]
    return "#" + "".join(f"{part:02x}" for part in mixed)
