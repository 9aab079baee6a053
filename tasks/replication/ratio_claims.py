"""The paper's claims about mixing attempts in sequence and in parallel (figures 6 and 7)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import polars as pl

from tasks.replication.conclusions import above, every
from tasks.replication.contrasts import lead, policy_lead
from tasks.replication.evidence import Evidence, chain_length, revision_strategies
from tasks.replication.paper import EASY, HARD, SAYS, Claim
from tasks.replication.wording import estimate_text
from tasks.statistics.difficulty import BINS
from tasks.statistics.intervals import Estimate
from tasks.statistics.outcomes import Grid

EVERY_BIN = range(1, BINS + 1)


def ratio_claims(evidence: Evidence) -> Iterator[Claim]:
    """On all questions, then on easy and hard ones; none where fewer than 3 ratios were measured.

    The ratio of a strategy is its attempts in sequence: `revisions(s=4)` has N/4 chains of 4.
    """
    keys = _whole_chains(evidence)
    # A balance needs something between two extremes, the first of which is all in parallel.
    if len(keys) < 3 or chain_length(keys[0]) != 1:
        return
    gap = "all in sequence minus all in parallel"
    budgets = f"mean of N = 2 … {evidence.budgets[-1]}"
    every_bin = _sequential_lead(evidence, keys)
    measured = f"{gap}, {budgets}: {estimate_text(every_bin)}"
    yield Claim("ratio", SAYS["sequential"], measured, above(every_bin))
    yield _balance(evidence, keys, "between", bins=EVERY_BIN)
    easy = _sequential_lead(evidence, keys, bins=EASY)
    measured = f"{gap} in bins 1–2, {budgets}: {estimate_text(easy)}"
    yield Claim("ratio", SAYS["easy sequential"], measured, above(easy))
    yield _balance(evidence, keys, "hard balance", bins=HARD)


def _whole_chains(evidence: Evidence) -> list[str]:
    """Strategies that revise, from all in parallel to the longest chains."""
    top = evidence.budgets[-1]
    keys: list[str] = []
    for key in revision_strategies(evidence.strategies):
        # A longer chain than the budget is never whole.
        if chain_length(key) <= top:
            keys.append(key)
    return keys


def _sequential_lead(
    evidence: Evidence, keys: Sequence[str], bins: Sequence[int] | None = None
) -> Estimate:
    """All attempts in sequence minus all in parallel, the mean over the budgets of 2 and more.

    Of those that have both.
    """
    grid = _extremes(evidence, keys)
    both = grid.of("sequential").keys() & grid.of("parallel").keys()
    return lead(
        grid,
        "sequential",
        "parallel",
        budgets=sorted(both),
        bins=bins,
        seed=evidence.seed,
    )


def _extremes(evidence: Evidence, keys: Sequence[str]) -> Grid:
    """Two strategies, `parallel` and `sequential`, at every budget of 2 and more."""
    lengths = {key: chain_length(key) for key in keys}
    length = pl.col("strategy").replace_strict(lengths, return_dtype=pl.Int64)
    # At a budget of 1 both are the same attempt.
    revised = evidence.outcomes.filter(
        pl.col("strategy").is_in(list(keys)),
        pl.col("budget") > 1,
    )
    in_parallel = revised.filter(length == 1).with_columns(
        strategy=pl.lit("parallel"),
    )
    # All in sequence is another strategy at every budget, one chain of N: here they count as one.
    in_sequence = revised.filter(length == pl.col("budget")).with_columns(
        strategy=pl.lit("sequential"),
    )
    outcomes = pl.concat([in_parallel, in_sequence])
    return evidence._replace(outcomes=outcomes).grid(["parallel", "sequential"])


def _balance(
    evidence: Evidence,
    keys: list[str],
    claim: str,
    *,
    bins: Sequence[int],
) -> Claim:
    """The ratio chosen (on other questions) strictly between the extremes, against each of them."""
    top = evidence.budgets[-1]
    part = _as_one_bin(evidence, bins)
    between = part.grid(keys[1:-1], "oracle", [top])
    all_parallel = part.grid([keys[0]], "oracle", [top])
    all_sequence = part.grid([keys[-1]], "oracle", [top])
    over_parallel = policy_lead(between, all_parallel, seed=evidence.seed)
    over_sequence = policy_lead(between, all_sequence, seed=evidence.seed)
    where = "" if len(bins) == BINS else f" in bins {bins[0]}–{bins[-1]}"
    measured = (
        "best ratio in between "
        f"minus all in parallel {estimate_text(over_parallel)}, "
        f"minus all in sequence {estimate_text(over_sequence)}"
        f"{where}, N = {top}"
    )
    # Better than one extreme alone is no balance: the other extreme may be best.
    conclusion = every([above(over_parallel), above(over_sequence)])
    return Claim("ratio", SAYS[claim], measured, conclusion)


def _as_one_bin(evidence: Evidence, bins: Sequence[int]) -> Evidence:
    """The questions of these bins, as if they were one: a ratio is chosen for them together."""
    oracle = evidence.bins["oracle"]
    inside = oracle.filter(pl.col("bin").is_in(list(bins)))
    outcomes = evidence.outcomes.join(inside, on="question_id", how="semi")
    one_bin = inside.with_columns(bin=pl.lit(1))
    return evidence._replace(outcomes=outcomes, bins={"oracle": one_bin})
