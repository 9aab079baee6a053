"""The last stage: a complete run goes to MLflow."""

from __future__ import annotations

import sys
from pathlib import Path

from tasks.publication.summary import load_summary
from tasks.runs.events import note
from tasks.settings import Settings
from tasks.tracking.family import Track, track_of
from tasks.tracking.runs import mirror, publish, publish_outbox
from tasks.versions.version import version_of
from warehouse.reader import Reader
from warehouse.store import Store
from warehouse.verification import advice, check_some

VERIFIED_BYTES = 256 << 20
"""Of the journal read again after a run: a second or two of a disk."""


def run(settings: Settings, run_id: str) -> str | None:
    """MLflow's id of the run; None when MLflow is down, and the publication waits in the outbox."""
    uri = settings.mlflow_store()
    outbox = settings.home / "outbox"
    with Store.open(settings.warehouse) as store:
        summary = load_summary(store, run_id)
    _verify_some(settings.warehouse)
    # The warehouse is closed while MLflow is asked: a server that hangs keeps no other run waiting.
    published = publish(summary, uri=uri, outbox=outbox)
    if published is None:
        return None
    # MLflow answers again: what nights before left behind goes out with this one.
    sent = {run_id: published.mlflow_run_id}
    for waiting, late in publish_outbox(outbox, uri):
        sent[waiting] = late.mlflow_run_id
    for track in _note_published(settings, sent):
        mirror(track, uri=uri)
    return published.mlflow_run_id


def _note_published(settings: Settings, sent: dict[str, str]) -> list[Track]:
    """Write down MLflow's id of each run; the families whose standings MLflow is to show."""
    with Store.open(settings.warehouse) as store:
        for run_id, mlflow_id in sent.items():
            note(store, run_id, "published", f"mlflow:{mlflow_id}")
        store.publish_snapshot(whole=True)
        return [track_of(store, version_of(store, run_id)) for run_id in sent]


def _verify_some(folder: Path) -> None:
    """A part of the journal is read again each night, so that rot in it shows in weeks."""
    for checked in check_some(folder, VERIFIED_BYTES):
        if not checked.is_whole:
            print(advice(checked, folder), file=sys.stderr)


def mirror_standings(settings: Settings, store: Reader, run_id: str) -> bool:
    """Whether MLflow now shows where the versions of a run's family stand.

    For a promotion or a rollback by hand.
    """
    track = track_of(store, version_of(store, run_id))
    return mirror(track, uri=settings.mlflow_store())
