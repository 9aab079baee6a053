"""The replication's figures as SVG text, in the order of the paper's."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil, floor
from typing import Any

import polars as pl

from tasks.publication.claims import BASELINE, BEAM, LOOKAHEAD, shown_exchanges
from tasks.publication.figures import HATCH, PALETTE, Box, gain_colour
from tasks.publication.replication_data import PARALLEL, Evidence, chain_length, revision_strategies
from tasks.publication.summary import short_names, signed
from tasks.publication.svg import GREY, INK, RULE, Frame, Point, Series, axes, end_labels, legend, line, page, text
from tasks.statistics.policy import PolicyFit

WIDTH = 1180
STYLES = {"oracle": ("#000000", ""), "predicted": (PALETTE[0], "7 4"), "probe": (PALETTE[2], "2 4")}
"""Colour and dash of a policy's line by kind of difficulty."""
SEARCHED = ("majority", "best_of_n", BASELINE, BEAM, "beam_search(m=sqrt)/weighted", LOOKAHEAD,
            "lookahead(k=3,m=4)/weighted", "lookahead(k=3,m=sqrt)/weighted")  # fmt: skip
IN_PANELS = ("majority", BASELINE, BEAM)
BELOW = {"small": "small", "large": "large", "alone": "pass@1"}
"""What stands below a bar, by column of the exchange."""
RATIO_AXIS = "attempts in sequence s (N/s chains in parallel, log₂)"


def search(evidence: Evidence) -> str:
    """Figure 3, left: searches and best-of-N against budget."""
    rows, names = evidence.summary.overall, short_names(SEARCHED)
    lines = [
        Series(names[key], _points(rows.filter(pl.col("strategy") == key)), PALETTE[i % len(PALETTE)], mark=i)
        for i, key in enumerate(SEARCHED)
        if key in evidence.strategies
    ]
    return _chart(lines, evidence.budgets, label="Search against best-of-N over budget")


def search_by_bin(evidence: Evidence) -> str:
    """Figure 3, right: the same by bin of oracle difficulty."""
    names = short_names(SEARCHED)
    rows = evidence.summary.accuracy.filter(pl.col("difficulty") == "oracle")
    series = [(names[key], key, PALETTE[SEARCHED.index(key)], SEARCHED.index(key)) for key in IN_PANELS]

    def inside(bin_: int) -> list[Series]:
        part = rows.filter(pl.col("bin") == bin_)
        return [
            Series(name, _points(part.filter(pl.col("strategy") == key)), colour, mark=mark)
            for name, key, colour, mark in series
            if key in evidence.strategies
        ]

    return _panels(inside, evidence.budgets, label="Search against best-of-N by bin")


def search_policy(evidence: Evidence) -> str:
    """Figure 4: compute-optimal search against best-of-N."""
    rows = evidence.summary.overall
    fixed = [
        Series(name, _points(rows.filter(pl.col("strategy") == key)), colour, mark=mark)
        for name, key, colour, mark in (
            ("majority", "majority", GREY, 1),
            ("best-of-N weighted", BASELINE, PALETTE[1], 2),
        )
        if key in evidence.strategies
    ]
    return _chart([*fixed, *_policies(evidence.search)], evidence.budgets, label="Compute-optimal search")


def revision_policy(evidence: Evidence) -> str:
    """Figure 8: compute-optimal revisions against attempts in parallel."""
    rows = evidence.summary.overall
    fixed = [
        Series(name, _points(rows.filter(pl.col("strategy") == key)), colour, mark=mark)
        for name, key, colour, mark in (
            ("attempts in parallel", PARALLEL, PALETTE[1], 2), ("best-of-N weighted", BASELINE, GREY, 1),
        )
        if key in evidence.strategies
    ]  # fmt: skip
    return _chart([*fixed, *_policies(evidence.revising)], evidence.budgets, label="Compute-optimal revisions")


def ratio(evidence: Evidence) -> str:
    """Figure 7, left: accuracy against the number of attempts in sequence, a line a budget."""
    budgets = [n for n in evidence.budgets if n >= 4]
    lines = [
        Series(f"N = {n}", _along_chains(evidence.summary.overall, n, "hierarchical"), _ramp(i, len(budgets)), mark=i)
        for i, n in enumerate(budgets)
    ]
    low = floor(10 * min(point.lo for series in lines for point in series.points)) / 10
    frame = Frame(50, 44, WIDTH - 80, 330, evidence.budgets, low, 1.0, symbol="s", axis=RATIO_AXIS)
    body = [legend(lines, left=50), axes(frame), *(line(frame, series) for series in lines)]
    return page(WIDTH, 418, body, label="Sequential to parallel ratio")


def ratio_by_bin(evidence: Evidence) -> str:
    """Figure 7, right: the same by bin, at two budgets and under both selectors."""
    rows = evidence.summary.accuracy.filter(pl.col("difficulty") == "oracle")
    top = evidence.budgets[-1]
    small = max((n for n in evidence.budgets if n <= top // 4), default=top)
    looks = [(n, selector) for selector in ("hierarchical", "majority") for n in dict.fromkeys((top, small))]

    def inside(bin_: int) -> list[Series]:
        part = rows.filter(pl.col("bin") == bin_)
        return [
            Series(f"N = {n}, {'verifier' if selector == 'hierarchical' else selector}",
                   _along_chains(part, n, selector), PALETTE[i], mark=i)
            for i, (n, selector) in enumerate(looks)
        ]  # fmt: skip

    shown = [n for n in evidence.budgets if n <= top]
    return _panels(inside, shown, label="Sequential to parallel ratio by bin", symbol="s", axis=RATIO_AXIS)


def exchange(evidence: Evidence) -> str:
    """Figure 9: small minus large at equal FLOPs, bars by ratio and bin with 95 % whiskers."""
    rows = shown_exchanges(evidence).filter(pl.col("bin") > 0)
    groups = [part.to_dicts() for _, part in rows.group_by("source", "ratio", maintain_order=True)]
    groups.sort(key=lambda part: (part[0]["source"] == "cards", part[0]["ratio"]))
    values = [end for part in groups for one in part for end in (one["lo"], one["hi"], one["difference"])]
    low, high = floor(10 * min([*values, -0.1])) / 10 - 0.1, ceil(10 * max([*values, 0.1])) / 10 + 0.1
    frame = Frame(56, 44, WIDTH - 72, 330, [1, 2], low, high)
    wide = frame.width / len(groups)
    looks = {"text_anchor": "end", "font_size": "12", "fill": GREY}
    names = [text(frame.left + 4, frame.bottom + 36 + 17 * i, name, **looks) for i, name in enumerate(BELOW.values())]
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
    return "".join((
        f"<g><title>{escape(said)}</title>",
        box.drawn(gain_colour(1.0 if row["difference"] >= 0 else -1.0), "#666666"),
        box.drawn("url(#undecided)") if undecided else "",
        f'<path d="M{middle:.1f} {frame.y(row["lo"]):.1f}V{frame.y(row["hi"]):.1f}" stroke="{INK}"/>',
        text(middle, over, signed(row["difference"]), font_weight="600", font_size="13", text_anchor="middle"),
        text(middle, frame.bottom + 18, f"bin {row['bin']}", **tick),
        *(text(middle, frame.bottom + 36 + 17 * k, value, fill=GREY, **tick) for k, value in enumerate(values)),
        "</g>",
    ))  # fmt: skip


def _rules(frame: Frame) -> list[str]:
    parts: list[str] = []
    for i in range(round((frame.high - frame.low) / 0.2 + 1e-6) + 1):
        value = ceil(frame.low * 5) / 5 + 0.2 * i
        if value <= frame.high + 1e-9:
            colour = INK if abs(value) < 1e-9 else RULE
            parts.append(f'<path d="M{frame.left} {frame.y(value):.1f}h{frame.width:.1f}" stroke="{colour}"/>')
            looks = {"text_anchor": "end", "font_size": "12", "fill": GREY}
            parts.append(text(frame.left - 8, frame.y(value) + 4, signed(value), **looks))
    return parts


def _policies(fits: dict[str, PolicyFit]) -> list[Series]:
    return [
        Series(f"compute-optimal, {kind}", _points(fit.curve), STYLES[kind][0], STYLES[kind][1], 3.2)
        for kind, fit in fits.items()
    ]


def _along_chains(rows: pl.DataFrame, budget: int, selector: str) -> list[Point]:
    """Accuracy at one budget by the number of attempts in sequence, from all parallel to all in sequence."""
    part = rows.filter(pl.col("budget") == budget)
    by = {r["strategy"]: r for r in part.to_dicts()}
    keys = [key for key in revision_strategies(list(by), selector) if chain_length(key) <= budget]
    return [Point(chain_length(key), by[key]["accuracy"], by[key]["lo"], by[key]["hi"]) for key in keys]


def _points(rows: pl.DataFrame) -> list[Point]:
    return [Point(*row) for row in rows.sort("budget").select("budget", "accuracy", "lo", "hi").iter_rows()]


def _chart(lines: Sequence[Series], budgets: list[int], *, label: str) -> str:
    """One wide chart with its lines named at their right ends."""
    drawn = [series for series in lines if series.points]
    points = [point for series in drawn for point in series.points]
    low = max(floor(10 * min(p.lo for p in points)) / 10, 0.0)
    frame = Frame(50, 18, 820, 350, budgets, low, 1.0)
    body = [axes(frame), *(line(frame, series) for series in drawn), end_labels(frame, drawn)]
    return page(WIDTH, 412, body, label=label)


def _panels(inside: Any, budgets: list[int], *, label: str, **looks: str) -> str:
    """Five charts side by side on one accuracy axis, with one legend."""
    wide = (WIDTH - 64) / 5
    body = [legend(inside(1), left=48)]
    for bin_ in range(1, 6):
        frame = Frame(48 + (bin_ - 1) * wide, 58, wide - 34, 190, budgets, 0.0, 1.0, **looks)
        note = {1: " · easiest", 5: " · hardest"}.get(bin_, "")
        body += [text(frame.left, 48, f"bin {bin_}{note}", font_weight="600"), axes(frame)]
        body += [line(frame, series) for series in inside(bin_) if series.points]
    return page(WIDTH, 296, body, label=label)


def _ramp(place: int, count: int) -> str:
    """Light to dark blue: budgets are ordered, so their colours are."""
    share = place / max(count - 1, 1)
    return "#" + "".join(f"{round(a + (b - a) * share):02x}" for a, b in zip((125, 180, 222), (8, 38, 84), strict=True))
