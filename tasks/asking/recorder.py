"""How new draws and scores of a run get into the journal."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tasks.draws.nodes import Node
from tasks.draws.sampler import NewDraw
from tasks.draws.scorer import NewScore
from tasks.models.thinking import Share
from tasks.models.version import Model
from tasks.protocols import Sampling
from tasks.runs.run import Run
from warehouse.store import Store


@dataclass(slots=True)
class Recorder:
    """Collects new draws and scores and writes them to the journal in batches."""

    store: Store
    run: Run
    samplings: dict[str, Sampling]
    draws: list[dict[str, Any]] = field(default_factory=list)
    scores: list[dict[str, Any]] = field(default_factory=list)
    failures: list[dict[str, Any]] = field(default_factory=list)
    generated_tokens: int = 0
    verifier_tokens: int = 0

    def draw(self, model: Model, new: NewDraw) -> None:
        """Take in one new draw of a model."""
        self.generated_tokens += _stored_count(new.draw.tokens) or 0
        prefix, sampling, replicate = new.key
        thinking = self._thinking(new)
        self.draws.append(
            {
                "model_fingerprint": model.fingerprint,
                "prefix_key": prefix,
                "sampling_key": sampling,
                "replicate": replicate,
                "child": new.child,
                "benchmark_fingerprint": self.run.benchmark.fingerprint,
                "question_id": new.node.question.question_id,
                "node_key": new.node.key,
                "step_keys": list(new.node.step_keys[len(new.parent.step_keys) :]),
                "step_ends": None,
                "depth": len(new.parent.steps),
                "text": new.node.text[len(new.parent.text) :],
                "token_ids": _listed(new.draw.token_ids),
                "stop": new.draw.stop,
                "run_id": self.run.run_id,
                "role": new.role,
                "generated_tokens": _stored_count(new.draw.tokens),
                "longest_step": new.longest_step,
                "thinking_tokens": thinking.tokens if thinking else None,
                "thinking_steps": thinking.steps if thinking else None,
                "prompt_tokens": _stored_count(new.prompt_tokens),
                "cached_tokens": _stored_count(new.cached_tokens),
                "requests": new.requests,
                "drawn_at": datetime.now(UTC),
            }
        )

    def _thinking(self, new: NewDraw) -> Share | None:
        """How much of a draw is thinking; None for a format without it."""
        format = self.run.format
        own_steps = new.node.steps[len(new.parent.steps) :]
        if new.draw.token_ids is None:
            if not format.thinking.marks:
                return None
            said = format.thinking.after(own_steps)
            return Share(new.draw.thinking_tokens, len(own_steps) - len(said))
        written = format.steps.writing.of(new.draw.token_ids, start=False)
        return format.thinking.share(
            written, own_steps, before=new.parent.text, generated=int(new.draw.tokens)
        )

    def score(self, verifier: Model, new: NewScore) -> None:
        """Take in one new score of a verifier."""
        self.verifier_tokens += (_stored_count(new.score.tokens) or 0) * new.requests
        self.scores.append(
            {
                **self._about(verifier, new.node),
                "node_key": new.node_key,
                "benchmark_fingerprint": self.run.benchmark.fingerprint,
                "score": new.score.score,
                "tokens": _stored_count(new.score.tokens),
                "requests": new.requests,
                "scored_at": datetime.now(UTC),
            }
        )

    def failure(self, verifier: Model, node: Node, reason: str) -> None:
        """Take in one failed verifier call."""
        row = self._about(verifier, node) | {
            "node_key": node.key,
            "reason": reason,
            "failed_at": datetime.now(UTC),
        }
        self.failures.append(row)

    def flush(self) -> None:
        """Write what was collected; when this returns, a kill loses none of it."""
        # Samplings first: a draw in the journal is never without its parameters.
        if self.draws:
            used = {row["sampling_key"] for row in self.draws}
            samplings = [one for key, one in self.samplings.items() if key in used]
            if samplings:
                self.store.append("samplings", _sampling_rows(samplings))
        tables = {
            "draws": self.draws,
            "scores": self.scores,
            "verifier_failures": self.failures,
        }
        for table, rows in tables.items():
            if rows:
                self._append(table, rows)

    def _append(self, table: str, rows: list[dict[str, Any]]) -> None:
        frame = pl.DataFrame(rows, infer_schema_length=None, schema_overrides=_LISTS.get(table))
        self.store.append(table, frame)
        # Only now: what the store refused is kept, and written by the next call.
        rows.clear()

    def _about(self, verifier: Model, node: Node) -> dict[str, Any]:
        return {
            "run_id": self.run.run_id,
            "verifier_fingerprint": verifier.fingerprint,
            "question_id": node.question.question_id,
        }


_LISTS: dict[str, dict[str, Any]] = {
    "draws": {"token_ids": pl.List(pl.Int32), "step_keys": pl.List(pl.String)}
}
"""Types of columns that cannot be inferred where every list of a batch is empty."""


def _stored_count(tokens: float) -> int | None:
    """Tokens as the warehouse has them: NULL for what nobody told."""
    return None if math.isnan(tokens) else int(tokens)


def _listed(token_ids: tuple[int, ...] | None) -> list[int] | None:
    return None if token_ids is None else list(token_ids)


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
