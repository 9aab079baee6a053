"""Every state of a state folder that wants mending is found, and its mend is named."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path

import pytest
from scripted_runs import run_all, small_study
from summaries import summary_of

from flows.cli import doctor
from flows.cli.installed import Finding
from flows.servers.password import password, path_of
from tasks.runs.events import note
from tasks.runs.reaper import MARK
from tasks.settings import Settings
from tasks.tracking import outbox
from warehouse.store import Store

SMALL = small_study(questions=10, budgets=[1, 2], strategies=["majority", "weighted"])
Breaking = Callable[[Settings, ExitStack], None]


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A healthy state folder with one run."""
    home = tmp_path_factory.mktemp("home")
    home.chmod(0o700)
    run_id = run_all(home / "warehouse", SMALL)
    with Store.open(home / "warehouse") as store:
        note(store, run_id, "published", "mlflow:1")
        store.publish_snapshot(whole=True)
    return home


def set_segment_aside(now: Settings, _: ExitStack) -> None:
    segment = next((now.warehouse / "journal" / "draws").glob("*.parquet"))
    segment.write_bytes(segment.read_bytes()[:-1])
    with Store.rebuild(now.warehouse):
        pass


def damage_order(now: Settings, _: ExitStack) -> None:
    entry = next((now.warehouse / "journal" / "sequence").iterdir())
    entry.write_bytes(entry.read_bytes()[:-1])


def cut_database(now: Settings, _: ExitStack) -> None:
    path = now.warehouse / "large.duckdb"
    os.truncate(path, path.stat().st_size // 3)


def suspect_database(now: Settings, _: ExitStack) -> None:
    (now.warehouse / "warehouse.duckdb.suspect").write_text("a wrong checksum")


def let_wait(now: Settings, _: ExitStack) -> None:
    outbox.put(summary_of("run-a"), now.home / "outbox")


def tear(now: Settings, _: ExitStack) -> None:
    (outbox.put(summary_of("run-a"), now.home / "outbox") / "summary.json").write_text("{")


def tear_and_set_aside(now: Settings, _: ExitStack) -> None:
    outbox.set_aside(outbox.put(summary_of("run-a"), now.home / "outbox"))


def leave_unpublished(now: Settings, _: ExitStack) -> None:
    run_all(now.warehouse, SMALL)
    with Store.open(now.warehouse) as store:
        store.publish_snapshot(whole=True)


def leave_orphan(now: Settings, _: ExitStack) -> None:
    path = now.home / "prefect" / "prefect.db"
    path.parent.mkdir()
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("CREATE TABLE flow_run (deployment_id TEXT, state_type TEXT)")
        database.execute("INSERT INTO flow_run VALUES ('nightly', 'RUNNING'), (NULL, 'RUNNING')")


def show_password(now: Settings, _: ExitStack) -> None:
    password(now.home)
    path_of(now.home).chmod(0o644)


def stop_writer(now: Settings, undo: ExitStack) -> None:
    undo.enter_context(_stopped(now.warehouse / "warehouse.lock"))


@contextmanager
def _stopped(lock: Path) -> Iterator[None]:
    """A process that holds the lock and has been stopped."""
    text = (
        "import os, signal, sys; from pathlib import Path; from warehouse.disks import lock; "
        "lock.take(Path(sys.argv[1])); os.kill(os.getpid(), signal.SIGSTOP)"
    )
    process = subprocess.Popen([sys.executable, "-c", text, str(lock)])
    os.waitpid(process.pid, os.WUNTRACED)
    try:
        yield
    finally:
        os.kill(process.pid, signal.SIGKILL)
        process.wait()


def leave_engine(_: Settings, undo: ExitStack) -> None:
    process = subprocess.Popen(["sleep", "600"], env=os.environ | {MARK: "4194305-1"})
    undo.callback(process.wait)
    undo.callback(process.kill)


def fill_disk(_: Settings, undo: ExitStack) -> None:
    patch = undo.enter_context(pytest.MonkeyPatch.context())
    usage = shutil.disk_usage("/")._replace(free=10**9)
    patch.setattr(shutil, "disk_usage", lambda _path: usage)


@pytest.mark.parametrize(
    ("breaks", "topic", "state", "mend"),
    [
        (set_segment_aside, "segments", "problem", "copy the files from a backup"),
        (damage_order, "segments", "warning", "copy the file from a backup"),
        (cut_database, "database", "problem", "builds it anew from the journal"),
        (suspect_database, "database", "problem", "builds it anew from the journal"),
        (let_wait, "outbox", "warning", "with the next run that finds MLflow up"),
        (tear, "outbox", "problem", "run the study again"),
        (tear_and_set_aside, "outbox", "problem", "run the study again"),
        (leave_unpublished, "runs", "warning", "the next `ttc run`"),
        (leave_orphan, "nights", "warning", "the next `ttc up` marks them as crashed"),
        (show_password, "password", "problem", "the next start draws another"),
        (stop_writer, "writer", "problem", "kill -CONT "),
        (leave_engine, "engines", "problem", "kill -9 "),
        (fill_disk, "state", "warning", "make room"),
    ],
)
def test_a_state_is_found_with_its_mend(
    breaks: Breaking, topic: str, state: str, mend: str, published: Path, tmp_path: Path
) -> None:
    now = Settings(home=shutil.copytree(published, tmp_path / "home"))
    with ExitStack() as undo:
        breaks(now, undo)
        found = [one for one in doctor.findings(now) if one.topic == topic]
    (one,) = [one for one in found if one.state == state and mend in one.advice]
    assert one.seen


def test_a_healthy_folder_has_none_of_them(published: Path) -> None:
    found = [one for one in doctor.findings(Settings(home=published)) if not is_of_machine(one)]
    assert [one for one in found if one.state != "ok"] == []


def is_of_machine(finding: Finding) -> bool:
    """Whether it depends on where the tests run."""
    return finding.topic in ("machine", "packages", "engine", "models", "prefect", "mlflow")
