"""The registered policies: a model a family and benchmark, a version a model version, aliases.

The warehouse is the memory; whatever is here is made from it again at every publication.
"""

from __future__ import annotations

import tempfile
import warnings
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tasks.tracking.entries import Publication, registered_name
from tasks.tracking.family import Track
from tasks.tracking.files import send_folder
from tasks.versions.gate import alarm_sentence

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run
    from mlflow.entities.model_registry import ModelVersion

_POLICY_MODEL = Path(__file__).with_name("policy_model.py")
_ALIASES = ("champion", "candidate")
REGRESSION = "ttc.regression"
"""Tag of a run and of a registered version that is significantly worse than the champion."""


def save_policy(policy: dict[str, Any], folder: Path) -> None:
    """The policy as an MLflow model made from code: a table and the file that reads it."""
    import mlflow
    from mlflow.models import ModelSignature
    from mlflow.types import ColSpec, Schema

    inputs = Schema([ColSpec("long", "bin"), ColSpec("long", "budget")])
    outputs = Schema([ColSpec("string")])
    with warnings.catch_warnings():
        # MLflow asks for an input example to infer a signature, which is given here.
        warnings.simplefilter("ignore", UserWarning)
        # From code, so that nothing is pickled: whoever loads it needs no package but MLflow.
        mlflow.pyfunc.save_model(  # type: ignore[reportUnknownMemberType]
            folder,
            python_model=str(_POLICY_MODEL),
            model_config=policy,
            signature=ModelSignature(inputs, outputs),
            pip_requirements=[f"mlflow=={mlflow.__version__}"],
        )


def register(client: MlflowClient, run: Run, publication: Publication) -> ModelVersion:
    """The registered version of this model version: the one it has, renewed, or a new one."""
    name = publication.model_name
    if not client.search_registered_models(f"name = '{name}'"):
        client.create_registered_model(name)
    version = _versions_by_model(client, name).get(publication.model_fingerprint)
    if version is None:
        return client.create_model_version(
            name,
            f"{run.info.artifact_uri}/policy_model",
            run.info.run_id,
            tags=publication.model_tags,
            await_creation_for=0,  # the files are there already, so there is nothing to wait for
        )
    # Its files lie with the run that first registered it: tonight's table has to go there.
    if version.run_id and version.run_id != run.info.run_id:
        _renew(client, version.run_id, publication)
    for key, value in publication.model_tags.items():
        client.set_model_version_tag(name, version.version, key, value)
    return version


def _renew(client: MlflowClient, mlflow_run: str, publication: Publication) -> None:
    """Tonight's policy in place of the one that lies with an earlier MLflow run."""
    with tempfile.TemporaryDirectory() as folder:
        save_policy(publication.policy, Path(folder) / "policy_model")
        send_folder(client, mlflow_run, folder)


def _versions_by_model(client: MlflowClient, name: str) -> dict[str, ModelVersion]:
    """Registered versions by the fingerprint of their model."""
    versions = client.search_model_versions(f"name = '{name}'")
    return {version.tags.get("model_fingerprint", ""): version for version in versions}


def mirror(client: MlflowClient, track: Track, *, experiment: str) -> None:
    """Aliases, descriptions and regression tags become what the warehouse says.

    Nothing where no version is registered yet.
    """
    name = registered_name(track.benchmark, track.family)
    versions = _versions_by_model(client, name)
    if not versions:
        return
    client.update_registered_model(name, track.about())
    by_standing = {row["standing"]: row["model_fingerprint"] for row in track.standings}
    for alias in _ALIASES:
        _set_alias(client, name, alias, versions.get(by_standing.get(alias, "")))
    for row in track.standings:
        version = versions.get(row["model_fingerprint"])
        if version is not None:
            _describe(client, version, row)
            _mark_run(client, row, experiment)


def _set_alias(client: MlflowClient, name: str, alias: str, version: ModelVersion | None) -> None:
    """The alias points to the version; None: it is gone."""
    from mlflow.exceptions import MlflowException

    if version is not None:
        client.set_registered_model_alias(name, alias, version.version)
        return
    # MLflow raises where there was no such alias, which is what is wanted.
    with suppress(MlflowException):
        client.delete_registered_model_alias(name, alias)


def _describe(client: MlflowClient, version: ModelVersion, row: dict[str, Any]) -> None:
    """Why the version stands where it stands, and whether the regression gate raised an alarm.

    `row` is one of view `standings`; its `regressed` is the alarm as JSON, NULL without one.
    """
    alarm = alarm_sentence(row["regressed"]) if row["regressed"] else None
    standing = row["standing"].replace("_", " ").capitalize()
    reason = f"{standing}: {row['why']}."
    if alarm:
        reason += f" Regression: {alarm}."
    origin = (
        f"Model version {row['version']} ({row['model']}), run `{row['run_id']}` of the warehouse."
    )
    client.update_model_version(version.name, version.version, f"{reason}\n\n{origin}")
    if alarm:
        client.set_model_version_tag(version.name, version.version, REGRESSION, alarm)
    elif REGRESSION in version.tags:
        client.delete_model_version_tag(version.name, version.version, REGRESSION)


def _mark_run(client: MlflowClient, row: dict[str, Any], experiment: str) -> None:
    """The regression tag of the MLflow run, set or taken away.

    On the run too: whoever reads the runs page does not look into the registry.
    """
    for run in client.search_runs([experiment], f"tags.`ttc.run_id` = '{row['run_id']}'"):
        if row["regressed"]:
            client.set_tag(run.info.run_id, REGRESSION, alarm_sentence(row["regressed"]))
        elif REGRESSION in run.data.tags:
            client.delete_tag(run.info.run_id, REGRESSION)
