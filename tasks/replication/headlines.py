"""The two results that stand on top of the replication report."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from tasks.publication.words import factor_text, signed_text
from tasks.replication.conclusions import (
    FACTOR,
    LEAST_BUDGET,
    LEAST_END,
    Conclusion,
    every,
    factor_conclusion,
    largest_factor,
)
from tasks.replication.evidence import Evidence
from tasks.replication.exchange_claims import ahead_somewhere, behind_on_the_hardest, best_bin
from tasks.replication.paper import FEW_INFERRED


class Headline(NamedTuple):
    """A question, its answer as one figure, and a conclusion."""

    question: str
    figure: str
    """In large letters; `–` or `not measured` without any."""
    detail: str
    """Where the figure comes from, and what was wanted of it."""
    conclusion: Conclusion


def headlines(evidence: Evidence) -> list[Headline]:
    """The saving over best-of-N, and the exchange with the larger model."""
    return [_saving(evidence), _trade(evidence)]


def _saving(evidence: Evidence) -> Headline:
    question = f"Does choosing the strategy by difficulty save {FACTOR:g}× over best-of-N weighted?"
    kind = evidence.used_difficulty
    rows = evidence.summary.efficiency.filter(pl.col("difficulty") == kind)
    best = largest_factor(rows)
    if best is None:
        unmeasured = f"No budget of {LEAST_BUDGET} or more was measured."
        return Headline(question, "–", unmeasured, "cannot be told")
    return Headline(
        question=question,
        figure=_factor(best),
        detail=_saving_detail(evidence, best),
        conclusion=factor_conclusion(rows),
    )


def _saving_detail(evidence: Evidence, best: dict[str, Any]) -> str:
    budget = best["budget"]
    kind = evidence.used_difficulty
    source = f"efficiency factor at N = {budget}, {kind} difficulty, 95 % interval in brackets"
    if best.get("net_factor") is not None:
        net = f"{best['net_factor']:.2g}×"
        source += f"; {net} with the draws that estimate difficulty counted"
    sentences = [source]
    others = _other_factors(evidence, budget)
    if others:
        sentences.append(f"By {', by '.join(others)}")
    # So that a reader sees how near the figure came without the method at hand.
    wanted = (
        f"Wanted: {FACTOR:g} or more at some N ≥ {LEAST_BUDGET}, lower end above {LEAST_END:g}."
    )
    sentences.append(wanted)
    return ". ".join(sentences)


def _other_factors(evidence: Evidence, budget: int) -> list[str]:
    """The factor at a budget under the kinds of difficulty that the policy is not used by."""
    factors: list[str] = []
    for kind in evidence.bins:
        if kind == evidence.used_difficulty:
            continue
        rows = evidence.summary.efficiency.filter(difficulty=kind, budget=budget)
        for row in rows.to_dicts():
            factors.append(f"{kind} {factor_text(row)}")
    return factors


def _factor(row: dict[str, Any]) -> str:
    """`5.2× [3.1, 8.0]`, `> 4× [3.9, no upper bound]`."""
    # Beyond the baseline's largest budget the figure is only a lower bound.
    bound = "> " if row["beyond"] else ""
    value = f"{bound}{row['factor']:.2g}×"
    low = "?" if row["lo"] is None else f"{row['lo']:.2g}"
    high = "no upper bound" if row["hi"] is None else f"{row['hi']:.2g}"
    return f"{value} [{low}, {high}]"


def _trade(evidence: Evidence) -> Headline:
    question = (
        "At equal FLOPs, is the small model ahead of the larger one on some bin, "
        "and behind on the hardest?"
    )
    rows = evidence.summary.shown_exchange
    # Where little is inferred the small model has most to spend; bin 0 is all questions.
    few = rows.filter(
        pl.col("ratio") == FEW_INFERRED,
        pl.col("bin") > 0,
    ).sort("bin")
    if not few.height:
        unmeasured = "No larger model was asked at R = 0.16."
        return Headline(question, "not measured", unmeasured, "cannot be told")
    ahead = ahead_somewhere(few)
    behind = behind_on_the_hardest(few)
    return Headline(
        question=question,
        figure=_best_and_hardest(few),
        detail=_trade_detail(few, ahead.measured, behind.measured),
        conclusion=every([ahead.conclusion, behind.conclusion]),
    )


def _best_and_hardest(few: pl.DataFrame) -> str:
    """Differences on the two bins that the question is about: `bin 2: +0.10 · bin 5: −0.20`."""
    best = best_bin(few)
    hardest = few.row(-1, named=True)
    # By bin, because the best may be the hardest itself: then it is shown once.
    shown: dict[int, str] = {}
    for row in (best, hardest):
        if row is not None:
            shown[row["bin"]] = f"bin {row['bin']}: {signed_text(row['difference'])}"
    return " · ".join(shown.values())


def _trade_detail(few: pl.DataFrame, ahead: str, behind: str) -> str:
    by_bin = ", ".join(map(signed_text, few["difference"]))
    # Both models, and hence what they cost, are the same in every bin.
    one = few.row(0, named=True)
    parameters = f"{one['parameter_ratio']:.1f}× the parameters"
    budget = f"N = {one['budget']} of {one['multiple']:,.0f} affordable"
    # Not `capitalize`, which writes the rest of the sentence in small letters.
    sentence = f"{ahead[:1].upper()}{ahead[1:]}"
    return (
        f"accuracy of small minus large, by bin {by_bin}; "
        f"R = 0.16, {parameters}, {budget}. "
        f"{sentence}. "
        f"Hardest: {behind}."
    )
