"""What `ttc up` asks of Prefect's API, and the steps that infra/prefect.yaml runs.

One step runs while the deployments of that file are registered, one before each of their runs.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import psutil

from flows.servers.processes import POOL, SHARD_POOL
from tasks.settings import ROOT, settings
from tasks.study.reading import load_study

_EXISTS = 409
"""HTTP status with which the API refuses to make a second work pool of one name."""
_UNKNOWN = 404
"""The same of one that is not there."""
_UNDER_WAY = ["RUNNING", "PENDING", "CANCELLING"]


def read_study(path: str) -> dict[str, Any]:
    """What a deployment takes from elsewhere: `study`, of a TOML file, and `timezone`."""
    return {"study": json.loads(load_study(path).to_json()), "timezone": settings().timezone}


def enter_repository() -> dict[str, str]:
    """Where a run finds the flows: in the repository of the machine that runs it.

    Prefect's default is the folder of the machine that registered the deployment.
    """
    return {"directory": str(ROOT)}


def client(api: str) -> httpx.Client:
    """What asks Prefect's API: like all clients of Prefect it asks a busy server again.

    For about a minute after 408, 429, 502, 503 and cut connections; a server that is not there is
    said to be so at once. Other statuses are the caller's to look at. What Prefect's clients say to
    a server with a password (PREFECT_API_AUTH_STRING) it says too.
    """
    # Here and not above: Prefect reads its settings, and takes 0.6 s of CPU, when it is imported.
    from prefect.client.base import PrefectHttpxSyncClient
    from prefect.settings import get_current_settings

    secret = get_current_settings().api.auth_string
    user, _, password = secret.get_secret_value().partition(":") if secret else ("", "", "")

    # No proxy of the environment: the server is on this machine or on the same network.
    return PrefectHttpxSyncClient(
        base_url=api,
        auth=(user, password) if secret else None,
        timeout=30,
        trust_env=False,
        follow_redirects=True,
        raise_on_all_errors=False,
    )


def make_pool(api: str, name: str = POOL) -> None:
    """Make a work pool, unless it exists already; its worker fills in its template."""
    answer = client(api).post("/work_pools/", json={"name": name, "type": "process"})
    if answer.status_code != _EXISTS:
        answer.raise_for_status()


def bury_orphans(api: str) -> int:
    """How many runs were set to Crashed because the `ttc up` that ran them is gone.

    Call it while no worker is online: then nothing can be running in the pool, and a run that still
    says so would block the deployment's only slot.
    """
    asked = client(api)
    wanted = {
        "flow_runs": {"state": {"type": {"any_": _UNDER_WAY}}},
        "work_pools": {"name": {"any_": [POOL, SHARD_POOL]}},
    }
    orphans = asked.post("/flow_runs/filter", json=wanted).raise_for_status().json()
    crashed = {
        "type": "CRASHED",
        "message": "`ttc up` ended while this run was under way; running it again resumes it.",
    }
    # Forced: Prefect's rules would keep a cancelling run from becoming a crashed one.
    body = {"state": crashed, "force": True}
    for run in orphans:
        asked.post(f"/flow_runs/{run['id']}/set_state", json=body).raise_for_status()
    return len(orphans)


def bury_if_alone(api: str, own: str) -> int:
    """The same on a server that others use too: none while a worker elsewhere may be running them.

    `own` is the name of this machine's worker.
    """
    return 0 if workers_elsewhere(api, own) else bury_orphans(api)


def schedules(api: str) -> list[tuple[str, str]]:
    """(`flow/deployment`, cron and zone) of every deployment of the pool; no cron: empty text."""
    asked = client(api)
    flows = asked.post("/flows/filter", json={}).raise_for_status().json()
    names = {flow["id"]: flow["name"] for flow in flows}
    wanted = {"work_pools": {"name": {"any_": [POOL, SHARD_POOL]}}}
    deployments = asked.post("/deployments/filter", json=wanted).raise_for_status().json()
    found: list[tuple[str, str]] = []
    for one in deployments:
        flow = names[one["flow_id"]]
        found.append((f"{flow}/{one['name']}", _crons(one)))
    return sorted(found)


def _crons(deployment: dict[str, Any]) -> str:
    crons: list[str] = []
    for one in deployment["schedules"]:
        schedule = one["schedule"]
        if not one["active"] or "cron" not in schedule:
            continue
        # Prefect counts in UTC where a schedule names no zone.
        zone = schedule.get("timezone") or "UTC"
        crons.append(f"{schedule['cron']} {zone}")
    return ", ".join(crons)


def worker_is_online(api: str) -> bool:
    """Whether a worker of the pool has reported to the server lately."""
    return bool(_online(api))


def workers_elsewhere(api: str, own: str) -> list[str]:
    """Names of the workers that may be running something: all that are online but a dead one here.

    A worker that was killed counts as online to the server for a minute and a half; of one of our
    `own` name the processes of this machine tell.
    """
    return [name for name in _online(api) if name != own or _runs_here(own)]


def _online(api: str) -> list[str]:
    answer = client(api).post(f"/work_pools/{POOL}/workers/filter", json={})
    # Without a pool there is no worker in it.
    if answer.status_code == _UNKNOWN:
        return []
    workers = answer.raise_for_status().json()
    return [worker["name"] for worker in workers if worker["status"] == "ONLINE"]


def _runs_here(name: str) -> bool:
    """Whether a process of this machine is the worker of that name."""
    for process in psutil.process_iter(["cmdline"]):
        # A process that ended meanwhile, or is the kernel's, has no words.
        words = process.info["cmdline"] or []
        if "worker" in words and name in words:
            return True
    return False
