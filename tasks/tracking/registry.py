"""The registered policies: a model a family and benchmark, a version a model version, aliases as the warehouse says.

The warehouse is the memory; whatever is here is made from it again at every publication.
"""

from __future__ import annotations

import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.publication.summary import RunSummary
from tasks.tracking import entries
from tasks.tracking.family import Track
from tasks.versions.gate import alarm_sentence

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

_POLICY_MODEL = Path(__file__).with_name("policy_model.py")
_ALIASES = ("champion", "candidate")
REGRESSION = "ttc.regression"
"""Tag of a run and of a registered version that is significantly worse than the champion: in which way."""


def save_policy(summary: RunSummary, folder: Path) -> None:
    """The policy as an MLflow model made from code: a table and the file that reads it, nothing pickled."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs, outputs = (
        Schema([ColSpec("long", "bin"), ColSpec("long", "budget")]),
        Schema([ColSpec("string")]),
    )
    with warnings.catch_warnings():
        warnings.simplefilter(
            "ignore", UserWarning
        )  # it asks for an input example; the signature is given
        mlflow.pyfunc.save_model(  # type: ignore[reportUnknownMemberType]
            folder,
            python_model=str(_POLICY_MODEL),
            model_config=entries.policy_entries(summary),
            signature=ModelSignature(inputs, outputs),
            pip_requirements=[f"mlflow=={mlflow.__version__}"],
        )


def register(client: MlflowClient, run: Run, summary: RunSummary) -> ModelVersion:
    """The registered version of this run's model version: the one it has, with tonight's table, or a new one."""
    name = entries.model_name(summary)
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    tags = {
        "model_version": str(summary.run["version"]),
        "model_fingerprint": summary.run["model_fingerprint"],
        "run_id": summary.run_id,
        "code_commit": summary.run["code_commit"],
    }
    version = _registered(client, name).get(summary.run["model_fingerprint"])
    if version is None:
        source = f"{run.info.artifact_uri}/policy_model"
        return client.create_model_version(
            name, source, run.info.run_id, tags=tags, await_creation_for=0
        )
    if (
        version.run_id and version.run_id != run.info.run_id
    ):  # its files lie with the run that first registered it
        _renew(client, version.run_id, summary)
    for key, value in tags.items():
        client.set_model_version_tag(name, version.version, key, value)
    return version


def _renew(client: MlflowClient, mlflow_run: str, summary: RunSummary) -> None:
    with tempfile.TemporaryDirectory() as folder:
        save_policy(summary, Path(folder) / "policy_model")
        client.log_artifacts(mlflow_run, folder)


def _registered(client: MlflowClient, name: str) -> dict[str, ModelVersion]:
    """Registered versions by the fingerprint of their model."""
    versions = client.search_model_versions(f"name = '{name}'")
    return {version.tags.get("model_fingerprint", ""): version for version in versions}


def mirror(client: MlflowClient, track: Track, *, experiment: str) -> None:
    """Aliases, descriptions and regression tags of the registered policy become what the warehouse says."""
    name = entries.registered_name(track.benchmark, track.family)
    versions = _registered(client, name)
    if not versions:
        return
    client.update_registered_model(name, track.about())
    standing = {row["standing"]: row["model_fingerprint"] for row in track.standings}
    for alias in _ALIASES:
        _point(client, name, alias, versions.get(standing.get(alias, "")))
    for row in track.standings:
        version = versions.get(row["model_fingerprint"])
        if version is not None:
            _describe(client, version, row)
            _mark_run(client, row, experiment)


def _point(client: MlflowClient, name: str, alias: str, version: ModelVersion | None) -> None:
    from mlflow.exceptions import MlflowException

    if version is not None:
        client.set_registered_model_alias(name, alias, version.version)
        return
    with suppress(MlflowException):  # it is not there either
        client.delete_registered_model_alias(name, alias)


def _describe(client: MlflowClient, version: ModelVersion, row: dict[str, Any]) -> None:
    standing = row["standing"].replace("_", " ").capitalize()
    told = f" Regression: {alarm_sentence(row['regressed'])}." if row["regressed"] else ""
    whose = (
        f"Model version {row['version']} ({row['model']}), run `{row['run_id']}` of the warehouse."
    )
    text = f"{standing}: {row['why']}.{told}\n\n{whose}"
    client.update_model_version(version.name, version.version, text)
    if row["regressed"]:
        client.set_model_version_tag(
            version.name, version.version, REGRESSION, alarm_sentence(row["regressed"])
        )
    elif REGRESSION in version.tags:
        client.delete_model_version_tag(version.name, version.version, REGRESSION)


def _mark_run(client: MlflowClient, row: dict[str, Any], experiment: str) -> None:
    for run in client.search_runs([experiment], f"tags.`ttc.run_id` = '{row['run_id']}'"):
        if row["regressed"]:
            client.set_tag(run.info.run_id, REGRESSION, alarm_sentence(row["regressed"]))
        elif REGRESSION in run.data.tags:
            client.delete_tag(run.info.run_id, REGRESSION)


def trend(client: MlflowClient, track: Track, *, experiment: str) -> str | None:
    """Id of the run named `trend`, whose metrics have the version as their step; None: no version is complete.

    A figure that is no longer what it was (a version measured anew) has the run made again: MLflow's
    metrics cannot be taken back.
    """
    wanted = track.points()
    if not wanted:
        return None
    found = client.search_runs(
        [experiment], f"tags.`ttc.trend` = '{track.family}/{track.study}'", max_results=1
    )
    run = found[0] if found else None
    shown = _points_of(client, run) if run else {}
    if run and shown == wanted:
        return run.info.run_id
    if run and any(wanted.get(place) != value for place, value in shown.items()):
        client.delete_run(run.info.run_id)
        run = None
    run = run or _new_trend(client, track, experiment)
    _log_points(client, run.info.run_id, wanted, at=run.info.start_time)
    client.set_terminated(run.info.run_id)
    return run.info.run_id


def _points_of(client: MlflowClient, run: Run) -> dict[tuple[str, int], float]:
    history = [
        (key, one)
        for key in run.data.metrics
        for one in client.get_metric_history(run.info.run_id, key)
    ]
    return {(key, one.step): one.value for key, one in history}


def _new_trend(client: MlflowClient, track: Track, experiment: str) -> Run:
    tags = {
        "ttc.trend": f"{track.family}/{track.study}",
        "mlflow.source.type": "JOB",
        "mlflow.source.name": f"ttc run {track.study}",
        "mlflow.note.content": track.note(),
    }
    return client.create_run(experiment, tags=tags, run_name="trend")


def _log_points(
    client: MlflowClient, run_id: str, wanted: dict[tuple[str, int], float], *, at: int
) -> None:
    from mlflow.entities import Metric

    metrics = [Metric(key, value, at, step) for (key, step), value in wanted.items()]
    for part in (metrics[i : i + 500] for i in range(0, len(metrics), 500)):
        client.log_batch(run_id, metrics=part)
