"""Drawing primitives as SVG text, no script and no network: page, frame, words, rules."""

# Written by hand and not by a plotting library: letters stay text, which can be read out, searched
# and copied, in the reader's own font; every mark has a title with its value; and a chart of ten
# lines has 9 KB. The same chart from matplotlib has 49 KB with its letters as outlines, or 27 KB
# with them as text, and no titles on marks in either.

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import log2
from typing import NamedTuple

INK, GREY, RULE = "#1a1a1a", "#666666", "#dddddd"


class Frame(NamedTuple):
    """Where a chart stands, in pixels, and what its axes span.

    x runs over log₂ of the budget, or of what `symbol` names.
    """

    left: float
    top: float
    width: float
    height: float
    budgets: Sequence[int]
    """What is written below the axis, rising; the first and the last are its ends."""
    low: float
    """Value at the lower edge."""
    high: float
    """Value at the upper edge."""
    symbol: str = "N"
    """What marks call the budget."""
    axis: str = "budget N (generations a question, log₂)"
    """Title below the axis."""

    @property
    def bottom(self) -> float:
        """Pixels from the top of the page to the lower edge."""
        return self.top + self.height

    def x(self, budget: float) -> float:
        """Pixels from the left of the page to a budget; the middle if there is only one."""
        first = log2(self.budgets[0])
        last = log2(self.budgets[-1])
        if last == first:
            return self.left + self.width * 0.5
        share = (log2(budget) - first) / (last - first)
        return self.left + self.width * share

    def y(self, value: float) -> float:
        """Pixels from the top of the page to a value: the highest stands at the top."""
        share = (value - self.low) / (self.high - self.low)
        return self.top + self.height * (1 - share)


def page(width: float, height: float, body: Sequence[str], *, label: str) -> str:
    """The whole `<svg>`; `label` is read out in place of the picture.

    `width` and `height` are the pixels that the body's places count from, the upper left is 0, 0.
    """
    # A viewBox and no width: the page that holds the figure scales it.
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width:g} {height:g}" role="img"'
        f' aria-label="{escape(label)}" font-family="system-ui, sans-serif">{"".join(body)}</svg>'
    )


def text(x: float, y: float, words: str, **style: str) -> str:
    """Words at a place, in pixels; `style` are SVG attributes, `_` for `-`.

    Without `text_anchor` the words begin there, and y is their base line.
    """
    usual = {"font_size": "14", "fill": INK}
    attributes = _attributes(usual | style)
    return f'<text x="{x:.1f}" y="{y:.1f}"{attributes}>{escape(words)}</text>'


def rule(frame: Frame, y: float, *, colour: str) -> str:
    """A horizontal line across the chart, `y` pixels from the top of the page."""
    start = f"M{frame.left} {y:.1f}"
    length = f"h{frame.width:.1f}"
    return f'<path d="{start}{length}" stroke="{colour}"/>'


def _attributes(style: dict[str, str]) -> str:
    """SVG attributes with a space before each; Python's names have `_` where SVG has `-`."""
    parts: list[str] = []
    for name, value in style.items():
        attribute = name.replace("_", "-")
        parts.append(f' {attribute}="{value}"')
    return "".join(parts)
