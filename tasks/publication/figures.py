"""Figures of one run as SVG text: real letters, dark on white, colour-blind-safe."""

from __future__ import annotations

from html import escape
from math import ceil, floor
from typing import NamedTuple

import polars as pl

from tasks.publication.summary import COVERAGE, RunSummary, ShownCell, policy_cells
from tasks.publication.svg import (
    GREY,
    PLAIN,
    Frame,
    Point,
    Series,
    axes,
    end_labels,
    legend,
    line,
    page,
    text,
)
from tasks.publication.words import half_width_text, signed_text
from tasks.strategies.names import short_names

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#6A3D9A", "#7F4F24")
"""Okabe and Ito's colours, yellow and orange darkened for a white ground."""
GAIN, LOSS = (0, 114, 178), (213, 94, 0)
FULL_GAIN = 0.2
"""Gain over the baseline, in accuracy, at which a grid cell has its full colour."""
_WIDTH = 1180
_HALO = {"stroke": "#ffffff", "stroke_width": "3", "stroke_opacity": ".75", "paint_order": "stroke"}
HATCH = (
    '<defs><pattern id="undecided" width="7" height="7" patternUnits="userSpaceOnUse"'
    ' patternTransform="rotate(45)"><path d="M0 0V7" stroke="#555555" stroke-width="1.6"'
    ' stroke-opacity=".38"/></pattern></defs>'
)


class Box(NamedTuple):
    """A rectangle of the grid."""

    left: float
    top: float
    width: float
    height: float

    def drawn(self, fill: str, edge: str = "none") -> str:
        place = f'x="{self.left:.1f}" y="{self.top:.1f}" width="{self.width:.1f}" height="{self.height:.1f}"'
        return f'<rect {place} rx="4" fill="{fill}" stroke="{edge}"/>'


def accuracy_by_budget(summary: RunSummary) -> str:
    """SVG: accuracy over all questions against budget, a line and 95 % band a strategy; coverage dashed."""
    lines = [*_strategy_series(summary, summary.overall), *_optimal_series(summary)]
    low, high = _span(lines)
    frame = Frame(50, 22, 830, 430, summary.budgets, low, high)
    body = [axes(frame), *(line(frame, series) for series in lines), end_labels(frame, lines)]
    return page(_WIDTH, 500, body, label="Accuracy against budget, all questions")


def accuracy_by_bin(summary: RunSummary, difficulty: str) -> str:
    """SVG: the same lines within each difficulty bin, one panel a bin on one accuracy axis."""
    rows = summary.accuracy.filter(
        (pl.col("difficulty") == difficulty) & pl.col("bin").is_not_null()
    )
    bins = sorted(rows["bin"].unique().to_list())
    wide = (_WIDTH - 64) / max(len(bins), 1)
    body = [legend(_strategy_series(summary, summary.overall), left=48)]
    for place, bin_ in enumerate(bins):
        inside = rows.filter(pl.col("bin") == bin_)
        frame = Frame(48 + place * wide, 62, wide - 34, 220, summary.budgets, 0.0, 1.0)
        title = f"bin {bin_} · {inside['questions'].max()} questions"
        body += [text(frame.left, 52, title, font_weight="600"), axes(frame)]
        body += [line(frame, series) for series in _strategy_series(summary, inside)]
    return page(_WIDTH, 334, body, label=f"Accuracy against budget by {difficulty} difficulty bin")


def policy_grid(summary: RunSummary, difficulty: str) -> str:
    """SVG: the policy's cells coloured by gain over the baseline; undecided ones hatched."""
    policy = policy_cells(summary, difficulty)
    names = short_names(cell.strategy for cell in policy)
    budgets, bins = sorted({c.budget for c in policy}), sorted({c.bin for c in policy})
    wide, high = min(190.0, 1040 / max(len(budgets), 1)), 62.0
    body = [HATCH, *_column_heads(budgets, wide), *_row_heads(policy, high)]
    for cell in policy:
        left, top = 130 + budgets.index(cell.budget) * wide, 30 + bins.index(cell.bin) * high
        body.append(_grid_cell(cell, Box(left, top, wide - 4, high - 4), names[cell.strategy]))
    bottom = 30 + len(bins) * high
    body.append(_grid_key(summary.baseline, bottom + 8))
    return page(_WIDTH, bottom + 44, body, label=f"Policy by {difficulty} difficulty")


def gain_colour(gain: float | None) -> str:
    """White at no gain, towards blue for a gain and vermillion for a loss, light enough for dark text."""
    if gain is None or gain == 0:
        return "#ffffff"
    share = min(abs(gain) / FULL_GAIN, 1.0) * 0.62
    return "#" + "".join(
        f"{round(255 - (255 - c) * share):02x}" for c in (GAIN if gain > 0 else LOSS)
    )


def _strategy_series(summary: RunSummary, rows: pl.DataFrame) -> list[Series]:
    """One line for each of the most notable strategies, in the same colour in every figure, and coverage."""
    present, names = set(rows["strategy"].to_list()), short_names(summary.strategies)
    lines = [
        Series(names[key], _points(rows, strategy=key), PALETTE[i], mark=i)
        for i, key in enumerate(summary.notable(len(PALETTE)))
        if key in present
    ]
    if COVERAGE in present:
        lines.append(
            Series("coverage (pass@N)", _points(rows, strategy=COVERAGE), GREY, "6 4", mark=PLAIN)
        )
    return lines


def _optimal_series(summary: RunSummary) -> list[Series]:
    return [
        Series(
            f"compute-optimal, {kind}",
            _points(summary.curve, difficulty=kind),
            "#000000",
            dash,
            3.2,
        )
        for kind, dash in zip(summary.difficulties, ("", "2 4"), strict=False)
    ]


def _points(rows: pl.DataFrame, **where: str) -> list[Point]:
    kept = rows.filter(**where).sort("budget").select("budget", "accuracy", "lo", "hi")
    return [Point(*row) for row in kept.iter_rows()]


def _span(lines: list[Series]) -> tuple[float, float]:
    """Tenths below the lowest and above the highest interval end."""
    points = [point for series in lines for point in series.points]
    low = max(floor(10 * min(p.lo for p in points)) / 10, 0.0)
    high = min(ceil(10 * max(p.hi for p in points)) / 10, 1.0)
    return low, high if high > low else low + 0.1


def _column_heads(budgets: list[int], wide: float) -> list[str]:
    style = {"text_anchor": "middle", "font_weight": "600"}
    return [
        text(130 + (i + 0.5) * wide, 20, f"N = {budget}", **style)
        for i, budget in enumerate(budgets)
    ]


def _row_heads(policy: list[ShownCell], high: float) -> list[str]:
    parts: list[str] = []
    questions = {cell.bin: cell.questions for cell in policy}
    for row, bin_ in enumerate(sorted(questions)):
        top = 30 + row * high
        parts.append(text(118, top + 28, f"bin {bin_}", text_anchor="end", font_weight="600"))
        small = {"text_anchor": "end", "font_size": "12", "fill": GREY}
        parts.append(text(118, top + 46, f"{questions[bin_]} questions", **small))
    return parts


def _grid_cell(cell: ShownCell, box: Box, name: str) -> str:
    gain = "" if cell.gain is None else f" ({signed_text(cell.gain)})"
    value = f"{cell.accuracy:.2f} {half_width_text(cell.half)}{gain}"
    middle = box.left + box.width / 2
    said = (
        f"bin {cell.bin}, N = {cell.budget}: {cell.strategy}{'' if cell.decided else ', undecided'}"
    )
    return "".join(
        (
            f"<g><title>{escape(said)}</title>",
            box.drawn(gain_colour(cell.gain), "#bbbbbb"),
            "" if cell.decided else box.drawn("url(#undecided)"),
            text(middle, box.top + 24, name, text_anchor="middle", font_weight="700", **_HALO),
            text(middle, box.top + 44, value, text_anchor="middle", font_size="13", **_HALO),
            "</g>",
        )
    )


def _grid_key(baseline: str, top: float) -> str:
    said = f"gain over {baseline}:"
    parts, left = [text(130, top + 17, said)], 150 + 7.2 * len(said)
    for gain in (-0.1, -0.05, 0.0, 0.05, 0.1, FULL_GAIN):
        parts.append(Box(left, top, 58, 25).drawn(gain_colour(gain), "#bbbbbb"))
        label = ("≥ " if gain == FULL_GAIN else "") + signed_text(gain)
        parts.append(text(left + 29, top + 17, label, text_anchor="middle", font_size="12"))
        left += 58
    parts.append(Box(left + 26, top, 34, 25).drawn("url(#undecided)", "#bbbbbb"))
    parts.append(text(left + 68, top + 17, "undecided: the cheapest is named"))
    return "".join(parts)
