"""Where Prefect keeps its state when `ttc` uses it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flows.servers import quiet


def test_prefect_keeps_its_state_under_the_state_folder_whatever_the_shell_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTC_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "never made"))
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "300")
    with quiet.prefect():
        assert os.environ["PREFECT_HOME"] == str(tmp_path / "home" / "prefect")
        assert (tmp_path / "home" / "prefect").is_dir()


def test_the_server_of_the_settings_wins_over_that_of_the_shell(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTC_HOME", str(tmp_path))
    monkeypatch.setenv("TTC_PREFECT_API", "http://prefect.lan/api")
    monkeypatch.setenv("PREFECT_API_URL", "http://another.lan/api")
    monkeypatch.setenv("PREFECT_HOME", "")
    monkeypatch.setenv("PREFECT_SERVER_EPHEMERAL_STARTUP_TIMEOUT_SECONDS", "300")
    with quiet.prefect():
        assert os.environ["PREFECT_API_URL"] == "http://prefect.lan/api"
