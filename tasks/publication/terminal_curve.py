"""Accuracy against budget in letters: baseline, best fixed strategy, policy, in 80 columns."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

from tasks.publication.figures import first_series
from tasks.publication.summary import RunSummary

WIDTH = 80
HEIGHT = 9
"""Lines of the plot, axis left out."""
LEFT = 6
"""Columns of the axis' values."""
LEAST_SPAN = 0.01
"""Accuracy from the lowest line to the highest, at least."""
MARKS = "o+#"
"""Of the lines, the policy's last: it lies on the others."""
TRACES = ".-="
"""Between the marks of each."""


class Line(NamedTuple):
    """One line of the plot."""

    mark: str
    trace: str
    name: str
    points: Sequence[tuple[int, float]]
    """Budget and accuracy, budgets rising."""


def curve_lines(summary: RunSummary, *, width: int = WIDTH) -> list[str]:
    """Lines of text, none longer than `width`; empty where one budget alone was measured."""
    budgets = summary.budgets
    if len(budgets) < 2:
        return []
    series = first_series(summary)
    lines = [
        Line(mark, trace, one.name, [(int(point.x), point.y) for point in one.points])
        for mark, trace, one in zip(MARKS, TRACES, series, strict=False)
    ]
    values = [value for line in lines for _, value in line.points]
    high = max(values)
    # Where all lines lie on one value the axis still needs a height.
    span = max(high - min(values), LEAST_SPAN)
    columns = _columns(budgets, width - LEFT - 2)
    rows = [[" "] * (width - LEFT) for _ in range(HEIGHT)]
    placed: list[tuple[Line, list[tuple[int, float]]]] = []
    for line in lines:
        places = [(columns[n], (high - value) / span * (HEIGHT - 1)) for n, value in line.points]
        placed.append((line, places))
        _trace(rows, places, line.trace)
    # After all traces: marks say more.
    for line, places in placed:
        for x, y in places:
            rows[round(y)][x] = line.mark
    title = "accuracy over all questions; to the right the budget N"
    ticks = [_tick(high - span * place / (HEIGHT - 1), place) for place in range(HEIGHT)]
    plot = [
        f"{tick}|{''.join(cells)}".rstrip()[:width] for tick, cells in zip(ticks, rows, strict=True)
    ]
    return [title, *plot, _budget_axis(columns, width), *map(_key, lines)]


def _columns(budgets: Sequence[int], room: int) -> dict[int, int]:
    """Column of each budget, equally far apart as budgets double."""
    last = len(budgets) - 1
    return {budget: round(place * (room - 1) / last) for place, budget in enumerate(budgets)}


def _trace(rows: list[list[str]], places: Sequence[tuple[int, float]], trace: str) -> None:
    """Strokes between the points."""
    for (x, y), (end, below) in pairwise(places):
        for column in range(x + 1, end):
            height = y + (below - y) * (column - x) / (end - x)
            rows[round(height)][column] = trace


def _tick(value: float, place: int) -> str:
    """The value at the left edge of every other line."""
    return f"{value:{LEFT - 1}.2f} "[:LEFT] if place % 2 == 0 else " " * LEFT


def _budget_axis(columns: dict[int, int], width: int) -> str:
    """The budgets below their columns."""
    cells = [" "] * width
    for budget, column in columns.items():
        words = str(budget)
        start = min(LEFT + 1 + column, width - len(words))
        cells[start : start + len(words)] = words
    return "".join(cells).rstrip()


def _key(line: Line) -> str:
    """`  # by difficulty: 0.26 at N = 1, 0.95 at N = 16`."""
    if not line.points:
        return f"  {line.mark} {line.name}: not measured"
    first, last = line.points[0], line.points[-1]
    ends = f"{first[1]:.2f} at N = {first[0]}, {last[1]:.2f} at N = {last[0]}"
    return f"  {line.mark} {line.name}: {ends}"
