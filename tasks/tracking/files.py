"""Where the files of an MLflow run go: through its client, or beside the database by hand."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from mlflow import MlflowClient

DATABASE = "sqlite:///"
_SERVED = "mlflow-artifacts:/"
"""How a server that hands out files itself names them: a path in the folder that it serves."""


def folder_beside(uri: str) -> Path:
    """Where the files of a SQLite database lie; `ttc up` has its server serve the same folder."""
    database = Path(uri.removeprefix(DATABASE)).resolve()
    return database.parent / "mlflow-artifacts"


def send_folder(client: MlflowClient, run_id: str, folder: str) -> None:
    """All that is in a folder becomes files of the run; those of the same names go."""
    uri = client.tracking_uri
    place = client.get_run(run_id).info.artifact_uri or ""
    # An experiment that a server made names the server, which a client of the file does not know.
    if uri.startswith(DATABASE) and place.startswith(_SERVED):
        target = folder_beside(uri) / place.removeprefix(_SERVED).lstrip("/")
        shutil.copytree(folder, target, dirs_exist_ok=True)
        return
    client.log_artifacts(run_id, folder)
