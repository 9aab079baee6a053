"""The replication's figures as SVG text, in the order of the paper's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
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
        part = rows.filter(pl.col("bin") == bin_)
        return _series(evidence, part, lines)

    return _panels(inside, evidence.budgets, label="Search against best-of-N by bin")


def _searches(keys: Sequence[str]) -> list[_Line]:
    """Lines whose colour and mark are the same in both figures of the search."""
    # Names among all searches: short ones say only what tells a search from the others.
    names = short_names(SEARCHED)
    lines: list[_Line] = []
    for key in keys:
        place = SEARCHED.index(key)
        colour = PALETTE[place % len(PALETTE)]
        lines.append(_Line(key, names[key], colour, mark=place))
    return lines


def search_policy(evidence: Evidence) -> str:
    """Figure 4: compute-optimal search against best-of-N."""
    # The rival that the policy must beat has a colour, what only places it is grey.
    lines = [
        _Line("majority", "majority", GREY, mark=1),
        _Line(BASELINE, "best-of-N weighted", PALETTE[1], mark=2),
    ]
    fixed = _series(evidence, evidence.summary.overall, lines)
    policies = _policies(evidence.search)
    return _chart([*fixed, *policies], evidence.budgets, label="Compute-optimal search")


def revision_policy(evidence: Evidence) -> str:
    """Figure 8: compute-optimal revisions against attempts in parallel."""
    lines = [
        _Line(PARALLEL, "attempts in parallel", PALETTE[1], mark=2),
        _Line(BASELINE, "best-of-N weighted", GREY, mark=1),
    ]
    fixed = _series(evidence, evidence.summary.overall, lines)
    policies = _policies(evidence.revising)
    return _chart([*fixed, *policies], evidence.budgets, label="Compute-optimal revisions")


def ratio(evidence: Evidence) -> str:
    """Figure 7, left: accuracy against the number of attempts in sequence, a line a budget."""
    # Below 4 a line has at most the two extremes and nothing in between.
    budgets = [n for n in evidence.budgets if n >= 4]
    lines: list[Series] = []
    for place, budget in enumerate(budgets):
        points = _along_chains(evidence.summary.overall, budget, "hierarchical")
        colour = _ramp(place, len(budgets))
        lines.append(Series(f"N = {budget}", points, colour, mark=place))
    frame = _wide_frame(lines, evidence.budgets)
    body = [legend(lines, left=50), axes(frame)]
    for series in lines:
        body.append(line(frame, series))
    return page(WIDTH, 418, body, label="Sequential to parallel ratio")


def _wide_frame(lines: Sequence[Series], budgets: list[int]) -> Frame:
    """The width of the page, its x axis the attempts in sequence."""
    return Frame(
        left=50,
        # Below the legend.
        top=44,
        width=WIDTH - 80,
        height=330,
        budgets=budgets,
        low=_floor(lines),
        high=1.0,
        symbol="s",
        axis=RATIO_AXIS,
    )


def ratio_by_bin(evidence: Evidence) -> str:
    """Figure 7, right: the same by bin, at two budgets and under both selectors."""
    rows = evidence.summary.accuracy.filter(pl.col("difficulty") == "oracle")
    pairs = _ratio_pairs(evidence.budgets)

    def inside(bin_: int) -> list[Series]:
        part = rows.filter(pl.col("bin") == bin_)
        series: list[Series] = []
        for place, (budget, selector) in enumerate(pairs):
            name = "verifier" if selector == "hierarchical" else selector
            points = _along_chains(part, budget, selector)
            series.append(Series(f"N = {budget}, {name}", points, PALETTE[place], mark=place))
        return series

    return _panels(
        inside,
        evidence.budgets,
        label="Sequential to parallel ratio by bin",
        symbol="s",
        axis=RATIO_AXIS,
    )


def _ratio_pairs(budgets: list[int]) -> list[tuple[int, str]]:
    """Budget and selector of each line of a small chart, in the order of the legend."""
    top = budgets[-1]
    # A quarter of the largest, so that the two lines lie apart.
    small = max((n for n in budgets if n <= top // 4), default=top)
    # A study of small budgets has no quarter: then there is one budget, once.
    shown = dict.fromkeys((top, small))
    pairs: list[tuple[int, str]] = []
    for selector in ("hierarchical", "majority"):
        for budget in shown:
            pairs.append((budget, selector))
    return pairs


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
    lines: list[Series] = []
    for kind, fit in fits.items():
        colour, dash = STYLES[kind]
        policy = Series(
            f"compute-optimal, {kind}",
            _points(fit.curve),
            colour,
            dash=dash,
            width=3.2,
        )
        lines.append(policy)
    return lines


def _along_chains(rows: pl.DataFrame, budget: int, selector: str) -> list[Point]:
    """Accuracy at one budget by attempts in sequence, from all parallel to all in sequence."""
    # Coverage stands among the accuracies and is no strategy.
    part = rows.filter(pl.col("budget") == budget, pl.col("strategy") != COVERAGE)
    by_key = {row["strategy"]: row for row in part.to_dicts()}
    points: list[Point] = []
    for key in revision_strategies(list(by_key), selector):
        length = chain_length(key)
        # A smaller budget has no whole chain.
        if length <= budget:
            row = by_key[key]
            points.append(Point(length, row["accuracy"], row["lo"], row["hi"]))
    return points


def _points(rows: pl.DataFrame) -> list[Point]:
    # In the order of a Point's fields.
    figures = rows.sort("budget").select("budget", "accuracy", "lo", "hi")
    return [Point(*row) for row in figures.iter_rows()]


def _chart(lines: Sequence[Series], budgets: list[int], *, label: str) -> str:
    """One wide chart with its lines named at their right ends."""
    measured = [series for series in lines if series.points]
    frame = Frame(
        left=50,
        top=18,
        # The names of the lines need the rest of the page.
        width=820,
        height=350,
        budgets=budgets,
        # An interval may end below 0, an accuracy cannot.
        low=max(_floor(measured), 0.0),
        high=1.0,
    )
    body = [axes(frame)]
    for series in measured:
        body.append(line(frame, series))
    # Last, so that no line crosses a name.
    body.append(end_labels(frame, measured))
    return page(WIDTH, 412, body, label=label)


def _floor(lines: Sequence[Series]) -> float:
    """Where the axis of accuracy begins: the tenth below the lowest end of an interval."""
    ends = [point.lo for series in lines for point in series.points]
    tenths = floor(10 * min(ends))
    return tenths / 10


def _panels(
    inside: Callable[[int], list[Series]],
    budgets: list[int],
    *,
    label: str,
    **looks: str,
) -> str:
    """A chart for each bin side by side on one accuracy axis, with one legend."""
    notes = {1: " · easiest", BINS: " · hardest"}
    # Every bin has the same lines: the first one's names are those of all.
    body = [legend(inside(1), left=48)]
    for bin_ in range(1, BINS + 1):
        frame = _panel(bin_, budgets, **looks)
        note = notes.get(bin_, "")
        body.append(text(frame.left, 48, f"bin {bin_}{note}", font_weight="600"))
        body.append(axes(frame))
        for series in inside(bin_):
            if series.points:
                body.append(line(frame, series))
    return page(WIDTH, 296, body, label=label)


def _panel(bin_: int, budgets: list[int], **looks: str) -> Frame:
    """Where the chart of a bin stands."""
    wide = (WIDTH - 64) / BINS
    return Frame(
        left=48 + (bin_ - 1) * wide,
        top=58,
        # What is left of a panel holds the numbers of the next one's axis.
        width=wide - 34,
        height=190,
        budgets=budgets,
        # One axis from 0 to 1 for all, or the heights of two charts could not be compared.
        low=0.0,
        high=1.0,
        **looks,
    )


def _ramp(place: int, count: int) -> str:
    """Light to dark blue: budgets are ordered, so their colours are."""
    light = (125, 180, 222)
    dark = (8, 38, 84)
    # A single line is light: there is no step to divide by.
    share = place / max(count - 1, 1)
    colour = "#"
    for start, end in zip(light, dark, strict=True):
        mixed = round(start + (end - start) * share)
        colour += f"{mixed:02x}"
    return colour
