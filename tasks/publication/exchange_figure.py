"""The figure of the exchange with a larger model (METHOD §8), from `RunSummary.shown_exchange`."""

from __future__ import annotations

from html import escape
from math import ceil, floor
from typing import Any

import polars as pl

from tasks.publication.figures import WIDTH
from tasks.publication.policy_grid import HATCH, HATCHED, Box, gain_colour
from tasks.publication.svg import GREY, INK, RULE, Frame, page, rule, text
from tasks.publication.words import signed_text

BELOW = {"small": "small", "large": "large", "alone": "pass@1"}
"""What stands below a bar, by column of the exchange."""
_RULE_STEP = 0.2
_GROUP_GAP, _BAR_GAP = 26, 8
_CENTRED = {"text_anchor": "middle"}
_SMALL = {"text_anchor": "middle", "font_size": "12"}
_RIGHT = {"text_anchor": "end", "font_size": "12", "fill": GREY}


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
    for place, name in enumerate(BELOW.values()):
        body.append(text(frame.left + 4, _below(frame, place), name, **_RIGHT))
    for place, group in enumerate(groups):
        body += _group_bars(frame, group, left=frame.left + place * wide, wide=wide)
    return page(WIDTH, 460, body, label="Small model minus large model at equal FLOPs")


def _groups(rows: pl.DataFrame) -> list[list[dict[str, Any]]]:
    """The rows of each ratio by bin: the study's ratios rising, then that of the models' cards."""
    inside = rows.filter(pl.col("bin") > 0)  # bin 0 is all questions
    groups = [
        group.to_dicts() for _, group in inside.group_by("source", "ratio", maintain_order=True)
    ]
    groups.sort(key=lambda group: (group[0]["source"] == "cards", group[0]["ratio"]))
    return groups


def _span(groups: list[list[dict[str, Any]]]) -> tuple[float, float]:
    """Ends of the axis in tenths, with room for the numbers above and below the whiskers."""
    values = [-0.1, 0.1]  # zero is always inside
    for group in groups:
        for row in group:
            values += [row["lo"], row["hi"], row["difference"]]
    return floor(10 * min(values)) / 10 - 0.1, ceil(10 * max(values)) / 10 + 0.1


def _group_bars(
    frame: Frame, group: list[dict[str, Any]], *, left: float, wide: float
) -> list[str]:
    """The bars of one ratio, bin 1 first, below what the ratio means."""
    first = group[0]
    slot = (wide - _GROUP_GAP) / len(group)
    source = " · from both cards" if first["source"] == "cards" else ""
    ratio = f"R = {first['ratio']:.2g}{source}"
    cost = f"k = {first['multiple']:,.0f}, measured at N = {first['budget']}"
    middle = left + wide / 2
    parts = [
        text(middle, 16, ratio, font_weight="700", **_CENTRED),
        text(middle, 34, cost, font_size="12", fill=GREY, **_CENTRED),
    ]
    for place, row in enumerate(group):
        bar_left = left + _GROUP_GAP / 2 + place * slot
        parts.append(_bar(frame, row, left=bar_left, width=slot - _BAR_GAP))
    return parts


def _bar(frame: Frame, row: dict[str, Any], *, left: float, width: float) -> str:
    zero = frame.y(0)
    end = frame.y(row["difference"])
    # A difference of nothing is still a line that can be pointed at.
    box = Box(left, min(zero, end), width, max(abs(zero - end), 1.0))
    colour = gain_colour(1.0 if row["difference"] >= 0 else -1.0)
    undecided = row["lo"] <= 0 <= row["hi"]
    whisker = f"M{box.middle:.1f} {frame.y(row['lo']):.1f}V{frame.y(row['hi']):.1f}"
    values = ["–" if row[name] is None else f"{row[name]:.2f}" for name in BELOW]
    parts = [
        f"<g><title>{escape(_title(row, values))}</title>",
        box.rectangle(colour, "#666666"),
        box.rectangle(HATCHED) if undecided else "",
        f'<path d="{whisker}" stroke="{INK}"/>',
        _difference_label(frame, row, box.middle),
        text(box.middle, frame.bottom + 18, f"bin {row['bin']}", **_SMALL),
    ]
    for place, value in enumerate(values):
        parts.append(text(box.middle, _below(frame, place), value, fill=GREY, **_SMALL))
    parts.append("</g>")
    return "".join(parts)


def _title(row: dict[str, Any], values: list[str]) -> str:
    """What the bar says when pointed at."""
    pairs = [f"{name} {value}" for name, value in zip(BELOW.values(), values, strict=True)]
    title = f"bin {row['bin']}: " + ", ".join(pairs)
    # Unknown where the larger model is never right: then there is nothing to relate to.
    if row["relative"] is not None:
        title += f", relative difference {row['relative']:+.0%}"
    return title


def _difference_label(frame: Frame, row: dict[str, Any], middle: float) -> str:
    """The difference in words, at the whisker's end that is away from zero."""
    ahead = row["difference"] >= 0
    y = frame.y(row["hi"]) - 7 if ahead else frame.y(row["lo"]) + 16
    style = {"font_weight": "600", "font_size": "13", "text_anchor": "middle"}
    return text(middle, y, signed_text(row["difference"]), **style)


def _below(frame: Frame, place: int) -> float:
    """Pixels from the top to one of the lines of numbers below the bins' names."""
    return frame.bottom + 36 + 17 * place


def _rules(frame: Frame) -> list[str]:
    parts: list[str] = []
    steps = round((frame.high - frame.low) / _RULE_STEP + 1e-6)
    # Multiples of the step, whatever the axis begins with: zero is one of them.
    first = ceil(frame.low * 5) / 5
    for i in range(steps + 1):
        value = first + _RULE_STEP * i
        # Sums of fifths are not exact, so both comparisons need a tolerance.
        if value <= frame.high + 1e-9:
            y = frame.y(value)
            parts.append(rule(frame, y, colour=INK if abs(value) < 1e-9 else RULE))
            parts.append(text(frame.left - 8, y + 4, signed_text(value), **_RIGHT))
    return parts
