"""Runs that nobody runs any more, on a Prefect server that is not ours: buried, or left alone."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from serving import free_port

from flows.servers import deployment
from flows.servers.processes import POOL, answers
from flows.servers.silent import watch_heartbeats

pytestmark = pytest.mark.slow

OWN = f"ttc up of test {os.getpid()}"
"""Name of this machine's worker; not the real one, which another test may run at the same time."""


@pytest.fixture(scope="module")
def api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Prefect server of somebody else's, with our work pool."""
    port = free_port()
    home = tmp_path_factory.mktemp("prefect")
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", port]
    server = subprocess.Popen(command, env=environment | {"PREFECT_HOME": str(home)})
    address = f"http://127.0.0.1:{port}/api"
    try:
        deadline = time.monotonic() + 120
        while not answers(address + "/health"):
            assert server.poll() is None and time.monotonic() < deadline
            time.sleep(0.3)
        deployment.make_pool(address)
        yield address
    finally:
        server.terminate()
        server.wait(30)


def run_in(api: str, state: str) -> str:
    """A run of our pool that its worker left in a state."""
    client = deployment.client(api)
    flow = client.post("/flows/", json={"name": "nightly"}).raise_for_status().json()["id"]
    named = {"name": "nightly", "flow_id": flow, "work_pool_name": POOL}
    deployed = client.post("/deployments/", json=named).raise_for_status().json()["id"]
    made = client.post(f"/deployments/{deployed}/create_flow_run", json={})
    run = made.raise_for_status().json()["id"]
    # What is being cancelled was running before.
    for kind in dict.fromkeys(("RUNNING", state)):
        left = {"state": {"type": kind}, "force": True}
        client.post(f"/flow_runs/{run}/set_state", json=left).raise_for_status()
    return str(run)


def state_of(api: str, run: str) -> str:
    found = deployment.client(api).get(f"/flow_runs/{run}").raise_for_status().json()
    return str(found["state"]["type"])


def report(api: str, worker: str) -> None:
    beat = {"name": worker}
    asked = deployment.client(api).post(f"/work_pools/{POOL}/workers/heartbeat", json=beat)
    asked.raise_for_status()


@pytest.fixture(autouse=True)
def none_before(api: str) -> None:
    """Every test counts its own runs, whatever a failed one left."""
    deployment.bury_orphans(api)


@pytest.mark.parametrize("state", ["RUNNING", "PENDING", "CANCELLING"])
def test_an_orphan_is_buried_though_its_dead_worker_still_counts_as_online(
    api: str, state: str
) -> None:
    run = run_in(api, state)
    report(api, OWN)
    assert deployment.worker_is_online(api)
    assert deployment.bury_if_alone(api, OWN) == 1
    assert state_of(api, run) == "CRASHED"


def heartbeat(api: str, run: str) -> None:
    """What a run says every half minute, as Prefect's engine says it."""
    client = deployment.client(api)
    deployed = client.get(f"/flow_runs/{run}").raise_for_status().json()["deployment_id"]
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "prefect.flow-run.heartbeat",
        "resource": {"prefect.resource.id": f"prefect.flow-run.{run}"},
        "related": [
            {
                "prefect.resource.id": f"prefect.deployment.{deployed}",
                "prefect.resource.role": "deployment",
            }
        ],
        "payload": {},
    }
    client.post("/events", json=[event]).raise_for_status()


def test_a_run_that_falls_silent_is_crashed_and_one_that_ended_is_left(api: str) -> None:
    silent, ended = run_in(api, "RUNNING"), run_in(api, "RUNNING")
    # A second `ttc up` renews the automation; the shortest that Prefect takes is ten seconds.
    watch_heartbeats(api, seconds=600)
    watch_heartbeats(api, seconds=10)
    client = deployment.client(api)
    assert len(client.post("/automations/filter", json={}).raise_for_status().json()) == 1
    time.sleep(3)
    for run in (silent, ended):
        heartbeat(api, run)
    done = {"state": {"type": "COMPLETED"}, "force": True}
    client.post(f"/flow_runs/{ended}/set_state", json=done).raise_for_status()
    deadline = time.monotonic() + 120
    while state_of(api, silent) != "CRASHED":
        assert time.monotonic() < deadline
        time.sleep(0.5)
    assert state_of(api, ended) == "COMPLETED"


# Last in the file: who has reported stays online for a minute and a half.
def test_what_a_worker_elsewhere_may_be_running_is_left_alone(api: str) -> None:
    run = run_in(api, "RUNNING")
    report(api, "ttc up elsewhere")
    assert deployment.workers_elsewhere(api, OWN) == ["ttc up elsewhere"]
    assert deployment.bury_if_alone(api, OWN) == 0
    assert state_of(api, run) == "RUNNING"
