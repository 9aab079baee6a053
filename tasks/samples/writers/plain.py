"""Our own sample logs, written as `plain` reads them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import polars as pl

from tasks.benchmarks.question import Question
from tasks.samples.log import Sample, SampleLog

_QUESTION = ("level", "accepted", "choices", "tests", "group", "metadata")
_SAMPLE = ("stop", "tokens", "prompt_tokens", "thinking_tokens", "scores", "role")
_LOG = ("model", "task", "temperature", "top_p", "top_k", "max_tokens")


def write_plain(log: SampleLog, path: Path) -> Path:
    """A file of one row a draw, Parquet by the suffix `.parquet`, else JSON Lines.

    `plain.read` gives the same log back.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [_row(log, log.questions[sample.question_id], sample) for sample in log.samples]
    if path.suffix == ".parquet":
        # All rows are looked at: a key that only the last one has is a column too.
        pl.DataFrame(rows, infer_schema_length=None).write_parquet(path)
        return path
    with path.open("w", encoding="utf-8") as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False) + "\n")
    return path


def _row(log: SampleLog, question: Question, sample: Sample) -> dict[str, Any]:
    """One draw; what is unknown or empty has no key."""
    row: dict[str, Any] = {
        "question_id": question.question_id,
        "question": question.text,
        "target": question.target,
        "draw": sample.draw,
        "text": sample.text,
    }
    row |= _filled(sample, _SAMPLE) | _filled(question, _QUESTION) | _filled(log, _LOG)
    if sample.scores:
        row["verifier"] = log.verifier
    if sample.stated:
        row["stated"] = [
            {"metric": one.metric, "value": one.value, "answer": one.answer}
            for one in sample.stated
        ]
    return row


def _filled(value: object, names: tuple[str, ...]) -> dict[str, Any]:
    filled: dict[str, Any] = {}
    for name in names:
        own = getattr(value, name)
        if own is None or own in ((), {}):
            continue
        filled[name] = list(own) if isinstance(own, tuple) else own
    return filled
