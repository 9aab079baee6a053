"""Shards as runs of a deployment: plain Prefect workers pull them, on this and other machines."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from prefect import flow
from prefect.client.schemas.objects import FlowRun
from prefect.deployments import run_deployment
from prefect.exceptions import ObjectNotFound
from prefect.settings import get_current_settings

from flows.servers.deployment import client
from tasks import stages
from tasks.evaluation.shards import Shard
from warehouse.errors import UserError

DEPLOYMENT = "generate-shard/generate-shard"
LOOK_SECONDS = 3.0
SILENT = timedelta(seconds=150)
"""So long after its last heartbeat a run is dead: it sends one every 30 seconds."""
TRIES = 4
"""How often a shard is submitted whose workers die."""


class ShardFailed(Exception):
    """A shard that no worker could finish. Running the study again asks what is missing."""


@flow(name="generate-shard")
def generate_shard(shard: Shard) -> int:
    """Draws and verifier scores of one shard; returns the tokens generated."""
    return stages.generate_shard(shard)


@dataclass(slots=True)
class _Attempt:
    shard: Shard
    tries: int


def ask_pool(shards: list[Shard]) -> None:
    """Every shard asked by a worker of the pool; one whose worker died is submitted again.

    Raises ShardFailed for one that fails or dies time and again. Then, and when this is stopped,
    those under way are cancelled.
    """
    api = client(_address())
    under_way: dict[str, _Attempt] = {}
    try:
        for shard in shards:
            under_way[_submit(shard)] = _Attempt(shard, 1)
        while under_way:
            time.sleep(LOOK_SECONDS)
            for run_id in list(under_way):
                if _has_ended(api, run_id):
                    attempt = under_way.pop(run_id)
                    again = _judge(api, run_id, attempt)
                    if again:
                        under_way[_submit(again.shard)] = again
    finally:
        for run_id in under_way:
            _set_state(api, run_id, "CANCELLING", "the run that shared it out has ended")


def _address() -> str:
    """Of the server that Prefect in this process talks to; UserError for one of its own."""
    address = get_current_settings().api.url
    if address is None:
        raise UserError(
            "TTC_RUNNER=workers: expected a Prefect server whose workers take shards, none is "
            "named; start `ttc up` with the same TTC_RUNNER, or name one in TTC_PREFECT_API"
        )
    return address


def _submit(shard: Shard) -> str:
    name = f"{shard.run_id} questions {shard.first + 1} to {shard.end}"
    parameters = {"shard": asdict(shard)}
    try:
        run = run_deployment(DEPLOYMENT, parameters=parameters, flow_run_name=name, timeout=0)
    except ObjectNotFound as error:
        raise UserError(
            f"TTC_RUNNER=workers: expected the deployment {DEPLOYMENT} on the Prefect server at "
            f"{_address()}, found none; start `ttc up` there, which registers it"
        ) from error
    # Outside of an event loop it is no coroutine, whatever its type says.
    assert isinstance(run, FlowRun)
    return str(run.id)


def _has_ended(api: httpx.Client, run_id: str) -> bool:
    state = _state(api, run_id)
    if state["type"] == "RUNNING" and _is_silent(api, run_id, state):
        # Forced: Prefect's rules leave it to the worker, which is gone.
        _set_state(api, run_id, "CRASHED", "no heartbeat: its worker is gone")
        return True
    return state["type"] in ("COMPLETED", "FAILED", "CRASHED", "CANCELLED")


def _judge(api: httpx.Client, run_id: str, attempt: _Attempt) -> _Attempt | None:
    """The next attempt at a shard; None when it is done."""
    state = _state(api, run_id)
    if state["type"] == "COMPLETED":
        return None
    if state["type"] == "CRASHED" and attempt.tries < TRIES:
        return _Attempt(attempt.shard, attempt.tries + 1)
    raise ShardFailed(
        f"questions {attempt.shard.first + 1} to {attempt.shard.end} of run "
        f"{attempt.shard.run_id}: expected a worker to ask them, but after {attempt.tries} "
        f"attempt(s) the last one is {state['type'].lower()} ({state['message']}); see its page "
        "(Prefect, flow runs), mend that and run the study again: what was drawn is kept"
    )


def _state(api: httpx.Client, run_id: str) -> dict[str, Any]:
    return api.get(f"/flow_runs/{run_id}").raise_for_status().json()["state"]


def _set_state(api: httpx.Client, run_id: str, state: str, message: str) -> None:
    body = {"state": {"type": state, "message": message}, "force": True}
    api.post(f"/flow_runs/{run_id}/set_state", json=body).raise_for_status()


def _is_silent(api: httpx.Client, run_id: str, state: dict[str, Any]) -> bool:
    """Whether nothing was heard of a run for so long that its worker must be gone."""
    now = datetime.now(UTC)
    if now - datetime.fromisoformat(state["timestamp"]) < SILENT:
        return False
    wanted = {
        "filter": {
            "occurred": {"since": (now - SILENT).isoformat()},
            "event": {"name": ["prefect.flow-run.heartbeat"]},
            "resource": {"id": [f"prefect.flow-run.{run_id}"]},
        },
        "limit": 1,
    }
    events = api.post("/events/filter", json=wanted).raise_for_status().json()
    return not events["events"]
