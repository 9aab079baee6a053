"""A run as its study and the files say now; every refusal happens here, before the first token."""

from __future__ import annotations

import dataclasses
import hashlib
import json

from tasks.benchmarks.benchmark import load_benchmark
from tasks.grading.graders import make_grader
from tasks.models.formats import Format, format_table, load_format
from tasks.models.verifiers import load_reading, load_verifier_format
from tasks.models.version import Model, load_model
from tasks.runs.refusals import check_context, check_count, check_reviser, check_servers
from tasks.runs.run import Run
from tasks.study.study import Study, study_from
from tasks.study.tables import Revisions, Verifier
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store


def load_run(store: Store | Snapshot, run_id: str) -> Run:
    """The run of an id; UserError if its model, benchmark or grader is not what it was opened with."""
    rows = store.read("SELECT * FROM runs WHERE run_id = $run_id", run_id=run_id)
    if not len(rows):
        raise UserError(
            f"run: expected the id of a run in the warehouse, got {run_id!r}; `ttc status` lists them"
        )
    row = rows.row(0, named=True)
    run = prepare_run(study_from(json.loads(row["study_json"])), row["model"], run_id=run_id)
    if run.generator.fingerprint != row["model_fingerprint"] or identity_of(run) != row["identity"]:
        raise UserError(
            f"run {run_id}: model, verifier, benchmark or grader changed since it was opened; run the study again for a new run"
        )
    return run


def prepare_run(study: Study, name: str, *, run_id: str) -> Run:
    """The run as the study and the files say now; UserError for whatever cannot be evaluated."""
    benchmark = load_benchmark(study.benchmark, count=study.questions, seed=study.seed)
    usage = json.dumps([format_table(study.generator.format), study.engine.dtype], sort_keys=True)
    generator, revisions = load_model(name, usage), study.revisions or Revisions()
    format = load_format(study.generator.format, generator.folder)
    run = Run(
        run_id,
        study,
        generator,
        _load_verifier(study, study.verifier, generator, format),
        load_model(revisions.model, usage) if revisions.model else generator,
        _load_verifier(study, revisions.verifier, generator, format),
        benchmark,
        make_grader(benchmark.grader),
        format,
    )
    check_count(benchmark)
    check_context(run, benchmark.questions)
    check_reviser(run)
    check_servers(run)
    return run


def _load_verifier(
    study: Study, verifier: Verifier | None, generator: Model, format: Format
) -> Model | None:
    """The verifier's model version, after a check that its family can read it; `likelihood` asks the generator."""
    if verifier is None:
        return None
    family = load_verifier_format(verifier.format)
    name = generator.name if family.kind == "likelihood" else verifier.model
    model = load_model(
        name, json.dumps([dataclasses.asdict(family), study.engine.dtype], sort_keys=True)
    )
    load_reading(verifier.format, model.folder, format=format)
    return model


def identity_of(run: Run) -> str:
    """Hash of all that decides the run's result: study, model versions, benchmark and grader."""
    parts = [run.study.digest(), run.generator.fingerprint, run.benchmark.fingerprint]
    parts += [
        model.fingerprint if model else "none" for model in (run.verifier, run.reviser, run.judge)
    ]
    parts.append(f"{run.benchmark.grader} {run.grader.version}")
    return hashlib.sha256("|".join(parts).encode()).hexdigest()[:16]
