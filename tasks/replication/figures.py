"""The replication's figures as SVG text, in the order of the paper's."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import Any

import polars as pl

from tasks.publication.figures import PALETTE
from tasks.publication.summary import COVERAGE
from tasks.publication.svg import (
    GREY,
    Frame,
    Point,
    Series,
    axes,
    end_labels,
    legend,
    line,
    page,
    text,
)
from tasks.replication.claims import BASELINE, BEAM, LOOKAHEAD
from tasks.replication.evidence import PARALLEL, Evidence, chain_length, revision_strategies
from tasks.statistics.policy import PolicyFit
from tasks.strategies.names import short_names

WIDTH = 1180
STYLES = {"oracle": ("#000000", ""), "predicted": (PALETTE[0], "7 4"), "probe": (PALETTE[2], "2 4")}
"""Colour and dash of a policy's line by kind of difficulty."""
SEARCHED = (
    "majority",
    "best_of_n",
    BASELINE,
    BEAM,
    "beam_search(m=sqrt)/weighted",
    LOOKAHEAD,
    "lookahead(k=3,m=4)/weighted",
    "lookahead(k=3,m=sqrt)/weighted",
)
IN_PANELS = ("majority", BASELINE, BEAM)
RATIO_AXIS = "attempts in sequence s (N/s chains in parallel, log₂)"


def search(evidence: Evidence) -> str:
    """Figure 3, left: searches and best-of-N against budget."""
    rows, names = evidence.summary.overall, short_names(SEARCHED)
    lines = [
        Series(
            names[key],
            _points(rows.filter(pl.col("strategy") == key)),
            PALETTE[i % len(PALETTE)],
            mark=i,
        )
        for i, key in enumerate(SEARCHED)
        if key in evidence.strategies
    ]
    return _chart(lines, evidence.budgets, label="Search against best-of-N over budget")


def search_by_bin(evidence: Evidence) -> str:
    """Figure 3, right: the same by bin of oracle difficulty."""
    names = short_names(SEARCHED)
    rows = evidence.summary.accuracy.filter(pl.col("difficulty") == "oracle")
    series = [
        (names[key], key, PALETTE[SEARCHED.index(key)], SEARCHED.index(key)) for key in IN_PANELS
    ]

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
    return _chart(
        [*fixed, *_policies(evidence.search)], evidence.budgets, label="Compute-optimal search"
    )


def revision_policy(evidence: Evidence) -> str:
    """Figure 8: compute-optimal revisions against attempts in parallel."""
    rows = evidence.summary.overall
    fixed = [
        Series(name, _points(rows.filter(pl.col("strategy") == key)), colour, mark=mark)
        for name, key, colour, mark in (
            ("attempts in parallel", PARALLEL, PALETTE[1], 2),
            ("best-of-N weighted", BASELINE, GREY, 1),
        )
        if key in evidence.strategies
    ]
    return _chart(
        [*fixed, *_policies(evidence.revising)], evidence.budgets, label="Compute-optimal revisions"
    )


def ratio(evidence: Evidence) -> str:
    """Figure 7, left: accuracy against the number of attempts in sequence, a line a budget."""
    budgets = [n for n in evidence.budgets if n >= 4]
    lines = [
        Series(
            f"N = {n}",
            _along_chains(evidence.summary.overall, n, "hierarchical"),
            _ramp(i, len(budgets)),
            mark=i,
        )
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
    looks = [
        (n, selector)
        for selector in ("hierarchical", "majority")
        for n in dict.fromkeys((top, small))
    ]

    def inside(bin_: int) -> list[Series]:
        part = rows.filter(pl.col("bin") == bin_)
        return [
            Series(
                f"N = {n}, {'verifier' if selector == 'hierarchical' else selector}",
                _along_chains(part, n, selector),
                PALETTE[i],
                mark=i,
            )
            for i, (n, selector) in enumerate(looks)
        ]

    shown = [n for n in evidence.budgets if n <= top]
    return _panels(
        inside, shown, label="Sequential to parallel ratio by bin", symbol="s", axis=RATIO_AXIS
    )


def _policies(fits: dict[str, PolicyFit]) -> list[Series]:
    return [
        Series(
            f"compute-optimal, {kind}", _points(fit.curve), STYLES[kind][0], STYLES[kind][1], 3.2
        )
        for kind, fit in fits.items()
    ]


def _along_chains(rows: pl.DataFrame, budget: int, selector: str) -> list[Point]:
    """Accuracy at one budget by the number of attempts in sequence, from all parallel to all in sequence."""
    part = rows.filter((pl.col("budget") == budget) & (pl.col("strategy") != COVERAGE))
    by = {r["strategy"]: r for r in part.to_dicts()}
    keys = [key for key in revision_strategies(list(by), selector) if chain_length(key) <= budget]
    return [
        Point(chain_length(key), by[key]["accuracy"], by[key]["lo"], by[key]["hi"]) for key in keys
    ]


def _points(rows: pl.DataFrame) -> list[Point]:
    return [
        Point(*row)
        for row in rows.sort("budget").select("budget", "accuracy", "lo", "hi").iter_rows()
    ]


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
    return "#" + "".join(
        f"{round(a + (b - a) * share):02x}"
        for a, b in zip((125, 180, 222), (8, 38, 84), strict=True)
    )
