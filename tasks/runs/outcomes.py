"""What a run measured, as every later step reads it: outcomes, bins, and the difficulty in use."""

from __future__ import annotations

import polars as pl

from tasks.statistics.difficulty import used_difficulty
from warehouse.reader import Reader


def load_outcomes(reader: Reader, run_id: str) -> pl.DataFrame:
    """(question_id, strategy, budget, accuracy, its costs, truncated, no_answer), not coverage.

    Costs: flops, generated_tokens (both NULL where unknown) and generations.
    """
    return reader.read(
        "SELECT question_id, strategy, budget, accuracy, flops, generated_tokens, generations, "
        "truncated, no_answer FROM run_outcomes "
        "WHERE run_id = $run_id ORDER BY ALL",
        run_id=run_id,
    )


def load_bins(reader: Reader, run_id: str, difficulty: str) -> pl.DataFrame:
    """(question_id, bin) of a run under one difficulty; no rows where it has no such bins."""
    return reader.read(
        "SELECT question_id, bin FROM bins "
        "WHERE run_id = $run_id AND difficulty = $difficulty ORDER BY ALL",
        run_id=run_id,
        difficulty=difficulty,
    )


def load_difficulties(reader: Reader, run_id: str) -> list[str]:
    """The kinds of difficulty by which a run's questions are binned, by name."""
    kinds = reader.read(
        "SELECT DISTINCT difficulty FROM bins WHERE run_id = $run_id ORDER BY ALL", run_id=run_id
    )
    return kinds["difficulty"].to_list()


def load_used_difficulty(reader: Reader, run_id: str) -> str:
    """The one kind of difficulty by which a run's policy is registered, shown and served."""
    return used_difficulty(load_difficulties(reader, run_id))


def cost_order(outcomes: pl.DataFrame) -> tuple[str, ...]:
    """The cost by which the cheaper of two strategies of a run is told (METHOD §7).

    FLOPs; where those of one outcome are unknown, generated tokens; where these are, generations.
    """
    for cost in ("flops", "generated_tokens"):
        if not outcomes[cost].has_nulls():
            return (cost,)
    return ("generations",)
