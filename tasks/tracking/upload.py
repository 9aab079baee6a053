"""One MLflow run and what is sent to it: values in batches, files from a temporary folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.tracking.entries import Publication
from tasks.tracking.first_screen import run_links
from tasks.tracking.registry import save_policy

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Run

_METRICS_A_BATCH = 500
"""MLflow refuses more than 1000 entries, or 1 MB, in one request."""
_PARAMETERS_A_BATCH = 100
"""MLflow refuses more in one request."""


def experiment_id(client: MlflowClient, uri: str, name: str) -> str:
    """Id of the benchmark's experiment, made on first use."""
    known = client.get_experiment_by_name(name)
    if known is not None:
        return known.experiment_id
    tags = {
        "mlflow.experimentKind": "custom_model_development",
        "mlflow.note.content": (
            f"Test-time compute policies on {name}, one run a model version; "
            "the table icon compares them."
        ),
    }
    return client.create_experiment(name, artifact_location=_artifacts(uri, name), tags=tags)


def _artifacts(uri: str, name: str) -> str | None:
    """Where an experiment's files go: beside a SQLite file; None: where the server puts them."""
    # MLflow's own default is the folder that the process happens to run in.
    if not uri.startswith("sqlite:///"):
        return None
    database = Path(uri.removeprefix("sqlite:///")).resolve()
    return (database.parent / "mlflow-artifacts" / name).as_uri()


def run_of(client: MlflowClient, publication: Publication, experiment: str) -> Run:
    """The MLflow run of these parameters (model version, study, code, packages), made once.

    A night on which nothing changed updates it: the page compares versions, not nights.
    """
    same = f"tags.`ttc.subject` = '{publication.subject}'"
    runs = client.search_runs([experiment], same, max_results=1)
    if runs:
        return runs[0]
    return client.create_run(
        experiment,
        start_time=publication.start_time,
        tags={"ttc.subject": publication.subject},
        run_name=publication.run_name,
    )


def send_values(client: MlflowClient, run: Run, publication: Publication, *, uri: str) -> None:
    """Parameters, metrics and tags; the same values again change nothing."""
    from mlflow.entities import Dataset, DatasetInput, Metric, Param, RunTag

    info = run.info
    # The time is that of the MLflow run and not now: a point that is sent twice stays one point.
    metrics = [Metric(m.key, m.value, info.start_time, m.step) for m in publication.metrics]
    send_metrics(client, info.run_id, metrics)
    params = [Param(key, value) for key, value in publication.parameters.items()]
    for i in range(0, len(params), _PARAMETERS_A_BATCH):
        client.log_batch(info.run_id, params=params[i : i + _PARAMETERS_A_BATCH])
    links = run_links(
        publication.prefect_run_id, experiment=info.experiment_id, run=info.run_id, uri=uri
    )
    note = publication.first_screen.with_links(links)
    tags = publication.tags | {"mlflow.note.content": note}
    client.log_batch(info.run_id, tags=[RunTag(key, value) for key, value in tags.items()])
    entry = publication.dataset
    dataset = Dataset(entry.name, entry.digest, source_type="ttc", source=entry.source)
    client.log_inputs(info.run_id, datasets=[DatasetInput(dataset)])


def send_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    """Any number of metric points, in batches that MLflow takes."""
    for i in range(0, len(metrics), _METRICS_A_BATCH):
        client.log_batch(run_id, metrics=metrics[i : i + _METRICS_A_BATCH])


def send_files(client: MlflowClient, run: Run, publication: Publication) -> None:
    """Texts, comparable tables, frames as Parquet and the policy model; earlier ones go."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for file, text in publication.files.items():
            (folder / file).write_text(text, encoding="utf-8")
        for file, columns in publication.tables.items():
            (folder / file).write_text(_table_json(columns), encoding="utf-8")
        (folder / "tables").mkdir()
        for frame, table in publication.frames.items():
            table.write_parquet(folder / "tables" / f"{frame}.parquet")
        save_policy(publication.policy, folder / "policy_model")
        client.log_artifacts(run.info.run_id, name)


def _table_json(columns: dict[str, list[str]]) -> str:
    """A table as MLflow's page reads it: pandas' orientation "split", without an index."""
    rows = list(zip(*columns.values(), strict=True))
    return json.dumps({"columns": list(columns), "data": rows})
