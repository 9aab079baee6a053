"""Silence for the log noise of the packages underneath; `TTC_LOGS=1` lets it through."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Generator

from flows.servers.disk import check_disk
from tasks.settings import quieten, settings, stop_telemetry


def set_quiet_defaults() -> None:
    """Set quiet defaults for this process and its children; what the user has set stays.

    Telemetry stays off even where the noise is wanted.
    """
    stop_telemetry()
    if os.environ.get("TTC_LOGS"):
        return
    # transformers and torch are the engine's to quieten: in training their warnings may matter.
    quieten("python", "prefect", "mlflow", "vllm", "huggingface_hub")
    # PYTHONWARNINGS reaches the children only: this process has read it already.
    warnings.simplefilter("ignore")
    logging.getLogger("httpx").setLevel(logging.WARNING)


@contextlib.contextmanager
def prefect() -> Generator[None]:
    """Prefect with its state under the state folder, talking to the settings' server or `ttc up`'s.

    Without either it runs for itself alone. A `PREFECT_HOME` of the shell is another program's and
    is not used.
    """
    # Here and not above: it needs httpx, and commands without Prefect start faster without it.
    from flows.servers.away import bound_waits
    from flows.servers.password import CLIENT, SERVER, password
    from flows.servers.up import asks_own_prefect, running_at

    now = settings()
    # Prefect's own server would wait for minutes where it cannot write.
    check_disk(now.home)
    (now.home / "prefect").mkdir(parents=True, exist_ok=True)
    # Prefect waits 20 s for its own server; a first start on a slow machine takes longer.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "300")
    os.environ["PREFECT_HOME"] = str(now.home / "prefect")
    server = running_at(now)
    api = now.prefect_api or (server.prefect_api if server else None)
    if api:
        # Not as a default: another program's server may stand there, and the settings know better.
        os.environ["PREFECT_API_URL"] = api
    if asks_own_prefect(now):
        # To the server too that Prefect starts for this process: `ttc up` opens the same database
        # later, and what a stranger had put there would be run then.
        os.environ[CLIENT] = os.environ[SERVER] = password(now.home)
        os.environ["PREFECT_SERVER_CORS_ALLOWED_ORIGINS"] = "none"
    else:
        # Nor does anybody else know how fast a server of others answers.
        bound_waits()
    yield
