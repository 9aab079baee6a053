"""What a run measured, as every later step reads it: outcomes, bins, and the difficulty in use."""

from __future__ import annotations

import polars as pl

from tasks.statistics.difficulty import used_difficulty
from warehouse.reader import Reader


def load_outcomes(reader: Reader, run_id: str) -> pl.DataFrame:
    """(question_id, strategy, budget, accuracy, costs, truncated, no_answer, repeats), no coverage.

    Costs: flops and generated_tokens (NULL where unknown), generations, and whether a verifier was
    asked, as 0 or 1.
    """
    return reader.read(
        "SELECT question_id, strategy, budget, accuracy, flops, generated_tokens, generations, "
        "(verifier_tokens IS NULL OR verifier_tokens > 0)::DOUBLE AS judged, "
        "truncated, no_answer, repeats FROM run_outcomes "
        "WHERE run_id = $run_id ORDER BY ALL",
        run_id=run_id,
    )


def load_bins(reader: Reader, run_id: str, difficulty: str) -> pl.DataFrame:
    """(question_id, bin, question_group) of a run under one difficulty; no rows: it has none.

    Questions of one group belong together; NULL: it belongs to none.
    """
    return reader.read(
        "SELECT question_id, bin, question_group "
        "FROM bins JOIN runs USING (run_id) "
        "LEFT JOIN questions USING (benchmark_fingerprint, question_id) "
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
    """The costs by which the cheaper of two strategies of a run is told, in order (METHOD §7).

    FLOPs; where those of one outcome are unknown, generated tokens, and whether a verifier was
    asked; where tokens are unknown too, generations in their place.
    """
    if not outcomes["flops"].has_nulls():
        return ("flops",)
    drawn = "generations" if outcomes["generated_tokens"].has_nulls() else "generated_tokens"
    return (drawn, "judged")
