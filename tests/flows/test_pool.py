"""Shards on a work pool: what becomes of those whose workers die, and of all when one fails."""

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from prefect.settings import PREFECT_API_URL, temporary_settings
from serving import free_port

from flows import pool
from flows.servers import deployment
from flows.servers.processes import SHARD_POOL, answers
from tasks.evaluation.shards import Shard
from warehouse.errors import UserError

pytestmark = pytest.mark.slow

SHARDS = [Shard("run", at, at + 5, "/journal", f"extracts/{at}.duckdb") for at in (0, 5)]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a Prefect server without workers."""
    port = free_port()
    environment = {name: value for name, value in os.environ.items() if "PREFECT" not in name}
    environment["PREFECT_HOME"] = str(tmp_path_factory.mktemp("prefect"))
    command = [sys.executable, "-m", "prefect", "server", "start", "--port", port]
    process = subprocess.Popen(command, env=environment)
    address = f"http://127.0.0.1:{port}/api"
    try:
        deadline = time.monotonic() + 180
        while not answers(address + "/health"):
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.3)
        yield address
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def api(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The same, with the deployment of shards, and no run of it."""
    monkeypatch.setattr(pool, "LOOK_SECONDS", 0.2)
    asked = deployment.client(server)
    deployment.make_pool(server, SHARD_POOL)
    flow = asked.post("/flows/", json={"name": "generate-shard"}).raise_for_status().json()["id"]
    named = {"name": "generate-shard", "flow_id": flow, "work_pool_name": SHARD_POOL}
    asked.post("/deployments/", json=named).raise_for_status()
    for run in runs(server):
        asked.delete(f"/flow_runs/{run['id']}").raise_for_status()
    with temporary_settings({PREFECT_API_URL: server}):
        yield server


def runs(api: str) -> list[dict[str, Any]]:
    """All runs of the deployment, oldest first."""
    found = deployment.client(api).post("/flow_runs/filter", json={}).raise_for_status().json()
    return sorted(found, key=lambda run: run["created"])


def states(api: str) -> list[str]:
    return [run["state"]["type"] for run in runs(api)]


def say(api: str, run: int, state: str) -> None:
    body = {"state": {"type": state}, "force": True}
    name = runs(api)[run]["id"]
    deployment.client(api).post(f"/flow_runs/{name}/set_state", json=body).raise_for_status()


def wait(reached: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 60
    while not reached():
        assert time.monotonic() < deadline
        time.sleep(0.2)


@contextmanager
def asked(api: str) -> Generator[list[BaseException]]:
    """While it lasts the pool is asked for two shards; what that raised."""
    raised: list[BaseException] = []

    def ask() -> None:
        try:
            with temporary_settings({PREFECT_API_URL: api}):
                pool.ask_pool(SHARDS)
        except BaseException as error:
            raised.append(error)

    thread = threading.Thread(target=ask, daemon=True)
    thread.start()
    wait(lambda: len(runs(api)) == 2)
    yield raised
    thread.join(60)
    assert not thread.is_alive()


def test_a_shard_whose_worker_died_is_submitted_again(api: str) -> None:
    with asked(api) as raised:
        say(api, 0, "RUNNING")
        say(api, 0, "CRASHED")
        wait(lambda: len(runs(api)) == 3)
        died, other, again = (run["parameters"]["shard"] for run in runs(api))
        assert died == again != other
        say(api, 1, "COMPLETED")
        say(api, 2, "COMPLETED")
    assert not raised


def test_a_shard_that_dies_time_and_again_ends_the_run(api: str) -> None:
    with asked(api) as raised:
        say(api, 1, "RUNNING")
        for place in (0, 2, 3, 4):
            wait(lambda place=place: len(runs(api)) > place)
            say(api, place, "CRASHED")
    assert isinstance(raised[0], pool.ShardFailed) and "after 4 attempt(s)" in str(raised[0])
    assert states(api) == ["CRASHED", "CANCELLING", "CRASHED", "CRASHED", "CRASHED"]


def test_a_shard_that_fails_is_not_asked_again(api: str) -> None:
    with asked(api) as raised:
        say(api, 0, "FAILED")
    assert isinstance(raised[0], pool.ShardFailed)
    assert states(api)[0] == "FAILED" and len(runs(api)) == 2


def test_a_worker_of_which_nothing_is_heard_is_gone(
    api: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pool, "SILENT", timedelta(seconds=3))
    with asked(api) as raised:
        say(api, 0, "RUNNING")
        wait(lambda: len(runs(api)) == 3)
        assert states(api)[0] == "CRASHED"
        say(api, 1, "COMPLETED")
        say(api, 2, "COMPLETED")
    assert not raised


def test_without_a_server_it_says_what_to_start() -> None:
    with (
        temporary_settings(restore_defaults={PREFECT_API_URL}),
        pytest.raises(UserError, match="start `ttc up` with the same TTC_RUNNER"),
    ):
        pool.ask_pool(SHARDS)
