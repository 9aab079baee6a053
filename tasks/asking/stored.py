"""What is already drawn and scored for a run."""

from __future__ import annotations

import math
from collections.abc import Iterator

import polars as pl

from tasks.draws.sampler import DrawKey
from tasks.models.version import Model
from tasks.protocols import Draw, StepScore
from tasks.runs.run import Run
from warehouse.store import Store


def stored_draws(store: Store, run: Run, model: Model) -> Iterator[tuple[DrawKey, int, Draw]]:
    """Every draw of this model version on this run's questions, whoever paid for it."""
    frame = store.read(
        "SELECT prefix_key, sampling_key, replicate, child, token_ids, text, stop, "
        "generated_tokens FROM draws SEMI JOIN wanted USING (question_id) "
        "WHERE model_fingerprint = $model",
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        model=model.fingerprint,
    )
    for prefix, sampling, replicate, child, ids, text, stop, tokens in frame.iter_rows():
        token_ids = None if ids is None else tuple(ids)
        draw = Draw(token_ids, text, stop, _count(tokens))
        yield DrawKey(prefix, sampling, replicate), child, draw


def stored_scores(
    store: Store, run: Run, verifier: Model | None
) -> Iterator[tuple[str, StepScore]]:
    """Every score of this verifier version on this run's questions; none without a verifier."""
    if verifier is None:
        return
    frame = store.read(
        "SELECT node_key, score, tokens FROM scores SEMI JOIN wanted USING (question_id) "
        "WHERE verifier_fingerprint = $verifier",
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        verifier=verifier.fingerprint,
    )
    for key, score, tokens in frame.iter_rows():
        yield key, StepScore(score, _count(tokens))


def _count(tokens: int | None) -> float:
    """Tokens as they are reckoned with: NaN for what nobody told."""
    return math.nan if tokens is None else tokens
