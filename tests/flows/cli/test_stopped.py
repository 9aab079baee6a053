"""A command that is told to stop says so in one line, and how to go on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from serving import TTC

from tasks.settings import ROOT
from warehouse.store import Store

ENDLESS = "SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE a.range * b.range % 7 = 3"


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("asked_by", ["a word", "the prompt"])
def test_a_query_that_is_stopped_is_one_line_and_130(
    tmp_path: Path, signal_number: signal.Signals, asked_by: str
) -> None:
    with Store.open(tmp_path / "warehouse") as store:
        store.publish_snapshot(whole=True)
    words = [ENDLESS] if asked_by == "a word" else []
    process = subprocess.Popen(
        [*TTC, "sql", *words],
        cwd=ROOT,
        env=os.environ | {"TTC_HOME": str(tmp_path)},
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    process.stdin.write("" if words else f"{ENDLESS};\n")
    process.stdin.flush()
    try:
        _wait_for_query(process.pid)
        process.send_signal(signal_number)
        said = process.communicate(timeout=30)[1]
    finally:
        process.kill()
    assert process.returncode == 130, said
    assert [line for line in said.splitlines() if not line.startswith("SQL on ")] == [
        "stopped; run the same command again to go on where it stopped"
    ]


@pytest.fixture
def guarded(tmp_path: Path) -> Iterator[tuple[subprocess.Popen[str], psutil.Process]]:
    """A query without end under a guard, as `ttc run` is, and its process."""
    with Store.open(tmp_path / "warehouse") as store:
        store.publish_snapshot(whole=True)
    program = "from flows.cli import main; main.STARTING = ('sql',); main.main()"
    process = subprocess.Popen(
        [sys.executable, "-c", program, "sql", ENDLESS],
        cwd=ROOT,
        env=os.environ | {"TTC_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    command = _command_of_the_guard(process)
    _wait_for_query(command.pid)
    yield process, command
    process.kill()
    process.communicate()


def test_a_command_that_was_killed_is_told_of_and_how_to_go_on(guarded) -> None:
    process, command = guarded
    command.kill()
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 137
    assert "run the same command again" in said and "memory" in said


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGINT])
def test_a_command_under_a_guard_is_over_before_who_began_it(
    guarded, signal_number: signal.Signals
) -> None:
    process, command = guarded
    process.send_signal(signal_number)
    said = process.communicate(timeout=60)[1]
    assert process.returncode == 130 and not command.is_running()
    assert said.splitlines() == ["stopped; run the same command again to go on where it stopped"]


def _command_of_the_guard(process: subprocess.Popen[str]) -> psutil.Process:
    """What the guard of a process has started, once it has."""
    deadline = time.monotonic() + 60
    while process.poll() is None and time.monotonic() < deadline:
        with suppress(psutil.Error):
            for one in psutil.Process(process.pid).children(recursive=True):
                if one.cmdline()[1:4] == ["-m", "flows.cli.main", "sql"]:
                    return one
        time.sleep(0.1)
    raise AssertionError("no command under a guard")


def _wait_for_query(number: int) -> None:
    """Back once the process reads the snapshot: nothing but the query's own end lets go of it."""
    process = psutil.Process(number)
    deadline = time.monotonic() + 120
    while not any(file.path.endswith("snapshot.duckdb") for file in process.open_files()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    # What stands between the opening and the query is over in a moment.
    worked = sum(process.cpu_times()[:2])
    while sum(process.cpu_times()[:2]) < worked + 0.5:
        assert time.monotonic() < deadline
        time.sleep(0.1)
