"""A small model that passes on what its draws do not agree on, and a larger one (METHOD §13)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence

from tasks.statistics.cascade.estimates import cascade_estimates, votes_needed
from tasks.statistics.selectors import Candidate
from tasks.statistics.subsets import expected_longest
from tasks.strategies.forms import (
    Form,
    Option,
    Options,
    Passed,
    PoolFigure,
    QuestionPool,
    Value,
    at_least,
)


def _agreement() -> Option:
    """A share of draws above 0, up to all of them."""

    def read(text: str) -> Value | None:
        # No sign, exponent or `nan`: one value has few spellings, so that keys stay readable.
        if not re.fullmatch(r"\d*\.?\d+", text):
            return None
        value = float(text)
        return value if 0 < value <= 1 else None

    return Option(read, "above 0 and up to 1")


def _estimate(pool: QuestionPool, options: Options) -> list[PoolFigure]:
    """What both models reach, and how often and how widely the larger one is asked."""
    if pool.larger is None:
        raise RuntimeError("expected the draws of the larger model beside the pool, got none")
    k = int(options["k"])
    estimates = cascade_estimates(
        pool.draws,
        pool.larger,
        pool.budgets,
        k=k,
        agree=float(options["agree"]),
        seed=pool.seed,
    )
    tokens = pool.draws.tokens
    # All of its own draws are made at once, however large the budget is.
    longest = None if tokens is None else expected_longest(tokens, k)
    figures: list[PoolFigure] = []
    for one in estimates:
        figure = PoolFigure(
            one.budget,
            one.accuracy,
            one.mc_error,
            generations=float(k),
            latency=longest,
            passed=Passed(one.passed, one.budget - k),
        )
        figures.append(figure)
    return figures


def _keeps(candidates: Sequence[Candidate], options: Options) -> bool:
    """Served as it is estimated: by the votes of the leading answer among the first k draws."""
    votes = Counter(one.answer for one in candidates if one.answer is not None)
    needed = votes_needed(int(options["k"]), float(options["agree"]))
    return max(votes.values(), default=0) >= needed


CASCADE = Form(
    kind="pool",
    selectors=("majority",),
    example="cascade(k=4,agree=0.75)",
    short="cascade",
    estimate=_estimate,
    options={"k": at_least(1), "agree": _agreement()},
    # One draw of the larger model at least.
    least=lambda options: int(options["k"]) + 1,
    small=lambda options: int(options["k"]),
    keeps=_keeps,
)
LARGER = Form(
    kind="pool",
    selectors=("majority",),
    example="larger",
    short="larger",
    small=lambda _: 0,
)
