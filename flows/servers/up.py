"""`ttc up`: Prefect, MLflow and a worker on loopback, the schedules registered, until Ctrl-C."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Collection, Generator
from functools import partial
from pathlib import Path
from types import FrameType
from typing import IO, Any

import httpx
from rich.console import Console
from rich.table import Table

from flows.servers import deployment
from flows.servers import processes as servers
from flows.servers.alive import Running, ServerEnded, check_alive, last_line, revive
from flows.servers.disk import check_disk
from flows.servers.guard import GRACE_SECONDS
from flows.servers.notify import notify_ready
from flows.servers.password import CLIENT, password, path_of
from flows.servers.processes import Server
from flows.servers.silent import watch_heartbeats
from tasks.settings import INFRA, Settings, settings
from warehouse.errors import UserError, say, shown

HEALTHY_WITHIN_SECONDS = 180.0
"""A first start migrates both databases: on a slow machine that takes a minute or two."""


def up(deployments: Path = INFRA / "prefect.yaml") -> int:
    """Exit code: 0 after Ctrl-C or SIGTERM, 1 when a server failed. Nothing it started outlives it.

    Raises UserError when it is already up, when a port is taken or a named server does not answer.
    """
    now = settings()
    # Children work in the repository's root, where a relative state folder would be another one.
    now = now.model_copy(update={"home": now.home.resolve()})
    running: Running = {}
    check_disk(now.home)
    # Read when Prefect is imported to ask its API: the shell's home is another program's.
    os.environ["PREFECT_HOME"] = str(now.home / "prefect")
    if now.prefect_api is None:
        os.environ[CLIENT] = password(now.home)
    with _only_one(now.home / "up.json") as record:
        servers.check_addresses(now)
        servers.check_timezone(now)
        signal.signal(signal.SIGTERM, _interrupt)
        signal.signal(signal.SIGINT, _interrupt)
        try:
            _start(now, running, deployments)
            _write(record, now)
            _print_addresses(now)
            notify_ready()
            _watch(running, now)
        except KeyboardInterrupt:
            return 0
        except ServerEnded as error:
            say(f"ttc up: {error}")
            return 1
        finally:
            _stop(running, now)
    return 0


def _interrupt(_signal: int, _frame: FrameType | None) -> None:
    raise KeyboardInterrupt


@contextlib.contextmanager
def _only_one(path: Path) -> Generator[Path]:
    """The state folder's `ttc up` record, locked by this process.

    The kernel gives the lock back however the process ends, so no record is ever stale.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+", encoding="utf-8") as file:
        _lock(file, path)
        # The process alone: the addresses follow once something answers there.
        path.write_text(json.dumps({"pid": os.getpid()}), encoding="utf-8")
        try:
            yield path
        finally:
            path.write_text("", encoding="utf-8")


def _lock(file: IO[str], path: Path) -> None:
    """Lock the record; UserError, naming the process, when another `ttc up` holds it."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        file.seek(0)
        pid = json.loads(file.read() or "{}").get("pid", "unknown")
        raise UserError(
            f"ttc up: already up in {path.parent} (process {pid}); "
            "stop that one first, or set TTC_HOME"
        ) from error


def _write(record: Path, now: Settings) -> None:
    addresses = {"prefect_api": now.prefect_address, "mlflow_uri": now.mlflow_address}
    whose = {"pid": os.getpid(), "own_prefect": now.prefect_api is None}
    record.write_text(json.dumps(whose | addresses), encoding="utf-8")


def running_at(now: Settings) -> Settings | None:
    """The settings with the addresses of the `ttc up` that serves their state folder.

    None when none does, or when it has not got as far as serving.
    """
    record = _record_of(now)
    addresses = {name: record[name] for name in ("prefect_api", "mlflow_uri") if name in record}
    return now.model_copy(update=addresses) if addresses else None


def asks_own_prefect(now: Settings) -> bool:
    """Whether a command of this state folder talks to a Prefect server with our password.

    That of `ttc up`, or the one that it starts for itself where there is none.
    """
    record = _record_of(now)
    # Whoever names the address of our own server means that one.
    if now.prefect_api is not None and now.prefect_api != record.get("prefect_api"):
        return False
    return bool(record.get("own_prefect", now.prefect_api is None))


def _record_of(now: Settings) -> dict[str, Any]:
    """What the `ttc up` of the state folder has written of itself; empty when there is none."""
    path = now.home / "up.json"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8") as file:
        try:
            # A lock that can be had says that nobody is up, whatever the record says.
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return json.loads(file.read() or "{}")
    return {}


def _start(now: Settings, running: Running, deployments: Path) -> None:
    for server in servers.own_servers(now):
        running[server] = servers.start(server, now)
    # Started all at once, awaited one after the other: the slowest alone sets the time.
    for server in running:
        health = server.health or ""
        _wait(partial(servers.answers, health), f"{server.name} to answer", running, now)
    api = now.prefect_address
    _report_orphans(_bury_orphans(now))
    # Both, whichever has a worker here: a deployment is registered in a pool that is there.
    for pool in (servers.POOL, servers.SHARD_POOL):
        deployment.make_pool(api, pool)
    for worker in servers.workers(now):
        running[worker] = servers.start(worker, now)
    _register(now, running, deployments)
    watch_heartbeats(api)
    _wait(lambda: deployment.worker_is_online(api), "the worker to report", running, now)


def _bury_orphans(now: Settings) -> int:
    """How many runs nobody runs any more, marked as crashed."""
    # On our own server no worker outlives `ttc up`; a named one has those of other machines.
    if now.prefect_api is None:
        return deployment.bury_orphans(now.prefect_address)
    return deployment.bury_if_alone(now.prefect_address, servers.worker_name(now))


def _report_orphans(count: int) -> None:
    if count:
        say(f"ttc up: {count} run(s) that an earlier `ttc up` left under way are marked as crashed")


def _register(now: Settings, running: Running, deployments: Path) -> None:
    registration = servers.registration(deployments)
    process = servers.start(registration, now)
    # Not among what is running: it is meant to end, and what ends there brings `ttc up` down.
    try:
        _wait(lambda: process.poll() is not None, "the deployments to be registered", running, now)
    finally:
        process.terminate()
    if process.returncode != 0:
        raise ServerEnded(f"registering {deployments} failed: {last_line(registration, now)}")


def _wait(reached: Callable[[], bool], what: str, running: Running, now: Settings) -> None:
    deadline = time.monotonic() + HEALTHY_WITHIN_SECONDS
    while not reached():
        check_alive(running, now)
        if time.monotonic() > deadline:
            logs = now.home / "logs"
            raise ServerEnded(
                f"waited {HEALTHY_WITHIN_SECONDS:.0f} s for {what}; the logs are in {logs}"
            )
        time.sleep(0.3)


def _watch(running: Running, now: Settings) -> None:
    earlier: dict[Server, list[float]] = {}
    while True:
        revive(running, now, earlier)
        time.sleep(0.5)


def _stop(running: Running, now: Settings) -> None:
    """End the worker with its runs, say so to the server while it listens, then end the servers."""
    # A second Ctrl-C must not leave servers behind.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if running:
        say("ttc up: stopping …")
    workers = [process for server, process in running.items() if "worker" in server.name]
    _end(workers)
    if workers:
        _bury_while_stopping(now)
    _end(running.values())


def _bury_while_stopping(now: Settings) -> None:
    """Mark as crashed what the worker ran, if the server takes it; else the next start does."""
    from prefect.settings import PREFECT_CLIENT_MAX_RETRIES, temporary_settings

    # Whoever pressed Ctrl-C does not wait for minutes on a server that hangs.
    once_more = temporary_settings({PREFECT_CLIENT_MAX_RETRIES: 1})
    with once_more, contextlib.suppress(httpx.HTTPError):
        _bury_orphans(now)


def _end(processes: Collection[subprocess.Popen[bytes]]) -> None:
    for process in processes:
        process.terminate()
    for process in processes:
        try:
            # Each is a guard, which waits one grace for its command and then kills.
            process.wait(2 * GRACE_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _print_addresses(now: Settings) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(style="bold", no_wrap=True)
    table.add_column(overflow="fold")
    table.add_row("Prefect", now.prefect_page)
    if now.prefect_api is None:
        table.add_row("password", f"Prefect's page asks for the line in {path_of(now.home)}")
    table.add_row("MLflow", now.mlflow_address)
    for name, cron in deployment.schedules(now.prefect_address):
        # Of a server of others, deployments of others too.
        table.add_row("schedule", shown(f"{name}, cron {cron}" if cron else f"{name}, by hand"))
    table.add_row("state", str(now.home))
    table.add_row("logs", str(now.home / "logs"))
    table.add_row("stop", "Ctrl-C")
    width = shutil.get_terminal_size((100, 24)).columns
    Console(width=min(100, width), markup=False, emoji=False).print(table)
