"""The sentences that a publication of one run opens with; every number is one of the summary's."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import polars as pl

from tasks.publication.summary import COVERAGE, RunSummary, ShownCell, policy_cells
from tasks.publication.words import factor_text, interval_text, net_text
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.statistics.multiplicity import SIGNIFICANCE
from tasks.strategies.names import short_names


def headlines(summary: RunSummary) -> list[str]:
    """The run's result in plain sentences: accuracy at the largest budget, efficiency, policy."""
    sentences = [_accuracy_sentence(summary)]
    if summary.difficulties:
        policy = policy_cells(summary, summary.used_difficulty)
        sentences.append(_efficiency_sentence(summary))
        sentences += _policy_sentences(summary, policy)
    if summary.mdd is not None:
        sentences.append(
            f"Differences below {summary.mdd:.3f} cannot be detected with these questions."
        )
    sentences.append(_losses_sentence(summary))
    return [sentence for sentence in sentences if sentence]


def beats_majority(policy: list[ShownCell]) -> bool:
    """Whether the pick of any cell is ahead of majority, Holm-adjusted over the table.

    TRUE also where that is not known: without majority, or in a run from before p-values were
    computed. It is what a sentence warns of, and a warning needs a reason.
    """
    comparable = [cell for cell in policy if cell.over_majority is not None]
    if not comparable:
        return True
    # Where majority itself was picked there is nothing to be ahead of it.
    others = [cell for cell in comparable if cell.strategy != "majority"]
    if any(cell.over_majority_p is None for cell in others):
        return True
    return any(_is_ahead_of_majority(cell) for cell in others)


def _is_ahead_of_majority(cell: ShownCell) -> bool:
    gain = cell.over_majority or 0.0
    p = cell.over_majority_p or 0.0
    # p is two-sided, so the sign says in which direction it is significant.
    return gain > 0.0 and p < SIGNIFICANCE


def best_fixed(summary: RunSummary, budget: int) -> dict[str, Any]:
    """The row of the single strategy with the highest accuracy over all questions at a budget.

    The first by name of several that are equally accurate.
    """
    at_budget = pl.col("budget") == budget
    rows = summary.overall.filter(at_budget & (pl.col("strategy") != COVERAGE))
    # Rows come by strategy, and the stable sort keeps that order among equals.
    ranked = rows.sort("accuracy", descending=True, maintain_order=True)
    return ranked.row(0, named=True)


def largest_factor(summary: RunSummary) -> dict[str, Any] | None:
    """The row of the largest efficiency factor, the smallest budget of several; None: no factor."""
    rows = _factors(summary)
    if not rows.height:
        return None
    ranked = rows.sort("factor", descending=True, maintain_order=True)
    return ranked.row(0, named=True)


def _factors(summary: RunSummary) -> pl.DataFrame:
    """Efficiency factors under the used difficulty by budget."""
    rows = summary.efficiency.filter(difficulty=summary.used_difficulty)
    # Of one generation there is nothing to select, so budget 1 says nothing of a policy.
    return rows.filter(pl.col("budget") > 1).sort("budget")


def _accuracy_sentence(summary: RunSummary) -> str:
    """The policy, the best fixed strategy and the baseline at the largest budget."""
    budget = summary.budgets[-1]
    best = best_fixed(summary, budget)
    names = short_names(summary.strategies)
    parts: list[str] = []
    for row in _policy_rows(summary, budget):
        kind = f"{row['difficulty']} difficulty"
        parts.append(f"compute-optimal ({kind}, cross-validated) {_accuracy_text(row)}")
    parts.append(f"best fixed strategy, {names[best['strategy']]}, {_accuracy_text(best)}")
    if summary.baseline != best["strategy"]:
        rows = summary.overall.filter(budget=budget, strategy=summary.baseline)
        for row in rows.iter_rows(named=True):
            parts.append(f"{_baseline_name(summary)} {_accuracy_text(row)}")
    return f"Accuracy at budget {budget} over {best['questions']} questions: {'; '.join(parts)}."


def _policy_rows(summary: RunSummary, budget: int) -> list[dict[str, Any]]:
    """The policy's accuracy at a budget under each kind of difficulty, the used one first."""
    kinds = list(DIFFICULTIES)
    rows = summary.curve.filter(budget=budget).to_dicts()
    return sorted(rows, key=lambda row: kinds.index(row["difficulty"]))


def _accuracy_text(row: dict[str, Any]) -> str:
    return interval_text(row["accuracy"], row["lo"], row["hi"])


def _baseline_name(summary: RunSummary) -> str:
    # "weighted" alone does not say in a sentence what is weighted.
    names = short_names(summary.strategies) | {"weighted": "best-of-N weighted"}
    return names.get(summary.baseline, summary.baseline)


def _efficiency_sentence(summary: RunSummary) -> str:
    """The factor where it is largest and at the largest budget, each also net."""
    best = largest_factor(summary)
    if best is None:
        return ""
    last = _factors(summary).row(-1, named=True)
    # By budget, so that the two are one where the factor is largest at the end.
    rows = {row["budget"]: row for row in (best, last)}
    parts = [
        f"{factor_text(row)} at N = {budget}{_net_remark(row)}"
        for budget, row in sorted(rows.items())
    ]
    return f"Efficiency factor over {_baseline_name(summary)}: {'; '.join(parts)}."


def _net_remark(row: dict[str, Any]) -> str:
    net = net_text(row)
    return "" if net is None else f" ({net} net of the draws that estimate difficulty)"


def _policy_sentences(summary: RunSummary, policy: list[ShownCell]) -> list[str]:
    """What the policy names at the largest budget, and how sure its table is."""
    top = summary.budgets[-1]
    names = short_names(summary.strategies)
    places: list[str] = []
    at_top = [cell for cell in policy if cell.budget == top]
    # Cells come by bin, so neighbouring bins of one strategy make one range.
    for key, cells in groupby(at_top, key=lambda cell: cell.strategy):
        bins = [cell.bin for cell in cells]
        places.append(f"{_bin_range(bins)}: {names.get(key, key)}")
    sentences = [
        f"Which strategy where at budget {top} (bin 1 is the easiest): {'; '.join(places)}."
    ]
    undecided = sum(not cell.decided for cell in policy)
    if undecided:
        sentences.append(
            f"{undecided} of {len(policy)} policy cells cannot be told apart from "
            f"{_baseline_name(summary)} (Holm over the table); "
            "those name the cheapest that the best is not ahead of."
        )
    if not beats_majority(policy):
        sentences.append("No strategy beats majority here: no pick is significantly ahead of it.")
    return sentences


def _bin_range(bins: list[int]) -> str:
    return f"bin {bins[0]}" if len(bins) == 1 else f"bins {bins[0]}–{bins[-1]}"


def _losses_sentence(summary: RunSummary) -> str:
    """What could not be read at the largest budget; empty when everything could."""
    top = summary.overall.filter(budget=summary.budgets[-1])
    # The worst strategy's rate: an average would hide the one that loses most.
    cut = max(top["truncated"].to_list())
    silent = max(top["no_answer"].to_list())
    failed = int(summary.failures["calls"].sum()) if summary.failures.height else 0
    parts: list[str] = []
    if cut:
        parts.append(f"up to {cut:.1%} of completions were cut at the token limit")
    if silent:
        parts.append(f"up to {silent:.1%} gave no answer")
    if failed:
        parts.append(f"the verifier failed {failed} times")
    return f"Not silently scored: {'; '.join(parts)}." if parts else ""
