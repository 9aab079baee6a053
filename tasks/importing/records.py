"""A log's draws, scores and verdicts as rows of the warehouse."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from tasks.asking.plan import Plan, plan
from tasks.asking.questioning import judging_of
from tasks.asking.recorder import Recorder
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, extend, root, split_draw
from tasks.draws.sampler import DrawKey, NewDraw
from tasks.draws.scorer import Judging, NewScore, aggregate
from tasks.importing.splitting import Division
from tasks.protocols import Draw, Role, StepScore
from tasks.runs.run import Run
from tasks.samples.log import Sample, SampleLog
from warehouse.store import Store

BATCH = 10_000
"""Draws that are written at once: so many rows are in memory at most."""


class _Given(NamedTuple):
    """One sample in its place among the draws of its question."""

    sample: Sample
    draw: NewDraw


def record_log(
    store: Store, run: Run, log: SampleLog, division: Division, asked: Mapping[str, Question]
) -> int:
    """Write what the log has for a run; returns how many draws there were.

    `asked` are the questions by the log's ids. What is there already is not written again.
    """
    owed = plan(run)
    recorder = Recorder(store, run)
    store.append("samplings", _sampling_row(owed, log))
    writer = _Writer(run, recorder, owed, is_logit(division.samples))
    count = 0
    for key, question in asked.items():
        for given in writer.draws(question, key, division):
            writer.take(given)
            count += 1
        if len(recorder.draws) >= BATCH:
            writer.flush(store)
    writer.flush(store)
    return count


class _Writer:
    """Takes samples one by one, and writes them in batches."""

    def __init__(self, run: Run, recorder: Recorder, owed: Plan, logits: bool) -> None:
        self._run = run
        self._recorder = recorder
        self._plan = owed
        self._logits = logits
        self._judging = judging_of(run.study.verifier, run.format.thinking)
        self._scored: set[str] = set()
        self._stated: list[dict[str, Any]] = []

    def draws(self, question: Question, key: str, division: Division) -> Iterator[_Given]:
        """The samples of one question, those that set its bin apart from its pool."""
        start = root(question, self._run.format.prompt(question), is_text=True)
        replicate = self._plan.replicate
        for place, sample in enumerate(division.pool[key]):
            yield _Given(sample, self._draw(start, sample, place, "proposer", replicate))
        # Negative replicates never meet the pool's, as where we draw ourselves.
        for place, sample in enumerate(division.difficulty[key]):
            yield _Given(sample, self._draw(start, sample, place, "difficulty", -1 - replicate))

    def _draw(self, start: Node, sample: Sample, place: int, role: Role, replicate: int) -> NewDraw:
        draw = Draw(
            token_ids=None,
            text=sample.text,
            # What the log does not say was not seen to be cut.
            stop=sample.stop or "end",
            tokens=_number(sample.tokens),
            thinking_tokens=sample.thinking_tokens,
        )
        node = extend(start, draw, split_draw(start, draw, self._run.format.steps))
        return NewDraw(
            key=DrawKey(start.key, self._plan.samplings.whole.key, replicate),
            child=place,
            parent=start,
            node=node,
            draw=draw,
            longest_step=None,
            role=role,
            prompt_tokens=_number(sample.prompt_tokens),
            cached_tokens=math.nan,
            # Somebody else asked for it.
            requests=0,
        )

    def take(self, given: _Given) -> None:
        """Collect the rows of one sample."""
        run = self._run
        self._recorder.draw(run.generator, given.draw)
        self._stated += _stated_rows(run, given)
        if run.verifier is None or not given.sample.scores:
            return
        key = _scored_key(self._judging, given.draw.node)
        score = self._score(given.sample.scores)
        # Two draws of one text have one score, as where a verifier of ours is asked.
        if key is None or key in self._scored or score is None:
            return
        self._scored.add(key)
        new = NewScore(key, given.draw.node, StepScore(score, math.nan), 0)
        self._recorder.score(run.verifier, new)

    def _score(self, scores: Sequence[float]) -> float | None:
        verifier = self._run.study.verifier
        read = [_sigmoid(score) if self._logits else score for score in scores]
        return aggregate(
            tuple(StepScore(score, math.nan) for score in read),
            verifier.aggregate if verifier else "last",
        )

    def flush(self, store: Store) -> None:
        """Write what was collected."""
        self._recorder.flush()
        store.load_new()
        if self._stated:
            kinds = {"value": pl.Float64, "answer": pl.String}
            store.append("stated_verdicts", pl.DataFrame(self._stated, schema_overrides=kinds))
            self._stated.clear()


def _number(tokens: int | None) -> float:
    return math.nan if tokens is None else tokens


def _sigmoid(logit: float) -> float:
    # Beyond 700 the power would overflow.
    return 1 / (1 + math.exp(-max(-700.0, min(700.0, logit))))


def is_logit(samples: Sequence[Sample]) -> bool:
    """Whether scores are logits, as reward models put out: one at least is no share."""
    return any(not 0 <= score <= 1 for sample in samples for score in sample.scores)


def _scored_key(judging: Judging, node: Node) -> str | None:
    """Where the score of a completion stands; None while it thinks what no verifier is shown."""
    keys = judging.keys(node)
    return keys[-1] if keys else None


def _stated_rows(run: Run, given: _Given) -> list[dict[str, Any]]:
    prefix, sampling, replicate = given.draw.key
    rows: list[dict[str, Any]] = []
    for stated in given.sample.stated:
        row = {
            "model_fingerprint": run.generator.fingerprint,
            "prefix_key": prefix,
            "sampling_key": sampling,
            "replicate": replicate,
            "child": given.draw.child,
            "metric": stated.metric,
            "benchmark_fingerprint": run.benchmark.fingerprint,
            "question_id": given.draw.node.question.question_id,
            "value": stated.value,
            "answer": stated.answer,
        }
        rows.append(row)
    return rows


def _sampling_row(owed: Plan, log: SampleLog) -> pl.DataFrame:
    """How the draws were made, as far as the log tells."""
    row = {
        "sampling_key": owed.samplings.whole.key,
        "temperature": log.temperature,
        "top_p": log.top_p,
        "top_k": log.top_k,
        "max_tokens": log.max_tokens,
        "until": "end",
    }
    return pl.DataFrame([row])
