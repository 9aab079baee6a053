"""The last stage: a complete run goes to MLflow."""

from __future__ import annotations

import fcntl
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

from tasks.publication.summary import load_summary
from tasks.runs.events import PATIENCE_SECONDS, note
from tasks.runs.holding import is_held
from tasks.settings import Settings
from tasks.study.study import Study
from tasks.tracking import outbox
from tasks.tracking.family import Track, track_of
from tasks.tracking.runs import mirror, publish, publish_outbox
from tasks.versions.version import study_of, version_of
from warehouse.errors import say
from warehouse.reader import Reader
from warehouse.store import Store
from warehouse.verification import advice, check_some

UNPUBLISHED = """
SELECT run_id FROM complete_runs WHERE run_id NOT IN
    (SELECT run_id FROM run_events WHERE event = 'published') ORDER BY completed_at
"""
"""Complete runs that MLflow has not taken yet."""
VERIFIED_BYTES = 256 << 20
"""Of the journal read again after a run: a second or two of a disk."""


def run(settings: Settings, run_id: str) -> str | None:
    """MLflow's id of the run; None when MLflow is down, and the publication waits in the outbox."""
    uri = settings.mlflow_store()
    outbox_folder = settings.home / "outbox"
    with Store.open(settings.warehouse) as store:
        summary = load_summary(store, run_id)
    _verify_some(settings.warehouse)
    # The warehouse is closed while MLflow is asked: a server that hangs keeps no other run waiting.
    with _one_at_a_time(settings.home):
        published = publish(summary, uri=uri, outbox=outbox_folder)
        if published is None:
            return None
        # MLflow answers again: what nights before left behind goes out with this one.
        sent = {run_id: published.mlflow_run_id}
        for waiting, late in publish_outbox(outbox_folder, uri):
            sent[waiting] = late.mlflow_run_id
    for track in _note_published(settings, sent):
        mirror(track, uri=uri)
    return published.mlflow_run_id


def unpublished(settings: Settings) -> list[tuple[Study, str]]:
    """Study and id of complete runs neither published nor in the outbox, the oldest first.

    Who ran them was killed in between; those that a process of this machine is at are left to it.
    """
    with Store.open(settings.warehouse, patience=PATIENCE_SECONDS) as store:
        complete = store.read(UNPUBLISHED)["run_id"].to_list()
        waiting = {folder.name for folder in outbox.waiting(settings.home / "outbox")}
        left = [one for one in complete if one not in waiting]
        found = [one for one in left if not is_held(settings.home, one)]
        return [(study_of(store, run_id), run_id) for run_id in found]


@contextmanager
def _one_at_a_time(home: Path) -> Generator[None]:
    """Two that publish one model version at once would each make an MLflow run of it."""
    with (home / "publishing.lock").open("a") as file:
        # The kernel gives it back however its holder ends.
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


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
            say(advice(checked, folder))


def mirror_standings(settings: Settings, store: Reader, run_id: str) -> bool:
    """Whether MLflow now shows where the versions of a run's family stand.

    For a promotion or a rollback by hand.
    """
    track = track_of(store, version_of(store, run_id))
    return mirror(track, uri=settings.mlflow_store())
