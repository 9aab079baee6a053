"""How hard each question is for the base model, and its bin (METHOD §6)."""

from collections.abc import Collection, Mapping
from hashlib import sha256
from typing import Final, Literal, NamedTuple

import polars as pl

from warehouse.errors import UserError

# Quintiles, as in the paper (§3.2): more bins have too few questions to choose a strategy in each.
BINS: Final = 5


class Difficulty(NamedTuple):
    """One way to tell how hard a question is, and what follows for a policy that goes by it."""

    needs_targets: bool
    """Whether the reference answers were looked at: then no new question can be placed."""
    serves: bool
    """Whether a new question is placed by it before it is answered, at the price below."""
    price: Literal["probe", "difficulty"]
    """Draws that place one question: the study's `probe_draws`, or its `difficulty_draws`."""


DIFFICULTIES: Final[Mapping[str, Difficulty]] = {
    "probe": Difficulty(needs_targets=False, serves=True, price="probe"),
    "predicted": Difficulty(needs_targets=False, serves=False, price="difficulty"),
    "oracle": Difficulty(needs_targets=True, serves=False, price="difficulty"),
    "frozen": Difficulty(needs_targets=True, serves=False, price="difficulty"),
}
"""Every kind, in the order in which a policy is used by them and in which they are shown.

How a kind places the questions of a run stands in `tasks.evaluation.bin_difficulty`.
"""


def used_difficulty(known: Collection[str]) -> str:
    """The kind by which a policy is used, of those that its run has (METHOD §6).

    Registered, shown, compared and served is the policy under this kind and no other. The first
    kind stands for a run that has none yet.
    """
    in_use = [kind for kind in DIFFICULTIES if kind in known]
    return in_use[0] if in_use else next(iter(DIFFICULTIES))


def oracle_values(draws: pl.DataFrame) -> pl.DataFrame:
    """pass@1 of each question: (question_id, value), from one row a draw (question_id, correct).

    A draw whose correctness is unknown counts as not correct: it stays in the denominator.
    """
    return (
        draws.group_by("question_id")
        .agg(value=pl.col("correct").fill_null(False).mean())
        .sort("question_id")
    )


def predicted_values(draws: pl.DataFrame) -> pl.DataFrame:
    """Mean verifier score of each question, without its target: (question_id, value).

    Takes one row a draw (question_id, score). Missing scores, NULL or NaN, are left out; a
    question without any has a NULL value.
    """
    score = pl.col("score").cast(pl.Float64).fill_nan(None)
    return draws.group_by("question_id").agg(value=score.mean()).sort("question_id")


def agreement_values(draws: pl.DataFrame) -> pl.DataFrame:
    """Share of each question's draws that give its commonest answer: (question_id, value).

    Takes one row a draw (question_id, answer, confidence); a draw without an answer, NULL, agrees
    with none. Where the confidence of every draw is known, equal shares are ordered by its mean,
    which adds less than one draw's share.
    """
    commonest = pl.col("answer").drop_nulls().unique_counts().max().fill_null(0)
    by_question = draws.group_by("question_id").agg(
        agreeing=commonest, draws=pl.len(), sure=pl.col("confidence").mean()
    )
    share = pl.col("agreeing") / pl.col("draws")
    if draws["confidence"].has_nulls():
        return by_question.select("question_id", value=share).sort("question_id")
    between = pl.col("sure").rank() / (pl.len() + 1)
    value = share + between / pl.col("draws")
    return by_question.select("question_id", value=value).sort("question_id")


def bins(values: pl.DataFrame, *, count: int = BINS) -> pl.DataFrame:
    """The questions from easiest to hardest with their bin: (question_id, value, bin), 1 … `count`.

    Questions are ranked by falling value and cut where sizes differ by at most one; NULL values
    come last, as hardest. Raises UserError for fewer questions than bins and ValueError for a
    question listed twice.
    """
    _check(values, count)
    # In Polars NaN sorts as the largest value, hence as the easiest question.
    value = pl.col("value").cast(pl.Float64).fill_nan(None)
    bin_of_rank = pl.int_range(pl.len()) * count // pl.len() + 1
    return (
        values.select("question_id", value)
        .with_columns(tie_order=_tie_order(values))
        .sort("value", "tie_order", descending=[True, False], nulls_last=True)
        .with_columns(bin=bin_of_rank.cast(pl.Int64))
        .drop("tie_order")
    )


def _tie_order(values: pl.DataFrame) -> pl.Series:
    """What equal values are ordered by.

    A hash of the question's id: the same in every run, and unlike the id itself unrelated to how a
    benchmark numbers easy and hard questions.
    """
    order: list[str] = []
    for question_id in values["question_id"]:
        order.append(sha256(str(question_id).encode()).hexdigest())
    return pl.Series(order)


def _check(values: pl.DataFrame, count: int) -> None:
    if values.height < count:
        raise UserError(
            f"expected at least {count} questions for {count} bins of difficulty, "
            f"got {values.height}: take more questions of the benchmark"
        )
    if values["question_id"].is_duplicated().any():
        raise ValueError(
            "expected one value for each question, got a question twice: aggregate the draws first"
        )
