"""The paper's claims about searches against best-of-N (figure 3)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from tasks.replication.conclusions import above, below
from tasks.replication.contrasts import lead, lead_change
from tasks.replication.evidence import Evidence, search_strategies
from tasks.replication.paper import (
    BASELINE,
    BEAM,
    EASY,
    LOOKAHEAD,
    MEDIUM,
    PROGRESS,
    SAYS,
    Claim,
)
from tasks.replication.wording import estimate_text, mean_text
from tasks.statistics.difficulty import BINS
from tasks.statistics.intervals import Estimate

LEAST_BEAM = 4
"""Beam search of M = 4 needs a budget of 4."""
LEAST_LOOKAHEAD = 8
"""A slot costs k + 1 generations: with k = 1 a lookahead of M = 4 needs a budget of 8."""
SMALL_BUDGET = 16
"""Up to here a budget is called small: the paper gives no number."""


def search_claims(evidence: Evidence) -> Iterator[Claim]:
    """Those of both halves of the figure, over budget and by bin; none without the searches."""
    yield from _over_budget(evidence)
    yield from _lookahead(evidence)
    yield from _by_bin(evidence)


def _over_budget(evidence: Evidence) -> Iterator[Claim]:
    """Left: beam search against best-of-N over budget."""
    few = [n for n in evidence.budgets if LEAST_BEAM <= n <= SMALL_BUDGET]
    if BEAM not in evidence.strategies or not few:
        return
    early = _beam_lead(evidence, few)
    measured = mean_text("beam (m = 4) minus weighted", few, early)
    yield Claim("search", SAYS["small budgets"], measured, above(early))
    yield _shrinking(evidence, few)


def _shrinking(evidence: Evidence, few: list[int]) -> Claim:
    """How much less beam search leads at the largest budget than at small ones."""
    top = evidence.budgets[-1]
    late = _beam_lead(evidence, [top])
    # The change is tested and not the lead at the end: a lead may shrink and still be one.
    change = lead_change(
        evidence.grid([BEAM, BASELINE]),
        BEAM,
        BASELINE,
        before=few,
        after=[top],
        seed=evidence.seed,
    )
    change_text = estimate_text(change)
    measured = f"at N = {top} it is {estimate_text(late)}, a change of {change_text}"
    return Claim("search", SAYS["shrinks"], measured, below(change))


def _lookahead(evidence: Evidence) -> Iterator[Claim]:
    """Left: lookahead against beam search."""
    if not {BEAM, LOOKAHEAD} <= set(evidence.strategies):
        return
    later = [n for n in evidence.budgets if n >= LEAST_LOOKAHEAD]
    gap = lead(
        evidence.grid([LOOKAHEAD, BEAM]),
        LOOKAHEAD,
        BEAM,
        budgets=later,
        seed=evidence.seed,
    )
    compared = "lookahead (k = 1) minus beam (both m = 4)"
    measured = mean_text(compared, later, gap)
    yield Claim("search", SAYS["lookahead"], measured, below(gap))


def _by_bin(evidence: Evidence) -> Iterator[Claim]:
    """Right: beam search against best-of-N by bin of oracle difficulty."""
    budgets = [n for n in evidence.budgets if n >= LEAST_BEAM]
    if BEAM not in evidence.strategies or not budgets:
        return
    # Over-optimisation is a claim about much search: the two largest budgets alone.
    late = budgets[-2:]
    easy = _beam_lead(evidence, late, bins=EASY)
    measured = mean_text("beam minus weighted in bins 1–2", late, easy)
    yield Claim("search", SAYS["easy search"], measured, below(easy))
    medium = _beam_lead(evidence, budgets, bins=MEDIUM)
    measured = mean_text("beam minus weighted in bins 3–4", budgets, medium)
    yield Claim("search", SAYS["medium search"], measured, above(medium))
    yield _hardest(evidence, budgets[-1])


def _beam_lead(
    evidence: Evidence, budgets: Sequence[int], bins: Sequence[int] | None = None
) -> Estimate:
    """Beam search minus best-of-N weighted, the mean over these budgets."""
    return lead(
        evidence.grid([BEAM, BASELINE]),
        BEAM,
        BASELINE,
        budgets=budgets,
        bins=bins,
        seed=evidence.seed,
    )


def _hardest(evidence: Evidence, budget: int) -> Claim:
    """The best search on the hardest bin: if that makes no progress, none does."""
    searches = search_strategies(evidence.strategies)
    best = (
        evidence.summary.accuracy.filter(difficulty="oracle", bin=BINS, budget=budget)
        .filter(pl.col("strategy").is_in(searches))
        .sort("accuracy", descending=True)
        .row(0, named=True)
    )
    reached = Estimate(best["accuracy"], best["lo"], best["hi"])
    # Unsigned, because it is an accuracy and no difference.
    interval = f"[{reached.lo:.2f}, {reached.hi:.2f}]"
    measured = (
        f"best of the searches, N = {budget}: "
        f"{reached.value:.2f} {interval} "
        f"(progress: above {PROGRESS})"
    )
    conclusion = below(reached, PROGRESS)
    return Claim("search", SAYS["hardest search"], measured, conclusion)
