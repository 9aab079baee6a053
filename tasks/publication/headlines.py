"""The sentences that a publication of one run opens with; every number comes from the summary's frames."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import polars as pl

from tasks.publication.summary import COVERAGE, RunSummary, ShownCell, policy_cells
from tasks.publication.words import factor_text, interval_text, net_text
from tasks.statistics.multiplicity import SIGNIFICANCE
from tasks.strategies.names import short_names


def headlines(summary: RunSummary) -> list[str]:
    """The run's result in plain sentences: accuracy at the largest budget, efficiency, what pays where."""
    sentences = [_at_the_top(summary)]
    if summary.difficulties:
        policy = policy_cells(summary, summary.used_difficulty)
        sentences += [_efficiency(summary), *_where(summary, policy)]
    if summary.mdd is not None:
        sentences.append(
            f"Differences below {summary.mdd:.3f} cannot be detected with these questions."
        )
    sentences.append(_trouble(summary))
    return [sentence for sentence in sentences if sentence]


def _trouble(summary: RunSummary) -> str:
    """What could not be read, at the largest budget; empty when everything could."""
    top = summary.overall.filter(budget=summary.budgets[-1])
    cut, silent = max(top["truncated"].to_list()), max(top["no_answer"].to_list())
    failed = int(summary.failures["calls"].sum()) if summary.failures.height else 0
    parts = [
        f"up to {cut:.1%} of completions were cut at the token limit" if cut else "",
        f"up to {silent:.1%} gave no answer" if silent else "",
        f"the verifier failed {failed} times" if failed else "",
    ]
    said = "; ".join(part for part in parts if part)
    return f"Not silently scored: {said}." if said else ""


def beats_majority(policy: list[ShownCell]) -> bool:
    """Whether the pick of any cell is ahead of majority, Holm-adjusted over the table.

    TRUE also where that is not known: without majority, or in a run from before p-values were computed.
    """
    known = [
        cell for cell in policy if cell.over_majority is not None and cell.strategy != "majority"
    ]
    if any(cell.over_majority_p is None for cell in known):
        return True
    picked = any(cell.over_majority is not None for cell in policy)
    return not picked or any(
        (c.over_majority or 0.0) > 0.0 and (c.over_majority_p or 0.0) < SIGNIFICANCE for c in known
    )


def best_fixed(summary: RunSummary, budget: int) -> dict[str, Any]:
    """The row of the single strategy with the highest accuracy over all questions at a budget."""
    rows = summary.overall.filter((pl.col("budget") == budget) & (pl.col("strategy") != COVERAGE))
    return rows.sort("accuracy", descending=True, maintain_order=True).row(0, named=True)


def _at_the_top(summary: RunSummary) -> str:
    budget = summary.budgets[-1]
    best, names = best_fixed(summary, budget), short_names(summary.strategies)
    curve = summary.curve.filter(budget=budget).sort("difficulty", descending=True)
    parts = [
        f"compute-optimal ({r['difficulty']} difficulty, cross-validated) {_measured(r)}"
        for r in curve.to_dicts()
    ]
    parts.append(f"best fixed strategy, {names[best['strategy']]}, {_measured(best)}")
    if summary.baseline != best["strategy"]:
        rows = summary.overall.filter(budget=budget, strategy=summary.baseline).to_dicts()
        parts += [f"{_baseline(summary)} {_measured(row)}" for row in rows]
    return f"Accuracy at budget {budget} over {best['questions']} questions: {'; '.join(parts)}."


def _measured(row: dict[str, Any]) -> str:
    return interval_text(row["accuracy"], row["lo"], row["hi"])


def _baseline(summary: RunSummary) -> str:
    names = short_names(summary.strategies) | {"weighted": "best-of-N weighted"}
    return names.get(summary.baseline, summary.baseline)


def _factors(summary: RunSummary) -> pl.DataFrame:
    """Efficiency factors under the used difficulty, budget 1 left out."""
    rows = summary.efficiency.filter(difficulty=summary.used_difficulty)
    return rows.filter(pl.col("budget") > 1).sort("budget")


def largest_factor(summary: RunSummary) -> dict[str, Any] | None:
    """The row of the largest efficiency factor, at the smallest such budget; None: there is none."""
    rows = _factors(summary)
    return (
        rows.sort("factor", descending=True, maintain_order=True).row(0, named=True)
        if rows.height
        else None
    )


def _efficiency(summary: RunSummary) -> str:
    """The factor at the largest budget, and at the one where it is largest if that is another; each also net."""
    best = largest_factor(summary)
    if best is None:
        return ""
    shown = {row["budget"]: row for row in (best, _factors(summary).row(-1, named=True))}
    parts = [
        f"{factor_text(row)} at N = {budget}{_net(row)}" for budget, row in sorted(shown.items())
    ]
    return f"Efficiency factor over {_baseline(summary)}: {'; '.join(parts)}."


def _net(row: dict[str, Any]) -> str:
    net = net_text(row)
    return "" if net is None else f" ({net} net of the draws that estimate difficulty)"


def _where(summary: RunSummary, policy: list[ShownCell]) -> list[str]:
    top = [cell for cell in policy if cell.budget == summary.budgets[-1]]
    names = short_names(summary.strategies)
    spans = [(key, [c.bin for c in group]) for key, group in groupby(top, key=lambda c: c.strategy)]
    places = "; ".join(f"{_bins(bins)}: {names.get(key, key)}" for key, bins in spans)
    sentences = [
        f"Which strategy where at budget {summary.budgets[-1]} (bin 1 is the easiest): {places}."
    ]
    undecided = sum(not cell.decided for cell in policy)
    if undecided:
        sentences.append(
            f"{undecided} of {len(policy)} policy cells cannot be told apart from {_baseline(summary)}"
            " (Holm over the table); those name the cheapest that the best is not ahead of."
        )
    if not beats_majority(policy):
        sentences.append("No strategy beats majority here: no pick is significantly ahead of it.")
    return sentences


def _bins(bins: list[int]) -> str:
    return f"bin {bins[0]}" if len(bins) == 1 else f"bins {bins[0]}–{bins[-1]}"
