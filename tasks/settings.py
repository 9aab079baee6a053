"""Where things live on this machine: environment variables `TTC_…`, all with working defaults.

And what keeps the packages underneath quiet: their switches for telemetry and log noise.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final, Literal, NamedTuple

from pydantic import AliasChoices, Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from warehouse.places import appoint

ROOT = Path(__file__).resolve().parents[1]
INFRA = ROOT / "infra"


class Settings(BaseSettings):
    """Folders, ports and addresses; `TTC_HOME=/data/ttc ttc run …` sets one of them."""

    model_config = SettingsConfigDict(
        env_prefix="TTC_",
        # A line of an environment file that names nothing leaves the default.
        env_ignore_empty=True,
        populate_by_name=True,
    )

    home: Path = ROOT / ".ttc"
    """State: journal, warehouse, server databases, logs."""
    journal: str | None = None
    """Where the journal lies that several machines share: a bucket or a folder.

    E.g. s3://bucket/prefix, gs://bucket/prefix, az://container/prefix, /mnt/team/journal. What it
    takes to enter a bucket is read from the environment as its store names it. None: in `home`.
    """
    host: str = "127.0.0.1"
    """On which address our own servers listen."""
    allowed_hosts: str = ""
    """Further names by which they may be called, with commas: that of a proxy, of this machine.

    Requests that name another Host, or come from a page of another site, are refused.
    """
    prefect_port: int = 4200
    mlflow_port: int = 5000
    prefect_api: str | None = Field(
        default=None, validation_alias=AliasChoices("TTC_PREFECT_API", "PREFECT_API_URL")
    )
    """Address of an existing Prefect server, e.g. http://prefect.lan:4200/api.

    Prefect's own variable counts where ours is not set. None: `ttc up` starts one.
    """
    mlflow_uri: str | None = Field(
        default=None, validation_alias=AliasChoices("TTC_MLFLOW_URI", "MLFLOW_TRACKING_URI")
    )
    """Address of an existing MLflow server; None: that of `ttc up`, or the files under `home`.

    MLflow's own variable counts where ours is not set.
    """
    worker: str | None = None
    """Name of this worker in the pool, where every worker needs one; None: that of the machine."""

    runner: Literal["here", "dask", "ray", "workers"] = "here"
    """Where a run's questions are asked: in its own process, or shared out in shards.

    To the workers of Dask or Ray, or to those of Prefect's work pool on this and other machines.
    """
    shards: int = Field(default=4, ge=1)
    """Into how many parts a run is shared out, each with engines of its own.

    As many as there are workers, or a few times that, where a worker that is done early takes
    another. On a cluster that is started here there are as many workers.
    """
    runner_address: str | None = None
    """Of Dask's scheduler (tcp://host:8786) or Ray's head (ray://host:10001).

    None: a cluster on this machine, for as long as a run takes.
    """
    timezone: str = "UTC"
    """In which the schedules of infra/prefect.yaml count, e.g. Europe/Berlin."""

    @property
    def warehouse(self) -> Path:
        """Folder of database and snapshot, and of the journal or of the note where that lies.

        Raises UserError for an address that is none, and for another one than the folder has.
        """
        folder = self.home / "warehouse"
        if self.journal is not None:
            appoint(folder, self.journal)
        return folder

    @property
    def prefect_address(self) -> str:
        """Prefect's API: of the named server, else where `ttc up` serves it."""
        return self.prefect_api or f"http://{self.host}:{self.prefect_port}/api"

    @property
    def prefect_page(self) -> str:
        """Prefect's page for the eye, without a slash at its end."""
        return self.prefect_address.rstrip("/").removesuffix("/api")

    @property
    def mlflow_address(self) -> str:
        """MLflow's page: of the named server, else where `ttc up` serves it."""
        return self.mlflow_uri or f"http://{self.host}:{self.mlflow_port}"

    def mlflow_store(self) -> str:
        """URI that runs are published to: the named server, else a database file, its folder made.

        Not `mlflow_address`: the file takes runs whether or not `ttc up`, which shows it, is up.
        """
        if self.mlflow_uri:
            return self.mlflow_uri
        folder = self.home / "mlflow"
        self.home.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(exist_ok=True)
        return f"sqlite:///{folder / 'mlflow.db'}"


def settings() -> Settings:
    """The settings as the environment has them now."""
    return Settings()


class Switches(NamedTuple):
    """Environment variables that quieten a package: what it sends home, and what it prints."""

    telemetry: dict[str, str]
    noise: dict[str, str]


QUIET: Final = {
    "python": Switches({}, {"PYTHONWARNINGS": "ignore"}),
    "prefect": Switches(
        # The first is read by servers, the second by clients.
        {"PREFECT_SERVER_ANALYTICS_ENABLED": "false", "DO_NOT_TRACK": "1"},
        {
            "PREFECT_LOGGING_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_ROOT_LEVEL": "ERROR",
            # What it says where its socket for events is cut, once an event.
            "PREFECT_LOGGING_INTERNAL_LEVEL": "CRITICAL",
            "PREFECT_LOGGING_TO_API_ENABLED": "false",
            "PREFECT_SERVER_LOGGING_LEVEL": "ERROR",
            "PREFECT_CLI_COLORS": "false",
        },
    ),
    "mlflow": Switches(
        # Its own switch is needed: of DO_NOT_TRACK it honours the value "true" only.
        {"MLFLOW_DISABLE_TELEMETRY": "true"},
        {
            "MLFLOW_LOGGING_LEVEL": "ERROR",
            "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
            "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
        },
    ),
    "vllm": Switches({"VLLM_NO_USAGE_STATS": "1"}, {"VLLM_LOGGING_LEVEL": "ERROR"}),
    "huggingface_hub": Switches({"HF_HUB_DISABLE_TELEMETRY": "1"}, {}),
    "transformers": Switches({}, {"TRANSFORMERS_VERBOSITY": "error"}),
    "ray": Switches({"RAY_USAGE_STATS_ENABLED": "0"}, {}),
    "torch": Switches({}, {"TORCH_CPP_LOG_LEVEL": "ERROR"}),
}
"""Switches by package. Most are read when the package is imported, so they are set before."""


def quieten(*packages: str) -> None:
    """Switch off telemetry and noise of some packages, here and in child processes.

    What the user has set stays.
    """
    for package in packages:
        _set_defaults(QUIET[package].telemetry | QUIET[package].noise)


def stop_telemetry() -> None:
    """Switch off the telemetry of every package, and leave what they print as it is."""
    for switches in QUIET.values():
        _set_defaults(switches.telemetry)


def _set_defaults(variables: dict[str, str]) -> None:
    for name, value in variables.items():
        os.environ.setdefault(name, value)
