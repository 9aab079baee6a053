"""Where the servers of `ttc up` are said to be, and what its processes see; nothing is started."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest
import yaml

from flows.servers.deployment import enter_repository, read_study
from flows.servers.processes import (
    check_addresses,
    check_timezone,
    environment,
    own_servers,
    worker_name,
    workers,
)
from tasks.settings import INFRA, QUIET, ROOT, Settings, quieten, stop_telemetry
from warehouse.errors import UserError


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    """Settings with a state folder of their own and no server named."""
    for name in ("TTC_PREFECT_API", "TTC_MLFLOW_URI", "PREFECT_API_URL", "MLFLOW_TRACKING_URI"):
        monkeypatch.delenv(name, raising=False)
    return Settings(home=tmp_path, host="127.0.0.1", prefect_port=4200, mlflow_port=5000)


def test_without_a_named_server_the_addresses_are_those_of_ttc_up(here: Settings) -> None:
    assert here.prefect_address == "http://127.0.0.1:4200/api"
    assert here.prefect_page == "http://127.0.0.1:4200"
    assert here.mlflow_address == "http://127.0.0.1:5000"
    assert here.mlflow_store() == f"sqlite:///{here.home}/mlflow/mlflow.db"
    assert (here.home / "mlflow").is_dir()


def test_a_named_server_is_used_as_it_is_named(here: Settings) -> None:
    named = here.model_copy(
        update={"prefect_api": "http://prefect.lan/api/", "mlflow_uri": "http://mlflow.lan"}
    )
    assert named.prefect_address == "http://prefect.lan/api/"
    assert named.prefect_page == "http://prefect.lan"
    assert named.mlflow_address == named.mlflow_store() == "http://mlflow.lan"
    assert own_servers(named) == []


def test_the_variables_of_prefect_and_mlflow_count_where_ours_are_not_set(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", "http://prefect.lan/api")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://mlflow.lan")
    assert own_servers(Settings(home=here.home)) == []
    monkeypatch.setenv("TTC_MLFLOW_URI", "http://ours.lan")
    now = Settings(home=here.home)
    assert (now.prefect_api, now.mlflow_uri) == ("http://prefect.lan/api", "http://ours.lan")
    # As a line of an environment file that is left empty.
    monkeypatch.setenv("TTC_MLFLOW_URI", "")
    assert Settings(home=here.home).mlflow_uri == "http://mlflow.lan"


@pytest.mark.parametrize("variable", ["TTC_PREFECT_API", "PREFECT_API_URL"])
def test_a_named_server_that_is_down_is_said_by_the_variable_that_names_it(
    here: Settings, monkeypatch: pytest.MonkeyPatch, variable: str
) -> None:
    monkeypatch.setenv(variable, "http://127.0.0.1:9/api")
    with pytest.raises(UserError, match=f"^{variable}: expected .* or unset {variable}$"):
        check_addresses(Settings(home=here.home))


def test_every_worker_of_a_machine_may_have_a_name_of_its_own(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert worker_name(here) == f"ttc up {socket.gethostname()}"
    monkeypatch.setenv("TTC_WORKER", "left gpu3")
    (only,) = workers(Settings(home=here.home))
    named = only.command.index("--name")
    assert only.command[named + 1] == "left gpu3"


def test_a_worker_of_shards_takes_one_at_a_time(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTC_RUNNER", "workers")
    nights, shards = workers(Settings(home=here.home))
    assert "--limit" not in nights.command
    assert shards.command[-4:] == ("--pool", "ttc-shards", "--limit", "1")


def test_a_run_finds_the_flows_in_the_repository_of_its_own_machine() -> None:
    deployments = yaml.safe_load((INFRA / "prefect.yaml").read_text())
    assert deployments["pull"] == [{"flows.servers.deployment.enter_repository": {}}]
    assert enter_repository() == {"directory": str(ROOT)}


def test_own_servers_answer_at_the_addresses(here: Settings) -> None:
    assert [server.health for server in own_servers(here)] == [
        "http://127.0.0.1:4200/api/health",
        "http://127.0.0.1:5000/health",
    ]


def test_processes_of_ttc_up_log_and_send_nothing_home(
    here: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_LOGGING_LEVEL", "CRITICAL")
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "false")
    seen = environment(here)
    assert seen["PREFECT_LOGGING_LEVEL"] == "INFO"
    assert seen["MLFLOW_DISABLE_TELEMETRY"] == "true"
    assert seen["PREFECT_SERVER_ANALYTICS_ENABLED"] == "false"
    assert seen["DO_NOT_TRACK"] == "1"
    assert seen["TTC_HOME"] == str(here.home)


def test_quiet_is_a_default_that_the_user_may_override(monkeypatch: pytest.MonkeyPatch) -> None:
    _forget_all(monkeypatch)
    monkeypatch.setenv("VLLM_LOGGING_LEVEL", "DEBUG")
    quieten("vllm")
    assert _environ("VLLM_LOGGING_LEVEL") == "DEBUG"
    assert _environ("VLLM_NO_USAGE_STATS") == "1"
    assert _environ("PREFECT_LOGGING_LEVEL") is None


def test_telemetry_is_stopped_for_every_package_and_noise_for_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _forget_all(monkeypatch)
    stop_telemetry()
    for switches in QUIET.values():
        assert {name: _environ(name) for name in switches.telemetry} == switches.telemetry
        assert [name for name in switches.noise if _environ(name) is not None] == []


def _forget_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """Unset every switch; monkeypatch puts back afterwards what was there."""
    for switches in QUIET.values():
        for name in switches.telemetry | switches.noise:
            # Set first: of a variable that was never there, only that is undone.
            monkeypatch.setenv(name, "")
            monkeypatch.delenv(name)


def _environ(name: str) -> str | None:
    return os.environ.get(name)


def test_a_time_zone_that_is_none_is_refused_before_anything_starts(here: Settings) -> None:
    check_timezone(here)
    check_timezone(here.model_copy(update={"timezone": "Europe/Berlin"}))
    with pytest.raises(UserError, match="got 'Berlin'; correct or unset it"):
        check_timezone(here.model_copy(update={"timezone": "Berlin"}))


def test_schedules_count_in_the_zone_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    assert read_study("nightly")["timezone"] == "UTC"
    monkeypatch.setenv("TTC_TIMEZONE", "Asia/Tokyo")
    assert read_study("nightly")["timezone"] == "Asia/Tokyo"
