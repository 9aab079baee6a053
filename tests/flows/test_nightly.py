"""A nightly evaluation triggered through Prefect, with the real engine, down to the MLflow page."""

import json
import time

import pytest
from descendants import descendants
from mlflow import MlflowClient
from serving import Up

from tasks.study.study import study_from
from warehouse import snapshot

pytestmark = pytest.mark.slow

SMALL = study_from(
    {
        "name": "small",
        "questions": 20,
        "budgets": [1, 2, 4],
        "difficulty_draws": 4,
        "generator": {"max_tokens": 128},
    }
)
END_STATES = {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"}


def trigger(up: Up) -> str:
    client = up.client()
    nightly = client.get("/deployments/name/nightly/nightly").raise_for_status().json()["id"]
    wanted = {"parameters": {"study": json.loads(SMALL.to_json())}, "state": {"type": "SCHEDULED"}}
    answer = client.post(f"/deployments/{nightly}/create_flow_run", json=wanted)
    return str(answer.raise_for_status().json()["id"])


def state_of(up: Up, flow_run: str, wanted: set[str], *, within: float) -> str:
    deadline = time.monotonic() + within
    client = up.client()
    while True:
        state = client.get(f"/flow_runs/{flow_run}").raise_for_status().json()["state"]
        if state["type"] in wanted:
            return str(state["type"])
        assert time.monotonic() < deadline, state
        time.sleep(1)


@pytest.fixture(scope="module")
def night(served: Up) -> tuple[str, str, str]:
    """Flow run ids of a nightly that ran and of one triggered meanwhile, and the second's state."""
    first = trigger(served)
    state_of(served, first, {"RUNNING"}, within=120)
    second = trigger(served)
    refused = state_of(served, second, END_STATES, within=120)
    assert state_of(served, first, END_STATES, within=400) == "COMPLETED"
    return first, second, refused


def test_a_second_trigger_is_refused_while_a_nightly_runs(night: tuple[str, str, str]) -> None:
    assert night[2] == "CANCELLED"


def test_warehouse_prefect_and_mlflow_name_each_other(
    served: Up, night: tuple[str, str, str]
) -> None:
    (run,) = snapshot.query(served.home / "warehouse", "SELECT * FROM run_history").to_dicts()
    assert run["state"] == "published" and run["prefect_run"] == night[0]
    tags = MlflowClient(served.mlflow_uri).get_run(run["mlflow_run"]).data.tags
    assert (tags["ttc.run_id"], tags["ttc.prefect_run_id"]) == (run["run_id"], night[0])


def test_the_flow_run_shows_the_policy_as_a_table(served: Up, night: tuple[str, str, str]) -> None:
    wanted = {"artifacts": {"flow_run_id": {"any_": [night[0]]}}}
    client = served.client()
    (artifact,) = client.post("/artifacts/filter", json=wanted).raise_for_status().json()
    rows = json.loads(artifact["data"])
    # Of twenty questions a bin may have none.
    sql = "SELECT DISTINCT bin FROM latest_policy WHERE difficulty = 'probe' ORDER BY bin"
    bins = snapshot.query(served.home / "warehouse", sql)["bin"].to_list()
    assert [row["bin"] for row in rows] == bins and len(bins) >= 3
    assert set(rows[0]) == {"bin", "N = 1", "N = 2", "N = 4"}


def test_the_engines_end_with_the_run(served: Up, night: tuple[str, str, str]) -> None:
    deadline = time.monotonic() + 60
    # The run is complete a moment before its process has ended.
    while engines_of(served):
        assert night and time.monotonic() < deadline
        time.sleep(0.5)


def engines_of(up: Up) -> list[str]:
    """Names of the engines that run under `ttc up`."""
    return [words for _, words in descendants(up.process.pid) if "VLLM::" in words]
