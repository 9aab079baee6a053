"""Drawing primitives: charts with a log₂ budget axis as SVG text, no script and no network."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log2
from typing import NamedTuple

from tasks.publication.words import interval_text

INK, GREY, RULE = "#1a1a1a", "#666666", "#dddddd"
PLAIN = -1
"""A series' mark: none."""


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
    """Which of the five shapes stands at the points, or PLAIN."""


class Frame(NamedTuple):
    """Where a chart stands and what its axes span; x runs over log₂ of the budget, or of what `symbol` names."""

    left: float
    top: float
    width: float
    height: float
    budgets: Sequence[int]
    low: float
    high: float
    symbol: str = "N"
    axis: str = "budget N (generations a question, log₂)"

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, budget: float) -> float:
        first, last = log2(self.budgets[0]), log2(self.budgets[-1])
        share = (log2(budget) - first) / (last - first) if last > first else 0.5
        return self.left + self.width * share

    def y(self, value: float) -> float:
        return self.top + self.height * (1 - (value - self.low) / (self.high - self.low))


def page(width: float, height: float, body: Sequence[str], *, label: str) -> str:
    """The whole `<svg>`; `label` is read out in place of the picture."""
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' aria-label="{escape(label)}" font-family="system-ui, sans-serif">{"".join(body)}</svg>'
    )


def text(x: float, y: float, words: str, **style: str) -> str:
    """Words at a place; `style` are SVG attributes, `_` for `-`."""
    looks = {"font_size": "14", "fill": INK} | style
    attributes = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in looks.items())
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(words)}</text>'


def line(frame: Frame, series: Series) -> str:
    """The series with its band; every mark says its value when pointed at."""
    spots = [(frame.x(p.x), frame.y(p.y), p) for p in series.points]
    upper = [f"{x:.1f},{frame.y(p.hi):.1f}" for x, _, p in spots]
    lower = [f"{x:.1f},{frame.y(p.lo):.1f}" for x, _, p in reversed(spots)]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in spots)
    return (
        f'<polygon points="{" ".join(upper + lower)}" fill="{series.colour}" fill-opacity="0.11"/>'
        f'<polyline points="{path}" fill="none" stroke="{series.colour}" stroke-width="{series.width}"'
        f"{_dashed(series)}/>"
        + "".join(_mark(x, y, series, said=_said(frame, series, p)) for x, y, p in spots)
    )


def axes(frame: Frame) -> str:
    """Horizontal rules with their values, and the budgets below."""
    step = 0.1 if frame.high - frame.low < 0.65 and frame.height > 300 else 0.2
    parts: list[str] = []
    for i in range(round((frame.high - frame.low) / step + 1e-6) + 1):
        value = frame.low + step * i
        y = frame.y(value)
        parts.append(f'<path d="M{frame.left} {y:.1f}h{frame.width:.1f}" stroke="{RULE}"/>')
        parts.append(_tick(frame.left - 8, y + 4, f"{value:.1f}", anchor="end"))
    parts += [_tick(frame.x(b), frame.bottom + 18, str(b)) for b in _shown(frame)]
    title = frame.axis if frame.width > 300 else frame.axis.partition(" (")[0]
    parts.append(_tick(frame.left + frame.width / 2, frame.bottom + 38, title))
    return "".join(parts)


def end_labels(frame: Frame, lines: Sequence[Series]) -> str:
    """Names and last values at the lines' right ends, pushed apart to 17 px."""
    wanted = sorted((frame.y(series.points[-1].y), series) for series in lines if series.points)
    placed: list[float] = []
    for y, _ in wanted:
        placed.append(max(y, placed[-1] + 17) if placed else y)
    excess = max(placed[-1] - frame.bottom, 0.0) if placed else 0.0
    pairs = zip(wanted, placed, strict=True)
    return "".join(_end_label(frame, series, y, at - excess) for (y, series), at in pairs)


def legend(lines: Sequence[Series], *, left: float) -> str:
    """One row of line samples with their names."""
    parts: list[str] = []
    for series in lines:
        stroke = f'stroke="{series.colour}" stroke-width="2.5"{_dashed(series)}'
        parts.append(
            f'<path d="M{left} 18h26" {stroke}/>' + _mark(left + 13, 18, series, said=series.name)
        )
        parts.append(text(left + 32, 22, series.name))
        left += 62 + 7.4 * len(series.name)
    return "".join(parts)


def _end_label(frame: Frame, series: Series, y: float, at: float) -> str:
    x = frame.x(series.points[-1].x)
    path = f"M{x + 7:.1f} {y:.1f}L{x + 24:.1f} {at:.1f}"
    words = f"{series.name} {series.points[-1].y:.2f}"
    weight = "700" if series.width > 3 else "500"
    leader = f'<path d="{path}" stroke="{series.colour}" stroke-opacity=".6"/>'
    return leader + text(x + 28, at + 4, words, fill=series.colour, font_weight=weight)


def _shown(frame: Frame) -> list[int]:
    """Budgets to write below the axis: all, or every other one where they would touch."""
    every = 1 if frame.width / max(len(frame.budgets), 1) > 26 else 2
    return list(frame.budgets)[::-1][::every]


def _tick(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return text(x, y, words, text_anchor=anchor, font_size="12", fill=GREY)


def _said(frame: Frame, series: Series, point: Point) -> str:
    return (
        f"{series.name}, {frame.symbol} = {point.x:g}: {interval_text(point.y, point.lo, point.hi)}"
    )


def _dashed(series: Series) -> str:
    return f' stroke-dasharray="{series.dash}"' if series.dash else ""


def _mark(x: float, y: float, series: Series, *, said: str) -> str:
    """Circle, square, triangle, diamond, inverted triangle: shapes tell lines apart where colours do not."""
    if series.mark == PLAIN:
        return ""
    shapes = (
        f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",
        f"M{x - 3.6:.1f} {y - 3.6:.1f}h7.2v7.2h-7.2z",
        f"M{x:.1f} {y - 5:.1f}l4.8 8.4h-9.6z",
        f"M{x:.1f} {y - 5.2:.1f}l5.2 5.2l-5.2 5.2l-5.2-5.2z",
        f"M{x:.1f} {y + 5:.1f}l4.8-8.4h-9.6z",
    )
    shape = shapes[series.mark % len(shapes)]
    return f'<path d="{shape}" fill="{series.colour}"><title>{escape(said)}</title></path>'
