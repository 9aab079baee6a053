"""What follows a run's first lines, in sentences; every number is one of the summary's.

The report's second page, MLflow's note and `ttc run` show the same ones.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import groupby
from typing import Any

import polars as pl

from tasks.publication.axis_policies import axis_factor_text, axis_factors
from tasks.publication.cells import (
    LOSSY,
    ShownCell,
    cell_name,
    loses_much,
    loss_lines,
    policy_cells,
)
from tasks.publication.first_lines import baseline_name
from tasks.publication.summary import COVERAGE, RunSummary
from tasks.publication.words import (
    amount_text,
    detectable_text,
    factor_text,
    interval_text,
    net_text,
    rate_text,
)
from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.statistics.outcomes import MOSTLY
from tasks.strategies.names import short_names


def headlines(summary: RunSummary) -> list[str]:
    """The run's result in plain sentences, what matters most first.

    Accuracy at the largest budget, efficiency factor, the policy's choices and how sure they are,
    what could not be detected, what could not be read.
    """
    sentences = [_accuracy_sentence(summary)]
    if summary.difficulties:
        sentences += _efficiency_sentences(summary)
        sentences.append(_choice_sentence(summary))
    if summary.mdd is not None:
        words = detectable_text(summary.mdd)
        sentences.append(f"{words[0].upper()}{words[1:]} with these questions.")
    return sentences + cautions(summary)


def cautions(summary: RunSummary) -> list[str]:
    """What of a run must not be overread: undecided cells, and what could not be priced or read."""
    sentences: list[str] = []
    if summary.difficulties:
        sentences += _doubt_sentences(summary)
    sentences += [_unpriced_sentence(summary), _losses_sentence(summary)]
    # A part that has nothing to say gives an empty sentence.
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
    """Whether the gain over majority is one, and significant in its table."""
    gain = cell.over_majority or 0.0
    p = cell.over_majority_p or 0.0
    # p is two-sided, so the sign says in which direction it is significant.
    return gain > 0.0 and p < SIGNIFICANCE


def best_fixed(summary: RunSummary, budget: int) -> dict[str, Any]:
    """The single strategy for all questions at a budget: its row, with an honest accuracy.

    The one that may be recommended (`statistics.worth`), its accuracy cross-validated as
    the policy's is. Without a policy, the one with the highest accuracy, which flatters it: the
    first by name of equal ones; one most of whose completions were cut only where that is so of
    all.
    """
    # Coverage is what a perfect selector would reach: a bound, no strategy.
    rows = summary.overall.filter(pl.col("strategy") != COVERAGE, budget=budget)
    # Rows come by strategy, and the stable sort keeps that order among equals.
    ranked = rows.sort(pl.col("truncated") > MOSTLY, -pl.col("accuracy"), maintain_order=True)
    judged = summary.curve.filter(difficulty=summary.used_difficulty, budget=budget)
    for row in judged.drop_nulls("fixed").iter_rows(named=True):
        own = rows.row(by_predicate=pl.col("strategy") == row["fixed"], named=True)
        figures = {name: row[f"fixed_{name}"] for name in ("accuracy", "lo", "hi")}
        return own | figures
    return ranked.row(0, named=True)


def best_fixed_name(best: dict[str, Any], names: Mapping[str, str]) -> str:
    """The short name of `best_fixed` with its mark, where it loses much."""
    name = names[best["strategy"]]
    is_lossy = loses_much(best["truncated"], best["no_answer"])
    return f"{name} {LOSSY}" if is_lossy else name


def largest_factor(summary: RunSummary) -> dict[str, Any] | None:
    """The row of the largest efficiency factor; None: there is no factor.

    Of several that are equal, the one at the smallest budget.
    """
    rows = _factors(summary)
    if not rows.height:
        return None
    ranked = rows.sort("factor", descending=True, maintain_order=True)
    return ranked.row(0, named=True)


def _factors(summary: RunSummary) -> pl.DataFrame:
    """Efficiency factors (METHOD §7) under the used difficulty, by budget; often no rows."""
    rows = summary.efficiency.filter(difficulty=summary.used_difficulty)
    # Of one generation there is nothing to select, so budget 1 says nothing of a policy.
    return rows.filter(pl.col("budget") > 1).sort("budget")


def other_kinds(summary: RunSummary) -> list[str]:
    """The policy's accuracy at the largest budget under each kind of difficulty not in use."""
    budget = summary.budgets[-1]
    rows = summary.curve.filter(
        pl.col("difficulty") != summary.used_difficulty, pl.col("budget") == budget
    )
    kinds = list(DIFFICULTIES)
    ranked = sorted(rows.to_dicts(), key=lambda row: kinds.index(row["difficulty"]))
    return [
        f"By {row['difficulty']} difficulty, at budget {budget}: {_accuracy_text(row)}."
        for row in ranked
    ]


def _accuracy_sentence(summary: RunSummary) -> str:
    """The policy, the best fixed strategy and the baseline at the largest budget."""
    budget = summary.budgets[-1]
    best = best_fixed(summary, budget)
    names = short_names(summary.strategies)
    parts: list[str] = []
    rows = summary.curve.filter(difficulty=summary.used_difficulty, budget=budget)
    for row in rows.iter_rows(named=True):
        parts.append(f"by {row['difficulty']} difficulty, cross-validated, {_accuracy_text(row)}")
    name = best_fixed_name(best, names)
    parts.append(f"best fixed strategy, {name}, {_accuracy_text(best)}")
    # Where the baseline is the best, its figure stands there already.
    if summary.baseline != best["strategy"]:
        rows = summary.overall.filter(budget=budget, strategy=summary.baseline)
        for row in rows.iter_rows(named=True):
            parts.append(f"{baseline_name(summary)} {_accuracy_text(row)}")
    accuracies = "; ".join(parts)
    return f"Accuracy at budget {budget} over {best['questions']} questions: {accuracies}."


def _accuracy_text(row: dict[str, Any]) -> str:
    """`0.62 [0.59, 0.65]`."""
    return interval_text(row["accuracy"], row["lo"], row["hi"])


def _efficiency_sentences(summary: RunSummary) -> list[str]:
    """The factor where it is largest and at the largest budget, each also net; and along tokens.

    Both, because the largest alone would be a choice after the fact.
    """
    best = largest_factor(summary)
    if best is None:
        return []
    last = _factors(summary).row(-1, named=True)
    # By budget, so that the two are one where the factor is largest at the end.
    rows = {row["budget"]: row for row in (best, last)}
    parts: list[str] = []
    for budget, row in sorted(rows.items()):
        factor = factor_text(row)
        parts.append(f"{factor} at N = {budget}{_net_remark(row)}")
    parts += _token_factors(summary)
    over = f"Efficiency factor over {baseline_name(summary)}"
    return [f"{over}: {part}." for part in parts]


def _token_factors(summary: RunSummary) -> list[str]:
    """The same along generated tokens: where it is largest, and at the largest limit."""
    rows = axis_factors(summary, "tokens")
    if not rows:
        return []
    best = max(rows, key=lambda row: row["factor"])
    parts: list[str] = []
    for row in {row["level"]: row for row in sorted((best, rows[-1]), key=_limit)}.values():
        parts.append(f"{axis_factor_text(row)} at {amount_text(row['cost'])} tokens a question")
    return parts


def _limit(row: dict[str, Any]) -> int:
    return int(row["level"])


def _net_remark(row: dict[str, Any]) -> str:
    """The factor net of what a served question pays for its bin, in brackets; else empty."""
    net = net_text(row)
    # Other kinds are told by draws that only the evaluation needs: nobody who is served pays them.
    if net is None or DIFFICULTIES[row["difficulty"]].price != "probe":
        return ""
    return f" ({net} net of the probe's draws)"


def _doubt_sentences(summary: RunSummary) -> list[str]:
    """How sure the policy's table is."""
    policy = policy_cells(summary, summary.used_difficulty)
    sentences: list[str] = []
    undecided = sum(cell.is_recommended and not cell.decided for cell in policy)
    if undecided:
        sentences.append(
            f"{undecided} of {len(policy)} policy cells cannot be told apart from "
            f"{baseline_name(summary)} (Holm over the table); "
            "those name the cheapest that the best is not ahead of."
        )
    if not beats_majority(policy):
        sentences.append("No strategy beats majority here: no pick is significantly ahead of it.")
    return sentences


def _choice_sentence(summary: RunSummary) -> str:
    """Which strategy the policy names in which bins at the largest budget."""
    policy = policy_cells(summary, summary.used_difficulty)
    top = summary.budgets[-1]
    at_top = [cell for cell in policy if cell.budget == top]
    names = short_names(summary.strategies)
    places: list[str] = []
    # Cells come by bin, so neighbouring bins of one strategy make one range.
    for name, cells in groupby(at_top, key=lambda cell: cell_name(cell, names)):
        bins = [cell.bin for cell in cells]
        places.append(f"{_bin_range(bins)}: {name}")
    choices = "; ".join(places)
    lines = loss_lines([cell.loss for cell in at_top])
    notes = "".join(f" {line}." for line in lines)
    return f"Which strategy where at budget {top} (bin 1 is the easiest): {choices}.{notes}"


def _bin_range(bins: list[int]) -> str:
    """`bin 3`, `bins 3–5`."""
    first = bins[0]
    last = bins[-1]
    if first == last:
        return f"bin {first}"
    return f"bins {first}–{last}"


def _unpriced_sentence(summary: RunSummary) -> str:
    """Empty for a run whose strategies are all priced in FLOPs."""
    if not summary.overall["flops"].has_nulls():
        return ""
    return "Nothing is known along FLOPs: parameters of a model, or tokens, were not told."


def _losses_sentence(summary: RunSummary) -> str:
    """What could not be read at the largest budget; empty when everything could.

    Cut completions, missing answers and failed verifier calls all lower an accuracy without the
    strategy being to blame (METHOD §15).
    """
    top = summary.overall.filter(budget=summary.budgets[-1])
    # The worst strategy's rate: an average would hide the one that loses most.
    cut = max(top["truncated"].to_list())
    (steps,) = summary.steps.to_dicts()
    silent = max(top["no_answer"].to_list())
    failed = sum(summary.failures["calls"].to_list())
    parts: list[str] = []
    if cut:
        parts.append(f"up to {rate_text(cut)} of completions were cut at the token limit")
    if steps["cut_steps"]:
        share = steps["cut_steps"] / steps["step_draws"]
        parts.append(f"{rate_text(share)} of steps were cut at max_step_tokens")
    if steps["out_of_rounds"]:
        parts.append(f"{steps['out_of_rounds']:,} searches ended with max_rounds")
    (thinking,) = summary.thinking.to_dicts()
    if thinking["still_thinking"]:
        share = thinking["still_thinking"] / thinking["completions"]
        parts.append(f"{rate_text(share)} of all completions never stopped thinking")
    if silent:
        parts.append(f"up to {rate_text(silent)} gave no answer")
    if failed:
        parts.append(f"the verifier failed {failed} times")
    if not parts:
        return ""
    return f"Not silently scored: {'; '.join(parts)}."
