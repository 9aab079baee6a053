"""Charts with a log₂ budget axis: lines with bands and marks, axes, labels, legends.

Every function gives SVG text to put into a page, in the order in which it is to lie on others:
axes, lines, labels. Run reports and replication reports draw with the same ones.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import NamedTuple

from tasks.publication.svg import GREY, RULE, Frame, rule, text
from tasks.publication.words import interval_text

PLAIN = -1
"""A series' mark: none."""

_LABEL_GAP = 17.0
"""Pixels between the base lines of two labels of 14 px, so that they do not touch."""
_LETTER = 7.4
"""Mean width of a letter of 14 px: there is no font here to measure, and the browser's varies."""


class Point(NamedTuple):
    """A value with its interval, at a budget."""

    x: float
    """The budget, or what else the frame's axis names."""
    y: float
    """The value, mostly an accuracy."""
    lo: float
    hi: float
    """Ends of its 95 % interval; both are y where none is shown."""


class Series(NamedTuple):
    """One line of a chart with its interval band."""

    name: str
    points: list[Point]
    """By rising x; none: the series has no line and no label."""
    colour: str
    """As SVG takes it: `#0072B2`."""
    dash: str = ""
    """Pixels of stroke and gap, `6 4`; empty: a solid line."""
    width: float = 2.0
    """Pixels."""
    mark: int = 0
    """Which of the five shapes stands at the points, or PLAIN."""


class Shape(NamedTuple):
    """A mark: where its outline begins, in pixels from the point, and how it goes on."""

    right: float
    down: float
    outline: str


# Shapes tell lines apart where colours do not, as in print or to a colour-blind reader.
_SHAPES = (
    Shape(-4.0, 0.0, "a4 4 0 1 0 8 0a4 4 0 1 0 -8 0"),  # circle
    Shape(-3.6, -3.6, "h7.2v7.2h-7.2z"),  # square
    Shape(0.0, -5.0, "l4.8 8.4h-9.6z"),  # triangle
    Shape(0.0, -5.2, "l5.2 5.2l-5.2 5.2l-5.2-5.2z"),  # diamond
    Shape(0.0, 5.0, "l4.8-8.4h-9.6z"),  # triangle upside down
)


def line(frame: Frame, series: Series) -> str:
    """The series with its interval band; every mark says its value when pointed at.

    Bands are so faint that several on each other still let lines and rules through.
    """
    corners = _corners(frame, [(point.x, point.y) for point in series.points])
    # In the order in which they lie on each other: the band below, the marks on top.
    parts = [
        _band(frame, series),
        f'<polyline points="{" ".join(corners)}" fill="none" stroke="{series.colour}"'
        f' stroke-width="{series.width}"{_dashes(series)}/>',
    ]
    for point in series.points:
        x = frame.x(point.x)
        y = frame.y(point.y)
        title = _title(frame, series, point)
        parts.append(_mark(x, y, series, title=title))
    return "".join(parts)


def _band(frame: Frame, series: Series) -> str:
    """The area between the ends of the intervals."""
    # Its outline: forward along the upper ends, back along the lower ones.
    upper = [(point.x, point.hi) for point in series.points]
    lower = [(point.x, point.lo) for point in reversed(series.points)]
    outline = " ".join(_corners(frame, upper + lower))
    return f'<polygon points="{outline}" fill="{series.colour}" fill-opacity="0.11"/>'


def axes(frame: Frame) -> str:
    """Horizontal rules with their values, the budgets below, and the axis' title.

    Drawn first, so that lines lie on the rules.
    """
    parts = _value_axis(frame)
    for budget in _labelled_budgets(frame):
        x = frame.x(budget)
        parts.append(_tick(x, frame.bottom + 18, str(budget)))
    # A narrow panel has room for the first words only, not for the unit in brackets.
    title = frame.axis if frame.width > 300 else frame.axis.partition(" (")[0]
    middle = frame.left + frame.width / 2
    parts.append(_tick(middle, frame.bottom + 38, title))
    return "".join(parts)


def _value_axis(frame: Frame) -> list[str]:
    """A rule for every step of the value, with the value left of it.

    From the lower edge up; the frames' ends are tenths, so the values are.
    """
    span = frame.high - frame.low
    # A rule for every tenth only where they stand far enough apart to be read.
    step = 0.1 if span < 0.65 and frame.height > 180 else 0.2
    # Ties round up and not to even, so a span of half a step more gets a rule above its top.
    steps = round(span / step + 1e-6)
    parts: list[str] = []
    for i in range(steps + 1):
        value = frame.low + step * i
        y = frame.y(value)
        parts.append(rule(frame, y, colour=RULE))
        parts.append(_tick(frame.left - 8, y + 4, f"{value:.1f}", anchor="end"))
    return parts


def end_labels(frame: Frame, lines: Sequence[Series]) -> str:
    """Names and last values at the lines' right ends, pushed apart so that they do not touch.

    In place of a legend: a reader need not match colours.
    """
    ends = [(frame.y(series.points[-1].y), series) for series in lines if series.points]
    # From the top down; lines that end at one height go by their names.
    ends.sort()
    heights = _push_apart([y for y, _ in ends], bottom=frame.bottom)
    labels: list[str] = []
    for (y, series), height in zip(ends, heights, strict=True):
        labels.append(_end_label(frame, series, y, height))
    return "".join(labels)


def _push_apart(ends: Sequence[float], *, bottom: float) -> list[float]:
    """Heights for labels of lines that end there, from the top down, none below the bottom."""
    heights: list[float] = []
    for y in ends:
        least = heights[-1] + _LABEL_GAP if heights else y
        heights.append(max(y, least))
    if not heights:
        return []
    # Labels that were pushed below the chart lift all of them.
    excess = max(heights[-1] - bottom, 0.0)
    return [height - excess for height in heights]


def legend(lines: Sequence[Series], *, left: float) -> str:
    """One row of line samples with their names, from `left`; it is not broken at the page's end.

    For panels that are too narrow for names at the lines' ends.
    """
    parts: list[str] = []
    for series in lines:
        name = series.name
        stroke = f'stroke="{series.colour}" stroke-width="2.5"{_dashes(series)}'
        parts.append(f'<path d="M{left} 18h26" {stroke}/>')
        # The mark in the middle of the sample, as on a line.
        parts.append(_mark(left + 13, 18, series, title=name))
        parts.append(text(left + 32, 22, name))
        left += 62 + _LETTER * len(name)
    return "".join(parts)


def _corners(frame: Frame, places: Iterable[tuple[float, float]]) -> list[str]:
    """Pixels `x,y` of budgets and values."""
    corners: list[str] = []
    for budget, value in places:
        x = frame.x(budget)
        y = frame.y(value)
        corners.append(_pair(x, y, between=","))
    return corners


def _pair(x: float, y: float, *, between: str) -> str:
    """Coordinates to a tenth of a pixel: finer cannot be seen, and makes the file longer."""
    return f"{x:.1f}{between}{y:.1f}"


def _end_label(frame: Frame, series: Series, y: float, height: float) -> str:
    """A label at some height, with a leader from the line's end at `y`.

    In the line's colour, so that label and line belong together where leaders cross.
    """
    last = series.points[-1]
    x = frame.x(last.x)
    leader = _leader(x, y, height, colour=series.colour)
    # The thick lines are the policy's, which is what a figure is about.
    weight = "700" if series.width > 3 else "500"
    label = text(
        x + 28,
        height + 4,  # the base line, so that the letters' middle is at the height
        f"{series.name} {last.y:.2f}",
        fill=series.colour,
        font_weight=weight,
    )
    return leader + label


def _leader(x: float, y: float, height: float, *, colour: str) -> str:
    """A faint stroke from just right of a mark to just left of its label."""
    start = _pair(x + 7, y, between=" ")
    end = _pair(x + 24, height, between=" ")
    return f'<path d="M{start}L{end}" stroke="{colour}" stroke-opacity=".6"/>'


def _labelled_budgets(frame: Frame) -> list[int]:
    """Budgets to write below the axis: all, or every other one where they would touch."""
    room = frame.width / max(len(frame.budgets), 1)
    # 26 px hold a number of three digits of 12 px and a gap.
    every = 1 if room > 26 else 2
    # Counted from the largest, which is the one that is always written.
    return list(frame.budgets)[::-1][::every]


def _tick(x: float, y: float, words: str, anchor: str = "middle") -> str:
    """Words at an axis: small and grey, so that the lines stand out."""
    return text(
        x,
        y,
        words,
        text_anchor=anchor,
        font_size="12",
        fill=GREY,
    )


def _title(frame: Frame, series: Series, point: Point) -> str:
    """`beam m=4, N = 16: 0.62 [0.59, 0.65]`: what a mark says when pointed at."""
    value = interval_text(point.y, point.lo, point.hi)
    return f"{series.name}, {frame.symbol} = {point.x:g}: {value}"


def _dashes(series: Series) -> str:
    """The attribute of a dashed line; nothing for a solid one."""
    return f' stroke-dasharray="{series.dash}"' if series.dash else ""


def _mark(x: float, y: float, series: Series, *, title: str) -> str:
    """The series' shape at a place, with what it says when pointed at.

    A `<title>` and no script: browsers show it, screen readers say it, offline too.
    """
    if series.mark == PLAIN:
        return ""
    shape = _SHAPES[series.mark % len(_SHAPES)]
    start = _pair(x + shape.right, y + shape.down, between=" ")
    return (
        f'<path d="M{start}{shape.outline}" fill="{series.colour}">'
        f"<title>{escape(title)}</title></path>"
    )
