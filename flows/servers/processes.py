"""The processes of `ttc up`: their command lines, their environment, how one knows that they answer."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from flows.servers import guard
from tasks.settings import ROOT, Settings
from warehouse.errors import UserError

POOL = "ttc"


@dataclass(frozen=True, slots=True)
class Server:
    """One process to start and the address that answers 200 once it serves."""

    name: str
    command: tuple[str, ...]
    health: str | None = None
    environment: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Addresses:
    """Where Prefect's API and MLflow are reached."""

    prefect_api: str
    mlflow_uri: str

    @property
    def prefect_page(self) -> str:
        return self.prefect_api.rstrip("/").removesuffix("/api")


def addresses(settings: Settings) -> Addresses:
    """The addresses that `ttc up` serves at, or those of the existing servers that the settings name."""
    return Addresses(
        prefect_api=settings.prefect_api or f"http://{settings.host}:{settings.prefect_port}/api",
        mlflow_uri=settings.mlflow_uri or f"http://{settings.host}:{settings.mlflow_port}",
    )


def own_servers(settings: Settings) -> list[Server]:
    """The servers to start: those for which the settings name no existing one."""
    servers = []
    if settings.prefect_api is None:
        servers.append(_prefect(settings))
    if settings.mlflow_uri is None:
        servers.append(_mlflow(settings))
    return servers


def _prefect(settings: Settings) -> Server:
    command = (
        "prefect",
        "server",
        "start",
        "--host",
        settings.host,
        "--port",
        str(settings.prefect_port),
    )
    # Leases of running deployments must outlive a restart of the server, or their slots stay taken.
    leases = (
        "PREFECT_SERVER_CONCURRENCY_LEASE_STORAGE",
        "prefect.server.concurrency.lease_storage.filesystem",
    )
    return Server("prefect", command, addresses(settings).prefect_api + "/health", (leases,))


def _mlflow(settings: Settings) -> Server:
    folder = settings.home / "mlflow"
    folder.mkdir(parents=True, exist_ok=True)
    command = (
        "mlflow",
        "server",
        "--host",
        settings.host,
        "--port",
        str(settings.mlflow_port),
        "--workers",
        "1",
    )
    command += ("--backend-store-uri", f"sqlite:///{folder / 'mlflow.db'}")
    command += ("--artifacts-destination", str(folder / "mlflow-artifacts"))
    return Server("mlflow", command, addresses(settings).mlflow_uri + "/health")


def worker() -> Server:
    """The process that takes due runs from the work pool and starts each in a process of its own."""
    command = (
        "prefect",
        "worker",
        "start",
        "--pool",
        POOL,
        "--type",
        "process",
        "--name",
        f"ttc up {socket.gethostname()}",
    )
    return Server("worker", command)


def registration(deployments: Path) -> Server:
    """The short-lived process that registers a deployment file, relative to the repository's root."""
    command = ("prefect", "--no-prompt", "deploy", "--all", "--prefect-file", str(deployments))
    return Server("deployments", command)


def environment(settings: Settings) -> dict[str, str]:
    """What every process of `ttc up` and every run it starts sees: one state folder, one pair of servers."""
    where = addresses(settings)
    return os.environ | {
        "TTC_HOME": str(settings.home),
        "TTC_PREFECT_API": where.prefect_api,
        "TTC_MLFLOW_URI": where.mlflow_uri,
        "PREFECT_HOME": str(settings.home / "prefect"),
        "PREFECT_API_URL": where.prefect_api,
        "PREFECT_LOGGING_LEVEL": "INFO",
        "PREFECT_LOGGING_TO_API_ENABLED": "true",
        "PREFECT_SERVER_LOGGING_LEVEL": "WARNING",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_WORKER_QUERY_SECONDS": "5",
        "MLFLOW_DISABLE_TELEMETRY": "true",
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
        "DO_NOT_TRACK": "1",
        "NO_COLOR": "1",
        "PYTHONUNBUFFERED": "1",
    }


def start(server: Server, settings: Settings) -> subprocess.Popen[bytes]:
    """The server's guard, running; its output goes to `log_of(server)`.

    Its own session, so that Ctrl-C reaches `ttc up` alone, which then stops everything in order.
    """
    command = [
        sys.executable,
        str(Path(guard.__file__)),
        str(os.getpid()),
        sys.executable,
        "-m",
        *server.command,
    ]
    log_of(server, settings).parent.mkdir(parents=True, exist_ok=True)
    with log_of(server, settings).open("ab") as log:
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
    return settings.home / "logs" / f"{server.name}.log"


def answers(health: str) -> bool:
    """Whether the address answers 200 within two seconds."""
    try:
        return httpx.get(health, timeout=2, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def check_addresses(settings: Settings) -> None:
    """Nothing, or UserError: a port of ours is taken, or a server that the settings name does not answer."""
    where = addresses(settings)
    named = {"TTC_PREFECT_API": settings.prefect_api, "TTC_MLFLOW_URI": settings.mlflow_uri}
    for server, variable in (("prefect", "TTC_PREFECT_API"), ("mlflow", "TTC_MLFLOW_URI")):
        address = where.prefect_api if server == "prefect" else where.mlflow_uri
        if named[variable] is None:
            _check_free(server, settings.host, urlsplit(address).port or 0)
        elif not answers(address.rstrip("/") + "/health"):
            raise UserError(
                f"{variable}: expected a running server at {address}, nothing healthy answers; "
                f"start it, or unset {variable}"
            )


def _check_free(server: str, host: str, port: int) -> None:
    if not is_free(host, port):
        variable = f"TTC_{server.upper()}_PORT"
        raise UserError(
            f"{server}: port {port} on {host} is in use; stop what uses it, or set {variable} to a free port"
        )


def is_free(host: str, port: int) -> bool:
    """Whether a server could listen there now."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError:
            return False
    return True
