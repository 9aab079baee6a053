"""The vote of the most confident draws (METHOD §13; DeepConf, Fu et al., arXiv 2508.15260)."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from tasks.protocols import Confidence
from tasks.statistics.confidence.votes import choose_confident, confident_estimates
from tasks.statistics.selectors import Candidate, Choice
from tasks.strategies.forms import (
    Form,
    Options,
    PoolFigure,
    QuestionPool,
    one_from,
    share,
)
from warehouse.errors import UserError

BY = one_from("lowest", "mean", "tail")
"""Which of a draw's numbers it goes by."""


def _estimate(pool: QuestionPool, options: Options) -> list[PoolFigure]:
    """It takes the whole budget: what is not confident is seen when it has ended."""
    values = _values(pool.draws.confidences, options)
    estimates = confident_estimates(
        pool.draws,
        np.array(values),
        pool.budgets,
        top=float(options["top"]),
        seed=pool.seed,
    )
    return [
        PoolFigure(one.budget, one.accuracy, one.mc_error, float(one.budget)) for one in estimates
    ]


def _choose(candidates: Sequence[Candidate], options: Options, _: int) -> Choice:
    values = _values([one.confidence for one in candidates], options)
    answers = [one.answer for one in candidates]
    return choose_confident(answers, values, top=float(options["top"]))


def _values(confidences: Sequence[Confidence | None], options: Options) -> list[float]:
    known = [one for one in confidences if one is not None]
    if not known or len(known) < len(confidences):
        raise UserError(
            "study: expected the confidence of every draw for the strategy confident, got "
            f"{len(known)} of {len(confidences)}; set another replicate, so that all are drawn "
            "with it, or drop the strategy"
        )
    which = str(options.get("by", BY.default))
    return [float(one._asdict()[which]) for one in known]


CONFIDENT = Form(
    kind="pool",
    # No verifier: it is a vote of some, each with a weight of its own.
    selectors=("majority",),
    example="confident(top=0.1)",
    short="confident",
    estimate=_estimate,
    choose=_choose,
    options={"top": share(0.0, 1.0), "by": BY},
    needs_confidence=True,
)
