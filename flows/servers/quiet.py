"""Silence for the log noise of the packages underneath; `TTC_LOGS=1` lets it through."""

from __future__ import annotations

import contextlib
import logging
import os
import warnings
from collections.abc import Generator

_DEFAULTS = {
    "PREFECT_LOGGING_LEVEL": "CRITICAL",
    "PREFECT_LOGGING_ROOT_LEVEL": "ERROR",
    "PREFECT_LOGGING_TO_API_ENABLED": "false",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
    "PREFECT_CLI_COLORS": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "DO_NOT_TRACK": "1",
    "VLLM_LOGGING_LEVEL": "ERROR",
    "VLLM_NO_USAGE_STATS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "PYTHONWARNINGS": "ignore",
}


def set_quiet_defaults() -> None:
    """Set quiet defaults for this process and its children; what the user has set stays."""
    if os.environ.get("TTC_LOGS"):
        return
    for name, value in _DEFAULTS.items():
        os.environ.setdefault(name, value)
    warnings.simplefilter("ignore")
    logging.getLogger("httpx").setLevel(logging.WARNING)


@contextlib.contextmanager
def prefect() -> Generator[None]:
    """Prefect with its state under the state folder, talking to the server of the settings or of `ttc up`.

    Without either it runs for itself alone. A `PREFECT_HOME` of the shell is another program's and is not used.
    """
    from flows.servers.up import running_at
    from tasks.settings import settings

    now = settings()
    (now.home / "prefect").mkdir(parents=True, exist_ok=True)
    # Prefect waits 20 s for its own server; a first start on a slow machine takes longer.
    os.environ.setdefault("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "300")
    os.environ["PREFECT_HOME"] = str(now.home / "prefect")
    server = running_at(now.home)
    api = now.prefect_api or (server.prefect_api if server else None)
    if api:
        os.environ.setdefault("PREFECT_API_URL", api)
    yield
