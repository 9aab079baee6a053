"""Opening a run: the unfinished one of the same identity goes on, or a new one is written down."""

from __future__ import annotations

import dataclasses
import json
import secrets
from datetime import UTC, datetime
from typing import Any

import polars as pl

from tasks.models.version import Model
from tasks.protocols import Benchmark
from tasks.runs.confidence import check_confidence
from tasks.runs.events import event_row, note
from tasks.runs.loading import conditions_of, identity_of, prepare_run
from tasks.runs.provenance import code_commit, packages
from tasks.runs.run import Run
from tasks.study.secrets import check_secrets
from tasks.study.study import Study
from warehouse.store import Store


def open_run(store: Store, study: Study, model: str) -> str:
    """Id of the study's run for this model: the unfinished one of its identity, or a new one."""
    # Also what did not come from a file: Prefect's page takes studies as parameters.
    check_secrets(study)
    run = prepare_run(study, model, run_id="")
    check_confidence(store, run)
    identity = identity_of(run)
    unfinished = store.read(
        "SELECT run_id FROM runs WHERE identity = $identity AND run_id NOT IN "
        "(SELECT run_id FROM run_events WHERE event = 'complete') ORDER BY opened_at DESC LIMIT 1",
        identity=identity,
    )
    if len(unfinished):
        run_id = str(unfinished.item())
        # Servers move and caps are raised while a run waits.
        note(store, run_id, "resumed", conditions_of(study))
        return run_id
    # Two runs may be opened in one second: the random end tells them apart.
    run_id = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{secrets.token_hex(2)}"
    _write(store, dataclasses.replace(run, run_id=run_id), identity)
    return run_id


def complete_run(store: Store, study: Study, model: str) -> str | None:
    """Id of the newest complete run of study and model as they are now; None: there is none."""
    run = prepare_run(study, model, run_id="")
    rows = store.read(
        "SELECT run_id FROM complete_runs JOIN runs USING (run_id) WHERE identity = $identity "
        "ORDER BY completed_at DESC LIMIT 1",
        identity=identity_of(run),
    )
    return str(rows.item()) if len(rows) else None


def unchanged_run(store: Store, study: Study, model: str) -> str | None:
    """Id of the newest published run of study and model by this very code; None: there is none.

    Another run would give its figures again. Files that differ from their commit may be of any
    code, and so may a folder that is no checkout.
    """
    commit = code_commit()
    if commit == "unknown" or commit.endswith("+changes"):
        return None
    rows = store.read(
        "SELECT run_id FROM run_history JOIN runs USING (run_id) WHERE identity = $identity "
        "AND state = 'published' AND runs.code_commit = $commit AND packages_json = $packages "
        "ORDER BY runs.opened_at DESC LIMIT 1",
        identity=identity_of(prepare_run(study, model, run_id="")),
        commit=commit,
        packages=_packages_json(),
    )
    return str(rows.item()) if len(rows) else None


def _write(store: Store, run: Run, identity: str) -> None:
    now = datetime.now(UTC)
    cells = [
        {"run_id": run.run_id, "strategy": strategy, "budget": budget}
        for strategy, budget in run.study.cells()
    ]
    owed = pl.DataFrame({"run_id": run.run_id, "question_id": run.question_ids})
    # Together: a kill in between would leave cells of a run that nobody opened.
    store.append_together(
        {
            "model_versions": model_rows(run, now),
            "questions": _question_rows(run.benchmark),
            "run_cells": pl.DataFrame(cells),
            "run_questions": owed,
            "runs": pl.DataFrame([_run_row(run, identity, now)]),
            "run_events": event_row(run.run_id, "opened"),
        }
    )


def _packages_json() -> str:
    return json.dumps(packages(), sort_keys=True)


def model_rows(run: Run, now: datetime) -> pl.DataFrame:
    """The model versions that a run asks, as table `model_versions` has them."""
    judges = {model.fingerprint for model in (run.verifier, run.judge) if model}
    rows: list[dict[str, Any]] = []
    for model in run.models_asked:
        # A verifier that reads the generator's own log-probabilities may be the generator.
        kind = "verifier" if model.fingerprint in judges else "generator"
        rows.append({**_model_row(model), "kind": kind, "seen_at": now})
    # Models of which nobody knows a revision would give a column of NULL.
    texts = dict.fromkeys(("path", "revision"), pl.String)
    kinds = {"parameters": pl.Int64, "all_parameters": pl.Int64, **texts}
    return pl.DataFrame(rows, schema_overrides=kinds)


def _model_row(model: Model) -> dict[str, Any]:
    return {
        "model_fingerprint": model.fingerprint,
        "model": model.name,
        "parameters": model.parameters,
        "all_parameters": model.all_parameters,
        "revision": model.revision,
        "path": str(model.folder) if model.folder else None,
    }


def _question_rows(benchmark: Benchmark) -> pl.DataFrame:
    rows = [
        {
            "benchmark_fingerprint": benchmark.fingerprint,
            "question_id": question.question_id,
            "benchmark": benchmark.name,
            "question": question.text,
            "target": question.target,
            "level": question.level,
            "accepted": question.accepted,
            "choices": question.choices,
            "tests": question.tests,
            "question_group": question.group,
        }
        for question in benchmark.questions
    ]
    # A benchmark without levels, or whose first questions have none, would give a column of NULL.
    texts = dict.fromkeys(("accepted", "choices", "tests"), pl.List(pl.String))
    kinds = {"level": pl.Int32, "question_group": pl.String, **texts}
    return pl.DataFrame(rows, schema_overrides=kinds, infer_schema_length=None)


def _run_row(run: Run, identity: str, now: datetime) -> dict[str, Any]:
    study = run.study
    return {
        "run_id": run.run_id,
        "study": study.name,
        "study_json": study.to_json(),
        "identity": identity,
        "grader": run.grader.version,
        "benchmark": run.benchmark.name,
        "benchmark_fingerprint": run.benchmark.fingerprint,
        "benchmark_content": run.benchmark.content,
        "family": study.family,
        "model": run.generator.name,
        "model_fingerprint": run.generator.fingerprint,
        "verifier": run.verifier.name if run.verifier else None,
        "verifier_fingerprint": run.verifier.fingerprint if run.verifier else None,
        "reviser_fingerprint": run.reviser.fingerprint if study.revisions else None,
        "judge_fingerprint": run.judge.fingerprint if run.judge else None,
        "larger_fingerprint": run.larger.model.fingerprint if run.larger else None,
        "aggregate": study.verifier.aggregate if study.verifier else "last",
        "seed": study.seed,
        "replicate": study.replicate,
        "code_commit": code_commit(),
        "packages_json": _packages_json(),
        "opened_at": now,
    }
