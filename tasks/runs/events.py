"""What happens to a run, as rows of `run_events`, and the frame around every stage."""

from __future__ import annotations

import contextlib
import resource
import time
from collections.abc import Generator
from datetime import UTC, datetime
from pathlib import Path

import polars as pl
import psutil

from tasks.runs.loading import load_run
from tasks.runs.run import Run
from warehouse.reader import Ledger
from warehouse.store import Store

PATIENCE_SECONDS = 60.0
"""A stage waits so long for a command that writes between stages, e.g. `ttc plan`."""


@contextlib.contextmanager
def stage(folder: Path, run_id: str, name: str) -> Generator[tuple[Store, Run]]:
    """The open warehouse and the run, for one stage; its seconds are noted when it ends well."""
    wall_start = time.monotonic()
    cpu_start = cpu_seconds()
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        yield store, load_run(store, run_id)
        # Not in a `finally`: a stage that raised has no such event, and the next run does it again.
        seconds = time.monotonic() - wall_start
        used = cpu_seconds() - cpu_start
        note(store, run_id, "stage", name, seconds=seconds, cpu_seconds=used)


def cpu_seconds() -> float:
    """CPU seconds so far of this process and of all that it started, engines among them.

    Also of those that ended. What a process started that ended without waiting for it is lost.
    """
    own = resource.getrusage(resource.RUSAGE_SELF)
    waited = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = sum(usage.ru_utime + usage.ru_stime for usage in (own, waited))
    # Still running, or ended and not waited for: vLLM's engines stay so until this process ends.
    for process in psutil.Process().children(recursive=True):
        with contextlib.suppress(psutil.NoSuchProcess):
            used = process.cpu_times()
            total += used.user + used.system + used.children_user + used.children_system
    return total


def note(
    store: Ledger, run_id: str, event: str, detail: str | None = None, **seconds: float
) -> None:
    """Write down that something happened to a run."""
    store.append("run_events", event_row(run_id, event, detail, **seconds))


def event_row(run_id: str, event: str, detail: str | None = None, **seconds: float) -> pl.DataFrame:
    """What happened to a run now, as a row of `run_events`."""
    row = {
        "run_id": run_id,
        "event": event,
        "at": datetime.now(UTC),
        "detail": detail,
        "seconds": seconds.get("seconds"),
        "cpu_seconds": seconds.get("cpu_seconds"),
    }
    return pl.DataFrame([row])
