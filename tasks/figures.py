"""Figures of one run as SVG text: real letters, no script, no network, colour-blind-safe."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from html import escape
from math import floor, log2
from typing import NamedTuple

import polars as pl

from tasks.summary import COVERAGE, Cell, RunSummary, cells, half_width, interval, short_names, signed

PALETTE = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#B8860B", "#56B4E9", "#6A3D9A", "#7F4F24")
"""Okabe and Ito's colours, yellow and orange darkened for a white ground."""
INK, GREY, RULE = "#1a1a1a", "#666666", "#dddddd"
GAIN, LOSS = (0, 114, 178), (213, 94, 0)
FULL_GAIN = 0.2
"""Gain over the baseline, in accuracy, at which a grid cell has its full colour."""


class Point(NamedTuple):
    x: float
    y: float
    lo: float
    hi: float


class Series(NamedTuple):
    """One line of a chart with its interval band."""

    name: str
    points: list[Point]
    colour: str
    dash: str = ""
    width: float = 2.0
    mark: int = 0


class Frame(NamedTuple):
    """Where a chart stands and what its axes span; x runs over log₂ of the budget."""

    left: float
    top: float
    width: float
    height: float
    budgets: Sequence[int]
    low: float
    high: float

    def x(self, budget: float) -> float:
        first, last = log2(self.budgets[0]), log2(self.budgets[-1])
        return self.left + self.width * ((log2(budget) - first) / (last - first) if last > first else 0.5)

    def y(self, value: float) -> float:
        return self.top + self.height * (1 - (value - self.low) / (self.high - self.low))


def accuracy_by_budget(summary: RunSummary) -> str:
    """SVG: accuracy over all questions against budget, a line and 95 % band a strategy; coverage dashed."""
    lines = _strategy_series(summary, summary.overall) + _optimal_series(summary)
    low, high = _span(lines)
    frame = Frame(50, 22, 830, 430, summary.budgets, low, high)
    body = [_axes(frame, title_y="accuracy"), *(_line(frame, line) for line in lines), _end_labels(frame, lines)]
    return _svg(1180, 500, body, "Accuracy against budget, all questions")


def accuracy_by_bin(summary: RunSummary, difficulty: str) -> str:
    """SVG: the same lines within each difficulty bin, one panel a bin on one accuracy axis."""
    rows = summary.accuracy.filter((pl.col("difficulty") == difficulty) & pl.col("bin").is_not_null())
    bins = sorted(rows["bin"].unique().to_list())
    width = (1180 - 64) / max(len(bins), 1)
    body = [_legend(_strategy_series(summary, summary.overall))]
    for place, bin_ in enumerate(bins):
        inside = rows.filter(pl.col("bin") == bin_).sort("strategy", "budget")
        frame = Frame(48 + place * width, 62, width - 34, 220, summary.budgets, 0.0, 1.0)
        title = f"bin {bin_} · {inside['questions'].max()} questions"
        body.append(_text(frame.left, 52, title, weight="600"))
        body.append(_axes(frame, title_y=""))
        body += [_line(frame, line) for line in _strategy_series(summary, inside)]
    return _svg(1180, 334, body, f"Accuracy against budget by {difficulty} difficulty bin")


def policy_grid(summary: RunSummary, difficulty: str) -> str:
    """SVG: the policy's cells coloured by gain over the baseline; undecided ones hatched."""
    policy = cells(summary, difficulty)
    names = short_names(cell.strategy for cell in policy)
    budgets, bins = sorted({c.budget for c in policy}), sorted({c.bin for c in policy})
    wide, high = min(190.0, 1040 / max(len(budgets), 1)), 62.0
    body = [_HATCH]
    body += [_text(130 + (i + 0.5) * wide, 20, f"N = {b}", anchor="middle", weight="600") for i, b in enumerate(budgets)]
    for row, bin_ in enumerate(bins):
        questions = max(c.questions for c in policy if c.bin == bin_)
        body.append(_text(118, 60 + row * high, f"bin {bin_}", anchor="end", weight="600"))
        body.append(_text(118, 78 + row * high, f"{questions} questions", anchor="end", size=12, fill=GREY))
    for cell in policy:
        left, top = 130 + budgets.index(cell.budget) * wide, 30 + bins.index(cell.bin) * high
        body.append(_grid_cell(cell, left, top, wide=wide - 4, high=high - 4, name=names[cell.strategy]))
    bottom = 30 + len(bins) * high
    body.append(_grid_key(summary.baseline, bottom + 8))
    return _svg(1180, bottom + 44, body, f"Policy by {difficulty} difficulty")


def _strategy_series(summary: RunSummary, rows: pl.DataFrame) -> list[Series]:
    names = short_names(summary.strategies)
    present = set(rows["strategy"].to_list())
    lines = [
        Series(name, _points(rows.filter(pl.col("strategy") == key)), PALETTE[i % len(PALETTE)], mark=i)
        for i, (key, name) in enumerate(names.items())
        if key in present
    ]
    if COVERAGE in present:
        lines.append(Series("coverage (pass@N)", _points(rows.filter(pl.col("strategy") == COVERAGE)), GREY, "6 4", mark=-1))
    return lines


def _optimal_series(summary: RunSummary) -> list[Series]:
    return [
        Series(f"compute-optimal, {kind}", _points(summary.curve.filter(pl.col("difficulty") == kind)), "#000000", dash, 3.2)
        for kind, dash in zip(summary.difficulties, ("", "2 4"), strict=False)
    ]


def _points(rows: pl.DataFrame) -> list[Point]:
    return [Point(*row) for row in rows.sort("budget").select("budget", "accuracy", "lo", "hi").iter_rows()]


def _span(lines: list[Series]) -> tuple[float, float]:
    """Tenths below the lowest and above the highest interval end."""
    ends = [(p.lo, p.hi) for line in lines for p in line.points]
    low, high = floor(10 * min(lo for lo, _ in ends)) / 10, -floor(-10 * max(hi for _, hi in ends)) / 10
    return max(low, 0.0), min(high, 1.0) if high > low else low + 0.1


def _line(frame: Frame, series: Series) -> str:
    spots = [(frame.x(p.x), frame.y(p.y), p) for p in series.points]
    upper = [f"{x:.1f},{frame.y(p.hi):.1f}" for x, _, p in spots]
    lower = [f"{x:.1f},{frame.y(p.lo):.1f}" for x, _, p in reversed(spots)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in spots)
    dash = f' stroke-dasharray="{series.dash}"' if series.dash else ""
    return (
        f'<polygon points="{" ".join(upper + lower)}" fill="{series.colour}" fill-opacity="0.11"/>'
        f'<polyline points="{path}" fill="none" stroke="{series.colour}" stroke-width="{series.width}"{dash}/>'
        + "".join(_mark(x, y, series, p) for x, y, p in spots)
    )


_MARKS: tuple[Callable[[float, float], str], ...] = (
    lambda x, y: f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4"',
    lambda x, y: f'<rect x="{x - 3.6:.1f}" y="{y - 3.6:.1f}" width="7.2" height="7.2"',
    lambda x, y: f'<path d="M{x:.1f} {y - 5:.1f}l4.8 8.4h-9.6z"',
    lambda x, y: f'<path d="M{x:.1f} {y - 5.2:.1f}l5.2 5.2l-5.2 5.2l-5.2-5.2z"',
    lambda x, y: f'<path d="M{x:.1f} {y + 5:.1f}l4.8-8.4h-9.6z"',
)


def _mark(x: float, y: float, series: Series, point: Point) -> str:
    if series.mark < 0:
        return ""
    title = escape(f"{series.name}, N = {point.x:g}: {interval(point.y, point.lo, point.hi)}")
    return f'{_MARKS[series.mark % len(_MARKS)](x, y)} fill="{series.colour}"><title>{title}</title></{_tag(series)}>'


def _tag(series: Series) -> str:
    return ("circle", "rect", "path", "path", "path")[series.mark % len(_MARKS)]


def _axes(frame: Frame, *, title_y: str) -> str:
    step = 0.1 if frame.high - frame.low < 0.65 and frame.height > 300 else 0.2
    count = int(round((frame.high - frame.low) / step, 6))
    parts: list[str] = []
    for value in (frame.low + step * i for i in range(count + 1)):
        y = frame.y(value)
        parts.append(f'<path d="M{frame.left} {y:.1f}h{frame.width:.1f}" stroke="{RULE}"/>')
        parts.append(_text(frame.left - 8, y + 4, f"{value:.1f}", anchor="end", size=12, fill=GREY))
    bottom = frame.top + frame.height
    parts += [_text(frame.x(b), bottom + 18, str(b), anchor="middle", size=12, fill=GREY) for b in _ticks(frame)]
    middle = frame.left + frame.width / 2
    parts.append(_text(middle, bottom + 38, "budget N (generations a question, log₂)" if frame.width > 300 else "budget N",
                       anchor="middle", size=12, fill=GREY))  # fmt: skip
    if title_y:
        parts.append(_text(frame.left - 36, frame.top - 10, title_y, size=12, fill=GREY))
    return "".join(parts)


def _ticks(frame: Frame) -> list[int]:
    """Budgets to write below the axis: all, or every other one where they would touch."""
    every = 1 if frame.width / max(len(frame.budgets), 1) > 26 else 2
    return list(frame.budgets)[::-1][::every]


def _end_labels(frame: Frame, lines: list[Series]) -> str:
    """Names at the lines' right ends, pushed apart to 17 px."""
    wanted = sorted((frame.y(line.points[-1].y), line) for line in lines if line.points)
    placed: list[float] = []
    for y, _ in wanted:
        placed.append(max(y, placed[-1] + 17) if placed else y)
    excess = max(placed[-1] - (frame.top + frame.height), 0.0) if placed else 0.0
    parts: list[str] = []
    for (y, line), at in zip(wanted, placed, strict=True):
        x, spot = frame.x(line.points[-1].x), at - excess
        parts.append(f'<path d="M{x + 7:.1f} {y:.1f}L{x + 24:.1f} {spot:.1f}" stroke="{line.colour}" stroke-opacity=".6"/>')
        weight = "700" if line.width > 3 else "500"
        label = f"{line.name} {line.points[-1].y:.2f}"
        parts.append(_text(x + 28, spot + 4, label, fill=line.colour, weight=weight))
    return "".join(parts)


def _legend(lines: list[Series]) -> str:
    parts: list[str] = []
    left = 48.0
    for line in lines:
        dash = f' stroke-dasharray="{line.dash}"' if line.dash else ""
        parts.append(f'<path d="M{left} 18h26" stroke="{line.colour}" stroke-width="2.5"{dash}/>')
        parts.append(_mark(left + 13, 18, line, Point(1, 0, 0, 0)) if line.mark >= 0 else "")
        parts.append(_text(left + 32, 22, line.name))
        left += 62 + 7.4 * len(line.name)
    return "".join(parts)


_HATCH = (
    '<defs><pattern id="undecided" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)">'
    '<path d="M0 0V7" stroke="#555555" stroke-width="1.6" stroke-opacity=".38"/></pattern></defs>'
)


def _grid_cell(cell: Cell, left: float, top: float, *, wide: float, high: float, name: str) -> str:
    box = f'x="{left:.1f}" y="{top:.1f}" width="{wide:.1f}" height="{high:.1f}" rx="4"'
    hatch = "" if cell.decided else f'<rect {box} fill="url(#undecided)"/>'
    gain = "" if cell.gain is None else f" ({signed(cell.gain)})"
    middle = left + wide / 2
    title = f"bin {cell.bin}, N = {cell.budget}: {cell.strategy}" + ("" if cell.decided else ", undecided")
    return (
        f'<g><title>{escape(title)}</title><rect {box} fill="{gain_colour(cell.gain)}" stroke="#bbbbbb"/>{hatch}'
        + _text(middle, top + 24, name, anchor="middle", weight="700", halo=True)
        + _text(middle, top + 44, f"{cell.accuracy:.2f} {half_width(cell.half)}{gain}", anchor="middle", size=13, halo=True)
        + "</g>"
    )


def gain_colour(gain: float | None) -> str:
    """From white at no gain to light blue (gain) or light vermillion (loss); dark text reads on all of them."""
    if gain is None or gain == 0:
        return "#ffffff"
    share = min(abs(gain) / FULL_GAIN, 1.0) * 0.62
    return "#" + "".join(f"{round(255 - (255 - c) * share):02x}" for c in (GAIN if gain > 0 else LOSS))


def _grid_key(baseline: str, top: float) -> str:
    parts = [_text(130, top + 17, f"gain over {baseline}:")]
    left = 150 + 7.2 * len(f"gain over {baseline}:")
    for gain in (-0.1, -0.05, 0.0, 0.05, 0.1, 0.2):
        parts.append(f'<rect x="{left}" y="{top}" width="58" height="25" fill="{gain_colour(gain)}" stroke="#bbbbbb"/>')
        label = signed(gain) + (" +" if gain == FULL_GAIN else "")
        parts.append(_text(left + 29, top + 17, label, anchor="middle", size=12))
        left += 58
    parts.append(f'<rect x="{left + 26}" y="{top}" width="34" height="25" fill="url(#undecided)" stroke="#bbbbbb"/>')
    parts.append(_text(left + 68, top + 17, "undecided: the cheapest is named"))
    return "".join(parts)


def _text(x: float, y: float, words: str, *, anchor: str = "start", size: int = 14, weight: str = "400",
          fill: str = INK, halo: bool = False) -> str:  # fmt: skip
    stroke = ' stroke="#ffffff" stroke-width="3" stroke-opacity=".75" paint-order="stroke"' if halo else ""
    return (
        f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" font-size="{size}" font-weight="{weight}"'
        f' fill="{fill}"{stroke}>{escape(words)}</text>'
    )


def _svg(width: float, height: float, body: Sequence[str], label: str) -> str:
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' aria-label="{escape(label)}" font-family="system-ui, sans-serif">{"".join(body)}</svg>'
    )
