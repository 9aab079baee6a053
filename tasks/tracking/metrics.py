"""The curves of one run in MLflow: a point of a metric a row."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

import polars as pl

from tasks.publication.summary import COVERAGE, RunSummary
from tasks.tracking.comparable import difficulty_suffix


class Metric(NamedTuple):
    """One point of a metric's curve."""

    key: str
    """MLflow's page groups metrics by what stands before the slash."""
    value: float
    step: int
    """The budget; for an exchange the bin (0: all questions), along an axis the doubling of the
    limit; 0 where there is none."""


def metrics_of(summary: RunSummary) -> Iterator[Metric]:
    """Accuracy of every strategy and of the policy, efficiency factors, exchanges and costs."""
    for row in summary.overall.iter_rows(named=True):
        yield Metric(f"acc/{slug(row['strategy'])}", row["accuracy"], row["budget"])
    for place, kind in enumerate(summary.difficulties):
        yield from _policy_metrics(summary, kind, difficulty_suffix(place, kind))
    yield from _axis_metrics(summary)
    for row in summary.shown_exchange.filter(source="study").iter_rows(named=True):
        yield Metric(f"exchange/r{row['ratio']:g}", row["difference"], row["bin"])
    for row in summary.costs.iter_rows(named=True):
        for column, value in row.items():
            # Unknown is not zero, so a NULL makes no metric; the role's name is none either.
            if isinstance(value, int | float):
                yield Metric(f"cost/{row['role']}_{column}", float(value), 0)


def _policy_metrics(summary: RunSummary, kind: str, suffix: str) -> Iterator[Metric]:
    """Accuracy and efficiency factors of the policy under one kind of difficulty."""
    of_kind = pl.col("difficulty") == kind
    for row in summary.curve.filter(of_kind).iter_rows(named=True):
        yield Metric(f"acc/compute_optimal{suffix}", row["accuracy"], row["budget"])
    for row in summary.efficiency.filter(of_kind).iter_rows(named=True):
        yield Metric(f"efficiency_factor{suffix}", row["factor"], row["budget"])
        if row["net_factor"] is not None:
            yield Metric(f"efficiency_factor_net{suffix}", row["net_factor"], row["budget"])


def _axis_metrics(summary: RunSummary) -> Iterator[Metric]:
    """The policy along every axis under the used difficulty; a step is a doubling of the limit."""
    if not summary.difficulties:
        return
    for row in summary.cost_curves.filter(difficulty=summary.used_difficulty).to_dicts():
        for name in ("accuracy", "cost", "factor"):
            if row[name] is not None:
                yield Metric(f"by_{row['axis']}/{name}", row[name], row["level"])


def slug(strategy: str) -> str:
    """Metric's name: `beam_search(m=4)/weighted` → `beam_search_m4_weighted`."""
    if strategy == COVERAGE:
        return "coverage"
    return re.sub(r"\W+", "_", strategy.replace("=", "")).strip("_")
