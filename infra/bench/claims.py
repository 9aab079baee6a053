"""How often what a policy's cells claim is false, and how often their intervals hold the truth.

`PYTHONPATH=. python infra/bench/claims.py [--quick] [--tables N] [--json PATH]`

Benchmarks are drawn by `infra.bench.claims_families`, which shares no code with what is judged.

- null families, in which all strategies are equal: the share of tables with a decided cell whose
  strategy is not the baseline or with the baseline said to be ahead of others (`decided`), and with
  any cell said to be ahead of majority (`majority`). Both should be at most 5 %.
- families with gains: how often the truth lies in the intervals of accuracy and of gain over the
  baseline, of all named cells and of decided ones (gain: where the baseline is not what is named),
  how many cells are decided, and how many of these have no true gain.
"""

from __future__ import annotations

import argparse
import json
import time
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from infra.bench.claims_families import (
    BASELINE,
    Drawn,
    Family,
    columns_of,
    draw,
    family_of,
    population,
)
from tasks.statistics.cells.picks import policy_table
from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.statistics.outcomes import grid_of


class Sizes(NamedTuple):
    """Strategies and questions of the benchmarks, and how many of each kind are drawn."""

    strategies: tuple[int, ...]
    questions: tuple[int, ...]
    tables: int


FULL = Sizes(strategies=(3, 6, 12), questions=(50, 100, 200, 500), tables=400)
QUICK = Sizes(strategies=(6,), questions=(100,), tables=40)


def judged_table(family: Family, drawn: Drawn) -> pl.DataFrame:
    """The policy table of one benchmark, as the product makes it."""
    columns = columns_of(family, drawn)
    outcomes = pl.DataFrame(columns)
    names = outcomes["question_id"].unique(maintain_order=True)
    bins = pl.DataFrame({"question_id": names, "bin": drawn.bins})
    grid = grid_of(outcomes, bins, costs=("generated_tokens",), baseline=BASELINE)
    return policy_table(grid, BASELINE, last={})


def false_claims(family: Family, questions: int, *, tables: int) -> dict[str, float]:
    """Shares of null tables, in percent, with a claim."""
    decided = 0
    majority = 0
    for seed in range(tables):
        table = judged_table(family, draw(family, questions, seed=seed))
        ahead = (pl.col("over_majority_p") < SIGNIFICANCE) & (pl.col("over_majority") > 0)
        decided += table["decided"].any()
        majority += table.select(ahead.fill_null(False).any()).item()
    return {"decided": 100 * decided / tables, "majority": 100 * majority / tables}


def coverage(family: Family, questions: int, *, tables: int) -> dict[str, float]:
    """Shares in percent of intervals that hold the truth."""
    everyone = population(family)
    place = {(budget, line.key): at for at, (budget, line) in enumerate(family.cells)}
    held: dict[str, list[bool]] = {
        f"{what}, {which}": [] for what in ("accuracy", "gain") for which in ("named", "decided")
    }
    false = 0
    cells = 0
    for seed in range(tables):
        drawn = draw(family, questions, seed=seed)
        known = everyone.by_bin(drawn.cuts)
        for row in judged_table(family, drawn).iter_rows(named=True):
            cells += 1
            worth = known[row["bin"] - 1]
            own = worth[place[row["budget"], row["strategy"]]]
            gain = own - worth[place[row["budget"], BASELINE]]
            false += row["decided"] and gain * row["gain"] < 0
            for which in ("named", "decided") if row["decided"] else ("named",):
                held[f"accuracy, {which}"].append(row["lo"] <= own <= row["hi"])
                if row["strategy"] != BASELINE:
                    inside = row["gain_lo"] - 1e-12 <= gain <= row["gain_hi"] + 1e-12
                    held[f"gain, {which}"].append(inside)
    shares = {name: 100 * float(np.mean(one)) if one else np.nan for name, one in held.items()}
    count = len(held["accuracy, decided"])
    return {**shares, "decided": 100 * count / cells, "false": 100 * false / max(count, 1)}


def rows(sizes: Sizes, *, gains: bool) -> list[dict[str, Any]]:
    """A row for every kind of family and size."""
    found: list[dict[str, Any]] = []
    kinds = product(("pooled", "single"), ("mixed", "easy"), sizes.strategies, sizes.questions)
    for draws, ability, strategies, questions in kinds:
        family = family_of(strategies=strategies, draws=draws, ability=ability, gains=gains)
        judge = coverage if gains else false_claims
        figures = judge(family, questions, tables=sizes.tables)
        named = {
            "draws": draws,
            "benchmark": ability,
            "strategies": strategies,
            "questions": questions,
        }
        found.append({**named, **figures})
        # As soon as it is known: the whole takes an hour.
        print(json.dumps(found[-1]), flush=True)
    return found


def main(sizes: Sizes, *, gains: bool | None) -> dict[str, Any]:
    """Draw and judge everything; the report as it is written to JSON."""
    started = time.process_time()
    report: dict[str, Any] = {"sizes": sizes._asdict()}
    if gains is not True:
        report["null"] = rows(sizes, gains=False)
    if gains is not False:
        report["gains"] = rows(sizes, gains=True)
    report["cpu_seconds"] = time.process_time() - started
    return report


def show(report: dict[str, Any]) -> None:
    """Print the figures."""
    console = Console(width=120)
    for kind in ("null", "gains"):
        found = report.get(kind, [])
        if not found:
            continue
        table = Table(*found[0], title=f"{kind} families, {report['sizes']['tables']} tables, %")
        for row in found:
            texts = [f"{one:.1f}" if isinstance(one, float) else str(one) for one in row.values()]
            table.add_row(*texts)
        console.print(table)
    console.print(f"{report['cpu_seconds']:.0f} CPU seconds")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="How often claims of cells are false.")
    parser.add_argument("--quick", action="store_true", help="a small version, for a first look")
    parser.add_argument("--tables", type=int, metavar="N", help="benchmarks of each kind")
    parser.add_argument("--strategies", type=int, nargs="+", metavar="N")
    parser.add_argument("--questions", type=int, nargs="+", metavar="N")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--null", dest="gains", action="store_false", default=None)
    only.add_argument("--gains", dest="gains", action="store_true", default=None)
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    base = QUICK if options.quick else FULL
    sizes = Sizes(
        tuple(options.strategies or base.strategies),
        tuple(options.questions or base.questions),
        options.tables or base.tables,
    )
    report = main(sizes, gains=options.gains)
    show(report)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
