"""The four lines that a run is shown by, everywhere the same.

What the model does alone, what the policy's generations are worth, whether difficulty matters, what
to do. Terminal, report, MLflow and `ttc policy` open with them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import polars as pl

from tasks.publication.recommendation import gap_text, matters_text, recommended_text
from tasks.publication.summary import RunSummary
from tasks.publication.words import amount_text, interval_text, signed_text
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.strategies.names import short_names

USUAL_BUDGET = 16
"""Generations where nobody says how many: what `ttc solve` and `ttc serve` take too."""
FOLD = 4
"""How much dearer the baseline must have been measured for a factor to be seen in full."""


def usual_budget(budgets: Sequence[int]) -> int:
    """The largest of the budgets up to 16, else the smallest."""
    fitting = [budget for budget in budgets if budget <= USUAL_BUDGET]
    return max(fitting, default=min(budgets))


def first_lines(summary: RunSummary) -> list[str]:
    """The lines, each `label: sentence`; the first alone where there is no policy."""
    lines = [_plain_line(summary)]
    row = _curve_row(summary, usual_budget(summary.budgets)) if summary.difficulties else None
    if row is not None:
        lines += [_worth_line(summary), _difficulty_line(summary, row), _advice_line(summary, row)]
    # What a run from before cannot say is an empty line.
    return [line for line in lines if line]


def baseline_name(summary: RunSummary) -> str:
    """The baseline as a sentence calls it."""
    # "weighted" alone does not say in a sentence what is weighted.
    names = short_names(summary.strategies) | {"weighted": "best-of-N weighted"}
    return names.get(summary.baseline, summary.baseline)


def _plain_line(summary: RunSummary) -> str:
    """Accuracy of one completion; where none was measured alone, of the smallest budget."""
    rows = summary.overall.filter(strategy=summary.baseline).sort("budget")
    if not rows.height:
        return ""
    row = rows.row(0, named=True)
    least = row["budget"]
    accuracy = interval_text(row["accuracy"], row["lo"], row["hi"])
    who = "one completion" if least == 1 else f"{baseline_name(summary)} of {least}"
    return f"Plain model: {who} is right on {accuracy} of {row['questions']} questions."


def _worth_line(summary: RunSummary) -> str:
    """What generations by difficulty are worth in generations of the baseline."""
    row = _shown_factor(summary)
    if row is None:
        return ""
    budget = row["budget"]
    baseline = baseline_name(summary)
    spent = f"{budget} generations by difficulty{_probe_remark(summary, budget)}"
    worth = amount_text(budget * row["factor"])
    sign = "are worth more than" if row["beyond"] else "are worth"
    return f"Compute: {spent} {sign} {worth} of {baseline}{_worth_ends(row)}."


def _shown_factor(summary: RunSummary) -> dict[str, Any] | None:
    """The efficiency factor at the largest budget of which the fourfold was measured."""
    rows = summary.efficiency.filter(difficulty=summary.used_difficulty)
    known = rows.filter(pl.col("budget") > 1).drop_nulls("factor").sort("budget")
    if not known.height:
        return None
    # A rule and not the largest factor, which would be a choice after the fact.
    within = known.filter(pl.col("budget") * FOLD <= summary.budgets[-1])
    shown = within if within.height else known.head(1)
    return shown.row(-1, named=True)


def _worth_ends(row: Mapping[str, Any]) -> str:
    """` [9, ∞)`: the factor's interval in generations of the baseline; empty where unknown."""
    if row["lo"] is None:
        return ""
    low = amount_text(row["budget"] * row["lo"])
    if row["beyond"] or row["hi"] is None:
        return f" [{low}, ∞)"
    high = amount_text(row["budget"] * row["hi"])
    return f" [{low}, {high}]"


def _probe_remark(summary: RunSummary, budget: int) -> str:
    """What a served question pays in all, where its bin costs draws."""
    # Other kinds are told by draws that only the evaluation needs: nobody who is served pays them.
    if DIFFICULTIES[summary.used_difficulty].price != "probe":
        return ""
    row = _curve_row(summary, budget)
    if row is None or row["generations"] <= budget:
        return ""
    return f" ({row['generations']:.3g} with the probe's)"


def _difficulty_line(summary: RunSummary, row: Mapping[str, Any]) -> str:
    """Whether a strategy by difficulty is ahead of one for all, at the usual budget."""
    if row["adapts"] is None:
        return ""
    rows = _judged(summary)
    names = short_names(summary.strategies)
    name = names.get(row["fixed"], row["fixed"])
    paying = [str(one["budget"]) for one in rows if one["adapts"]]
    elsewhere = ""
    if paying and not row["adapts"]:
        elsewhere = f"; it pays at N = {', '.join(paying)}"
    return (
        f"Difficulty: {matters_text(row)} at N = {row['budget']}; choosing by it "
        f"against {name} for all: {gap_text(row)}{elsewhere}."
    )


def _advice_line(summary: RunSummary, row: Mapping[str, Any]) -> str:
    """What to use at the usual budget, and what it gains and saves against the baseline."""
    if row["adapts"] is None:
        return ""
    names = short_names(summary.strategies)
    return f"{recommended_text(row, names)}{_gain_text(summary, row)}."


def _gain_text(summary: RunSummary, row: Mapping[str, Any]) -> str:
    """Accuracy over the baseline at the same budget, and the budget that would have been enough."""
    budget = row["budget"]
    rows = summary.overall.filter(strategy=summary.baseline, budget=budget)
    is_baseline = not row["adapts"] and row["fixed"] == summary.baseline
    if not rows.height or is_baseline:
        return ""
    reference = float(rows["accuracy"].item())
    reached = _reached(row)
    gain = signed_text(reached - reference)
    words = f"{reached:.2f}, {gain} over {baseline_name(summary)}"
    enough = [one["budget"] for one in _judged(summary) if _reached(one) >= reference]
    # Budgets rise: the first one is the cheapest.
    if enough and enough[0] < budget:
        words += f", whose {reference:.2f} it reaches with {enough[0]}"
    return f" ({words})"


def _reached(row: Mapping[str, Any]) -> float:
    """Cross-validated accuracy of what is recommended at a budget."""
    return float(row["accuracy"] if row["adapts"] else row["fixed_accuracy"])


def _judged(summary: RunSummary) -> list[dict[str, Any]]:
    """Rows of the curve at which it was decided what is recommended, budgets rising."""
    rows = summary.curve.filter(difficulty=summary.used_difficulty).drop_nulls("adapts")
    return rows.sort("budget").to_dicts()


def _curve_row(summary: RunSummary, budget: int) -> dict[str, Any] | None:
    """The policy's row of the curve at a budget under the used difficulty; None: there is none."""
    rows = summary.curve.filter(difficulty=summary.used_difficulty, budget=budget)
    return rows.row(0, named=True) if rows.height else None
