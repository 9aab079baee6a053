"""Generating in shards: ranges of a run's questions, asked by workers without a warehouse.

Who holds the warehouse shares a run out. A worker gets an extract of it from the journal's place,
asks what is missing, and appends segments to the shared journal; the warehouse loads them.
"""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import polars as pl

from tasks.asking.recording import Progress
from tasks.asking.stored import group_by_words
from tasks.benchmarks.question import Question
from tasks.engines.lazy import Engines
from tasks.engines.log import noise_in
from tasks.engines.running import RunEngines
from tasks.evaluation.generate import ask_questions
from tasks.runs.events import PATIENCE_SECONDS, cpu_seconds, note
from tasks.runs.loading import load_run
from tasks.runs.run import Run
from warehouse.errors import UserError
from warehouse.extract import Extract, remove_extracts, write_extract
from warehouse.store import Store

TABLES = ("runs", "run_events", "draws", "scores")
"""What is read of a run to ask its questions."""
BATCH_QUESTIONS = 16
"""Whose draws are in memory at once while an extract is written."""


@dataclass(frozen=True, slots=True)
class Shard:
    """A range of a run's questions, and where a worker finds what it has to know."""

    run_id: str
    first: int
    """Place of its first question; those that are asked with the same words have one place."""
    end: int
    """Place after its last."""
    journal: str
    """Address of the shared journal."""
    extract: str
    """Name of the extract there."""


def write_shards(folder: Path, run_id: str, count: int) -> list[Shard]:
    """The run in at most so many shards of about as many questions, each with its extract.

    Raises UserError for a run that may not be shared out.
    """
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        run = load_run(store, run_id)
        _check_cap(run)
        groups = group_by_words(run.benchmark.questions)
        count = min(count, len(groups))
        ends = [len(groups) * place // count for place in range(count + 1)]
        address = store.journal.place.address
        # Of a sitting that was killed: whoever works on them has read them.
        remove_extracts(store, run_id)
        shards: list[Shard] = []
        for first, end in pairwise(ends):
            parts = _parts(store, run, _members(groups[first:end]))
            name = write_extract(store, run_id, TABLES, parts)
            shards.append(Shard(run_id, first, end, address, name))
        return shards


def _check_cap(run: Run) -> None:
    endpoint = run.study.endpoint(run.generator.name)
    if endpoint and endpoint.cap:
        raise UserError(
            f"run {run.run_id}: expected a study without a cap to be shared out, as what was spent "
            "is counted within one process; unset TTC_RUNNER (runner 'here'), or remove the cap "
            f"of the endpoint {endpoint.name}"
        )


def _members(groups: Sequence[Sequence[Question]]) -> list[Question]:
    return [question for group in groups for question in group]


def _parts(
    store: Store, run: Run, questions: Sequence[Question]
) -> Iterator[tuple[str, pl.DataFrame]]:
    """What is stored of the run and of these questions, by table."""
    this = "WHERE run_id = $run_id"
    yield "runs", store.read(f"SELECT * FROM runs {this}", run_id=run.run_id)
    # Of what happened to it, with which study it was gone on with.
    events = f"SELECT * FROM run_events {this} AND event = 'resumed'"
    yield "run_events", store.read(events, run_id=run.run_id)
    for start in range(0, len(questions), BATCH_QUESTIONS):
        batch = questions[start : start + BATCH_QUESTIONS]
        ids = pl.DataFrame({"question_id": [question.question_id for question in batch]})
        for table, column, models in _models(run):
            rows = store.read(
                f"SELECT * FROM {table} SEMI JOIN ids USING (question_id) "
                f"WHERE list_contains($models, {column})",
                ids=ids,
                models=models,
            )
            yield table, rows


def _models(run: Run) -> list[tuple[str, str, list[str]]]:
    """Each table with what models said, its column of fingerprints, and those of the run."""
    writers = {model.fingerprint for model in run.writers}
    judges = {model.fingerprint for model in (run.verifier, run.judge) if model}
    return [
        ("draws", "model_fingerprint", sorted(writers)),
        ("scores", "verifier_fingerprint", sorted(judges)),
    ]


def ask(
    shard: Shard,
    logs: Path,
    *,
    engines: Callable[[Run], Engines] | None = None,
    progress: Progress | None = None,
) -> int:
    """Draw and score what is missing of a shard, into the journal; returns the tokens generated.

    Idempotent: what the journal has meanwhile is not drawn again, whoever drew it. Raises UserError
    where this machine has other models or questions than the run was opened with.
    """
    wall, cpu = time.monotonic(), cpu_seconds()
    with _open(shard) as (extract, run), noise_in(logs / "engine.log"):
        groups = group_by_words(run.benchmark.questions)
        questions = _members(groups[shard.first : shard.end])
        take_new(extract, run, questions)
        asked = engines(run) if engines else RunEngines(run)
        work = ask_questions(extract, run, questions, engines=asked, progress=progress)
        tokens = asyncio.run(work)
        spent = {"seconds": time.monotonic() - wall, "cpu_seconds": cpu_seconds() - cpu}
        where = f"questions {shard.first + 1} to {shard.end} on {socket.gethostname()}"
        note(extract, run.run_id, "shard", where, **spent)
    return tokens


@contextmanager
def _open(shard: Shard) -> Generator[tuple[Extract, Run]]:
    with Extract.open(shard.journal, shard.extract) as extract:
        try:
            run = load_run(extract, shard.run_id)
        except UserError as error:
            raise UserError(
                f"worker on {socket.gethostname()}: expected the models and the benchmark with "
                f"which run {shard.run_id} was opened, at the same names as there; got: {error}"
            ) from error
        yield extract, run


def take_new(extract: Extract, run: Run, questions: Sequence[Question]) -> int:
    """How many draws and scores of the questions came since the extract was written."""
    ids = [question.question_id for question in questions]
    new = 0
    for table, column, models in _models(run):
        ours = pl.col("question_id").is_in(ids) & pl.col(column).is_in(models)
        new += extract.take_new(table, ours)
    return new


def gather(folder: Path, run_id: str) -> int:
    """Tokens that the run has generated so far; what workers have written can be read.

    By readers too.
    """
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        # What the journal has was loaded when the store was opened.
        store.publish_snapshot()
        return _generated_tokens(store, run_id)


def close_shards(folder: Path, run_id: str, seconds: float) -> int:
    """As `gather`, when all shards are done: the extracts go, and the stage is noted.

    It took so many seconds, and the CPU seconds of its workers.
    """
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        remove_extracts(store, run_id)
        since = datetime.now(UTC) - timedelta(seconds=seconds)
        cpu = store.read(
            "SELECT sum(cpu_seconds) FROM run_events "
            "WHERE run_id = $run_id AND event = 'shard' AND \"at\" >= $since",
            run_id=run_id,
            since=since,
        ).item()
        note(store, run_id, "stage", "generate", seconds=seconds, cpu_seconds=cpu or 0.0)
        store.publish_snapshot(whole=True)
        return _generated_tokens(store, run_id)


def _generated_tokens(store: Store, run_id: str) -> int:
    paid = "SELECT sum(generated_tokens)::BIGINT FROM draws WHERE run_id = $run_id"
    return store.read(paid, run_id=run_id).item() or 0
