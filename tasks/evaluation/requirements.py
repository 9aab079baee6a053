"""What of a run meets a requirement: a wanted accuracy, limits on a question, or both (§14)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

import polars as pl

from tasks.evaluation.cost_axes import probe_costs
from tasks.evaluation.rates import load_rates
from tasks.runs.loading import load_run
from tasks.runs.outcomes import cost_order, load_bins, load_used_difficulty
from tasks.runs.run import Run
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.statistics.outcomes import SAME_COST
from tasks.statistics.requirement import Answer, answer_of
from warehouse.errors import UserError
from warehouse.reader import Reader

LIMITED: Final[Mapping[str, tuple[str, str]]] = {
    "generations": ("generations", "nothing"),
    "tokens": ("generated_tokens", "token counts"),
    "money": ("money", "prices, in the study's table [prices]"),
    "latency": ("latency_tokens", "token counts"),
    "seconds": ("latency_seconds", "a measured pace"),
}
"""What can be limited: the column of table `outcomes`, and what must be known for it.

`seconds` are those that a question waits for its answer.
"""


class Requirement(NamedTuple):
    """What is asked for: at least one of both."""

    accuracy: float | None
    """Wanted share of questions that are answered right within all limits."""
    limits: Mapping[str, float]
    """By what is limited (`LIMITED`): the most that a question may cost."""


class Met(NamedTuple):
    """What was found in a run."""

    run_id: str
    model: str
    benchmark: str
    difficulty: str
    paid_in: str
    """In which column costs are compared."""
    answer: Answer


def meet(reader: Reader, run_id: str, wanted: Requirement) -> Met:
    """The cells of a complete run that meet the requirement, by bins or for all questions.

    UserError where nothing or an impossible share is asked for, and for costs that nobody knows.
    """
    _check(wanted)
    run = load_run(reader, run_id)
    difficulty = load_used_difficulty(reader, run_id)
    outcomes = reader.read(_OUTCOMES, run_id=run_id)
    # By the first limit costs are compared, else as everywhere (METHOD §7).
    named = next(iter(wanted.limits), None)
    paid_in = LIMITED[named][0] if named else cost_order(_with_judged(outcomes))[0]
    extra = _extra(reader, run, outcomes, difficulty)
    _check_known(outcomes, extra, wanted.limits)
    priced = _priced(outcomes, extra, wanted.limits, paid_in)
    answer = answer_of(
        priced,
        load_bins(reader, run_id, difficulty),
        wanted=wanted.accuracy,
        baseline=run.study.baseline,
        seed=run.study.seed,
    )
    return Met(
        run_id=run_id,
        model=run.generator.name,
        benchmark=run.benchmark.name,
        difficulty=difficulty,
        paid_in=paid_in,
        answer=answer,
    )


_OUTCOMES = "SELECT * FROM run_outcomes WHERE run_id = $run_id ORDER BY ALL"
_PROBINGS = "SELECT * FROM probings JOIN probes USING (run_id) WHERE run_id = $run_id"


def _check(wanted: Requirement) -> None:
    if wanted.accuracy is None and not wanted.limits:
        raise UserError("policy: expected an accuracy or a limit; name one, e.g. --accuracy 0.9")
    if wanted.accuracy is not None and not 0.0 < wanted.accuracy <= 1.0:
        raise UserError(
            f"policy: expected --accuracy above 0 and up to 1, got {wanted.accuracy:g}; 0.9 is 90 %"
        )
    for name, most in wanted.limits.items():
        if not most > 0.0:
            raise UserError(f"policy: expected --{name} above 0, got {most:g}; name what it may be")


def _with_judged(outcomes: pl.DataFrame) -> pl.DataFrame:
    return outcomes.with_columns(judged=pl.col("verifier_tokens").fill_null(1.0) > 0.0)


def _extra(reader: Reader, run: Run, outcomes: pl.DataFrame, difficulty: str) -> pl.DataFrame:
    """What telling a question's bin adds to each outcome, by cost column."""
    if DIFFICULTIES[difficulty].price == "probe":
        probings = reader.read(_PROBINGS, run_id=run.run_id)
        return probe_costs(run, outcomes, probings, load_rates(reader, run))
    columns = {column for column, _ in LIMITED.values()} | {"flops"}
    return pl.DataFrame({column: [0.0] * len(outcomes) for column in columns})


def _check_known(outcomes: pl.DataFrame, extra: pl.DataFrame, limits: Mapping[str, float]) -> None:
    for name in limits:
        column, needs = LIMITED[name]
        if outcomes[column].has_nulls() or extra[column].has_nulls():
            raise UserError(
                f"policy: expected the costs of every answer for --{name}, some are unknown; they "
                f"need {needs}: complete that and run again, what is drawn already costs nothing"
            )


def _priced(
    outcomes: pl.DataFrame, extra: pl.DataFrame, limits: Mapping[str, float], paid_in: str
) -> pl.DataFrame:
    """The outcomes with what `answer_of` reads."""
    within = pl.repeat(True, len(outcomes), eager=True)
    alone = within
    for name, most in limits.items():
        column, _ = LIMITED[name]
        # Costs that are the limit but for rounding are within it.
        reach = most * (1.0 + SAME_COST)
        alone &= outcomes[column] <= reach
        within &= (outcomes[column] + extra[column]) <= reach
    right = outcomes["accuracy"]
    return outcomes.select(
        "question_id",
        "strategy",
        "budget",
        "truncated",
        "no_answer",
        met=right * within.cast(pl.Float64),
        met_alone=right * alone.cast(pl.Float64),
        cost=outcomes[paid_in].cast(pl.Float64) + extra[paid_in],
        cost_alone=outcomes[paid_in].cast(pl.Float64),
    )
