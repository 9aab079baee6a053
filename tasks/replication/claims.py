"""What the paper says beside what was measured, and a conclusion drawn from the interval."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, NamedTuple

import polars as pl

from tasks.publication.words import factor_text, signed_text
from tasks.replication.conclusions import (
    Conclusion,
    above,
    below,
    every,
    factor_conclusion,
    saving_at,
    some,
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
from tasks.statistics.difficulty import BINS
from tasks.statistics.intervals import Estimate
from tasks.statistics.policy import PolicyFit

Figure = Literal["search", "search policy", "ratio", "revision policy", "exchange"]
BEAM = "beam_search(m=4)/weighted"
LOOKAHEAD = "lookahead(k=1,m=4)/weighted"
BASELINE = "weighted"
CLOSE = 0.03
"""Two ways to tell difficulty do equally well when the interval of their difference lies within this accuracy."""
PROGRESS = 0.1
"""Accuracy on the hardest bin below which no meaningful progress is made."""
TRIVIAL = (0.05, 0.95)
"""Pass@1 outside of which a bin says nothing about test-time compute."""
FEW_INFERRED, MUCH_INFERRED = 0.16, 22.0
"""The smallest and the largest R of the paper."""
EASY, MEDIUM, HARD = (1, 2), (3, 4), (3, 4, 5)

PAPER = {
    "small budgets": "At small budgets beam search is well ahead of best-of-N.",
    "shrinks": "As the budget grows the lead shrinks.",
    "lookahead": "Lookahead search does worse than beam search at the same budget: its rollouts cost too much.",
    "easy search": "On easy questions (bins 1–2) much search over-optimises the verifier: best-of-N is better.",
    "medium search": "On harder questions (bins 3–4) beam search is consistently ahead.",
    "hardest search": "On the hardest questions (bin 5) no method makes meaningful progress.",
    "search saving": "The compute-optimal policy needs up to 4× less than best-of-N: 16 generations against 64.",
    "revision saving": "The compute-optimal policy needs up to 4× less than parallel draws: 64 against 256.",
    "policy ahead": "It is ahead of parallel draws over the budgets.",
    "predicted": "Difficulty predicted by the verifier does about as well as oracle difficulty.",
    "probe": "(Beyond the paper) A probe of a few draws does about as well as oracle difficulty.",
    "sequential": "Attempts in sequence narrowly beat as many in parallel.",
    "between": "At a given budget a ratio between the two extremes is best.",
    "easy sequential": "Easy questions (bins 1–2) are best served by attempts all in sequence.",
    "hard balance": "Harder questions (bins 3–5) need a balance of the two.",
    "ahead": "Where little is inferred (R = 0.16) the small model is ahead on easy and medium bins.",
    "behind": "On the hardest bin the larger model stays ahead, even at R = 0.16.",
    "much inferred": "Where much is inferred (R = 22) pretraining is the better use of FLOPs on hard questions.",
}
"""The paper's claims in short."""


class Claim(NamedTuple):
    """One sentence of the paper, tested."""

    figure: Figure
    paper: str
    measured: str
    conclusion: Conclusion


def claims(evidence: Evidence) -> list[Claim]:
    """Every claim that the run can speak to, in the order of the paper's figures."""
    return [
        *_search(evidence),
        *_search_by_bin(evidence),
        *_policy(evidence, "search policy"),
        *_ratio(evidence),
        *_policy(evidence, "revision policy"),
        *_exchange(evidence),
    ]


def estimate_text(figure: Estimate) -> str:
    """`+0.12 [+0.08, +0.16]`."""
    return f"{signed_text(figure.value)} [{signed_text(figure.lo)}, {signed_text(figure.hi)}]"


def _search(evidence: Evidence) -> Iterable[Claim]:
    """Figure 3, left: search against best-of-N over budget."""
    few, top = [n for n in evidence.budgets if 4 <= n <= 16], evidence.budgets[-1:]
    if BEAM in evidence.strategies and few:
        grid = evidence.grid([BEAM, BASELINE])
        early = lead(grid, BEAM, BASELINE, budgets=few, seed=evidence.seed)
        said = f"beam (m = 4) minus weighted, mean of N = {_span(few)}: {estimate_text(early)}"
        yield Claim("search", PAPER["small budgets"], said, above(early))
        late = lead(grid, BEAM, BASELINE, budgets=top, seed=evidence.seed)
        change = lead_change(grid, BEAM, BASELINE, before=few, after=top, seed=evidence.seed)
        said = f"at N = {top[0]} it is {estimate_text(late)}, a change of {estimate_text(change)}"
        yield Claim("search", PAPER["shrinks"], said, below(change))
    later = [n for n in evidence.budgets if n >= 8]
    if {BEAM, LOOKAHEAD} <= set(evidence.strategies):
        gap = lead(
            evidence.grid([LOOKAHEAD, BEAM]), LOOKAHEAD, BEAM, budgets=later, seed=evidence.seed
        )
        said = f"lookahead (k = 1) minus beam (both m = 4), mean of N = {_span(later)}: {estimate_text(gap)}"
        yield Claim("search", PAPER["lookahead"], said, below(gap))


def _search_by_bin(evidence: Evidence) -> Iterable[Claim]:
    """Figure 3, right: the same by bin."""
    budgets = [n for n in evidence.budgets if n >= 4]
    if BEAM not in evidence.strategies or not budgets:
        return
    grid, late = evidence.grid([BEAM, BASELINE]), budgets[-2:]
    easy = lead(grid, BEAM, BASELINE, budgets=late, bins=EASY, seed=evidence.seed)
    said = f"beam minus weighted in bins 1–2, mean of N = {_span(late)}: {estimate_text(easy)}"
    yield Claim("search", PAPER["easy search"], said, below(easy))
    medium = lead(grid, BEAM, BASELINE, budgets=budgets, bins=MEDIUM, seed=evidence.seed)
    said = f"beam minus weighted in bins 3–4, mean of N = {_span(budgets)}: {estimate_text(medium)}"
    yield Claim("search", PAPER["medium search"], said, above(medium))
    rows = evidence.summary.accuracy.filter(difficulty="oracle", bin=BINS, budget=budgets[-1])
    rows = rows.filter(pl.col("strategy").is_in(search_strategies(evidence.strategies)))
    best = rows.sort("accuracy", descending=True).row(0, named=True)
    reached = Estimate(best["accuracy"], best["lo"], best["hi"])
    said = f"best of the searches, N = {budgets[-1]}: {reached.value:.2f} [{reached.lo:.2f}, {reached.hi:.2f}]"
    yield Claim(
        "search",
        PAPER["hardest search"],
        f"{said} (progress: above {PROGRESS})",
        below(reached, PROGRESS),
    )


def _policy(
    evidence: Evidence, figure: Literal["search policy", "revision policy"]
) -> Iterable[Claim]:
    """Figures 4 and 8: the compute-optimal policy against parallel draws."""
    searching, kind = figure == "search policy", evidence.used_difficulty
    fits = evidence.search if searching else evidence.revising
    budgets = [n for n in evidence.budgets if n >= 4]
    if not fits or not budgets:
        return
    names = (search_strategies if searching else revision_strategies)(evidence.strategies)
    baseline, rival = (
        (BASELINE, "best-of-N weighted") if searching else (PARALLEL, "all attempts in parallel")
    )
    said = f"efficiency factor over {rival}, {kind} difficulty: {_factors(fits[kind])}"
    saving = PAPER["search saving" if searching else "revision saving"]
    yield Claim(figure, saving, said, factor_conclusion(fits[kind].efficiency))
    parallel = evidence.grid([baseline], kind, budgets)
    gain = policy_lead(evidence.grid(names, kind, budgets), parallel, seed=evidence.seed)
    said = f"policy minus {rival}, mean of N = {_span(budgets)}: {estimate_text(gain)}"
    yield Claim(figure, PAPER["policy ahead"], said, above(gain))
    oracle = evidence.grid(names, "oracle", budgets)
    for other in [other for other in fits if other != "oracle"]:
        loss = policy_lead(evidence.grid(names, other, budgets), oracle, seed=evidence.seed)
        said = f"{other} minus oracle, mean of N = {_span(budgets)}: {estimate_text(loss)} (as well: within {CLOSE})"
        yield Claim(figure, PAPER[other], said, within(loss, CLOSE))


def _factors(fit: PolicyFit) -> str:
    rows = saving_at(fit.efficiency).sort("budget").to_dicts()
    return (
        "; ".join(f"{factor_text(row)} at N = {row['budget']}" for row in rows[:3])
        or "no budget of 16 or more"
    )


def _ratio(evidence: Evidence) -> Iterable[Claim]:
    """Figures 6 and 7: how attempts in sequence and in parallel are best mixed."""
    top = evidence.budgets[-1]
    keys = [key for key in revision_strategies(evidence.strategies) if chain_length(key) <= top]
    if len(keys) < 3 or chain_length(keys[0]) != 1:
        return
    all_ = _sequential_lead(evidence, keys)
    said = f"all in sequence minus all in parallel, mean of N = 2 … {top}: {estimate_text(all_)}"
    yield Claim("ratio", PAPER["sequential"], said, above(all_))
    yield _balance(evidence, keys, "between", bins=range(1, BINS + 1))
    easy = _sequential_lead(evidence, keys, bins=EASY)
    said = f"all in sequence minus all in parallel in bins 1–2, mean of N = 2 … {top}: {estimate_text(easy)}"
    yield Claim("ratio", PAPER["easy sequential"], said, above(easy))
    yield _balance(evidence, keys, "hard balance", bins=HARD)


def _sequential_lead(
    evidence: Evidence, keys: Sequence[str], bins: Sequence[int] | None = None
) -> Estimate:
    """All attempts in sequence minus all in parallel, the mean over the budgets of 2 and more that have both."""
    lengths = pl.col("strategy").replace_strict(
        {key: chain_length(key) for key in keys}, return_dtype=pl.Int64
    )
    rows = evidence.outcomes.filter(pl.col("strategy").is_in(list(keys)) & (pl.col("budget") > 1))
    ends = rows.with_columns(length=lengths).filter(
        pl.col("length").is_in([1]) | (pl.col("length") == pl.col("budget"))
    )
    named = pl.when(pl.col("length") == 1).then(pl.lit("parallel")).otherwise(pl.lit("sequential"))
    grid = evidence._replace(outcomes=ends.with_columns(strategy=named)).grid(
        ["parallel", "sequential"]
    )
    both = sorted(grid.of("sequential").keys() & grid.of("parallel").keys())
    return lead(grid, "sequential", "parallel", budgets=both, bins=bins, seed=evidence.seed)


def _balance(evidence: Evidence, keys: list[str], claim: str, *, bins: Sequence[int]) -> Claim:
    """The ratio chosen (on other questions) strictly between the extremes, against each of them."""
    top = evidence.budgets[-1]
    inside = evidence.bins["oracle"].filter(pl.col("bin").is_in(list(bins)))
    outcomes = evidence.outcomes.join(inside, on="question_id", how="semi")
    part = evidence._replace(outcomes=outcomes, bins={"oracle": inside.with_columns(bin=pl.lit(1))})
    inner, *ends = (
        part.grid(names, "oracle", [top]) for names in (keys[1:-1], keys[:1], keys[-1:])
    )
    parallel, sequential = (policy_lead(inner, end, seed=evidence.seed) for end in ends)
    where = "" if len(bins) == BINS else f" in bins {bins[0]}–{bins[-1]}"
    said = f"best ratio in between minus all in parallel {estimate_text(parallel)}, minus all in sequence {estimate_text(sequential)}"
    return Claim(
        "ratio",
        PAPER[claim],
        f"{said}{where}, N = {top}",
        every([above(parallel), above(sequential)]),
    )


def _exchange(evidence: Evidence) -> Iterable[Claim]:
    """Figures 1 and 9: the small model under its policy against the larger one at equal FLOPs."""
    rows = evidence.summary.shown_exchange.filter(pl.col("bin") > 0)
    few, much = (rows.filter(pl.col("ratio") == ratio) for ratio in (FEW_INFERRED, MUCH_INFERRED))
    if few.height:
        yield ahead_somewhere(few)
        yield behind_on_the_hardest(few)
    if much.height:
        hard = [
            _difference(row)
            for row in much.filter(pl.col("bin") >= BINS - 1).sort("bin").to_dicts()
        ]
        said = "small minus large in bins 4 and 5: " + "; ".join(map(estimate_text, hard))
        yield Claim("exchange", PAPER["much inferred"], said, every(map(below, hard)))


def ahead_somewhere(few: pl.DataFrame) -> Claim:
    """Headline 2, first half: at R = 0.16 ahead on a bin whose pass@1 is between .05 and .95."""
    best = best_bin(few)
    if best is None:
        return Claim(
            "exchange", PAPER["ahead"], "no bin with a pass@1 between .05 and .95", "cannot be told"
        )
    rows = _telling(few).to_dicts()
    ahead = [str(row["bin"]) for row in rows if above(_difference(row)) == "holds"]
    where = f"ahead in bin {', '.join(ahead)}; " if ahead else ""
    said = f"{where}bin {best['bin']} (pass@1 {best['alone']:.2f}), small minus large: {estimate_text(_difference(best))}"
    return Claim("exchange", PAPER["ahead"], said, some(above(_difference(row)) for row in rows))


def behind_on_the_hardest(few: pl.DataFrame) -> Claim:
    """Headline 2, second half: at R = 0.16 behind on the hardest bin."""
    row = few.sort("bin").row(-1, named=True)
    gap = _difference(row)
    said = f"bin {row['bin']}: small {row['small']:.2f}, large {row['large']:.2f}, difference {estimate_text(gap)}"
    return Claim("exchange", PAPER["behind"], said, below(gap))


def best_bin(few: pl.DataFrame) -> dict[str, Any] | None:
    """The row of the bin with a telling pass@1 where the small model is furthest ahead; None: there is none."""
    rows = _telling(few).sort("difference", descending=True)
    return rows.row(0, named=True) if rows.height else None


def _telling(few: pl.DataFrame) -> pl.DataFrame:
    return few.filter((pl.col("bin") > 0) & pl.col("alone").is_between(*TRIVIAL)).sort("bin")


def _difference(row: dict[str, Any]) -> Estimate:
    return Estimate(row["difference"], row["lo"], row["hi"])


def _span(budgets: Sequence[int]) -> str:
    return str(budgets[0]) if len(budgets) == 1 else f"{budgets[0]} … {budgets[-1]}"
