"""The shop window: one MLflow run a model version and benchmark, the policy a registered model.

MLflow being down delays a publication, never a run: what cannot be sent waits in the outbox.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple, TypeVar

import httpx

from tasks.endpoints.transfer import Unreadable, ask_once
from tasks.publication.summary import RunSummary
from tasks.settings import quieten
from tasks.tracking import outbox as waiting_room
from tasks.tracking import registry, upload
from tasks.tracking.bounded import within
from tasks.tracking.entries import Publication, publication_of
from tasks.tracking.family import Track
from tasks.tracking.trend import update_trend
from warehouse.errors import UserError, say

T = TypeVar("T")

_WAITS = {
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "20",
    # The default, 7, blocks for minutes when the server is down.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",
    "MLFLOW_HTTP_REQUEST_BACKOFF_FACTOR": "1",
}
_HEALTH_SECONDS = 5.0
"""A server that is up answers this question at once, however much it has to do."""
PATIENCE_SECONDS = 180.0
"""For all that one publication asks of a server: some thirty requests and a few megabytes."""
_NAMED_CELLS = 5
"""Incomplete cells that a refusal names before it counts the rest."""


class Published(NamedTuple):
    """Where a run's publication stands in MLflow."""

    mlflow_run_id: str
    experiment_id: str
    model_name: str
    model_version: str


class IncompleteRun(UserError):
    """The run lacks draws that its study owes, so nothing of it is published."""


def publish(summary: RunSummary, *, uri: str, outbox: Path) -> Published | None:
    """Where the run now stands in MLflow; None: MLflow does not take it, it waits in the outbox.

    Publishing a run again updates its MLflow run and never doubles it. `uri` is a server's address
    or `sqlite:///…/mlflow.db`, whose artifacts go beside the file. Raises IncompleteRun with what
    is missing.
    """
    refuse_incomplete(summary)
    _prepare()
    publication = publication_of(summary)
    try:
        published = _in_time(uri, lambda: _send(publication, uri))
    except _unreachable() as error:
        # What waits is the summary: what is made of it is made anew, by the code of then.
        folder = waiting_room.put(summary, outbox)
        _warn(error, f"{uri} did not take the run", f"; it waits in {folder}")
        return None
    waiting_room.remove(outbox, summary.run_id)
    return published


def publish_outbox(outbox: Path, uri: str) -> list[tuple[str, Published]]:
    """(run id, where it now stands) of every publication that waited and that MLflow now takes."""
    sent: list[tuple[str, Published]] = []
    for folder in waiting_room.waiting(outbox):
        try:
            summary = waiting_room.get(folder)
        except waiting_room.Torn as error:
            aside = waiting_room.set_aside(folder)
            event = f"what waited for run {folder.name} cannot be read"
            _warn(error, event, f"; it lies in {aside}, run its study again to publish it")
            continue
        published = publish(summary, uri=uri, outbox=outbox)
        if published is not None:
            sent.append((summary.run_id, published))
        elif not _answers(uri):
            break
    return sent


def mirror(track: Track, *, uri: str) -> bool:
    """Whether MLflow now shows a family's champion, candidate and trend.

    The next publication tries again.
    """
    _prepare()
    try:
        _in_time(uri, lambda: _mirror(track, uri))
    except _unreachable() as error:
        _warn(error, f"{uri} did not take the standings of {track.family}")
        return False
    return True


def _mirror(track: Track, uri: str) -> None:
    from mlflow import MlflowClient

    _refuse_dead_server(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = upload.experiment_id(client, uri, track.benchmark)
    registry.mirror(client, track, experiment=experiment)
    update_trend(client, track, experiment=experiment)


def _in_time(uri: str, work: Callable[[], T]) -> T:
    """The work, bounded where a server is asked: a file has no pace of its own."""
    return within(PATIENCE_SECONDS, work) if uri.startswith("http") else work()


def _warn(error: Exception, event: str, consequence: str = "") -> None:
    """One line on stderr."""
    # MLflow's errors quote whole replies; their first line says what happened.
    lines = str(error).splitlines() or [type(error).__name__]
    say(f"mlflow: {event} ({lines[0][:200]}){consequence}")


def refuse_incomplete(summary: RunSummary) -> None:
    """Raises IncompleteRun naming the cells that lack questions, if there are any."""
    rows = summary.missing.to_dicts()
    # Where there are no outcomes at all, none are missing from a cell either.
    if not rows and summary.accuracy.height:
        return
    cells = [
        f"{row['strategy']} at budget {row['budget']} lacks {row['missing']} questions"
        for row in rows[:_NAMED_CELLS]
    ]
    more = len(rows) - _NAMED_CELLS
    lacking = "; ".join(cells) + (f" and {more} more cells" if more > 0 else "")
    raise IncompleteRun(
        f"run {summary.run_id}: expected every cell of the study complete, "
        f"but {lacking or 'there are no outcomes at all'};"
        " run the study again to draw what is missing, nothing was published"
    )


def _unreachable() -> tuple[type[Exception], ...]:
    """Exceptions that mean MLflow did not take something."""
    import sqlite3

    from alembic.util.exc import CommandError
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    # A database that is damaged, or of another version. The errors of requests are OSErrors.
    database = (SQLAlchemyError, sqlite3.Error, CommandError)
    return (MlflowException, OSError, *database)


def _prepare() -> None:
    """Quiet loggers, no telemetry, bounded waits; what the environment already says wins."""
    quieten("mlflow")
    for name, value in _WAITS.items():
        os.environ.setdefault(name, value)
    for logger in ("mlflow", "alembic", "urllib3.connectionpool"):
        logging.getLogger(logger).setLevel(logging.ERROR)


def _send(publication: Publication, uri: str) -> Published:
    from mlflow import MlflowClient

    _refuse_dead_server(uri)
    client = MlflowClient(tracking_uri=uri, registry_uri=uri)
    experiment = upload.experiment_id(client, uri, publication.experiment_name)
    run = upload.run_of(client, publication, experiment)
    upload.send_values(client, run, publication, uri=uri)
    # The files before the registered version, which points to one of them.
    upload.send_files(client, run, publication)
    version = registry.register(client, run, publication)
    # Last, so that a run that is sent in part stays open; the next publication completes it.
    if run.info.status == "RUNNING":
        client.set_terminated(run.info.run_id)
    return Published(run.info.run_id, experiment, version.name, str(version.version))


def _refuse_dead_server(uri: str) -> None:
    """Raises OSError within seconds when a server's address does not answer."""
    # MLflow's own client would wait out its timeout for every one of its calls.
    if uri.startswith("http"):
        page = uri.rstrip("/") + "/health"
        try:
            # Whole within the time: one that sends a byte a second would be waited for for ever.
            health = ask_once("GET", page, headers={}, seconds=_HEALTH_SECONDS)
        except (httpx.RequestError, Unreadable) as error:
            raise OSError(f"{type(error).__name__} {error}".strip()) from error
        if health.status != 200:
            raise OSError(f"HTTP {health.status}")


def _answers(uri: str) -> bool:
    """Whether it is worth trying the next publication there."""
    try:
        _refuse_dead_server(uri)
    except OSError:
        return False
    return True
