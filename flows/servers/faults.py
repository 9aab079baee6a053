"""What is not as it should be in a state folder, and what mends it; looking changes nothing."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from contextlib import closing, suppress
from typing import Literal, NamedTuple

import psutil

from flows.servers.password import path_of
from tasks.evaluation.publish import UNPUBLISHED
from tasks.runs.holding import is_held
from tasks.runs.reaper import MARK, is_there
from tasks.settings import Settings
from tasks.tracking import outbox
from warehouse import snapshot
from warehouse.database import LARGE_FILE, SMALL_FILE
from warehouse.disks.damage import damage_of
from warehouse.errors import UserError
from warehouse.places import place_of
from warehouse.sequence import ROOM
from warehouse.verification import is_sound


class Fault(NamedTuple):
    """What was found where, and what mends it."""

    topic: str
    state: Literal["warning", "problem"]
    seen: str
    mend: str


def faults(now: Settings) -> Iterator[Fault]:
    """All of them, none in a healthy folder."""
    yield from _segments(now)
    yield from _databases(now)
    yield from _outbox(now)
    yield from _unpublished(now)
    yield from _password(now)
    yield from _engines()


def _segments(now: Settings) -> Iterator[Fault]:
    """What was set aside, and an order that is damaged; the rest is `ttc warehouse verify`'s."""
    journal = now.warehouse / "journal"
    aside = len(list(journal.glob("damaged/*/*")))
    if aside:
        yield Fault(
            "segments",
            "problem",
            f"{aside} damaged segment(s) set aside in {journal / 'damaged'}: their rows may miss",
            "copy the files from a backup into the journal, or run the studies again",
        )
    if journal.is_dir():
        place = place_of(now.warehouse)
        order = [name for name in place.sizes(ROOM) if not is_sound(name, place.read(name))]
        if order:
            seen = f"{order[0]} is damaged: no row is missing, but its order of segments"
            yield Fault("segments", "warning", seen, "copy the file from a backup")


def _databases(now: Settings) -> Iterator[Fault]:
    """Databases that cannot be read, or in which damage was met; a writer's are left alone."""
    for name in (SMALL_FILE, LARGE_FILE):
        path = now.warehouse / name
        reason = damage_of(path)
        if reason is not None:
            mend = "any command that writes builds it anew from the journal, e.g. `ttc plan demo`"
            yield Fault("database", "problem", f"{path} cannot be read ({reason})", mend)


def _outbox(now: Settings) -> Iterator[Fault]:
    folder = now.home / "outbox"
    torn = [path.name for path in (folder / outbox.DAMAGED).glob("*")]
    for waiting in outbox.waiting(folder):
        try:
            outbox.get(waiting)
        except outbox.Torn:
            torn.append(waiting.name)
    if torn:
        seen = f"{len(torn)} publication(s) that waited for MLflow cannot be read: {torn[0]}"
        yield Fault("outbox", "problem", seen, "run the study again, which publishes it anew")


def _unpublished(now: Settings) -> Iterator[Fault]:
    with suppress(UserError):
        runs = snapshot.query(now.warehouse, UNPUBLISHED)["run_id"].to_list()
        waiting = {path.name for path in outbox.waiting(now.home / "outbox")}
        left = [run for run in runs if run not in waiting and not is_held(now.home, run)]
        if left:
            seen = f"{len(left)} complete run(s) not compared or published: {left[-1]}"
            yield Fault("runs", "warning", seen, "the next `ttc run` of any study does it")


def orphans(now: Settings) -> int:
    """Runs that our own Prefect server counts as under way; one of them holds the only slot."""
    path = now.home / "prefect" / "prefect.db"
    if not path.is_file():
        return 0
    sql = (
        "SELECT count(*) FROM flow_run WHERE deployment_id IS NOT NULL "
        "AND state_type IN ('RUNNING', 'PENDING', 'CANCELLING')"
    )
    with closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as database:
        try:
            return int(database.execute(sql).fetchone()[0])
        except sqlite3.Error:
            # Of a server that has not made its tables yet.
            return 0


def _password(now: Settings) -> Iterator[Fault]:
    path = path_of(now.home)
    if path.exists() and stat.S_IMODE(path.stat().st_mode) & 0o077:
        seen = f"others may read {path}, and so run programs as you"
        yield Fault("password", "problem", seen, f"rm {path}; the next start draws another")


def _engines() -> Iterator[Fault]:
    """Engines whose run is gone; nothing of another user can be looked into."""
    left: list[int] = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            mark = process.environ().get(MARK)
            if mark and process.pid != os.getpid() and not is_there(mark):
                left.append(process.pid)
    if left:
        numbers = " ".join(map(str, sorted(left)))
        seen = f"{len(left)} process(es) of engines whose run is gone"
        yield Fault("engines", "problem", seen, f"kill -9 {numbers}")


def stuck_writer(holder: int) -> str | None:
    """What ails the process that holds the warehouse; None: nothing."""
    with suppress(psutil.NoSuchProcess):
        status = psutil.Process(holder).status()
        if status in (psutil.STATUS_STOPPED, psutil.STATUS_TRACING_STOP, psutil.STATUS_DISK_SLEEP):
            return status
    return None
