"""What the paper says beside what was measured, and a conclusion drawn from the interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import polars as pl

from tasks.publication.words import factor_text
from tasks.replication.conclusions import (
    above,
    below,
    every,
    factor_conclusion,
    saving_at,
    within,
)
from tasks.replication.contrasts import lead, lead_change, policy_lead
from tasks.replication.evidence import (
    PARALLEL,
    Evidence,
    chain_length,
    revision_strategies,
    search_strategies,
)
from tasks.replication.exchange_claims import estimate_text, exchange_claims
from tasks.replication.paper import (
    BASELINE,
    BEAM,
    CLOSE,
    EASY,
    HARD,
    LOOKAHEAD,
    MEDIUM,
    PROGRESS,
    SAYS,
    Claim,
    Figure,
)
from tasks.statistics.difficulty import BINS
from tasks.statistics.intervals import Estimate
from tasks.statistics.policy import PolicyFit


def claims(evidence: Evidence) -> list[Claim]:
    """Every claim that the run can speak to, in the order of the paper's figures."""
    return [
        *_search(evidence),
        *_lookahead(evidence),
        *_search_by_bin(evidence),
        *_policy(evidence, "search policy"),
        *_ratio(evidence),
        *_policy(evidence, "revision policy"),
        *exchange_claims(evidence.summary.shown_exchange),
    ]


def _search(evidence: Evidence) -> Iterable[Claim]:
    """Figure 3, left: beam search against best-of-N over budget."""
    # Beam search of M = 4 needs a budget of 4.
    few = [n for n in evidence.budgets if 4 <= n <= 16]
    if BEAM not in evidence.strategies or not few:
        return
    grid = evidence.grid([BEAM, BASELINE])
    seed = evidence.seed
    early = lead(grid, BEAM, BASELINE, budgets=few, seed=seed)
    measured = f"beam (m = 4) minus weighted, mean of N = {_span(few)}: {estimate_text(early)}"
    yield Claim("search", SAYS["small budgets"], measured, above(early))
    top = evidence.budgets[-1]
    late = lead(grid, BEAM, BASELINE, budgets=[top], seed=seed)
    change = lead_change(grid, BEAM, BASELINE, before=few, after=[top], seed=seed)
    measured = f"at N = {top} it is {estimate_text(late)}, a change of {estimate_text(change)}"
    yield Claim("search", SAYS["shrinks"], measured, below(change))


def _lookahead(evidence: Evidence) -> Iterable[Claim]:
    """Figure 3, left: lookahead against beam search."""
    if not {BEAM, LOOKAHEAD} <= set(evidence.strategies):
        return
    # A slot costs k + 1 generations: with k = 1 a lookahead of M = 4 needs a budget of 8.
    later = [n for n in evidence.budgets if n >= 8]
    grid = evidence.grid([LOOKAHEAD, BEAM])
    gap = lead(grid, LOOKAHEAD, BEAM, budgets=later, seed=evidence.seed)
    measured = (
        f"lookahead (k = 1) minus beam (both m = 4), mean of N = {_span(later)}: "
        f"{estimate_text(gap)}"
    )
    yield Claim("search", SAYS["lookahead"], measured, below(gap))


def _search_by_bin(evidence: Evidence) -> Iterable[Claim]:
    """Figure 3, right: the same by bin."""
    budgets = [n for n in evidence.budgets if n >= 4]
    if BEAM not in evidence.strategies or not budgets:
        return
    grid = evidence.grid([BEAM, BASELINE])
    seed = evidence.seed
    # Over-optimisation is a claim about much search: the two largest budgets alone.
    late = budgets[-2:]
    easy = lead(grid, BEAM, BASELINE, budgets=late, bins=EASY, seed=seed)
    measured = f"beam minus weighted in bins 1–2, mean of N = {_span(late)}: {estimate_text(easy)}"
    yield Claim("search", SAYS["easy search"], measured, below(easy))
    medium = lead(grid, BEAM, BASELINE, budgets=budgets, bins=MEDIUM, seed=seed)
    measured = (
        f"beam minus weighted in bins 3–4, mean of N = {_span(budgets)}: {estimate_text(medium)}"
    )
    yield Claim("search", SAYS["medium search"], measured, above(medium))
    yield _hardest(evidence, budgets[-1])


def _hardest(evidence: Evidence, budget: int) -> Claim:
    """The best search on the hardest bin: if that makes no progress, none does."""
    rows = evidence.summary.accuracy.filter(difficulty="oracle", bin=BINS, budget=budget)
    rows = rows.filter(pl.col("strategy").is_in(search_strategies(evidence.strategies)))
    best = rows.sort("accuracy", descending=True).row(0, named=True)
    reached = Estimate(best["accuracy"], best["lo"], best["hi"])
    measured = (
        f"best of the searches, N = {budget}: "
        f"{reached.value:.2f} [{reached.lo:.2f}, {reached.hi:.2f}] (progress: above {PROGRESS})"
    )
    return Claim("search", SAYS["hardest search"], measured, below(reached, PROGRESS))


def _policy(
    evidence: Evidence, figure: Literal["search policy", "revision policy"]
) -> Iterable[Claim]:
    """Figures 4 and 8: the compute-optimal policy against parallel draws."""
    searching = figure == "search policy"
    fits = evidence.search if searching else evidence.revising
    # At 1 all strategies are the same draw, at 2 majority still is: there is little to choose.
    budgets = [n for n in evidence.budgets if n >= 4]
    if not fits or not budgets:
        return
    if searching:
        names = search_strategies(evidence.strategies)
        baseline, rival = BASELINE, "best-of-N weighted"
    else:
        names = revision_strategies(evidence.strategies)
        baseline, rival = PARALLEL, "all attempts in parallel"
    kind = evidence.used_difficulty
    measured = f"efficiency factor over {rival}, {kind} difficulty: {_factors(fits[kind])}"
    saving = SAYS["search saving" if searching else "revision saving"]
    yield Claim(figure, saving, measured, factor_conclusion(fits[kind].efficiency))
    policy = evidence.grid(names, kind, budgets)
    parallel = evidence.grid([baseline], kind, budgets)
    gain = policy_lead(policy, parallel, seed=evidence.seed)
    measured = f"policy minus {rival}, mean of N = {_span(budgets)}: {estimate_text(gain)}"
    yield Claim(figure, SAYS["policy ahead"], measured, above(gain))
    for other in fits:
        if other != "oracle":
            yield _against_oracle(evidence, figure, other, names, budgets)


def _against_oracle(
    evidence: Evidence, figure: Figure, kind: str, names: list[str], budgets: list[int]
) -> Claim:
    """The policy under another kind of difficulty, minus that under oracle difficulty."""
    oracle = evidence.grid(names, "oracle", budgets)
    other = evidence.grid(names, kind, budgets)
    loss = policy_lead(other, oracle, seed=evidence.seed)
    measured = (
        f"{kind} minus oracle, mean of N = {_span(budgets)}: {estimate_text(loss)} "
        f"(as well: within {CLOSE})"
    )
    return Claim(figure, SAYS[kind], measured, within(loss, CLOSE))


def _factors(fit: PolicyFit) -> str:
    rows = saving_at(fit.efficiency).sort("budget").head(3).to_dicts()
    shown = [f"{factor_text(row)} at N = {row['budget']}" for row in rows]
    return "; ".join(shown) or "no budget of 16 or more"


def _ratio(evidence: Evidence) -> Iterable[Claim]:
    """Figures 6 and 7: how attempts in sequence and in parallel are best mixed."""
    top = evidence.budgets[-1]
    keys = [key for key in revision_strategies(evidence.strategies) if chain_length(key) <= top]
    # A balance needs something between two extremes, the first of which is all in parallel.
    if len(keys) < 3 or chain_length(keys[0]) != 1:
        return
    gap = "all in sequence minus all in parallel"
    budgets = f"mean of N = 2 … {top}"
    every_bin = _sequential_lead(evidence, keys)
    measured = f"{gap}, {budgets}: {estimate_text(every_bin)}"
    yield Claim("ratio", SAYS["sequential"], measured, above(every_bin))
    yield _balance(evidence, keys, "between", bins=range(1, BINS + 1))
    easy = _sequential_lead(evidence, keys, bins=EASY)
    measured = f"{gap} in bins 1–2, {budgets}: {estimate_text(easy)}"
    yield Claim("ratio", SAYS["easy sequential"], measured, above(easy))
    yield _balance(evidence, keys, "hard balance", bins=HARD)


def _sequential_lead(
    evidence: Evidence, keys: Sequence[str], bins: Sequence[int] | None = None
) -> Estimate:
    """All attempts in sequence minus all in parallel, the mean over the budgets of 2 and more.

    Of those that have both.
    """
    # At a budget of 1 both are the same attempt. All in sequence is another strategy at every
    # budget, one chain of N: here they count as one.
    revised = evidence.outcomes.filter(pl.col("strategy").is_in(list(keys)), pl.col("budget") > 1)
    lengths = {key: chain_length(key) for key in keys}
    length = pl.col("strategy").replace_strict(lengths, return_dtype=pl.Int64)
    in_parallel = revised.filter(length == 1).with_columns(strategy=pl.lit("parallel"))
    in_sequence = revised.filter(length == pl.col("budget")).with_columns(
        strategy=pl.lit("sequential")
    )
    part = evidence._replace(outcomes=pl.concat([in_parallel, in_sequence]))
    grid = part.grid(["parallel", "sequential"])
    both = sorted(grid.of("sequential").keys() & grid.of("parallel").keys())
    return lead(grid, "sequential", "parallel", budgets=both, bins=bins, seed=evidence.seed)


def _balance(evidence: Evidence, keys: list[str], claim: str, *, bins: Sequence[int]) -> Claim:
    """The ratio chosen (on other questions) strictly between the extremes, against each of them."""
    top = evidence.budgets[-1]
    inside = evidence.bins["oracle"].filter(pl.col("bin").is_in(list(bins)))
    # One bin for all: the ratio is chosen for these questions together.
    part = evidence._replace(
        outcomes=evidence.outcomes.join(inside, on="question_id", how="semi"),
        bins={"oracle": inside.with_columns(bin=pl.lit(1))},
    )
    inner = part.grid(keys[1:-1], "oracle", [top])
    first, last = (part.grid([key], "oracle", [top]) for key in (keys[0], keys[-1]))
    parallel = policy_lead(inner, first, seed=evidence.seed)
    sequential = policy_lead(inner, last, seed=evidence.seed)
    where = "" if len(bins) == BINS else f" in bins {bins[0]}–{bins[-1]}"
    measured = (
        f"best ratio in between minus all in parallel {estimate_text(parallel)}, "
        f"minus all in sequence {estimate_text(sequential)}{where}, N = {top}"
    )
    conclusion = every([above(parallel), above(sequential)])
    return Claim("ratio", SAYS[claim], measured, conclusion)


def _span(budgets: Sequence[int]) -> str:
    """`4`, or `4 … 64`."""
    first, last = budgets[0], budgets[-1]
    return str(first) if len(budgets) == 1 else f"{first} … {last}"
