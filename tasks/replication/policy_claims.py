"""The paper's claims about the compute-optimal policy against parallel draws (figures 4 and 8)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from tasks.publication.words import factor_text
from tasks.replication.conclusions import above, factor_conclusion, saving_at, within
from tasks.replication.contrasts import policy_lead
from tasks.replication.evidence import (
    PARALLEL,
    Evidence,
    revision_strategies,
    search_strategies,
)
from tasks.replication.paper import BASELINE, CLOSE, SAYS, Claim, Figure
from tasks.replication.wording import mean_text
from tasks.statistics.policy import PolicyFit

LEAST_CHOICE = 4
"""At a budget of 1 all strategies are the same draw, at 2 majority still is: little to choose."""


class _Contest(NamedTuple):
    """A policy of some strategies, and the way to draw in parallel that it is compared with."""

    figure: Figure
    saving: str
    """What the paper says that the policy saves."""
    fits: dict[str, PolicyFit]
    """By kind of difficulty."""
    names: list[str]
    baseline: str
    rival: str
    """The baseline in the paper's words."""


def search_policy_claims(evidence: Evidence) -> Iterator[Claim]:
    """Figure 4: compute-optimal search against best-of-N; none without a fit of it."""
    contest = _Contest(
        figure="search policy",
        saving=SAYS["search saving"],
        fits=evidence.search,
        names=search_strategies(evidence.strategies),
        baseline=BASELINE,
        rival="best-of-N weighted",
    )
    return _policy_claims(evidence, contest)


def revision_policy_claims(evidence: Evidence) -> Iterator[Claim]:
    """Figure 8: compute-optimal revisions against attempts in parallel; none without a fit."""
    contest = _Contest(
        figure="revision policy",
        saving=SAYS["revision saving"],
        fits=evidence.revising,
        names=revision_strategies(evidence.strategies),
        baseline=PARALLEL,
        rival="all attempts in parallel",
    )
    return _policy_claims(evidence, contest)


def _policy_claims(evidence: Evidence, contest: _Contest) -> Iterator[Claim]:
    budgets = [n for n in evidence.budgets if n >= LEAST_CHOICE]
    if not contest.fits or not budgets:
        return
    yield _saving(evidence, contest)
    yield _ahead(evidence, contest, budgets)
    # Last, whether it matters that difficulty is told without the targets.
    for kind in contest.fits:
        if kind != "oracle":
            yield _as_good_as_oracle(evidence, contest, kind, budgets)


def _saving(evidence: Evidence, contest: _Contest) -> Claim:
    """How much less the policy needs than its rival."""
    kind = evidence.used_difficulty
    efficiency = contest.fits[kind].efficiency
    # A cell of the table has room for three budgets.
    shown = saving_at(efficiency).sort("budget").head(3)
    factors: list[str] = []
    for row in shown.to_dicts():
        budget = row["budget"]
        factors.append(f"{factor_text(row)} at N = {budget}")
    factors_text = "; ".join(factors) or "no budget of 16 or more"
    measured = f"efficiency factor over {contest.rival}, {kind} difficulty: {factors_text}"
    conclusion = factor_conclusion(efficiency)
    return Claim(contest.figure, contest.saving, measured, conclusion)


def _ahead(evidence: Evidence, contest: _Contest, budgets: list[int]) -> Claim:
    """The policy minus its rival, the mean over the budgets."""
    kind = evidence.used_difficulty
    policy = evidence.grid(contest.names, kind, budgets)
    parallel = evidence.grid([contest.baseline], kind, budgets)
    gain = policy_lead(policy, parallel, seed=evidence.seed)
    measured = mean_text(f"policy minus {contest.rival}", budgets, gain)
    return Claim(contest.figure, SAYS["policy ahead"], measured, above(gain))


def _as_good_as_oracle(
    evidence: Evidence, contest: _Contest, kind: str, budgets: list[int]
) -> Claim:
    """The policy under another kind of difficulty, minus that under oracle difficulty."""
    oracle = evidence.grid(contest.names, "oracle", budgets)
    other = evidence.grid(contest.names, kind, budgets)
    loss = policy_lead(other, oracle, seed=evidence.seed)
    loss_text = mean_text(f"{kind} minus oracle", budgets, loss)
    measured = f"{loss_text} (as well: within {CLOSE})"
    return Claim(contest.figure, SAYS[kind], measured, within(loss, CLOSE))
