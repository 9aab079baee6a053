"""The figure of the exchange with a larger model (METHOD §8), from `RunSummary.shown_exchange`."""

from __future__ import annotations

from html import escape
from math import ceil, floor
from typing import NamedTuple

import polars as pl

from tasks.publication.figures import WIDTH
from tasks.publication.policy_grid import HATCH, HATCHED, Box, gain_colour
from tasks.publication.svg import GREY, INK, RULE, Frame, page, rule, text
from tasks.publication.words import signed_text

_RULE_STEP = 0.2
_GROUP_GAP = 26
"""Pixels between the bars of one ratio and those of the next."""
_BAR_GAP = 8
_LINE_HEIGHT = 17
"""Pixels between the lines of numbers below the bars."""
_RATIO = {
    "font_weight": "700",
    "text_anchor": "middle",
}
_COST = {
    "font_size": "12",
    "fill": GREY,
    "text_anchor": "middle",
}
_BIN = {
    "text_anchor": "middle",
    "font_size": "12",
}
_NUMBER = {
    "fill": GREY,
    "text_anchor": "middle",
    "font_size": "12",
}
_DIFFERENCE = {
    "font_weight": "600",
    "font_size": "13",
    "text_anchor": "middle",
}
_RIGHT = {
    "text_anchor": "end",
    "font_size": "12",
    "fill": GREY,
}


class Bar(NamedTuple):
    """What the figure shows of one ratio and bin: columns of view `exchange_by_bin`."""

    source: str
    """`study`: the ratios that the study names; `cards`: that of the two models' cards."""
    ratio: float
    """R: tokens of inference over tokens of training."""
    multiple: float
    """k: generations of the small model that the larger model's cost buys."""
    budget: int
    """Budget at which the small model was measured."""
    bin: int
    difference: float
    """Accuracy of the small model under its policy minus that of the larger one."""
    lo: float
    hi: float
    """Ends of its paired 95 % interval."""
    relative: float | None
    """Difference over the larger model's accuracy; None: that one is never right."""
    small: float | None
    """Accuracy of the small model under its policy."""
    large: float | None
    """Accuracy of one greedy completion of the larger model."""
    alone: float | None
    """pass@1 of the small model."""

    @property
    def numbers(self) -> dict[str, str]:
        """What stands below the bar, by what it is."""
        values = {
            "small": self.small,
            "large": self.large,
            "pass@1": self.alone,
        }
        return {name: "–" if value is None else f"{value:.2f}" for name, value in values.items()}

    @property
    def title(self) -> str:
        """What the bar says when pointed at."""
        numbers = [f"{name} {value}" for name, value in self.numbers.items()]
        title = f"bin {self.bin}: {', '.join(numbers)}"
        if self.relative is None:
            return title
        return f"{title}, relative difference {self.relative:+.0%}"


def exchange_note(rows: pl.DataFrame) -> str:
    """What the figure shows, in words."""
    kind = rows["difficulty"][0]
    note = (
        "Accuracy of the small model under its policy minus the larger model's greedy accuracy, "
        f"by bin of {kind} difficulty. Blue: small ahead; orange: large ahead; hatched: cannot be "
        "told apart. Whiskers are paired 95 % intervals. Below a bar: small under its policy, "
        "large, and the small model's own pass@1. k: generations that the larger model's cost buys."
    )
    if "cards" in rows["source"].to_list():
        note += (
            " From both cards: the training tokens of these two models, and as inference this "
            "benchmark answered once at the small model's mean length. As in the paper, training "
            "and reading of the verifier are not in k."
        )
    return note


def exchange_figure(rows: pl.DataFrame) -> str:
    """SVG: small minus large at equal FLOPs, bars by ratio and bin; the paper's figure 9."""
    groups = _groups(rows)
    low, high = _span(groups)
    frame = Frame(
        left=56,
        top=44,
        width=WIDTH - 72,
        height=330,
        budgets=[1, 2],  # the bars have no budget axis; a frame does
        low=low,
        high=high,
    )
    wide = frame.width / len(groups)
    body = [HATCH, *_rules(frame)]
    # The names of the numbers once, left of the first group, and the numbers below every bar.
    for place, name in enumerate(groups[0][0].numbers):
        y = _number_line(frame, place)
        body.append(text(frame.left + 4, y, name, **_RIGHT))
    for place, group in enumerate(groups):
        left = frame.left + place * wide
        body += _group_bars(frame, group, left=left, wide=wide)
    label = "Small model minus large model at equal FLOPs"
    return page(WIDTH, 460, body, label=label)


def _groups(rows: pl.DataFrame) -> list[list[Bar]]:
    """The bars of each ratio by bin: the study's ratios rising, then that of the cards."""
    inside = rows.filter(pl.col("bin") > 0)  # bin 0 is all questions
    # The rows come by bin, and a group keeps that order.
    by_ratio: dict[tuple[str, float], list[Bar]] = {}
    for row in inside.select(Bar._fields).iter_rows():
        bar = Bar(*row)
        by_ratio.setdefault((bar.source, bar.ratio), []).append(bar)
    return sorted(
        by_ratio.values(),
        key=lambda group: (group[0].source == "cards", group[0].ratio),
    )


def _span(groups: list[list[Bar]]) -> tuple[float, float]:
    """Ends of the axis in tenths, with room for the numbers above and below the whiskers."""
    values = [-0.1, 0.1]  # zero is always inside
    for group in groups:
        for bar in group:
            values += [bar.lo, bar.hi, bar.difference]
    lowest = floor(10 * min(values)) / 10
    highest = ceil(10 * max(values)) / 10
    return lowest - 0.1, highest + 0.1


def _group_bars(frame: Frame, group: list[Bar], *, left: float, wide: float) -> list[str]:
    """The bars of one ratio, bin 1 first, below what the ratio means.

    R as the paper has it, and k: what it comes to in generations of the small model.
    """
    # The same in every bin: it follows from the ratio and from the models' sizes.
    first = group[0]
    source = " · from both cards" if first.source == "cards" else ""
    ratio = f"R = {first.ratio:.2g}{source}"
    cost = f"k = {first.multiple:,.0f}, measured at N = {first.budget}"
    middle = left + wide / 2
    parts = [
        text(middle, 16, ratio, **_RATIO),
        text(middle, 34, cost, **_COST),
    ]
    slot = (wide - _GROUP_GAP) / len(group)
    for place, bar in enumerate(group):
        bar_left = left + _GROUP_GAP / 2 + place * slot
        parts.append(_bar(frame, bar, left=bar_left, width=slot - _BAR_GAP))
    return parts


def _bar(frame: Frame, bar: Bar, *, left: float, width: float) -> str:
    """A bar from zero to the difference with its whisker, hatched where zero is inside.

    In the full colours of gain and loss: how much it is, the bar's length says.
    """
    zero = frame.y(0)
    end = frame.y(bar.difference)
    # A difference of nothing is still a line that can be pointed at.
    height = max(abs(zero - end), 1.0)
    box = Box(left, min(zero, end), width, height)
    ahead = bar.difference >= 0
    undecided = bar.lo <= 0 <= bar.hi
    parts = [
        f"<g><title>{escape(bar.title)}</title>",
        box.rectangle(gain_colour(1.0 if ahead else -1.0), "#666666"),
        box.rectangle(HATCHED) if undecided else "",
        _whisker(frame, bar, box.middle),
        _difference_label(frame, bar, box.middle),
        text(box.middle, frame.bottom + 18, f"bin {bar.bin}", **_BIN),
    ]
    for place, number in enumerate(bar.numbers.values()):
        y = _number_line(frame, place)
        parts.append(text(box.middle, y, number, **_NUMBER))
    parts.append("</g>")
    return "".join(parts)


def _whisker(frame: Frame, bar: Bar, x: float) -> str:
    """The paired 95 % interval."""
    start = frame.y(bar.lo)
    end = frame.y(bar.hi)
    return f'<path d="M{x:.1f} {start:.1f}V{end:.1f}" stroke="{INK}"/>'


def _difference_label(frame: Frame, bar: Bar, x: float) -> str:
    """The difference in words, at the whisker's end that is away from zero."""
    above = frame.y(bar.hi) - 7
    below = frame.y(bar.lo) + 16
    y = above if bar.difference >= 0 else below
    return text(x, y, signed_text(bar.difference), **_DIFFERENCE)


def _number_line(frame: Frame, place: int) -> float:
    """Pixels from the top to one of the lines of numbers below the bins' names."""
    return frame.bottom + 36 + _LINE_HEIGHT * place


def _rules(frame: Frame) -> list[str]:
    """A rule for every fifth of accuracy, with the difference left of it."""
    parts: list[str] = []
    span = frame.high - frame.low
    steps = round(span / _RULE_STEP + 1e-6)
    # Multiples of the step, whatever the axis begins with: zero is one of them.
    first = ceil(frame.low * 5) / 5
    for i in range(steps + 1):
        value = first + _RULE_STEP * i
        # Sums of fifths are not exact, so both comparisons need a tolerance.
        if value > frame.high + 1e-9:
            continue
        colour = INK if abs(value) < 1e-9 else RULE
        y = frame.y(value)
        parts.append(rule(frame, y, colour=colour))
        parts.append(text(frame.left - 8, y + 4, signed_text(value), **_RIGHT))
    return parts
