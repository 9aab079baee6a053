"""What is refused of draws that were made before a strategy asked how sure the model was."""

from __future__ import annotations

import polars as pl

from tasks.runs.run import Run
from tasks.strategies import Strategy
from warehouse.errors import UserError
from warehouse.store import Store

_WITHOUT = """
SELECT count(*) FROM draws JOIN samplings USING (sampling_key)
SEMI JOIN wanted USING (question_id)
WHERE model_fingerprint = $model AND replicate = $replicate AND child < $pool AND depth = 0
    AND until = 'end' AND temperature = $temperature AND top_p = $top_p AND top_k = $top_k
    AND max_tokens = $max_tokens
    AND (lowest_confidence IS NULL OR $falls AND confidence_falls IS NULL)
"""
"""Draws of a pool whose engine was not asked. Other draws of a question's replicate go on from
attempts, whose prompts are longer: they are of another prefix, and of a replicate of their own."""


def check_confidence(store: Store, run: Run) -> None:
    """UserError where a strategy would choose among draws whose confidence nobody knows."""
    for strategy in map(run.study.strategy, run.study.strategies):
        if not strategy.form.needs_confidence:
            continue
        without = _count_without(store, run, strategy)
        if without:
            raise UserError(
                f"study: expected the confidence of every draw for {strategy.key}, got {without} "
                f"draws of {run.generator.name} that were made before a strategy asked for it; "
                "set another replicate in the study, so that all are drawn with it, or drop the "
                "strategy"
            )


def _count_without(store: Store, run: Run, strategy: Strategy) -> int:
    generator = run.study.generator
    at = strategy.temperature
    rows = store.read(
        _WITHOUT,
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        model=run.generator.fingerprint,
        replicate=run.study.replicate,
        pool=max(run.study.budgets),
        temperature=generator.temperature if at is None else at,
        top_p=generator.top_p,
        top_k=generator.top_k,
        max_tokens=generator.max_tokens,
        falls=strategy.form.needs_falls,
    )
    return int(rows.item())
