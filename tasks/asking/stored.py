"""What is already drawn and scored for a run, read a few questions at a time."""

from __future__ import annotations

import math
from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import polars as pl

from tasks.benchmarks.question import Question
from tasks.draws.nodes import Kept
from tasks.draws.sampler import DrawKey
from tasks.models.version import Model
from tasks.protocols import Confidence, Fall, StepScore
from tasks.runs.run import Run
from warehouse.reader import Reader

BATCH_TOKENS = 2_000_000
"""Tokens of the draws that are read at a time: some 20 MB, and a scan of the table for each."""
BATCH_QUESTIONS = 64

Draws = list[tuple[DrawKey, int, Kept]]


@dataclass(frozen=True, slots=True)
class Stored:
    """What is known of questions that are asked with the same words."""

    draws: dict[str, Draws] = field(default_factory=dict[str, Draws])
    """By fingerprint of the model."""
    scores: dict[str, dict[str, StepScore]] = field(default_factory=dict[str, dict[str, StepScore]])
    """By fingerprint of the verifier, then by key of the step's end."""


Twins = tuple[Question, ...]
"""Questions that are asked with the same words, mostly one: what is drawn for one is for all."""


def read_stored(
    store: Reader, run: Run, questions: Sequence[Question], *, token_ids: bool
) -> Iterator[tuple[Twins, Stored]]:
    """What is stored of each question, whoever paid for it, in the order of the questions.

    Token ids are read where a draw may have to go on.
    """
    for batch in _batches(store, run, group_by_words(questions)):
        place = {one.question_id: where for where, asked in enumerate(batch) for one in asked}
        stored = [Stored() for _ in batch]
        for model in run.writers:
            for where, draw in _draws(store, model, place, token_ids=token_ids):
                stored[where].draws.setdefault(model.fingerprint, []).append(draw)
        for verifier in _judges(run):
            for where, key, score in _scores(store, verifier, place):
                stored[where].scores.setdefault(verifier.fingerprint, {})[key] = score
        yield from zip(batch, stored, strict=True)


def group_by_words(questions: Sequence[Question]) -> list[Twins]:
    """The questions in their order, those that are asked with the same words together."""
    by_text: dict[str, list[Question]] = {}
    for question in questions:
        by_text.setdefault(question.text, []).append(question)
    return [tuple(asked) for asked in by_text.values()]


def _judges(run: Run) -> Iterable[Model]:
    judges = (run.verifier, run.judge)
    return {model.fingerprint: model for model in judges if model}.values()


def _batches(store: Reader, run: Run, asked: Sequence[Twins]) -> Iterator[list[Twins]]:
    """The questions in turn, as many at a time as have so many tokens stored."""
    frame = store.read(
        "SELECT question_id, sum(generated_tokens)::BIGINT FROM draws "
        "SEMI JOIN wanted USING (question_id) "
        "WHERE list_contains($models, model_fingerprint) GROUP BY question_id",
        wanted=pl.DataFrame({"question_id": run.question_ids}),
        models=[model.fingerprint for model in run.writers],
    )
    tokens = dict(frame.iter_rows())
    batch: list[Twins] = []
    size = 0
    for one in asked:
        own = sum(tokens.get(question.question_id) or 0 for question in one)
        if batch and (size + own > BATCH_TOKENS or len(batch) >= BATCH_QUESTIONS):
            yield batch
            batch = []
            size = 0
        batch.append(one)
        size += own
    yield batch


def _draws(
    store: Reader, model: Model, place: Mapping[str, int], *, token_ids: bool
) -> Iterator[tuple[int, tuple[DrawKey, int, Kept]]]:
    # A draw of an older version says nothing of its steps: they are found in its tokens.
    frame = store.read(
        "SELECT question_id, prefix_key, sampling_key, replicate, child, node_key, step_keys, "
        "step_ends, text, stop, generated_tokens, len(token_ids) AS length, "
        "lowest_confidence, mean_confidence, tail_confidence, confidence_falls, "
        "CASE WHEN $token_ids OR step_ends IS NULL THEN token_ids END AS token_ids "
        "FROM draws SEMI JOIN wanted USING (question_id) WHERE model_fingerprint = $model",
        wanted=pl.DataFrame({"question_id": list(place)}),
        model=model.fingerprint,
        token_ids=token_ids,
    )
    lists = _arrays(frame["token_ids"])
    for row, ids in zip(frame.drop("token_ids").iter_rows(), lists, strict=True):
        question, prefix, sampling, replicate, child, key, keys, ends, text, *rest = row
        stop, tokens, n, *sure = rest
        kept = Kept(key, keys, ends, text, ids, _count(n), stop, _count(tokens), _confidence(sure))
        yield place[question], (DrawKey(prefix, sampling, replicate), child, kept)


def _confidence(stored: Sequence[Any]) -> Confidence | None:
    """None for a draw whose engine was not asked."""
    lowest, mean, tail, falls = stored
    if lowest is None:
        return None
    numbers = falls or []
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return Confidence(lowest, mean, tail, tuple(Fall(*pair) for pair in pairs))


def _arrays(lists: pl.Series) -> Iterator[array[int] | None]:
    """Lists of whole numbers, four bytes a number."""
    lengths = lists.list.len().to_list()
    values: Any = lists.explode(empty_as_null=False).drop_nulls().cast(pl.Int32).to_numpy()
    start = 0
    for length in lengths:
        if length is None:
            yield None
            continue
        ids = array("i")
        ids.frombytes(values[start : start + length].tobytes())
        start += length
        yield ids


def _scores(
    store: Reader, verifier: Model, place: Mapping[str, int]
) -> Iterator[tuple[int, str, StepScore]]:
    frame = store.read(
        "SELECT question_id, node_key, score, tokens FROM scores "
        "SEMI JOIN wanted USING (question_id) WHERE verifier_fingerprint = $verifier",
        wanted=pl.DataFrame({"question_id": list(place)}),
        verifier=verifier.fingerprint,
    )
    for question, key, score, tokens in frame.iter_rows():
        yield place[question], key, StepScore(score, _count(tokens))


def _count(tokens: int | None) -> float:
    """Tokens as they are reckoned with: NaN for what nobody told."""
    return math.nan if tokens is None else tokens
