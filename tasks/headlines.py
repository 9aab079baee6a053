"""The sentences that a publication of one run opens with; every number comes from the summary's frames."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import polars as pl

from tasks.summary import COVERAGE, Cell, RunSummary, cells, factor_text, interval, short_names


def headlines(summary: RunSummary) -> list[str]:
    """The run's result in a few plain sentences: accuracy at the largest budget, efficiency, where what pays."""
    sentences = [_at_the_top(summary)]
    for difficulty in summary.difficulties[:1]:
        sentences += [_efficiency(summary, difficulty), *_where(summary, cells(summary, difficulty))]
    if summary.mdd is not None:
        sentences.append(f"Differences below {summary.mdd:.3f} cannot be detected with these questions.")
    return [sentence for sentence in sentences if sentence]


def beats_majority(policy: list[Cell]) -> bool:
    """Whether any cell decidedly names something other than majority."""
    return any(cell.decided and cell.strategy != "majority" for cell in policy)


def best_fixed(summary: RunSummary, budget: int) -> dict[str, Any]:
    """The row of the single strategy with the highest accuracy over all questions at a budget."""
    rows = summary.overall.filter((pl.col("budget") == budget) & (pl.col("strategy") != COVERAGE))
    return rows.sort("accuracy", descending=True, maintain_order=True).row(0, named=True)


def _at_the_top(summary: RunSummary) -> str:
    budget = summary.budgets[-1]
    best, names = best_fixed(summary, budget), short_names(summary.strategies)
    parts = [
        f"compute-optimal ({row['difficulty']} difficulty, cross-validated) {interval(row['accuracy'], row['lo'], row['hi'])}"
        for row in summary.curve.filter(pl.col("budget") == budget).sort("difficulty", descending=True).to_dicts()
    ]
    parts.append(
        f"best fixed strategy, {names[best['strategy']]}, {interval(best['accuracy'], best['lo'], best['hi'])}"
    )
    base = summary.overall.filter((pl.col("budget") == budget) & (pl.col("strategy") == summary.baseline))
    if base.height and summary.baseline != best["strategy"]:
        row = base.row(0, named=True)
        parts.append(f"{_baseline(summary)} {interval(row['accuracy'], row['lo'], row['hi'])}")
    return f"Accuracy at budget {budget} over {best['questions']} questions: " + "; ".join(parts) + "."


def _baseline(summary: RunSummary) -> str:
    return "best-of-N weighted" if summary.baseline == "weighted" else short_names(summary.strategies)[summary.baseline]


def _efficiency(summary: RunSummary, difficulty: str) -> str:
    """The factor at the largest budget, and at the one where it is largest if that is another."""
    rows = summary.efficiency.filter((pl.col("difficulty") == difficulty) & (pl.col("budget") > 1)).sort("budget")
    if not rows.height:
        return ""
    best = rows.sort("factor", descending=True, maintain_order=True).row(0, named=True)
    shown = {row["budget"]: row for row in (best, rows.row(-1, named=True))}
    parts = [f"{factor_text(row)} at N = {budget}" for budget, row in sorted(shown.items())]
    return f"Efficiency factor over {_baseline(summary)}: " + "; ".join(parts) + "."


def _where(summary: RunSummary, policy: list[Cell]) -> list[str]:
    top = [cell for cell in policy if cell.budget == summary.budgets[-1]]
    names = short_names(summary.strategies)
    spans = [(key, [c.bin for c in group]) for key, group in groupby(top, key=lambda c: c.strategy)]
    places = "; ".join(f"{_bins(bins)}: {names.get(key, key)}" for key, bins in spans)
    sentences = [f"Which strategy where at budget {summary.budgets[-1]} (bin 1 is the easiest): {places}."]
    undecided = sum(not cell.decided for cell in policy)
    if undecided:
        sentences.append(
            f"{undecided} of {len(policy)} policy cells cannot be told apart from a cheaper strategy;"
            " those name the cheapest."
        )
    if not beats_majority(policy):
        sentences.append("No strategy beats majority here: no cell decidedly names anything else.")
    return sentences


def _bins(bins: list[int]) -> str:
    return f"bin {bins[0]}" if len(bins) == 1 else f"bins {bins[0]}–{bins[-1]}"
