"""How new draws and scores of a run get into the journal."""

from __future__ import annotations

import math
from array import array
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import accumulate, chain
from typing import Any

import numpy as np
import polars as pl
import pyarrow as pa

from tasks.draws.nodes import Node
from tasks.draws.sampler import NewDraw
from tasks.draws.scorer import NewScore
from tasks.models.thinking import Share
from tasks.models.version import Model
from tasks.protocols import Confidence, Sampling
from tasks.runs.run import Run
from warehouse.reader import Ledger

Rows = dict[str, list[Any]]
"""Rows of one table, by column."""


@dataclass(slots=True)
class Recorder:
    """Collects new draws and scores and writes them to the journal in batches."""

    store: Ledger
    run: Run
    samplings: dict[str, Sampling] = field(default_factory=dict[str, Sampling])
    """By key, those of the draws that are to be written."""
    draws: Rows = field(default_factory=dict[str, list[Any]])
    scores: Rows = field(default_factory=dict[str, list[Any]])
    failures: Rows = field(default_factory=dict[str, list[Any]])
    generated_tokens: int = 0
    verifier_tokens: int = 0
    drawn: set[str] = field(default_factory=set[str])
    """Ids of the questions of which something is new."""

    def draw(self, model: Model, new: NewDraw) -> None:
        """Take in one new draw of a model."""
        self.generated_tokens += _stored_count(new.draw.tokens) or 0
        self.drawn.add(new.node.question.question_id)
        if new.sampling:
            self.samplings[new.sampling.key] = new.sampling
        prefix, sampling, replicate = new.key
        thinking = self._thinking(model, new)
        sure = new.draw.confidence
        row = {
            "model_fingerprint": model.fingerprint,
            "prefix_key": prefix,
            "sampling_key": sampling,
            "replicate": replicate,
            "child": new.child,
            "benchmark_fingerprint": self.run.benchmark.fingerprint,
            "question_id": new.node.question.question_id,
            "node_key": new.node.key,
            "step_keys": new.node.own_keys,
            "step_ends": new.node.ends,
            "depth": new.parent.depth,
            "text": new.node.written,
            "token_ids": new.draw.token_ids,
            "stop": new.draw.stop,
            "run_id": self.run.run_id,
            "role": new.role,
            "generated_tokens": _stored_count(new.draw.tokens),
            "longest_step": new.longest_step,
            "thinking_tokens": thinking.tokens if thinking else None,
            "thinking_steps": thinking.steps if thinking else None,
            "lowest_confidence": sure.lowest if sure else None,
            "mean_confidence": sure.mean if sure else None,
            "tail_confidence": sure.tail if sure else None,
            "confidence_falls": _stored_falls(sure) if sure else None,
            "prompt_tokens": _stored_count(new.prompt_tokens),
            "cached_tokens": _stored_count(new.cached_tokens),
            "requests": new.requests,
            "drawn_at": datetime.now(UTC),
        }
        _add(self.draws, row)

    def _thinking(self, model: Model, new: NewDraw) -> Share | None:
        """How much of a draw is thinking; None for a format without it."""
        format = self.run.format_of(model)
        if not format.thinking.marks:
            return None
        own_steps = new.node.own_steps
        if new.draw.token_ids is None:
            said = format.thinking.after(own_steps)
            return Share(new.draw.thinking_tokens, len(own_steps) - len(said))
        # Of most completions none is, which their text tells sooner than their tokens.
        if not format.thinking.is_in(new.node.text):
            return Share(0, 0)
        written = format.steps.writing.of(new.draw.token_ids, start=False)
        return format.thinking.share(
            written, own_steps, before=new.parent.text, generated=int(new.draw.tokens)
        )

    def score(self, verifier: Model, new: NewScore) -> None:
        """Take in one new score of a verifier."""
        self.verifier_tokens += (_stored_count(new.score.tokens) or 0) * new.requests
        self.drawn.add(new.node.question.question_id)
        row = self._about(verifier, new.node) | {
            "node_key": new.node_key,
            "benchmark_fingerprint": self.run.benchmark.fingerprint,
            # A verifier may say 1: a column is of one kind of number.
            "score": float(new.score.score),
            "tokens": _stored_count(new.score.tokens),
            "requests": new.requests,
            "scored_at": datetime.now(UTC),
        }
        _add(self.scores, row)

    def failure(self, verifier: Model, node: Node, reason: str) -> None:
        """Take in one failed verifier call."""
        row = self._about(verifier, node) | {
            "node_key": node.key,
            "reason": reason,
            "failed_at": datetime.now(UTC),
        }
        _add(self.failures, row)

    def flush(self) -> None:
        """Write what was collected; when this returns, a kill loses none of it.

        All of it goes to the journal alone: the store loads it now and then, and may be at it.
        """
        # Samplings first: a draw in the journal is never without its parameters.
        if self.samplings:
            self.store.journal.append("samplings", _sampling_rows(list(self.samplings.values())))
            self.samplings.clear()
        tables = {
            "draws": self.draws,
            "scores": self.scores,
            "verifier_failures": self.failures,
        }
        for table, rows in tables.items():
            if rows:
                self.store.journal.append(table, _frame(rows))
                # Only now: what the journal refused is kept, and written by the next call.
                rows.clear()

    def _about(self, verifier: Model, node: Node) -> dict[str, Any]:
        return {
            "run_id": self.run.run_id,
            "verifier_fingerprint": verifier.fingerprint,
            "question_id": node.question.question_id,
        }


def _add(rows: Rows, row: dict[str, Any]) -> None:
    """One more row; the first one names the columns."""
    if not rows:
        rows.update((column, []) for column in row)
    for column, value in row.items():
        rows[column].append(value)


def _frame(rows: Rows) -> pl.DataFrame:
    lists = {
        "token_ids": pl.Int32,
        "step_ends": pl.Int32,
        "confidence_falls": pl.Int32,
        "step_keys": pl.String,
    }
    columns: list[pl.Series] = []
    for column, values in rows.items():
        kind = lists.get(column)
        if kind is None:
            columns.append(pl.Series(column, values))
        elif kind == pl.Int32:
            columns.append(_numbers(column, values))
        else:
            # Named outright: it cannot be inferred where every list of a batch is empty.
            columns.append(pl.Series(column, values, dtype=pl.List(kind)))
    return pl.DataFrame(columns)


def _numbers(column: str, lists: Sequence[array[int] | None]) -> pl.Series:
    """A column of lists of whole numbers, from their bytes: no number becomes a Python object."""
    ends = list(accumulate((len(one or ()) for one in lists), initial=0))
    content = b"".join(one.tobytes() for one in lists if one)
    missing = pa.array([one is None for one in lists])
    values = pa.array(np.frombuffer(content, dtype=np.int32))
    offsets = pa.array(ends, type=pa.int64())
    made = pa.LargeListArray.from_arrays(offsets, values, mask=missing)
    return pl.Series(column, pl.from_arrow(made))


def _stored_count(tokens: float) -> int | None:
    """Tokens as the warehouse has them: NULL for what nobody told."""
    return None if math.isnan(tokens) else int(tokens)


def _stored_falls(sure: Confidence) -> array[int] | None:
    """Tokens and mean of each fall in turn; None: nobody told."""
    return array("i", chain.from_iterable(sure.falls)) or None


def _sampling_rows(samplings: list[Sampling]) -> pl.DataFrame:
    return pl.DataFrame(
        [
            {
                "sampling_key": s.key,
                "temperature": s.temperature,
                "top_p": s.top_p,
                "top_k": s.top_k,
                "max_tokens": s.max_tokens,
                "until": s.until,
            }
            for s in samplings
        ]
    )
