"""The processes of `ttc up`: command lines, environment, and how one knows that they answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import zoneinfo
from dataclasses import dataclass
from pathlib import Path

import httpx

from flows.servers import guard
from flows.servers.password import CLIENT, SERVER, password
from flows.servers.visitors import own_hosts, own_origins
from tasks.settings import QUIET, ROOT, Settings
from tasks.tracking.bounded import TooSlow, within
from warehouse.errors import UserError

POOL = "ttc"
"""Name of the work pool that the deployments of infra/prefect.yaml are due in."""
SHARD_POOL = "ttc-shards"
"""Of the one for shards, of which a worker does one at a time: each has an engine of its own."""


_LOGS = {
    "PREFECT_LOGGING_LEVEL": "INFO",
    "PREFECT_LOGGING_TO_API_ENABLED": "true",
    "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
    "NO_COLOR": "1",
    # A log that a killed process had not flushed would lack its last words.
    "PYTHONUNBUFFERED": "1",
}
"""The opposite of quiet: nobody watches a night, so its page and the logs must say what was."""

_HABITS = {
    # A run triggered by hand starts within seconds; the default is 10.
    "PREFECT_WORKER_QUERY_SECONDS": "5",
    # MLflow would start processes for jobs that nothing here submits.
    "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
}


@dataclass(frozen=True, slots=True)
class Server:
    """One process to start and the address that answers 200 once it serves."""

    name: str
    command: tuple[str, ...]
    health: str | None = None
    """None: what listens nowhere, such as a worker."""
    environment: tuple[tuple[str, str], ...] = ()
    """Its own variables, beside those of `environment`; pairs, so that a server can be a key."""


def own_servers(settings: Settings) -> list[Server]:
    """The servers to start: those for which the settings name no existing one."""
    servers: list[Server] = []
    if settings.prefect_api is None:
        servers.append(_prefect(settings))
    if settings.mlflow_uri is None:
        servers.append(_mlflow(settings))
    return servers


def _prefect(settings: Settings) -> Server:
    listen = (settings.host, str(settings.prefect_port), settings.allowed_hosts)
    hosts = own_hosts(settings.host, settings.prefect_port, settings.allowed_hosts)
    variables = (
        # Leases of running deployments must outlive a restart, or their slots stay taken.
        (
            "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE",
            "prefect.server.concurrency.lease_storage.filesystem",
        ),
        ("PREFECT_SERVER_CORS_ALLOWED_ORIGINS", own_origins(hosts)),
        (SERVER, password(settings.home)),
    )
    command = ("flows.servers.prefect_server", *listen)
    return Server("prefect", command, settings.prefect_address + "/health", variables)


def _mlflow(settings: Settings) -> Server:
    listen = ("--host", settings.host, "--port", str(settings.mlflow_port))
    # Its own default takes names such as 10.example.com for addresses of a private network.
    hosts = own_hosts(settings.host, settings.mlflow_port, settings.allowed_hosts)
    names = ",".join(sorted(hosts))
    own = ("--allowed-hosts", names, "--cors-allowed-origins", own_origins(hosts))
    # What runs published while no server was up is in this database: it is shown too.
    store = ("--backend-store-uri", settings.mlflow_store())
    artifacts = settings.home / "mlflow" / "mlflow-artifacts"
    keep = (*store, "--artifacts-destination", str(artifacts))
    # One worker: SQLite has one writer anyway, and each of the default four takes memory.
    command = ("mlflow", "server", *listen, *own, "--workers", "1", *keep)
    return Server("mlflow", command, settings.mlflow_address + "/health")


def workers(settings: Settings) -> list[Server]:
    """The processes that take due runs from a work pool and give each a process of its own.

    One for shards only where the settings say that workers ask them.
    """
    named = ("--type", "process", "--name", worker_name(settings))
    start = ("prefect", "worker", "start", *named)
    several = [Server("worker", (*start, "--pool", POOL))]
    if settings.runner == "workers":
        one = ("--pool", SHARD_POOL, "--limit", "1")
        several.append(Server("shard-worker", (*start, *one)))
    return several


def worker_name(settings: Settings) -> str:
    """Its own name in the pool, where workers of several machines and GPUs may stand."""
    return settings.worker or f"ttc up {socket.gethostname()}"


def registration(deployments: Path) -> Server:
    """The short-lived process that registers a deployment file of the repository."""
    # Without a prompt: nobody sits at its standard input.
    command = ("prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(deployments))
    return Server("deployments", command)


def environment(settings: Settings) -> dict[str, str]:
    """What every process of `ttc up` and every run it starts sees.

    One state folder, one pair of servers, whatever the shell names.
    """
    places = {
        "TTC_HOME": str(settings.home),
        "TTC_PREFECT_API": settings.prefect_address,
        "TTC_MLFLOW_URI": settings.mlflow_address,
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_API_URL": settings.prefect_address,
    }
    # A named server has a password of its own, which the shell knows, or none.
    if settings.prefect_api is None:
        places[CLIENT] = password(settings.home)
    telemetry = QUIET["prefect"].telemetry | QUIET["mlflow"].telemetry
    return os.environ | places | _LOGS | _HABITS | telemetry


def start(server: Server, settings: Settings) -> subprocess.Popen[bytes]:
    """The server's guard, running; its output goes to `log_of(server)`.

    Its own session, so that Ctrl-C reaches `ttc up` alone, which then stops everything in order.
    """
    guarding = [sys.executable, str(Path(guard.__file__)), str(os.getpid())]
    command = [*guarding, sys.executable, "-m", *server.command]
    path = log_of(server, settings)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as log:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            cwd=ROOT,
            env=environment(settings) | dict(server.environment),
            start_new_session=True,
        )


def log_of(server: Server, settings: Settings) -> Path:
    """File that the server's output is added to."""
    return settings.home / "logs" / f"{server.name}.log"


def answers(health: str) -> bool:
    """Whether the address answers 200 within two seconds."""
    try:
        return within(2, lambda: httpx.get(health, timeout=2, trust_env=False)).status_code == 200
    except (httpx.HTTPError, TooSlow):
        return False


def check_addresses(settings: Settings) -> None:
    """Raises UserError when a port of ours is taken, or a named server does not answer."""
    if settings.prefect_api is None:
        _check_free("prefect", settings.host, settings.prefect_port)
    else:
        _check_named("TTC_PREFECT_API", "PREFECT_API_URL", address=settings.prefect_address)
    if settings.mlflow_uri is None:
        _check_free("mlflow", settings.host, settings.mlflow_port)
    else:
        _check_named("TTC_MLFLOW_URI", "MLFLOW_TRACKING_URI", address=settings.mlflow_address)


def check_timezone(settings: Settings) -> None:
    """Raises UserError for a zone that is none: Prefect would refuse it after a minute's start."""
    if settings.timezone not in zoneinfo.available_timezones():
        raise UserError(
            "TTC_TIMEZONE: expected a time zone such as UTC or Europe/Berlin, "
            f"got {settings.timezone!r}; correct or unset it"
        )


def _check_free(server: str, host: str, port: int) -> None:
    if not is_free(host, port):
        raise UserError(
            f"{server}: port {port} on {host} is in use; stop what uses it, "
            f"or set TTC_{server.upper()}_PORT to a free port"
        )


def _check_named(ours: str, theirs: str, *, address: str) -> None:
    if not answers(address.rstrip("/") + "/health"):
        variable = ours if os.environ.get(ours) else theirs
        raise UserError(
            f"{variable}: expected a running server at {address}, nothing healthy answers; "
            f"start it, or unset {variable}"
        )


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        # As the servers do: a port that was closed a moment ago counts as free.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
