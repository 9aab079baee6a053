"""The shop window: one MLflow run per model version × benchmark, and the policy as a registered model.

MLflow being down delays a publication, never a run: what cannot be sent waits in the outbox.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import sys
import tempfile
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import polars as pl

from tasks.publication import report
from tasks.publication.summary import FRAMES, RunSummary
from tasks.publication.words import benchmark_name
from tasks.settings import quieten
from tasks.tracking import entries, registry
from tasks.tracking import outbox as waiting_room
from tasks.tracking.family import Track
from warehouse.errors import UserError

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

_WAITS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # The default, 7, blocks for minutes when the server is down.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_HEALTH_SECONDS = 5.0


class Published(NamedTuple):
    """Where a run's publication stands in MLflow."""

    mlflow_run_id: str
    experiment_id: str
    model_name: str
    model_version: str


class IncompleteRun(UserError):
    """The run lacks draws that its study owes, so nothing of it is published."""


def publish(summary: RunSummary, *, uri: str, outbox: Path) -> Published | None:
    """Where the run now stands in MLflow; None when MLflow does not take it: the summary waits in the outbox.

    Publishing a run again updates its MLflow run and never doubles it. `uri` is a server's address or
    `sqlite:///…/mlflow.db`, whose artifacts go beside the file. Raises IncompleteRun with what is missing.
    """
    refuse_incomplete(summary)
    _prepare()
    try:
        published = _send(summary, uri)
    except _unreachable() as error:
        folder = waiting_room.put(summary, outbox)
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        print(
            f"mlflow: {uri} did not take the run ({reason}); it waits in {folder}", file=sys.stderr
        )
        return None
    waiting_room.remove(outbox, summary.run_id)
    return published


def publish_outbox(outbox: Path, uri: str) -> list[tuple[str, Published]]:
    """(run id, where it now stands) of every publication that waited and that MLflow now takes."""
    sent: list[tuple[str, Published]] = []
    for folder in waiting_room.waiting(outbox):
        summary = waiting_room.get(folder)
        published = publish(summary, uri=uri, outbox=outbox)
        if published is not None:
            sent.append((summary.run_id, published))
        elif not _answers(uri):
            break
    return sent


def mirror(track: Track, *, uri: str) -> bool:
    """Whether MLflow now shows a family's champion, candidate and trend; the next publication tries again."""
    _prepare()
    from mlflow import MlflowClient

    try:
        _refuse_dead_server(uri)
        client = MlflowClient(tracking_uri=uri, registry_uri=uri)
        experiment = _experiment(client, uri, benchmark_name(track.benchmark))
        registry.mirror(client, track, experiment=experiment)
        registry.trend(client, track, experiment=experiment)
    except _unreachable() as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0][:200]
        print(
            f"mlflow: {uri} did not take the standings of {track.family} ({reason})",
            file=sys.stderr,
        )
        return False
    return True


def refuse_incomplete(summary: RunSummary) -> None:
    """Raises IncompleteRun naming the cells that lack questions, if there are any."""
    rows = summary.missing.to_dicts()
    if not rows and summary.accuracy.height:
        return
    named = [
        f"{r['strategy']} at budget {r['budget']} lacks {r['missing']} questions" for r in rows[:5]
    ]
    more = f" and {len(rows) - 5} more cells" if len(rows) > 5 else ""
    lacking = "; ".join(named) + more or "there are no outcomes at all"
    raise IncompleteRun(
        f"run {summary.run_id}: expected every cell of the study complete, but {lacking};"
        " run the study again to draw what is missing, nothing was published"
    )


def _unreachable() -> tuple[type[Exception], ...]:
    """Exceptions that mean MLflow did not take something."""
    from mlflow.exceptions import MlflowException

    return (MlflowException, OSError)  # requests' and urllib's errors are OSErrors


def _prepare() -> None:
    """Quiet loggers, no telemetry, bounded waits; what the environment already says wins."""
    quieten("mlflow")
    for name, value in _WAITS.items():
        os.environ.setdefault(name, value)
    for logger in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(logger).setLevel(logging.ERROR)


def _send(summary: RunSummary, uri: str) -> Published:
    from mlflow import MlflowClient

    _refuse_dead_server(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = _experiment(client, uri, benchmark_name(summary.run["benchmark"]))
    run = _run_of(client, summary, experiment)
    _log_values(client, run, summary, uri=uri)
    _log_files(client, run, summary)
    version = registry.register(client, run, summary)
    if run.info.status == "RUNNING":
        client.set_terminated(run.info.run_id)
    return Published(run.info.run_id, experiment, version.name, str(version.version))


def _refuse_dead_server(uri: str) -> None:
    """Raises OSError within seconds when a server's address does not answer."""
    if uri.startswith("http"):
        with urllib.request.urlopen(uri.rstrip("/") + "/health", timeout=_HEALTH_SECONDS) as answer:
            answer.read(64)


def _answers(uri: str) -> bool:
    """Whether it is worth trying the next publication there."""
    try:
        _refuse_dead_server(uri)
    except OSError:
        return False
    return True


def _experiment(client: MlflowClient, uri: str, name: str) -> str:
    """Id of the benchmark's experiment, made on first use; a SQLite file has its artifacts beside it."""
    known = client.get_experiment_by_name(name)
    if known is not None:
        return known.experiment_id
    path = uri.removeprefix("sqlite:///") if uri.startswith("sqlite:///") else None
    location = (
        None if path is None else (Path(path).resolve().parent / "mlflow-artifacts" / name).as_uri()
    )
    about = f"Test-time compute policies on {name}, one run a model version; the table icon compares them."
    tags = {"mlflow.experimentKind": "custom_model_development", "mlflow.note.content": about}
    return client.create_experiment(name, artifact_location=location, tags=tags)


def _run_of(client: MlflowClient, summary: RunSummary, experiment: str) -> Run:
    """The MLflow run of these parameters (model version, study, code, packages), made on first use.

    A night on which nothing changed updates it: the page compares versions, not nights.
    """
    parameters = json.dumps(entries.parameters(summary), sort_keys=True)
    subject = hashlib.sha256(parameters.encode()).hexdigest()[:16]
    found = client.search_runs([experiment], f"tags.`ttc.subject` = '{subject}'", max_results=1)
    if found:
        return found[0]
    start = int(summary.run["opened_at"].timestamp() * 1000)
    tags = {"ttc.subject": subject}
    return client.create_run(
        experiment, start_time=start, tags=tags, run_name=entries.run_name(summary)
    )


def _log_values(client: MlflowClient, run: Run, summary: RunSummary, *, uri: str) -> None:
    """Parameters, metrics and tags; the same values at the same time again change nothing."""
    from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

    at = run.info.start_time
    metrics = [Metric(m.key, m.value, at, m.step) for m in entries.metrics(summary)]
    params = [Param(key, value) for key, value in entries.parameters(summary).items()]
    tags = [RunTag(key, value) for key, value in _tags(run, summary, uri).items()]
    for part in (metrics[i : i + 500] for i in range(0, len(metrics), 500)):
        client.log_batch(run.info.run_id, metrics=part)
    for part in (params[i : i + 100] for i in range(0, len(params), 100)):
        client.log_batch(run.info.run_id, params=part)
    client.log_batch(run.info.run_id, tags=tags)
    name, fingerprint = summary.run["benchmark"], summary.run["benchmark_fingerprint"]
    benchmark = Dataset(benchmark_name(name), fingerprint[:36], source_type="ttc", source=name)
    client.log_inputs(run.info.run_id, datasets=[DatasetInput(benchmark)])


def _tags(run: Run, summary: RunSummary, uri: str) -> dict[str, str]:
    row = summary.run
    info = run.info
    links = entries.links(summary, experiment=info.experiment_id, run=info.run_id, uri=uri)
    tables = [{"path": name, "type": "table"} for name in entries.tables(summary)]
    return {
        "ttc.run_id": summary.run_id,
        "ttc.prefect_run_id": summary.prefect_run_id or "",
        "ttc.model_fingerprint": row["model_fingerprint"],
        "ttc.model_version": str(row["version"]),
        "mlflow.source.type": "JOB",
        "mlflow.source.name": f"ttc run {row['study']}",
        "mlflow.source.git.commit": row["code_commit"],
        "mlflow.note.content": entries.note(summary, links=links),
        "mlflow.loggedArtifacts": json.dumps(tables),
    }


def _log_files(client: MlflowClient, run: Run, summary: RunSummary) -> None:
    """Report, comparable tables, study, every frame as Parquet and the policy model; earlier ones go."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "report.html").write_text(report.html(summary), encoding="utf-8")
        (folder / "study.json").write_text(summary.run["study_json"], encoding="utf-8")
        for file, columns in entries.tables(summary).items():
            split = {"columns": list(columns), "data": list(zip(*columns.values(), strict=True))}
            (folder / file).write_text(json.dumps(split), encoding="utf-8")
        (folder / "tables").mkdir()
        for frame in FRAMES:
            table: pl.DataFrame = getattr(summary, frame)
            table.write_parquet(folder / "tables" / f"{frame}.parquet")
        registry.save_policy(summary, folder / "policy_model")
        client.log_artifacts(run.info.run_id, name)
