"""`ttc doctor`: what this machine has, why the engine is the one it is, and what to do then."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import stat
import struct
from collections.abc import Iterator
from pathlib import Path

from rich.table import Table
from rich.text import Text

from flows.cli import installed
from flows.cli.installed import GIB, Finding
from flows.cli.terminal import PlainConsole
from flows.servers import faults
from flows.servers import processes as servers
from flows.servers.up import running_at
from tasks.settings import Settings, settings
from tasks.tracking import outbox
from warehouse import snapshot
from warehouse.errors import UserError
from warehouse.places import place_of

STYLES = {"ok": "green", "warning": "yellow", "problem": "bold red"}


def doctor(*, as_json: bool = False, models: bool = False) -> int:
    """Exit code: 1 when there is a problem, else 0; the findings go to stdout.

    With `models` every file of a model that was read before is read again.
    """
    everything = findings(settings())
    if models:
        everything += installed.read_again()
    if as_json:
        print(json.dumps([finding._asdict() for finding in everything], indent=1))
    else:
        _print(everything)
    return int(any(finding.state == "problem" for finding in everything))


def findings(now: Settings) -> list[Finding]:
    """Everything that is looked at, in the order in which it is said."""
    topics = (
        installed.machine(),
        installed.packages(),
        installed.engine(),
        installed.models(),
        _state(now),
        _journal(now),
        _locks(now),
        _faults(now),
        _ports(now),
    )
    return [finding for topic in topics for finding in topic]


def _print(everything: list[Finding]) -> None:
    """A line a finding, in the colour of its state."""
    table = Table(box=None, show_header=False, pad_edge=False)
    for finding in everything:
        style = STYLES[finding.state]
        advice = f"; {finding.advice}" if finding.advice else ""
        state = Text(finding.state, style=style)
        table.add_row(state, finding.topic, finding.seen + advice)
    # Wider lines are hard to read, however wide the terminal is.
    width = min(100, shutil.get_terminal_size((100, 24)).columns)
    PlainConsole(width).print(table)


def _state(now: Settings) -> Iterator[Finding]:
    """The state folder, the age of its snapshot, and what waits for MLflow."""
    # The state folder may not be there yet, and looking must not make it.
    home = now.home.resolve()
    parent = next(path for path in (home, *home.parents) if path.exists())
    if not os.access(parent, os.W_OK):
        advice = "set TTC_HOME to a folder that can"
        yield Finding("state", "problem", f"{now.home} cannot be written", advice)
        return
    yield _room(now, parent)
    if home.is_dir() and stat.S_IMODE(home.stat().st_mode) & 0o077:
        mode = stat.filemode(home.stat().st_mode)
        seen = f"others may look into {now.home} ({mode}): questions, texts, logs"
        yield Finding("privacy", "warning", seen, f"chmod 700 {now.home}, unless that is wanted")
    age = snapshot.age_seconds(now.warehouse)
    seen = "none yet: `ttc demo` makes the first" if age is None else f"{_ago(age)} old"
    yield Finding("snapshot", "ok", seen)
    waiting = outbox.waiting(now.home / "outbox")
    if waiting:
        advice = "they go out with the next run that finds MLflow up"
        yield Finding("outbox", "warning", f"{len(waiting)} run(s) not yet sent to MLflow", advice)


def _room(now: Settings, parent: Path) -> Finding:
    """How much the state folder takes, and what is left on its disk."""
    free = shutil.disk_usage(parent).free / GIB
    size = installed.mebibytes(now.home.rglob("*"))
    seen = f"{now.home}, {size:.0f} MiB used, {free:.0f} GiB free"
    # A night writes a new snapshot beside the old one before it takes its place.
    if free < 2:
        return Finding("state", "warning", seen, "make room, or set TTC_HOME to another disk")
    return Finding("state", "ok", seen)


def _ago(seconds: float) -> str:
    """An age in the largest unit of which there are two."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        # From two on: `90 minutes` says more than `2 hours`, and nothing is ever `1 days`.
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{seconds:.0f} seconds"


def _journal(now: Settings) -> Iterator[Finding]:
    """Whether the journal that several machines share can be read."""
    if now.journal is None:
        return
    try:
        place = place_of(now.warehouse)
        objects = len(place.sizes())
    except UserError as error:
        yield Finding("journal", "problem", f"{now.journal} cannot be read", str(error))
        return
    yield Finding("journal", "ok", f"{place.address}, {objects} objects")


def _faults(now: Settings) -> Iterator[Finding]:
    """What is not as it should be in the state folder."""
    for fault in faults.faults(now):
        yield Finding(*fault)
    if running_at(now) is None and now.prefect_api is None and (left := faults.orphans(now)):
        seen = f"{left} run(s) that nobody runs any more count as under way"
        yield Finding("nights", "warning", seen, "the next `ttc up` marks them as crashed")


def _locks(now: Settings) -> Iterator[Finding]:
    """Who is writing to the warehouse."""
    holder = lock_holder(now.warehouse / "warehouse.lock")
    ails = None if holder is None else faults.stuck_writer(holder)
    if ails is not None:
        seen = f"process {holder} holds the warehouse and is in state {ails!r}"
        yield Finding("writer", "problem", seen, f"kill -CONT {holder}, or kill -9 {holder}")
        return
    seen = (
        "no run is writing" if holder is None else f"process {holder} is writing to the warehouse"
    )
    yield Finding("writer", "ok", seen)


def lock_holder(path: Path) -> int | None:
    """The process that holds the POSIX lock on a file; None: nobody, or there is no such file."""
    if not path.is_file():
        return None
    # Asked by F_GETLK (fcntl(2)): trying to take the lock would make a run that starts now wait.
    question = struct.pack("hhqqi4x", fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0)
    with path.open("rb") as file:
        answer = fcntl.fcntl(file, fcntl.F_GETLK, question)
    kind, _, _, _, holder = struct.unpack("hhqqi4x", answer)
    return None if kind == fcntl.F_UNLCK else int(holder)


def _ports(now: Settings) -> Iterator[Finding]:
    """Whether `ttc up` runs, else whether it could."""
    served = running_at(now)
    if served is not None:
        places = f"Prefect at {served.prefect_page}, MLflow at {served.mlflow_address}"
        yield Finding("ttc up", "ok", places)
        return
    prefect = now.prefect_address
    mlflow = now.mlflow_address
    yield _server("prefect", now.prefect_api, prefect, host=now.host, port=now.prefect_port)
    yield _server("mlflow", now.mlflow_uri, mlflow, host=now.host, port=now.mlflow_port)


def _server(name: str, named: str | None, address: str, *, host: str, port: int) -> Finding:
    """One of the two servers: named in the settings, or free to be started."""
    # A server that the settings name is somebody else's: whether it answers is all there is to ask.
    if named is not None:
        if servers.answers(address.rstrip("/") + "/health"):
            return Finding(name, "ok", f"{address} answers")
        return Finding(name, "warning", f"{address} does not answer", "start it")
    if servers.is_free(host, port):
        return Finding(name, "ok", f"not running; port {port} is free for `ttc up`")
    advice = f"stop what uses it, or set TTC_{name.upper()}_PORT before `ttc up`"
    return Finding(name, "warning", f"port {port} on {host} is in use by another program", advice)
