"""Opening a run: every refusal happens here, before the first token."""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import json
import resource
import secrets
import time
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl

from tasks.benchmarks.benchmark import Benchmark, load_benchmark
from tasks.benchmarks.question import Question
from tasks.models.formats import Format, format_table, load_format, load_tokenizer
from tasks.models.verifiers import load_family, load_reading
from tasks.models.version import Model, load_model
from tasks.provenance import code_commit, packages
from tasks.statistics.difficulty import BINS
from tasks.strategies import Strategy
from tasks.strategies.tools import IN_SIGHT
from tasks.study import Study, study_from
from tasks.study_tables import Revisions, Verifier
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

PATIENCE_SECONDS = 60.0
"""A stage waits so long for a command that writes between stages, e.g. `ttc plan`."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution of a study for one model version, with all that its stages need."""

    run_id: str
    study: Study
    generator: Model
    verifier: Model | None
    reviser: Model
    """The model that revises attempts; the generator itself unless the study names one."""
    judge: Model | None
    """The verifier of attempts; None where the run's verifier judges them too."""
    benchmark: Benchmark
    format: Format

    def verifier_settings(self, model: Model) -> Verifier:
        """What the study says of the verifier that is this model."""
        revisions = self.study.revisions
        if revisions and revisions.verifier and self.judge and model.fingerprint == self.judge.fingerprint:
            return revisions.verifier
        return self.study.verifier or Verifier()

    def models(self, strategy: Strategy) -> tuple[Model, Model | None]:
        """Who writes and who judges under a strategy."""
        return (self.reviser, self.judge or self.verifier) if strategy.form.revises else (self.generator, self.verifier)

    @property
    def question_ids(self) -> list[str]:
        return [q.question_id for q in self.benchmark.questions]


def open_run(store: Store, study: Study, model: str) -> str:
    """Id of the run of this study for this model: the unfinished one of the same identity, or a new one."""
    run = prepared(study, model, run_id="")
    identity = _identity(run)
    unfinished = store.read(
        "SELECT run_id FROM runs WHERE identity = $identity AND run_id NOT IN "
        "(SELECT run_id FROM run_events WHERE event = 'complete') ORDER BY opened_at DESC LIMIT 1",
        identity=identity,
    )
    if len(unfinished):
        run_id = str(unfinished.item())
        note(store, run_id, "resumed")
        return run_id
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    _write(store, dataclasses.replace(run, run_id=run_id), identity)
    return run_id


def complete_run(store: Store, study: Study, model: str) -> str | None:
    """Id of the newest complete run of this study for this model as they are now; None: there is none."""
    rows = store.read(
        "SELECT run_id FROM complete_runs JOIN runs USING (run_id) WHERE identity = $identity "
        "ORDER BY completed_at DESC LIMIT 1",
        identity=_identity(prepared(study, model, run_id="")),
    )
    return str(rows.item()) if len(rows) else None


def load_run(store: Store | Snapshot, run_id: str) -> Run:
    """The run of an id; UserError if its model or benchmark is no longer what it was opened with."""
    rows = store.read("SELECT * FROM runs WHERE run_id = $run_id", run_id=run_id)
    if not len(rows):
        raise UserError(f"run: expected the id of a run in the warehouse, got {run_id!r}; `ttc status` lists them")
    row = rows.row(0, named=True)
    run = prepared(study_from(json.loads(row["study_json"])), row["model"], run_id=run_id)
    if run.generator.fingerprint != row["model_fingerprint"] or _identity(run) != row["identity"]:
        raise UserError(
            f"run {run_id}: model, verifier or benchmark changed since it was opened; run the study again for a new run"
        )
    return run


@contextlib.contextmanager
def stage(folder: Path, run_id: str, name: str) -> Generator[tuple[Store, Run]]:
    """The open warehouse and the run, for one stage; its seconds are written down when it ends well."""
    wall, cpu = time.monotonic(), _cpu_seconds()
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        yield store, load_run(store, run_id)
        note(store, run_id, "stage", name, seconds=time.monotonic() - wall, cpu_seconds=_cpu_seconds() - cpu)


def _cpu_seconds() -> float:
    """CPU seconds of this process and of its ended children, engines among them."""
    used = (resource.getrusage(resource.RUSAGE_SELF), resource.getrusage(resource.RUSAGE_CHILDREN))
    return sum(u.ru_utime + u.ru_stime for u in used)


def note(store: Store, run_id: str, event: str, detail: str | None = None, **seconds: float) -> None:
    """Write down that something happened to a run."""
    row = {"run_id": run_id, "event": event, "at": datetime.now(UTC), "detail": detail}
    row |= {name: seconds.get(name) for name in ("seconds", "cpu_seconds")}
    store.append("run_events", pl.DataFrame([row]))


def prepared(study: Study, name: str, *, run_id: str) -> Run:
    """The run as the study and the files say now; UserError for whatever cannot be evaluated."""
    benchmark = load_benchmark(study.benchmark, count=study.questions, seed=study.seed)
    way = json.dumps([format_table(study.generator.format), study.engine.dtype], sort_keys=True)
    generator, revisions = load_model(name, way), study.revisions or Revisions()
    format = load_format(study.generator.format, generator.folder)
    run = Run(
        run_id, study, generator, _load_verifier(study, study.verifier, generator, format),
        load_model(revisions.model, way) if revisions.model else generator,
        _load_verifier(study, revisions.verifier, generator, format), benchmark, format,
    )  # fmt: skip
    _check_count(benchmark)
    check_context(run, benchmark.questions)
    _check_reviser(run)
    _check_servers(run)
    return run


def _load_verifier(study: Study, verifier: Verifier | None, generator: Model, format: Format) -> Model | None:
    """The verifier's model version, after a check that its family can read it; `likelihood` asks the generator."""
    if verifier is None:
        return None
    family = load_family(verifier.format)
    name = generator.name if family.kind == "likelihood" else verifier.model
    model = load_model(name, json.dumps([dataclasses.asdict(family), study.engine.dtype], sort_keys=True))
    load_reading(verifier.format, model.folder, format=format)
    return model


def _check_count(benchmark: Benchmark) -> None:
    if len(benchmark.questions) < BINS:
        raise UserError(
            f"benchmark {benchmark.name}: expected at least {BINS} questions, one a bin of difficulty, "
            f"got {len(benchmark.questions)}; add questions"
        )


def check_context(run: Run, questions: Iterable[Question]) -> None:
    """Raise UserError for a question whose prompt leaves too little of the model's context to write in."""
    context = run.study.engine.max_model_len or run.generator.context
    generator = run.study.generator
    longest = generator.max_tokens + generator.max_step_tokens
    if run.study.revisions:
        longest = max(longest, generator.max_tokens * (IN_SIGHT + 1))
    room = context - longest
    for question in questions:
        tokens = len(run.format.prompt(question))
        if tokens > room:
            raise UserError(
                f"question {question.question_id}: expected a prompt of at most {room} tokens (context {context} less "
                f"{longest} that may be written, earlier attempts included), got {tokens}; lower max_tokens and "
                "max_step_tokens or drop the question"
            )


def _check_reviser(run: Run) -> None:
    """A reviser reads what the generator's format writes: it must split text into the same tokens."""
    if run.reviser is run.generator:
        return
    own = load_tokenizer(run.reviser.folder)
    for question in run.benchmark.questions[:20]:
        if own.encode(run.format.render(question.text)) != list(run.format.prompt(question)):
            raise UserError(
                f"study: expected revisions.model {run.reviser.name} to have the tokenizer of {run.generator.name}, "
                "got another one; name a revision model trained from this generator, or none"
            )


def _check_servers(run: Run) -> None:
    """Every server must be of a model of the run; whether it answers is asked before the first token."""
    models = {model.name for model in (run.generator, run.verifier, run.reviser, run.judge) if model}
    larger = {run.study.exchange.model} if run.study.exchange else set[str]()
    asked = {*models, *run.study.generator.models, *larger}
    for server in run.study.engine.servers:
        if server.model not in asked:
            raise UserError(
                f"study: engine.servers names {server.model!r}, which is none of this study's models "
                f"({', '.join(sorted(asked))}); write it as the study does"
            )


def _identity(run: Run) -> str:
    parts = [run.study.digest(), run.generator.fingerprint, run.benchmark.fingerprint]
    parts += [model.fingerprint if model else "none" for model in (run.verifier, run.reviser, run.judge)]
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]


def _write(store: Store, run: Run, identity: str) -> None:
    now = datetime.now(UTC)
    store.append("model_versions", model_rows(run, now))
    store.append("questions", _question_rows(run.benchmark))
    cells = [{"run_id": run.run_id, "strategy": s, "budget": b} for s, b in run.study.cells()]
    store.append("run_cells", pl.DataFrame(cells))
    store.append("run_questions", pl.DataFrame({"run_id": run.run_id, "question_id": run.question_ids}))
    store.append("runs", pl.DataFrame([_run_row(run, identity, now)]))
    note(store, run.run_id, "opened")


def model_rows(run: Run, now: datetime) -> pl.DataFrame:
    """The model versions that a run asks, as table `model_versions` has them."""
    asked = {"generator": [run.generator, run.reviser], "verifier": [run.verifier, run.judge]}
    models = {m.fingerprint: (kind, m) for kind, several in asked.items() for m in several if m}.values()
    return pl.DataFrame(
        [
            {
                "model_fingerprint": model.fingerprint, "model": model.name, "kind": kind,
                "parameters": model.parameters, "path": str(model.folder), "seen_at": now,
            }
            for kind, model in models
        ]
    )  # fmt: skip


def _question_rows(benchmark: Benchmark) -> pl.DataFrame:
    rows = [
        {
            "benchmark_fingerprint": benchmark.fingerprint, "question_id": q.question_id, "benchmark": benchmark.name,
            "question": q.text, "target": q.target, "level": q.level,
        }
        for q in benchmark.questions
    ]  # fmt: skip
    return pl.DataFrame(rows, schema_overrides={"level": pl.Int32}, infer_schema_length=None)


def _run_row(run: Run, identity: str, now: datetime) -> dict[str, Any]:
    study = run.study
    return {
        "run_id": run.run_id,
        "study": study.name,
        "study_json": study.to_json(),
        "identity": identity,
        "benchmark": run.benchmark.name,
        "benchmark_fingerprint": run.benchmark.fingerprint,
        "family": study.family,
        "model": run.generator.name,
        "model_fingerprint": run.generator.fingerprint,
        "verifier": run.verifier.name if run.verifier else None,
        "verifier_fingerprint": run.verifier.fingerprint if run.verifier else None,
        "reviser_fingerprint": run.reviser.fingerprint if study.revisions else None,
        "judge_fingerprint": run.judge.fingerprint if run.judge else None,
        "aggregate": study.verifier.aggregate if study.verifier else "last",
        "seed": study.seed,
        "replicate": study.replicate,
        "code_commit": code_commit(),
        "packages_json": json.dumps(packages(), sort_keys=True),
        "opened_at": now,
    }
