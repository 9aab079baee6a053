"""The automation of `ttc up`: an event of the regression gate starts the alarm with its run."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from uuid import uuid4

import pytest
from serving import Up

pytestmark = pytest.mark.slow


def test_the_event_starts_the_alarm_of_its_run(served: Up) -> None:
    run_id = "20261121-020000-aaaa"
    event = {
        "id": str(uuid4()),
        "occurred": datetime.now(UTC).isoformat(),
        "event": "ttc.regression",
        "resource": {"prefect.resource.id": "ttc.policy.congruences.congruences"},
        "payload": {"run_id": run_id},
    }
    client = served.client()
    client.post("/events", json=[event]).raise_for_status()
    deadline, wanted = time.monotonic() + 120, {"flows": {"name": {"any_": ["alarm"]}}}
    while not (alarms := client.post("/flow_runs/filter", json=wanted).raise_for_status().json()):
        assert time.monotonic() < deadline, "no alarm was started"
        time.sleep(1)
    assert [alarm["parameters"] for alarm in alarms] == [{"run_id": run_id}]
