"""`ttc up`: Prefect, MLflow and a worker on loopback, the nightly schedule registered, until Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Generator
from dataclasses import asdict
from pathlib import Path
from types import FrameType

import httpx
from rich.console import Console
from rich.table import Table

from flows.servers import deployment
from flows.servers import processes as servers
from flows.servers.guard import GRACE_SECONDS
from flows.servers.processes import Addresses, Server
from tasks.settings import INFRA, Settings, settings
from warehouse.errors import UserError

HEALTHY_WITHIN_SECONDS = 180.0
_Running = dict[Server, subprocess.Popen[bytes]]


class ServerEnded(Exception):
    """A server stopped by itself, or did not become healthy in time."""


def up(deployments: Path = INFRA / "prefect.yaml") -> int:
    """Exit code: 0 after Ctrl-C or SIGTERM, 1 when a server failed. Nothing it started outlives it.

    Raises UserError when it is already up, when a port is taken or a named server does not answer.
    """
    now = settings()
    now = now.model_copy(update={"home": now.home.resolve()})
    running: _Running = {}
    with _only_one(now.home / "up.json") as record:
        servers.check_addresses(now)
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
        try:
            _start(now, running, deployments)
            _write(record, servers.addresses(now))
            _print_addresses(now)
            _watch(running, now)
        except KeyboardInterrupt:
            return 0
        except ServerEnded as error:
            print(f"ttc up: {error}", file=sys.stderr)
            return 1
        finally:
            _stop(running, now)
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _only_one(path: Path) -> Generator[Path]:
    """The state folder's `ttc up` record, held by this process; the kernel gives it back however it ends."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            file.seek(0)
            told = json.loads(file.read() or "{}").get("pid", "unknown")
            raise UserError(
                f"ttc up: already up in {path.parent} (process {told}); stop that one first, or set TTC_HOME"
            ) from error
        path.write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")
        try:
            yield path
        finally:
            path.write_text("", encoding="utf-8")


def _write(record: Path, where: Addresses) -> None:
    record.write_text(json.dumps({"pid": os.getpid(), **asdict(where)}), encoding="utf-8")


def running_at(home: Path) -> Addresses | None:
    """The addresses of the `ttc up` that serves this state folder now; None when none does."""
    path = home / "up.json"
    if not path.is_file():
        return None
    with path.open(encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            told = json.loads(file.read() or "{}")
            return (
                Addresses(told["prefect_api"], told["mlflow_uri"])
                if "prefect_api" in told
                else None
            )
    return None


def _start(now: Settings, running: _Running, deployments: Path) -> None:
    for server in servers.own_servers(now):
        running[server] = servers.start(server, now)
    for server in list(running):
        _wait(
            lambda health=server.health: servers.answers(health or ""),
            f"{server.name} to answer",
            running,
            now,
        )
    api = servers.addresses(now).prefect_api
    if now.prefect_api is None and (buried := deployment.bury_orphans(api)):
        print(
            f"ttc up: {buried} run(s) that an earlier `ttc up` left under way are marked as crashed",
            file=sys.stderr,
        )
    deployment.make_pool(api)
    worker = servers.worker()
    running[worker] = servers.start(worker, now)
    _register(now, running, deployments)
    _wait(lambda: deployment.worker_is_online(api), "the worker to report", running, now)


def _register(now: Settings, running: _Running, deployments: Path) -> None:
    registration = servers.registration(deployments)
    process = servers.start(registration, now)
    try:
        _wait(lambda: process.poll() is not None, "the deployments to be registered", running, now)
    finally:
        process.terminate()
    if process.returncode != 0:
        raise ServerEnded(f"registering {deployments} failed: {_last_line(registration, now)}")


def _wait(reached: Callable[[], bool], what: str, running: _Running, now: Settings) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while not reached():
        _check_alive(running, now)
        if time.monotonic() > deadline:
            raise ServerEnded(
                f"waited {HEALTHY_WITHIN_SECONDS:.0f} s for {what}; the logs are in {now.home / 'logs'}"
            )
        time.sleep(0.3)


def _watch(running: _Running, now: Settings) -> None:
    while True:
        _check_alive(running, now)
        time.sleep(0.5)


def _check_alive(running: _Running, now: Settings) -> None:
    for server, process in running.items():
        if process.poll() is not None:
            raise ServerEnded(
                f"{server.name} ended with code {process.returncode}: {_last_line(server, now)}"
            )


def _last_line(server: Server, now: Settings) -> str:
    log = servers.log_of(server, now)
    lines = [
        line.strip()
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    ]
    return f"{lines[-1] if lines else 'it said nothing'} (all of it: {log})"


def _stop(running: _Running, now: Settings) -> None:
    """End the worker with its runs, tell the server so while it still listens, then end the servers."""
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if running:
        print("ttc up: stopping …", file=sys.stderr)
    workers = [process for server, process in running.items() if server.name == "worker"]
    _end(workers)
    if workers and now.prefect_api is None:
        with contextlib.suppress(
            httpx.HTTPError
        ):  # a server that is gone is told at the next start
            deployment.bury_orphans(servers.addresses(now).prefect_api)
    _end(running.values())


def _end(processes: Collection[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            process.wait(2 * GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _print_addresses(now: Settings) -> None:
    where = servers.addresses(now)
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("Prefect", where.prefect_page)
    table.add_row("MLflow", where.mlflow_uri)
    for name, cron in deployment.schedules(where.prefect_api):
        table.add_row("schedule", f"{name}, cron {cron}" if cron else f"{name}, by hand")
    table.add_row("state", str(now.home))
    table.add_row("logs", str(now.home / "logs"))
    table.add_row("stop", "Ctrl-C")
    Console(width=min(100, shutil.get_terminal_size((100, 24)).columns)).print(table)
