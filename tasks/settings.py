"""Where things live on this machine: environment variables `TTC_…`, all with working defaults."""

from __future__ import annotations

from pathlib import Path

from pydantic_settings import BaseSettings, SettingsConfigDict

ROOT = Path(__file__).resolve().parents[1]
INFRA = ROOT / "infra"


class Settings(BaseSettings):
    """Folders, ports and addresses; `TTC_HOME=/data/ttc ttc run …` sets one of them."""

    model_config = SettingsConfigDict(env_prefix="TTC_")

    home: Path = ROOT / ".ttc"
    """State: journal, warehouse, server databases, logs."""
    host: str = "127.0.0.1"
    prefect_port: int = 4200
    mlflow_port: int = 5000
    prefect_api: str | None = None
    """Address of an existing Prefect server, e.g. http://prefect.lan:4200/api; None: `ttc up` starts one."""
    mlflow_uri: str | None = None
    """Address of an existing MLflow server; None: the one of `ttc up`, or the files under `home`."""

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse"


def settings() -> Settings:
    """The settings as the environment has them now."""
    return Settings()
