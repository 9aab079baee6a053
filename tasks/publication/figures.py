"""Figures of one run as SVG text: real letters, dark on white, colour-blind-safe."""

from __future__ import annotations

from math import ceil, floor

import polars as pl

from tasks.publication.charts import PLAIN, Point, Series, axes, end_labels, legend, line
from tasks.publication.first_lines import baseline_name
from tasks.publication.headlines import best_fixed
from tasks.publication.summary import COVERAGE, RunSummary
from tasks.publication.svg import GREY, Frame, page, text
from tasks.strategies.names import short_names

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#6A3D9A", "#7F4F24")
"""Okabe and Ito's colours, yellow and orange darkened for a white ground."""
WIDTH = 1180
"""Width of every figure of a run, so that they line up on the page."""
_AROUND = 70
"""Px above and below the curves, for the names of the axes."""


def accuracy_by_budget(summary: RunSummary) -> str:
    """SVG: accuracy over all questions against budget, a line and 95 % band a strategy.

    The most notable strategies, coverage, and the compute-optimal curves.
    """
    lines = [*_strategy_series(summary, summary.overall), *_policy_series(summary)]
    label = "Accuracy against budget, all questions"
    return _curves(lines, summary.budgets, height=430, label=label)


def first_curve(summary: RunSummary) -> str:
    """SVG: what a run's first screen is about, policy, best fixed strategy and baseline alone."""
    lines = first_series(summary)
    label = "Accuracy against budget: policy, best fixed, baseline"
    # Lower than the full figure: the policy's grid below it stays in sight.
    return _curves(lines, summary.budgets, height=200, label=label)


def _curves(lines: list[Series], budgets: list[int], *, height: int, label: str) -> str:
    """SVG of some lines over budgets; `height` in px, the axes' labels not counted."""
    low, high = accuracy_span(lines)
    frame = Frame(
        left=50,
        top=22,
        width=830,  # what is left of the page is for the names at the lines' ends
        height=height,
        budgets=budgets,
        low=low,
        high=high,
    )
    body = [axes(frame)]
    body += [line(frame, series) for series in lines]
    body.append(end_labels(frame, lines))
    return page(WIDTH, height + _AROUND, body, label=label)


def first_series(summary: RunSummary) -> list[Series]:
    """Baseline, best fixed strategy and the policy of the used difficulty, in this order.

    The best fixed strategy is another one at each budget, its accuracy cross-validated as the
    policy's is. Without a policy the first two.
    """
    # Coverage may be known at a budget that is too small for every strategy.
    measured = summary.overall.filter(pl.col("strategy") != COVERAGE)
    budgets = measured["budget"].unique().sort().to_list()
    best = [best_fixed(summary, budget) for budget in budgets]
    names = ("accuracy", "lo", "hi")
    fixed = [Point(row["budget"], *(row[name] for name in names)) for row in best]
    lines = [
        Series(baseline_name(summary), _points(summary.overall, strategy=summary.baseline), GREY),
        Series("best fixed strategy", fixed, PALETTE[0], mark=1),
    ]
    if summary.difficulties:
        lines.append(_policy_series(summary)[0]._replace(name="by difficulty", mark=3))
    return lines


def accuracy_by_bin(summary: RunSummary, difficulty: str) -> str:
    """SVG: the same lines within each difficulty bin, one panel a bin on one accuracy axis.

    Without the policy's: in a bin it names one strategy a budget, which the grid shows.
    """
    of_kind = pl.col("difficulty") == difficulty
    rows = summary.accuracy.filter(of_kind & pl.col("bin").is_not_null())
    bins = sorted(rows["bin"].unique().to_list())
    wide = (WIDTH - 64) / max(len(bins), 1)
    # One legend for all: a strategy looks the same in each panel.
    body = [legend(_strategy_series(summary, summary.overall), left=48)]
    for place, bin_ in enumerate(bins):
        inside = rows.filter(pl.col("bin") == bin_)
        frame = Frame(
            left=48 + place * wide,
            top=62,
            width=wide - 34,  # the rest is for the next panel's values
            height=220,
            budgets=summary.budgets,
            low=0.0,  # the whole axis in every panel, so that bins can be compared
            high=1.0,
        )
        body += _bin_panel(summary, inside, frame)
    label = f"Accuracy against budget by {difficulty} difficulty bin"
    return page(WIDTH, 334, body, label=label)


def _bin_panel(summary: RunSummary, rows: pl.DataFrame, frame: Frame) -> list[str]:
    """The lines within one bin, under its number and how many questions it has."""
    # Strategies that lack outcomes have fewer; the bin has as many as any of them.
    questions = rows["questions"].max()
    title = f"bin {rows['bin'][0]} · {questions} questions"
    parts = [
        text(frame.left, 52, title, font_weight="600"),
        axes(frame),
    ]
    parts += [line(frame, series) for series in _strategy_series(summary, rows)]
    return parts


def accuracy_span(lines: list[Series]) -> tuple[float, float]:
    """Tenths below the lowest and above the highest interval end, within 0 and 1.

    So that a chart shows its lines as far apart as it can, and rules still stand at tenths.
    """
    points = [point for series in lines for point in series.points]
    lowest = min(point.lo for point in points)
    highest = max(point.hi for point in points)
    low = max(floor(10 * lowest) / 10, 0.0)
    high = min(ceil(10 * highest) / 10, 1.0)
    # Where all lines lie on one value the axis still needs a height.
    return low, high if high > low else low + 0.1


def _strategy_series(summary: RunSummary, rows: pl.DataFrame) -> list[Series]:
    """One line for each of the most notable strategies, and coverage.

    A strategy has the same colour in every figure of the run, also where others are missing.
    """
    present = set(rows["strategy"].to_list())
    names = short_names(summary.strategies)
    lines: list[Series] = []
    for place, key in enumerate(summary.notable(len(PALETTE))):
        if key in present:
            series = Series(
                name=names[key],
                points=_points(rows, strategy=key),
                colour=PALETTE[place],
                mark=place,
            )
            lines.append(series)
    if COVERAGE in present:
        lines.append(_coverage_series(rows))
    return lines


def _coverage_series(rows: pl.DataFrame) -> Series:
    """What a perfect selector would reach."""
    # Dashed and without marks: it is a bound, and no strategy that one could choose.
    return Series(
        name="coverage (pass@N)",
        points=_points(rows, strategy=COVERAGE),
        colour=GREY,
        dash="6 4",
        mark=PLAIN,
    )


def _policy_series(summary: RunSummary) -> list[Series]:
    """The compute-optimal curve, black and thick, by kind of difficulty."""
    # The used difficulty solid and the next one dotted; a third kind would hide what is there.
    dashes = ("", "2 4")
    return [
        Series(
            name=f"compute-optimal, {kind}",
            points=_points(summary.curve, difficulty=kind),
            colour="#000000",
            dash=dash,
            width=3.2,
        )
        for kind, dash in zip(summary.difficulties, dashes, strict=False)
    ]


def _points(rows: pl.DataFrame, **where: str) -> list[Point]:
    """Accuracy over budgets of the rows with such values."""
    chosen = rows.filter(**where).sort("budget")
    values = chosen.select("budget", "accuracy", "lo", "hi")
    return [Point(*row) for row in values.iter_rows()]
