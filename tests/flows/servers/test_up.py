"""`ttc up` from start to Ctrl-C, as a user runs it."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path

import httpx
import pytest
from listening import LOOPBACK, listening
from prefect.settings import PREFECT_API_AUTH_STRING, temporary_settings
from serving import TTC, Up, processes_of, recorded_pid, start, stop, wait_until_ready

from flows.servers import deployment
from flows.servers.password import password
from flows.servers.silent import AUTOMATION
from tasks.settings import ROOT
from tasks.study.reading import load_study

pytestmark = pytest.mark.slow


def test_both_servers_answer(served: Up) -> None:
    assert httpx.get(served.prefect_api + "/health").json() is True
    assert httpx.get(served.mlflow_uri + "/health").text == "OK"


def test_it_listens_on_loopback_at_three_ports_that_the_documents_name(served: Up) -> None:
    places = listening(served.process.pid)
    assert {host for host, _ in places} <= LOOPBACK
    named = {int(served.environment[f"TTC_{name}_PORT"]) for name in ("PREFECT", "MLFLOW")}
    # The third is the worker's, by which Prefect tells a run that it was cancelled.
    others = {port for _, port in places} - named
    assert named <= {port for _, port in places} and len(others) == 1


def test_the_nightly_deployment_has_its_cron_and_refuses_overlap(served: Up) -> None:
    client = served.client()
    nightly = client.get("/deployments/name/nightly/nightly").raise_for_status().json()
    crons = [one["schedule"] for one in nightly["schedules"] if one["active"]]
    assert [(cron["cron"], cron["timezone"]) for cron in crons] == [("0 2 * * *", "UTC")]
    assert nightly["global_concurrency_limit"]["limit"] == 1
    assert nightly["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    assert nightly["work_pool_name"] == "ttc"
    # A run that is killed must not hold that slot.
    assert nightly["job_variables"]["env"] == {"PREFECT_FLOWS_HEARTBEAT_FREQUENCY": "30"}
    named = {"automations": {"name": {"any_": [AUTOMATION]}}}
    (automation,) = client.post("/automations/filter", json=named).raise_for_status().json()
    assert automation["enabled"]
    assert automation["trigger"]["match_related"]["prefect.resource.id"].endswith(nightly["id"])


def test_the_schedule_that_is_printed_names_its_zone(served: Up) -> None:
    with temporary_settings({PREFECT_API_AUTH_STRING: password(served.home)}):
        printed = dict(deployment.schedules(served.prefect_api))
    assert printed["nightly/nightly"] == "0 2 * * * UTC"


def test_the_nightly_deployment_runs_the_study_of_the_toml_file(served: Up) -> None:
    client = served.client()
    nightly = client.get("/deployments/name/nightly/nightly").raise_for_status().json()
    assert nightly["parameters"]["study"] == json.loads(load_study("nightly").to_json())


def test_a_second_up_on_the_same_state_is_refused_and_names_the_first(served: Up) -> None:
    second = _ttc_up(served.environment)
    assert second.returncode == 2, second.stderr
    assert f"already up in {served.home} (process {recorded_pid(served)})" in second.stderr


def test_a_busy_port_is_refused_in_one_sentence(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        refused = _ttc_up({"TTC_HOME": str(tmp_path), "TTC_PREFECT_PORT": str(port)})
    assert refused.returncode == 2
    assert refused.stderr.count("\n") == 1
    assert f"port {port} on 127.0.0.1 is in use" in refused.stderr


def test_a_named_server_that_is_down_is_refused(tmp_path: Path) -> None:
    refused = _ttc_up({"TTC_HOME": str(tmp_path), "TTC_PREFECT_API": "http://127.0.0.1:9/api"})
    assert refused.returncode == 2
    assert "TTC_PREFECT_API: expected a running server at http://127.0.0.1:9/api" in refused.stderr


def test_ctrl_c_leaves_no_process(tmp_path: Path) -> None:
    up = start(tmp_path)
    wait_until_ready(up)
    assert (
        len(processes_of(up)) >= 7
    )  # ttc up, and a guard with its server for Prefect, MLflow and the worker
    assert stop(up, signal.SIGINT) == []
    assert up.process.returncode == 0


def test_a_killed_up_leaves_no_process(tmp_path: Path) -> None:
    up = start(tmp_path)
    deadline = time.monotonic() + 60
    while len(processes_of(up)) < 5:  # both servers under way
        assert time.monotonic() < deadline
        time.sleep(0.2)
    assert stop(up, signal.SIGKILL) == []


def _ttc_up(environment: dict[str, str]) -> subprocess.CompletedProcess[str]:
    from os import environ

    command = [*TTC, "up"]
    return subprocess.run(
        command,
        env=environ | environment,
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
