"""One MLflow run and what is sent to it: values in batches, files from a temporary folder."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tasks.publication.words import key_of
from tasks.tracking.entries import DatasetEntry, Publication, shorten
from tasks.tracking.files import DATABASE, folder_beside, send_folder
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
    name = shorten(name)
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
    if not uri.startswith(DATABASE):
        return None
    return (folder_beside(uri) / key_of(name)).as_uri()


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
    """Metrics, parameters, tags and data set; the same values again change nothing."""
    from mlflow.entities import Metric, Param, RunTag

    run_id = run.info.run_id
    # The time is that of the MLflow run and not now: a point that is sent twice stays one point.
    at = run.info.start_time
    metrics = [Metric(m.key, m.value, at, m.step) for m in publication.metrics]
    send_metrics(client, run_id, metrics)
    params = [Param(key, value) for key, value in publication.parameters.items()]
    for i in range(0, len(params), _PARAMETERS_A_BATCH):
        batch = params[i : i + _PARAMETERS_A_BATCH]
        client.log_batch(run_id, params=batch)
    note = _note(run, publication, uri=uri)
    tags = [RunTag(key, value) for key, value in publication.tags.items()]
    # MLflow shows this tag as the run's description.
    tags.append(RunTag("mlflow.note.content", note))
    client.log_batch(run_id, tags=tags)
    _send_dataset(client, run_id, publication.dataset)


def _note(run: Run, publication: Publication, *, uri: str) -> str:
    """The first screen with its links, now that MLflow's ids are known."""
    links = run_links(
        publication.prefect_run_id,
        experiment=run.info.experiment_id,
        run=run.info.run_id,
        uri=uri,
    )
    return publication.first_screen.with_links(links)


def _send_dataset(client: MlflowClient, run_id: str, entry: DatasetEntry) -> None:
    """The benchmark as an input: the page can then show all runs on the same questions."""
    from mlflow.entities import Dataset, DatasetInput

    dataset = Dataset(
        name=entry.name,
        digest=entry.digest,
        source_type="ttc",
        source=entry.source,
    )
    client.log_inputs(run_id, datasets=[DatasetInput(dataset)])


def send_metrics(client: MlflowClient, run_id: str, metrics: Sequence[Metric]) -> None:
    """Any number of metric points, in batches that MLflow takes."""
    for i in range(0, len(metrics), _METRICS_A_BATCH):
        batch = metrics[i : i + _METRICS_A_BATCH]
        client.log_batch(run_id, metrics=batch)


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
        send_folder(client, run.info.run_id, name)


def _table_json(columns: dict[str, list[str]]) -> str:
    """A table as MLflow's page reads it: pandas' orientation "split", without an index."""
    rows = list(zip(*columns.values(), strict=True))
    return json.dumps({"columns": list(columns), "data": rows})
