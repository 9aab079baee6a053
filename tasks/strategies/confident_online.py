"""The vote of confident draws, the others stopped on their way (METHOD §13).

DeepConf, its online form: Fu et al., arXiv 2508.15260.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from tasks.protocols import Confidence
from tasks.statistics.confidence.online import (
    Rule,
    Watched,
    choose_online,
    online_estimates,
    settles_at,
)
from tasks.statistics.selectors import Candidate, Choice
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

_WARMUP = 16
_AGREE = 0.95


def _rule(options: Options) -> Rule:
    warmup = int(options.get("warmup", _WARMUP))
    return Rule(float(options["top"]), warmup, float(options.get("agree", _AGREE)))


def _estimate(pool: QuestionPool, options: Options) -> list[PoolFigure]:
    """A draw that is stopped costs what it has written, and is a generation."""
    rule = _rule(options)
    draws = pool.draws
    tokens = np.full(draws.answers.size, np.nan) if draws.tokens is None else draws.tokens
    answers = [None if one < 0 else str(one) for one in draws.answers]
    watched = _watch(answers, draws.confidences, tokens.tolist())
    estimates = online_estimates(watched, draws.correct, pool.budgets, rule=rule, seed=pool.seed)
    figures: list[PoolFigure] = []
    for one in estimates:
        spent = PoolFigure(one.budget, one.accuracy, one.mc_error, one.generations)
        rounds = 1 + one.generations - rule.warmup
        figures.append(spent._replace(tokens=one.tokens, rounds=rounds, latency=one.latency))
    return figures


def _stop(options: Options, _: int) -> StopRule:
    rule = _rule(options)

    def stops_at(candidates: Sequence[Candidate]) -> int | None:
        return settles_at(_watched(candidates), rule)

    return StopRule(rule.warmup, stops_at)


def _choose(candidates: Sequence[Candidate], options: Options, _: int) -> Choice:
    """Served as it is estimated; who serves it pays for stopped draws to their end."""
    return choose_online(_watched(candidates), _rule(options))


def _watched(candidates: Sequence[Candidate]) -> list[Watched]:
    answers = [one.answer for one in candidates]
    tokens = [one.tokens for one in candidates]
    return _watch(answers, [one.confidence for one in candidates], tokens)


def _watch(
    answers: Sequence[str | None],
    confidences: Sequence[Confidence | None],
    tokens: Sequence[float],
) -> list[Watched]:
    watched: list[Watched] = []
    for answer, sure, count in zip(answers, confidences, tokens, strict=False):
        if sure and sure.falls and not math.isnan(count):
            watched.append(Watched(answer, sure.falls, count))
    if len(watched) < len(answers):
        raise UserError(
            "study: expected of every draw when its confidence fell for confident_online, got it "
            f"of {len(watched)} of {len(answers)}; set another replicate, so that all are drawn "
            "with it, or drop the strategy"
        )
    return watched


CONFIDENT_ONLINE = Form(
    kind="pool",
    # No verifier: it is a vote of some, each with a weight of its own.
    selectors=("majority",),
    example="confident_online(top=0.1)",
    short="confident online",
    estimate=_estimate,
    stop=_stop,
    choose=_choose,
    options={
        "top": share(0.0, 1.0),
        # Fewer say little of where a tenth of the draws begins.
        "warmup": at_least(2, default=_WARMUP),
        "agree": share(0.5, 1.0)._replace(default=_AGREE),
    },
    least=lambda options: int(options.get("warmup", _WARMUP)),
    needs_confidence=True,
    needs_falls=True,
)
