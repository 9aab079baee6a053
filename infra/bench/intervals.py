"""How often the intervals hold the truth.

`PYTHONPATH=. python infra/bench/intervals.py [--quick] [--json PATH]`

Benchmarks are simulated from a population of questions whose accuracies are known
(`infra.bench.simulated`), and what the product says of each is held against the truth, which is an
expectation over the population:

- accuracy, difference: of a strategy at a budget, and of a strategy minus the baseline.
- curve: the accuracy, on new questions, of the policy learnt from half a benchmark of that size,
  averaged over many benchmarks. That is what two-fold cross-validation estimates; the published
  policy has all questions to learn from.
- factor: the budget at which the baseline's true accuracy reaches the true curve, divided by the
  budget. An end that is NULL lies beyond the measured budgets and holds every truth there.

Shares are means over the cells of a row; `factor, reached` has the budgets whose true factor is
finite. With 500 benchmarks the share of one cell has a standard error of 1 %. On the null line-up
all strategies are equal, and the curve is ahead of the baseline by chance only.
"""

from __future__ import annotations

import argparse
import json
import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from infra.bench import simulated
from infra.bench.population import Population, grid_of_benchmark, population
from infra.bench.simulated import BASELINE, BUDGETS, EQUAL, SNELL
from tasks.runs.provenance import code_commit
from tasks.statistics.arrays import Floats
from tasks.statistics.curves import (
    cross_validated,
    fold_of,
    resample_curve,
)
from tasks.statistics.intervals import bounds, weights, wilson
from tasks.statistics.outcomes import SAME_ACCURACY, Grid
from tasks.statistics.policy import PolicyFit, fit_policy

CONTRASTED = (4, 16, 64)
"""Budgets at which strategies are compared."""
FACTORS = (2, 4, 8, 16, 32)
"""Budgets of which the factor is reported.

At 1 the policy is the baseline, at 64 the baseline cannot do more.
"""

NULL_COLUMNS = (*map(str, BUDGETS), "mean")


class Sizes(NamedTuple):
    """Questions of each kind of benchmark, how many are simulated, and resamples for an interval.

    `learners` are the further benchmarks whose policies make the true curve.
    """

    questions: tuple[int, ...]
    repetitions: int
    null_repetitions: int
    resamples: int
    learners: int


FULL = Sizes(
    questions=(100, 200, 400), repetitions=500, null_repetitions=200, resamples=400, learners=1000
)
QUICK = Sizes(questions=(100,), repetitions=20, null_repetitions=10, resamples=200, learners=50)


class Held(NamedTuple):
    """Whether each interval held its truth, 0 or 1, and how wide it is (NaN without an end)."""

    inside: Floats
    below: Floats
    """Truth under the lower end; above the upper end is the rest."""
    width: Floats


def check_ends(lo: Floats, hi: Floats, true: Floats) -> Held:
    """Intervals whose NaN ends are open."""
    below, above = true < lo - 1e-12, true > hi + 1e-12
    return Held((~(below | above)).astype(np.float64), below.astype(np.float64), hi - lo)


def one_benchmark(known: Population, size: int, *, seed: int, resamples: int) -> dict[str, Held]:
    """What the intervals of one benchmark hold, by the row of the report."""
    measured = simulated.benchmark(known.lineup, size, seed=seed)
    fit = fit_policy(measured.outcomes, measured.bins, seed=seed, resamples=resamples)
    grid = grid_of_benchmark(measured)
    drawn = weights(size, resamples=resamples, seed=seed)
    return {
        **_accuracies(known, grid, fit),
        **_differences(known, grid, drawn),
        "curve, bootstrap": check_ends(
            fit.curve["lo"].to_numpy(), fit.curve["hi"].to_numpy(), known.curve
        ),
        **_factors(known, fit),
    }


def _accuracies(known: Population, grid: Grid, fit: PolicyFit) -> dict[str, Held]:
    by_wilson = np.array(
        [wilson(float(one.mean()), float(one.var(ddof=1)), len(one)) for one in grid.accuracy.T]
    )
    ordered = fit.fixed.sort("budget", "strategy")
    true = known.truth.accuracy
    return {
        "accuracy, Wilson": check_ends(by_wilson[:, 1], by_wilson[:, 2], true),
        "accuracy, bootstrap": check_ends(ordered["lo"].to_numpy(), ordered["hi"].to_numpy(), true),
    }


def _differences(known: Population, grid: Grid, drawn: Floats) -> dict[str, Held]:
    own = grid.of(BASELINE)
    pairs = [
        (one, own[budget]) for budget in CONTRASTED for one in grid.at(budget) if one != own[budget]
    ]
    first, second = np.array(pairs).T
    gaps = grid.accuracy[:, first] - grid.accuracy[:, second]
    true = known.truth.accuracy[first] - known.truth.accuracy[second]
    ends = bounds(drawn @ gaps / len(gaps), count=len(gaps))
    half = 1.959963984540054 * gaps.std(axis=0, ddof=1) / len(gaps) ** 0.5
    return {
        "difference, bootstrap": check_ends(*ends, true),
        "difference, normal": check_ends(gaps.mean(axis=0) - half, gaps.mean(axis=0) + half, true),
    }


def _factors(known: Population, fit: PolicyFit) -> dict[str, Held]:
    rows = fit.efficiency.filter(pl.col("budget").is_in(FACTORS)).sort("budget")
    true = dict(zip(BUDGETS, known.factors, strict=True))
    lo, hi = rows["lo"].to_numpy(), rows["hi"].to_numpy()
    wanted = np.array([true[budget] for budget in rows["budget"]])
    reached = np.isfinite(wanted)
    each = {
        f"factor at {budget}": check_ends(lo[[at]], hi[[at]], wanted[[at]])
        for at, budget in enumerate(rows["budget"])
    }
    return {"factor, reached": check_ends(lo[reached], hi[reached], wanted[reached]), **each}


class Ahead(NamedTuple):
    """Whether the curve is ahead of the baseline by more than its interval, 0 or 1.

    At each budget, and in the mean over budgets.
    """

    alone: Floats
    """By the interval of the curve: its lower end is above the baseline's accuracy."""
    paired: Floats
    """By the interval of their difference on the same questions."""


def null_ahead(size: int, *, seed: int, resamples: int) -> Ahead:
    """What one benchmark of the null line-up says."""
    grid = grid_of_benchmark(simulated.benchmark(EQUAL, size, seed=seed))
    fold, own = fold_of(grid, seed=seed), grid.accuracy[:, list(grid.of(BASELINE).values())]
    drawn, everyone = weights(size, resamples=resamples, seed=seed), np.ones((1, size))
    curve = resample_curve(grid, fold, drawn)
    moved = _with_mean(curve - curve.mean(axis=0) + cross_validated(grid, fold, everyone))
    alone = bounds(moved, count=size).lo - _with_mean(own.mean(axis=0)[None])[0]
    paired = bounds(moved - _with_mean(drawn @ own / size), count=size).lo
    return Ahead(*((gap > SAME_ACCURACY).astype(np.float64) for gap in (alone, paired)))


def _with_mean(curves: Floats) -> Floats:
    """Curves (rows, budgets) with their mean as one more column."""
    return np.column_stack([curves, curves.mean(axis=1)])


def null_rows(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """Share of benchmarks, in percent, on which the curve is not ahead.

    At each budget, in the mean over budgets, and at every budget of a benchmark.
    """
    for size in sizes.questions:
        found = [
            null_ahead(size, seed=s, resamples=sizes.resamples)
            for s in range(sizes.null_repetitions)
        ]
        for name in Ahead._fields:
            ahead = np.array([getattr(one, name) for one in found])
            not_ahead = dict(zip(NULL_COLUMNS, 100 * (1 - ahead.mean(axis=0)), strict=True))
            yield {
                "interval": name,
                "questions": size,
                **not_ahead,
                "every": 100 * float((ahead.max(axis=1) == 0).mean()),
            }


def coverage_rows(sizes: Sizes) -> Iterator[dict[str, Any]]:
    """A row for each figure and size of benchmark: shares in percent."""
    for size in sizes.questions:
        known = population(SNELL, size, learners=sizes.learners)
        found = [
            one_benchmark(known, size, seed=s, resamples=sizes.resamples)
            for s in range(sizes.repetitions)
        ]
        for name in found[0]:
            yield {"figure": name, "questions": size, **_share([one[name] for one in found])}


def _share(found: list[Held]) -> dict[str, Any]:
    inside, below = np.array([one.inside for one in found]), np.array([one.below for one in found])
    cells, width = 100 * inside.mean(axis=0), np.array([one.width for one in found])
    return {
        "cells": cells.size,
        "covered": float(cells.mean()),
        "lowest": float(cells.min()),
        "highest": float(cells.max()),
        "truth_below": 100 * float(below.mean()),
        "truth_above": 100 * float((1 - inside - below).mean()),
        "width": float(np.nanmedian(width)) if np.isfinite(width).any() else None,
    }


def show(report: dict[str, Any]) -> None:
    """Print the figures."""
    console, sizes = Console(width=100), report["sizes"]
    covering = Table(
        *(
            "figure, interval",
            "questions",
            "cells",
            "covered",
            "lowest",
            "highest",
            "below",
            "above",
            "width",
        ),
        title=f"share of {sizes['repetitions']} intervals of 95 % that hold the truth, %",
        caption=f"standard error of a cell: {report['standard_error']:.1f} %; "
        "below, above: where else the truth lies",
    )
    for row in report["covered"]:
        shares = [
            f"{row[name]:.1f}"
            for name in ("covered", "lowest", "highest", "truth_below", "truth_above")
        ]
        width = "–" if row["width"] is None else f"{row['width']:.3f}"
        covering.add_row(row["figure"], str(row["questions"]), str(row["cells"]), *shares, width)
    console.print(covering)
    null = Table(
        *("interval", "questions", *NULL_COLUMNS, "every"),
        title=f"all strategies equal: share of {sizes['null_repetitions']} benchmarks "
        "with the curve not ahead, %",
        caption="at each budget, in the mean over budgets, at every budget of a benchmark",
    )
    for row in report["null"]:
        shares = [f"{row[at]:.1f}" for at in (*NULL_COLUMNS, "every")]
        null.add_row(row["interval"], str(row["questions"]), *shares)
    console.print(null)
    console.print(f"{report['cpu_seconds']:.0f} CPU seconds")


def main(sizes: Sizes) -> dict[str, Any]:
    """Simulate everything; the report as it is written to JSON."""
    started = time.process_time()
    return {
        "machine": {"cores": os.cpu_count()},
        "commit": code_commit(),
        "sizes": sizes._asdict(),
        "standard_error": 100 * (0.95 * 0.05 / sizes.repetitions) ** 0.5,
        "covered": list(coverage_rows(sizes)),
        "null": list(null_rows(sizes)),
        "cpu_seconds": time.process_time() - started,
    }


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How often the intervals hold the truth.")
    parser.add_argument("--quick", action="store_true", help="a small version, for a first look")
    parser.add_argument(
        "--questions", type=int, nargs="+", metavar="N", help="only benchmarks of these sizes"
    )
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    sizes = QUICK if options.quick else FULL
    found = main(sizes._replace(questions=tuple(options.questions)) if options.questions else sizes)
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
