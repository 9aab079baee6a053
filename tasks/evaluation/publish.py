"""The last stage: a complete run goes to MLflow."""

from __future__ import annotations

from tasks.publication.summary import load_summary
from tasks.runs.events import note
from tasks.settings import Settings
from tasks.tracking.family import track_of
from tasks.tracking.runs import mirror, publish, publish_outbox
from tasks.versions.version import version_of
from warehouse.reader import Reader
from warehouse.store import Store


def run(settings: Settings, run_id: str) -> str | None:
    """MLflow's id of the run; None when MLflow is down, and the publication waits in the outbox."""
    uri = mlflow_address(settings)
    outbox = settings.home / "outbox"
    with Store.open(settings.warehouse) as store:
        summary = load_summary(store, run_id)
    published = publish(summary, uri=uri, outbox=outbox)
    if published is None:
        return None
    sent = {run_id: published.mlflow_run_id} | {
        rid: p.mlflow_run_id for rid, p in publish_outbox(outbox, uri)
    }
    with Store.open(settings.warehouse) as store:
        for waiting, mlflow_id in sent.items():
            note(store, waiting, "published", f"mlflow:{mlflow_id}")
        store.publish_snapshot()
        tracks = [track_of(store, version_of(store, one)) for one in sent]
    for track in tracks:
        mirror(track, uri=uri)
    return published.mlflow_run_id


def mirror_standings(settings: Settings, store: Reader, run_id: str) -> bool:
    """Whether MLflow now shows where the versions of a run's family stand, e.g. after a promotion by hand."""
    return mirror(track_of(store, version_of(store, run_id)), uri=mlflow_address(settings))


def mlflow_address(settings: Settings) -> str:
    """The server of the settings, else the database under the state folder (which `ttc up` serves)."""
    if settings.mlflow_uri:
        return settings.mlflow_uri
    folder = settings.home / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    return f"sqlite:///{folder / 'mlflow.db'}"
