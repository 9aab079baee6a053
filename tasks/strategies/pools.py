"""Strategies that choose from parallel draws and do not run (METHOD §4, §10, §11.2).

The plain ones are a selector each: their estimates are computed together, once a question.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from tasks.statistics.adaptive import Rule, adaptive_estimates, first_estimates, stops_at
from tasks.statistics.selectors import SELECTORS, Candidate, Choice
from tasks.strategies.forms import (
    Form,
    Options,
    PoolFigure,
    QuestionPool,
    StopRule,
    at_least,
    share,
)
from warehouse.errors import UserError


def _rule(options: Options) -> Rule:
    return Rule(**dict[str, Any](options))


def _window(options: Options) -> Rule:
    return Rule(window=int(options["w"]))


def _estimate_stopped(pool: QuestionPool, rule: Rule) -> list[PoolFigure]:
    """Up to the rule's earliest stop it is majority on the whole budget, whose figure is exact."""
    estimates = adaptive_estimates(pool.draws, pool.budgets, rule=rule, seed=pool.seed)
    figures: list[PoolFigure] = []
    for stopped, majority in zip(estimates, pool.figures("majority"), strict=True):
        # Two figures of one thing would differ by the error of the sampled one.
        if stopped.budget <= rule.earliest:
            figures.append(majority)
            continue
        one = PoolFigure(
            stopped.budget,
            stopped.accuracy,
            stopped.mc_error,
            stopped.generations,
            tokens=stopped.tokens,
            rounds=stopped.rounds,
            latency=stopped.latency,
        )
        figures.append(one)
    return figures


def _stop_by(rule: Rule) -> StopRule:
    """Served as it is estimated: the rule sees the answers alone, in the order of the draws."""

    def stop(candidates: Sequence[Candidate]) -> int | None:
        return stops_at([candidate.answer for candidate in candidates], rule)

    def more(_: Sequence[Candidate]) -> int:
        return rule.every

    return StopRule(rule.earliest, stop, more)


def _estimate_first(pool: QuestionPool, options: Options) -> list[PoolFigure]:
    """All draws of the budget are begun; those that are stopped cost what they have written."""
    count = int(options["m"])
    estimates = first_estimates(pool.draws, pool.budgets, m=count, seed=pool.seed)
    figures: list[PoolFigure] = []
    for one in estimates:
        spent = PoolFigure(one.budget, one.accuracy, one.mc_error, float(one.budget))
        figures.append(spent._replace(tokens=one.tokens, latency=one.latency))
    return figures


def _choose_first(candidates: Sequence[Candidate], options: Options, _: int) -> Choice:
    """Served as it is estimated; whoever serves it pays for the others to their end."""
    if any(math.isnan(one.tokens) for one in candidates):
        raise UserError(
            "policy: expected token counts of all draws for the strategy first, the server does "
            "not tell some; take another strategy"
        )
    order = sorted(range(len(candidates)), key=lambda place: candidates[place].tokens)
    finished = order[: int(options["m"])]
    choice = SELECTORS["majority"]([candidates[place] for place in finished])
    if choice.index is None:
        return choice
    return Choice(finished[choice.index], choice.answer, choice.credits)


MAJORITY = Form(
    kind="pool",
    selectors=("majority",),
    example="majority",
    short="majority",
)
BEST_OF_N = Form(
    kind="pool",
    selectors=("best_of_n",),
    example="best_of_n",
    short="best-of-N",
)
WEIGHTED = Form(
    kind="pool",
    selectors=("weighted",),
    example="weighted",
    short="weighted",
)
ADAPTIVE = Form(
    kind="pool",
    selectors=("majority",),
    example="adaptive(agree=3) or adaptive(posterior=0.95)",
    short="adaptive",
    estimate=lambda pool, options: _estimate_stopped(pool, _rule(options)),
    stop=lambda options, _: _stop_by(_rule(options)),
    options={"agree": at_least(2), "posterior": share(0.5, 1.0)},
    one_of=True,
)
WINDOW = Form(
    kind="pool",
    selectors=("majority",),
    example="window(w=4)",
    short="window",
    estimate=lambda pool, options: _estimate_stopped(pool, _window(options)),
    stop=lambda options, _: _stop_by(_window(options)),
    # A window of one draw always agrees with itself.
    options={"w": at_least(2)},
)
FIRST = Form(
    kind="pool",
    selectors=("majority",),
    example="first(m=3)",
    short="first",
    estimate=_estimate_first,
    choose=_choose_first,
    options={"m": at_least(1)},
    least=lambda options: int(options["m"]),
)
