"""The run named `trend` of a family: its metrics have the model version as their step."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tasks.publication.words import key_of
from tasks.tracking.entries import shorten
from tasks.tracking.family import Track
from tasks.tracking.upload import send_metrics

if TYPE_CHECKING:
    from mlflow import MlflowClient
    from mlflow.entities import Run

Points = dict[tuple[str, int], float]
"""Value by metric and version."""


def update_trend(client: MlflowClient, track: Track, *, experiment: str) -> str | None:
    """Id of the trend's run, now up to date; None: no version is complete.

    A figure that is no longer what it was (a version measured anew) has the run made again.
    """
    wanted = track.points()
    if not wanted:
        return None
    run = _known_trend(client, track, experiment)
    shown = _points_of(client, run) if run else {}
    if run and shown == wanted:
        return run.info.run_id
    # MLflow's metrics cannot be taken back, only added to.
    if run and any(wanted.get(place) != value for place, value in shown.items()):
        client.delete_run(run.info.run_id)
        run = None
    run = run or _new_trend(client, track, experiment)
    _send_points(client, run, wanted)
    client.set_terminated(run.info.run_id)
    return run.info.run_id


def _known_trend(client: MlflowClient, track: Track, experiment: str) -> Run | None:
    """The trend's run, if the family has one already."""
    same = f"tags.`ttc.trend` = '{_tag(track)}'"
    runs = client.search_runs([experiment], same, max_results=1)
    return runs[0] if runs else None


def _tag(track: Track) -> str:
    """By which a trend is known: studies differ in what they measure, so each has its own."""
    # MLflow's filters know no way to write a quote inside of quotes.
    return key_of(track.family, track.study, joint="/")


def _points_of(client: MlflowClient, run: Run) -> Points:
    """What the run shows now."""
    points: Points = {}
    for key in run.data.metrics:
        for metric in client.get_metric_history(run.info.run_id, key):
            points[key, metric.step] = metric.value
    return points


def _new_trend(client: MlflowClient, track: Track, experiment: str) -> Run:
    """An empty run, described."""
    tags = {
        "ttc.trend": _tag(track),
        "mlflow.source.type": "JOB",
        "mlflow.source.name": f"ttc run {shorten(track.study)}",
        "mlflow.note.content": track.note(),
    }
    return client.create_run(experiment, tags=tags, run_name="trend")


def _send_points(client: MlflowClient, run: Run, points: Points) -> None:
    """All points as metrics, those that MLflow has already among them."""
    from mlflow.entities import Metric

    # One time for all: points that are sent again, with a new version, stay single.
    at = run.info.start_time
    metrics = [Metric(key, value, at, step) for (key, step), value in points.items()]
    send_metrics(client, run.info.run_id, metrics)
