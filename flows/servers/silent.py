"""Runs that nobody runs any more on a server that goes on: an automation marks them as crashed.

A killed run would else hold its deployment's only slot, and every later night be refused. Prefect
calls them zombies (docs.prefect.io/v3/advanced/detect-zombie-flows).
"""

from __future__ import annotations

from typing import Any

from flows.servers.deployment import client

DEPLOYMENT = "nightly/nightly"
"""Whose runs say every half minute that they are there (infra/prefect.yaml)."""
AUTOMATION = "ttc: a nightly run that says nothing is crashed"
SILENT_SECONDS = 300.0
"""Ten heartbeats: a machine that is starved for some of them is no dead one."""
_HEARTBEAT = "prefect.flow-run.heartbeat"
_ENDS = ("Completed", "Failed", "Cancelled", "Crashed")


def watch_heartbeats(
    api: str, *, deployment: str = DEPLOYMENT, seconds: float = SILENT_SECONDS
) -> None:
    """Make the automation of a deployment that is registered, or renew it."""
    asked = client(api)
    found = asked.get(f"/deployments/name/{deployment}").raise_for_status().json()
    wanted = _automation(found["id"], seconds)
    named = {"automations": {"name": {"any_": [AUTOMATION]}}}
    known = asked.post("/automations/filter", json=named).raise_for_status().json()
    if known:
        asked.put(f"/automations/{known[0]['id']}", json=wanted).raise_for_status()
    else:
        asked.post("/automations/", json=wanted).raise_for_status()


def _automation(deployment: str, seconds: float) -> dict[str, Any]:
    trigger = {
        "type": "event",
        "posture": "Proactive",
        "match": {"prefect.resource.id": "prefect.flow-run.*"},
        # Flows of others on the same server are theirs to watch.
        "match_related": {
            "prefect.resource.id": f"prefect.deployment.{deployment}",
            "prefect.resource.role": "deployment",
        },
        "after": [_HEARTBEAT],
        "expect": [_HEARTBEAT, *(f"prefect.flow-run.{end}" for end in _ENDS)],
        "for_each": ["prefect.resource.id"],
        "threshold": 1,
        "within": seconds,
    }
    crash = {
        "type": "change-flow-run-state",
        "state": "CRASHED",
        "message": f"no heartbeat for {seconds:.0f} s: who ran it is gone; the next run resumes it",
    }
    return {"name": AUTOMATION, "enabled": True, "trigger": trigger, "actions": [crash]}
