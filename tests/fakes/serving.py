"""`ttc up` as a child process on free ports, for the tests that need its servers."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx
import psutil
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings

from flows.servers import deployment
from flows.servers.password import password
from tasks.settings import ROOT

TTC = (sys.executable, "-c", "from flows.cli.main import main; main()")


@dataclass(frozen=True, slots=True)
class Up:
    """A running `ttc up`, its state folder, and the environment for a second command there."""

    process: subprocess.Popen[str]
    home: Path
    environment: dict[str, str]

    @property
    def prefect_api(self) -> str:
        return f"http://127.0.0.1:{self.environment['TTC_PREFECT_PORT']}/api"

    def client(self) -> httpx.Client:
        """What asks its Prefect server, with the password of the state folder."""
        with temporary_settings({PREFECT_API_AUTH_STRING: password(self.home)}):
            return deployment.client(self.prefect_api)

    @property
    def mlflow_uri(self) -> str:
        return f"http://127.0.0.1:{self.environment['TTC_MLFLOW_PORT']}"


def start(home: Path) -> Up:
    """`ttc up` just started: nothing answers yet."""
    servers = ("TTC_PREFECT_API", "PREFECT_API_URL", "TTC_MLFLOW_URI", "MLFLOW_TRACKING_URI")
    unset = (*servers, "PREFECT_HOME")
    environment = {name: value for name, value in os.environ.items() if name not in unset}
    environment |= {
        "TTC_HOME": str(home),
        "TTC_PREFECT_PORT": free_port(),
        "TTC_MLFLOW_PORT": free_port(),
    }
    command = [*TTC, "up"]
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=environment,
        text=True,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    return Up(process, home, environment)


def wait_until_ready(up: Up) -> None:
    """Back once `ttc up` has said where it serves; AssertionError when it ended instead."""
    deadline = time.monotonic() + 240
    record = up.home / "up.json"
    while not (record.is_file() and "prefect_api" in (record.read_text() or "{}")):
        assert up.process.poll() is None, up.process.communicate()[0]
        assert time.monotonic() < deadline, sorted(p.name for p in (up.home / "logs").glob("*"))
        time.sleep(0.3)


def processes_of(up: Up) -> list[psutil.Process]:
    """`ttc up` and everything that descends from it now."""
    top = psutil.Process(up.process.pid)
    return [top, *top.children(recursive=True)]


def stop(
    up: Up, signal_number: signal.Signals = signal.SIGINT, *, within: float = 45
) -> list[psutil.Process]:
    """Send the signal and wait; the processes of `ttc up` that live on after `within` seconds."""
    processes = processes_of(up)
    up.process.send_signal(signal_number)
    up.process.wait(within)
    return psutil.wait_procs(processes, timeout=within)[1]


@contextmanager
def up_in(home: Path) -> Iterator[Up]:
    """`ttc up` in a state folder, ready; ended at last, where nothing else has ended it."""
    up = start(home)
    try:
        wait_until_ready(up)
        yield up
    finally:
        if up.process.poll() is None:
            stop(up)


def free_port() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return str(probe.getsockname()[1])


def recorded_pid(up: Up) -> int:
    return int(json.loads((up.home / "up.json").read_text())["pid"])
