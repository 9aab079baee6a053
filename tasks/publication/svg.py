"""Drawing primitives: charts with a log₂ budget axis as SVG text, no script and no network."""

# Written by hand and not by a plotting library: letters stay text, which can be read out, searched
# and copied, in the reader's own font; every mark has a title with its value; and a chart of ten
# lines has 9 KB. The same chart from matplotlib has 49 KB with its letters as outlines, or 27 KB
# with them as text, and no titles on marks in either.

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from math import log2
from typing import NamedTuple

from tasks.publication.words import interval_text

INK, GREY, RULE = "#1a1a1a", "#666666", "#dddddd"
PLAIN = -1
"""A series' mark: none."""

_LABEL_GAP = 17.0
"""Pixels between the base lines of two labels of 14 px, so that they do not touch."""
_LETTER = 7.4
"""Mean width of a letter of 14 px: there is no font here to measure, and the browser's varies."""


class Point(NamedTuple):
    """A value with its interval, at a budget."""

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
    """Where a chart stands, in pixels, and what its axes span.

    x runs over log₂ of the budget, or of what `symbol` names.
    """

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
        """Pixels from the top of the page to the lower edge."""
        return self.top + self.height

    def x(self, budget: float) -> float:
        """Pixels from the left of the page to a budget; the middle if there is only one."""
        first = log2(self.budgets[0])
        last = log2(self.budgets[-1])
        share = (log2(budget) - first) / (last - first) if last > first else 0.5
        return self.left + self.width * share

    def y(self, value: float) -> float:
        """Pixels from the top of the page to a value."""
        share = (value - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - share)


def page(width: float, height: float, body: Sequence[str], *, label: str) -> str:
    """The whole `<svg>`; `label` is read out in place of the picture."""
    # A viewBox and no width: the page that holds the figure scales it.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' aria-label="{escape(label)}" font-family="system-ui, sans-serif">{"".join(body)}</svg>'
    )


def text(x: float, y: float, words: str, **style: str) -> str:
    """Words at a place; `style` are SVG attributes, `_` for `-`."""
    attributes = _attributes({"font_size": "14", "fill": INK} | style)
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(words)}</text>'


def rule(frame: Frame, y: float, *, colour: str) -> str:
    """A horizontal line across the chart."""
    return f'<path d="M{frame.left} {y:.1f}h{frame.width:.1f}" stroke="{colour}"/>'


def line(frame: Frame, series: Series) -> str:
    """The series with its band; every mark says its value when pointed at."""
    points = series.points
    # The band's outline: forward along the upper ends, back along the lower ones.
    upper = _corners(frame, [(point.x, point.hi) for point in points])
    lower = _corners(frame, [(point.x, point.lo) for point in reversed(points)])
    outline = " ".join(upper + lower)
    middle = " ".join(_corners(frame, [(point.x, point.y) for point in points]))
    parts = [
        f'<polygon points="{outline}" fill="{series.colour}" fill-opacity="0.11"/>',
        f'<polyline points="{middle}" fill="none" stroke="{series.colour}"'
        f' stroke-width="{series.width}"{_dashes(series)}/>',
    ]
    for point in points:
        title = _title(frame, series, point)
        parts.append(_mark(frame.x(point.x), frame.y(point.y), series, title=title))
    return "".join(parts)


def axes(frame: Frame) -> str:
    """Horizontal rules with their values, and the budgets below."""
    span = frame.high - frame.low
    # A rule for every tenth only where they stand far enough apart to be read.
    step = 0.1 if span < 0.65 and frame.height > 300 else 0.2
    # The tiny addend lets ties round up: Python rounds 2.5 to 2, and the highest rule was missing.
    steps = round(span / step + 1e-6)
    parts: list[str] = []
    for i in range(steps + 1):
        value = frame.low + step * i
        y = frame.y(value)
        parts.append(rule(frame, y, colour=RULE))
        parts.append(_tick(frame.left - 8, y + 4, f"{value:.1f}", anchor="end"))
    for budget in _labelled_budgets(frame):
        parts.append(_tick(frame.x(budget), frame.bottom + 18, str(budget)))
    # A narrow panel has room for the first words only, not for the unit in brackets.
    title = frame.axis if frame.width > 300 else frame.axis.partition(" (")[0]
    parts.append(_tick(frame.left + frame.width / 2, frame.bottom + 38, title))
    return "".join(parts)


def end_labels(frame: Frame, lines: Sequence[Series]) -> str:
    """Names and last values at the lines' right ends, pushed apart so that they do not touch."""
    # From the top down; lines that end at one height go by their names.
    ends = sorted((frame.y(series.points[-1].y), series) for series in lines if series.points)
    heights: list[float] = []
    for y, _ in ends:
        lowest = heights[-1] + _LABEL_GAP if heights else y
        heights.append(max(y, lowest))
    # Labels that were pushed below the chart lift all of them.
    excess = max(heights[-1] - frame.bottom, 0.0) if heights else 0.0
    labels = [
        _end_label(frame, series, y, height - excess)
        for (y, series), height in zip(ends, heights, strict=True)
    ]
    return "".join(labels)


def legend(lines: Sequence[Series], *, left: float) -> str:
    """One row of line samples with their names."""
    parts: list[str] = []
    for series in lines:
        stroke = f'stroke="{series.colour}" stroke-width="2.5"{_dashes(series)}'
        parts.append(f'<path d="M{left} 18h26" {stroke}/>')
        parts.append(_mark(left + 13, 18, series, title=series.name))
        parts.append(text(left + 32, 22, series.name))
        left += 62 + _LETTER * len(series.name)
    return "".join(parts)


def _attributes(style: dict[str, str]) -> str:
    pairs = [f' {name.replace("_", "-")}="{value}"' for name, value in style.items()]
    return "".join(pairs)


def _corners(frame: Frame, places: Iterable[tuple[float, float]]) -> list[str]:
    """Pixels `x,y` of budgets and values."""
    return [f"{frame.x(budget):.1f},{frame.y(value):.1f}" for budget, value in places]


def _end_label(frame: Frame, series: Series, y: float, height: float) -> str:
    """A label at some height, with a leader from the line's end at `y`."""
    last = series.points[-1]
    x = frame.x(last.x)
    path = f"M{x + 7:.1f} {y:.1f}L{x + 24:.1f} {height:.1f}"
    leader = f'<path d="{path}" stroke="{series.colour}" stroke-opacity=".6"/>'
    # The thick lines are the policy's, which is what a figure is about.
    weight = "700" if series.width > 3 else "500"
    words = f"{series.name} {last.y:.2f}"
    return leader + text(x + 28, height + 4, words, fill=series.colour, font_weight=weight)


def _labelled_budgets(frame: Frame) -> list[int]:
    """Budgets to write below the axis: all, or every other one where they would touch."""
    room = frame.width / max(len(frame.budgets), 1)
    every = 1 if room > 26 else 2
    # Counted from the largest, which is the one that is always written.
    return list(frame.budgets)[::-1][::every]


def _tick(x: float, y: float, words: str, anchor: str = "middle") -> str:
    return text(x, y, words, text_anchor=anchor, font_size="12", fill=GREY)


def _title(frame: Frame, series: Series, point: Point) -> str:
    value = interval_text(point.y, point.lo, point.hi)
    return f"{series.name}, {frame.symbol} = {point.x:g}: {value}"


def _dashes(series: Series) -> str:
    return f' stroke-dasharray="{series.dash}"' if series.dash else ""


def _mark(x: float, y: float, series: Series, *, title: str) -> str:
    """The series' shape at a place, with what it says when pointed at."""
    if series.mark == PLAIN:
        return ""
    # Shapes tell lines apart where colours do not, as in print or to a colour-blind reader.
    shapes = (
        f"M{x - 4:.1f} {y:.1f}a4 4 0 1 0 8 0a4 4 0 1 0 -8 0",  # circle
        f"M{x - 3.6:.1f} {y - 3.6:.1f}h7.2v7.2h-7.2z",  # square
        f"M{x:.1f} {y - 5:.1f}l4.8 8.4h-9.6z",  # triangle
        f"M{x:.1f} {y - 5.2:.1f}l5.2 5.2l-5.2 5.2l-5.2-5.2z",  # diamond
        f"M{x:.1f} {y + 5:.1f}l4.8-8.4h-9.6z",  # triangle upside down
    )
    shape = shapes[series.mark % len(shapes)]
    return f'<path d="{shape}" fill="{series.colour}"><title>{escape(title)}</title></path>'
