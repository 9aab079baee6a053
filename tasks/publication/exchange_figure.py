"""The figure of the exchange with a larger model (METHOD §8): rows as `RunSummary.shown_exchange` gives them."""

from __future__ import annotations

from html import escape
from math import ceil, floor
from typing import Any

import polars as pl

from tasks.publication.figures import HATCH, Box, gain_colour
from tasks.publication.svg import GREY, INK, RULE, Frame, page, text
from tasks.publication.words import signed_text

WIDTH = 1180
BELOW = {"small": "small", "large": "large", "alone": "pass@1"}
"""What stands below a bar, by column of the exchange."""


def exchange_note(rows: pl.DataFrame) -> str:
    """What the figure shows, in words."""
    kind = rows["difficulty"][0]
    told = (
        "Accuracy of the small model under its policy minus the larger model's greedy accuracy, by bin of "
        f"{kind} difficulty. Blue: small ahead; orange: large ahead; hatched: cannot be told apart. Whiskers are "
        "paired 95 % intervals. Below a bar: small under its policy, large, and the small model's own pass@1. "
        "k: generations that the larger model's cost buys."
    )
    if "cards" in rows["source"].to_list():
        told += (
            " From both cards: the training tokens of these two models, and as inference this benchmark answered once "
            "at the small model's mean length. As in the paper, training and reading of the verifier are not in k."
        )
    return told


def exchange_figure(rows: pl.DataFrame) -> str:
    """Small minus large at equal FLOPs, bars by ratio and bin with 95 % whiskers; the paper's figure 9."""
    inside = rows.filter(pl.col("bin") > 0)
    groups = [
        part.to_dicts() for _, part in inside.group_by("source", "ratio", maintain_order=True)
    ]
    groups.sort(key=lambda part: (part[0]["source"] == "cards", part[0]["ratio"]))
    values = [
        end for part in groups for one in part for end in (one["lo"], one["hi"], one["difference"])
    ]
    low, high = (
        floor(10 * min([*values, -0.1])) / 10 - 0.1,
        ceil(10 * max([*values, 0.1])) / 10 + 0.1,
    )
    frame = Frame(56, 44, WIDTH - 72, 330, [1, 2], low, high)
    wide = frame.width / len(groups)
    looks = {"text_anchor": "end", "font_size": "12", "fill": GREY}
    names = [
        text(frame.left + 4, frame.bottom + 36 + 17 * i, name, **looks)
        for i, name in enumerate(BELOW.values())
    ]
    body = [HATCH, *_rules(frame), *names]
    for i, part in enumerate(groups):
        body += _group(frame, part, left=frame.left + i * wide, wide=wide)
    return page(WIDTH, 460, body, label="Small model minus large model at equal FLOPs")


def _group(frame: Frame, part: list[dict[str, Any]], *, left: float, wide: float) -> list[str]:
    """The bars of one ratio, bin 1 first."""
    one, slot = part[0], (wide - 26) / len(part)
    where = {"text_anchor": "middle"}
    real = " · from both cards" if one["source"] == "cards" else ""
    cost = f"k = {one['multiple']:,.0f}, measured at N = {one['budget']}"
    body = [
        text(left + wide / 2, 16, f"R = {one['ratio']:.2g}{real}", font_weight="700", **where),
        text(left + wide / 2, 34, cost, font_size="12", fill=GREY, **where),
    ]
    for i, row in enumerate(part):
        body.append(_bar(frame, row, Box(left + 13 + i * slot, 0, slot - 8, 0)))
    return body


def _bar(frame: Frame, row: dict[str, Any], place: Box) -> str:
    zero, top, middle = frame.y(0), frame.y(row["difference"]), place.left + place.width / 2
    box = Box(place.left, min(zero, top), place.width, max(abs(zero - top), 1.0))
    undecided = row["lo"] <= 0 <= row["hi"]
    over = frame.y(row["hi"]) - 7 if row["difference"] >= 0 else frame.y(row["lo"]) + 16
    values = ["–" if row[name] is None else f"{row[name]:.2f}" for name in BELOW]
    said = f"bin {row['bin']}: " + ", ".join(
        f"{name} {value}" for name, value in zip(BELOW.values(), values, strict=True)
    )
    if row["relative"] is not None:
        said += f", relative difference {row['relative']:+.0%}"
    tick = {"text_anchor": "middle", "font_size": "12"}
    return "".join(
        (
            f"<g><title>{escape(said)}</title>",
            box.drawn(gain_colour(1.0 if row["difference"] >= 0 else -1.0), "#666666"),
            box.drawn("url(#undecided)") if undecided else "",
            f'<path d="M{middle:.1f} {frame.y(row["lo"]):.1f}V{frame.y(row["hi"]):.1f}" stroke="{INK}"/>',
            text(
                middle,
                over,
                signed_text(row["difference"]),
                font_weight="600",
                font_size="13",
                text_anchor="middle",
            ),
            text(middle, frame.bottom + 18, f"bin {row['bin']}", **tick),
            *(
                text(middle, frame.bottom + 36 + 17 * k, value, fill=GREY, **tick)
                for k, value in enumerate(values)
            ),
            "</g>",
        )
    )


def _rules(frame: Frame) -> list[str]:
    parts: list[str] = []
    for i in range(round((frame.high - frame.low) / 0.2 + 1e-6) + 1):
        value = ceil(frame.low * 5) / 5 + 0.2 * i
        if value <= frame.high + 1e-9:
            colour = INK if abs(value) < 1e-9 else RULE
            parts.append(
                f'<path d="M{frame.left} {frame.y(value):.1f}h{frame.width:.1f}" stroke="{colour}"/>'
            )
            looks = {"text_anchor": "end", "font_size": "12", "fill": GREY}
            parts.append(text(frame.left - 8, frame.y(value) + 4, signed_text(value), **looks))
    return parts
