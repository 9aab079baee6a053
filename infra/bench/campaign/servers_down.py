"""Publishes to an MLflow that fails at request k, and looks at what the outbox delivers.

    PYTHONPATH=.:tests/fakes python infra/bench/campaign/servers_down.py [--n 6] [--seed 0]

A real MLflow server stands behind a proxy on loopback. A trial is a model version: at some request
of its publication, drawn by chance, the proxy answers 500, cuts the connection before or after the
request went through, sends a byte a second, or is gone from then on. Then all is well again, and
the outbox is sent. Counted are versions that MLflow lacks (lost), has twice (doubled) or with other
metrics than a publication without faults (wrong), and publications that took longer than LONGEST.
"""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from trials import Campaign, conduct, worked_and_waited

# isort: split
from proxy import Line, between, free_port, serving

# After the frame, which names the folder of fakes.
from summaries import summary_of  # isort: skip

from tasks.tracking import outbox as waiting_room
from tasks.tracking import runs as tracking

KINDS = ("500", "cut before", "cut after", "drip", "gone")
REQUESTS = 40
"""About as many as a publication has: a fault beyond the last befalls the next attempt."""
LONGEST = 90.0
SHORT, LONG = 15.0, 900.0
"""Seconds for which a publication is waited for while the server fails, and when it is well."""


def main(argv: list[str] | None = None) -> int:
    """As trials.conduct."""
    return conduct(argv, __doc__, down, n=6)


def down(campaign: Campaign) -> None:
    """Versions, one after the other, each with a fault at some request."""
    outbox = campaign.folder / "outbox"
    with _mlflow(campaign.folder / "mlflow") as port, between(port) as (line, uri):
        for number in campaign.tries():
            # The kinds in turn, so that a short campaign has them all.
            kind = KINDS[number % len(KINDS)]
            at = campaign.rng.randrange(REQUESTS)
            _publish(campaign, line, uri, outbox=outbox, number=number, fault=(kind, at))
        line.breaks("", 0)
        _compare(campaign, f"http://127.0.0.1:{port}")


def _publish(
    campaign: Campaign, line: Line, uri: str, *, outbox: Path, number: int, fault: tuple[str, int]
) -> None:
    summary = summary_of(f"run-{number}", version=number + 1, seed=number)
    line.breaks(*fault)
    started, (_, before) = time.monotonic(), worked_and_waited(os.getpid())
    seconds = 0.0
    try:
        tracking.PATIENCE_SECONDS = SHORT
        tracking.publish(summary, uri=uri, outbox=outbox)
        # Without those in which others had the cores.
        seconds = time.monotonic() - started - (worked_and_waited(os.getpid())[1] - before)
        line.breaks("", 0)
        # A server that is well is waited for: the machine may be busy.
        tracking.PATIENCE_SECONDS = LONG
        tracking.publish_outbox(outbox, uri)
    except Exception as error:
        campaign.fault("tracebacks", f"{fault}: {type(error).__name__}: {error}")
    campaign.note(version=number + 1, fault=fault, seconds=round(seconds, 1))
    if seconds > LONGEST:
        campaign.fault("hung", f"{fault}: {seconds:.0f} s")
    for folder in waiting_room.waiting(outbox):
        campaign.fault("lost", f"{fault}: {folder.name} still waits though MLflow is well")


def _compare(campaign: Campaign, uri: str) -> None:
    """Every version once, with the metrics that it has in a store of its own."""
    from mlflow import MlflowClient

    client = MlflowClient(uri, uri)
    alone = f"sqlite:///{campaign.folder}/alone.db"
    for number in range(campaign.counts["tried"]):
        summary = summary_of(f"run-{number}", version=number + 1, seed=number)
        tracking.publish(summary, uri=alone, outbox=campaign.folder / "none")
    wanted, found = _runs(MlflowClient(alone, alone)), _runs(client)
    for run_id, metrics in wanted.items():
        have = found.get(run_id, [])
        if not have:
            campaign.fault("lost", f"{run_id} is not in MLflow")
        elif len(have) > 1:
            campaign.fault("doubled", f"{run_id} is {len(have)} times in MLflow")
        elif have != metrics:
            campaign.fault("wrong", f"{run_id} has other metrics")


def _runs(client: object) -> dict[str, list[dict[str, float]]]:
    """Metrics of the MLflow runs of each run of ours."""
    from mlflow import MlflowClient

    assert isinstance(client, MlflowClient)
    found: dict[str, list[dict[str, float]]] = {}
    experiments = [one.experiment_id for one in client.search_experiments()]
    for run in client.search_runs(experiments, max_results=1000):
        name = run.data.tags.get("ttc.run_id", "a run that nobody finished")
        found.setdefault(name, []).append(run.data.metrics)
    return found


@contextlib.contextmanager
def _mlflow(folder: Path) -> Iterator[int]:
    """The port of a real server with an empty store."""
    folder.mkdir()
    port = free_port()
    store = ("--backend-store-uri", f"sqlite:///{folder}/mlflow.db")
    place = ("--host", "127.0.0.1", "--port", str(port), "--workers", "1")
    files = ("--artifacts-destination", str(folder / "files"))
    command = [sys.executable, "-m", "mlflow", "server", *place, *store, *files]
    quiet = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}
    log, named = folder / "log", os.environ | quiet
    with serving(command, port, log=log, environment=named, path="/health") as found:
        yield found


if __name__ == "__main__":
    sys.exit(main())
