"""The automation of `ttc up`: an event of the regression gate starts the alarm with its run."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from scripted_runs import small_study
from serving import Up

from flows.servers.password import CLIENT, password
from tasks.runs.events import note
from tasks.runs.opening import open_run
from tasks.settings import ROOT
from warehouse.store import Store

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
    served.client().post("/events", json=[event]).raise_for_status()
    wait_for_alarm(served, run_id)


def wait_for_alarm(served: Up, run_id: str) -> None:
    """Back once the flow of that run's alarm was started."""
    client = served.client()
    deadline, wanted = time.monotonic() + 120, {"flows": {"name": {"any_": ["alarm"]}}}
    while True:
        alarms = client.post("/flow_runs/filter", json=wanted).raise_for_status().json()
        if {"run_id": run_id} in [alarm["parameters"] for alarm in alarms]:
            return
        assert time.monotonic() < deadline, "no alarm was started"
        time.sleep(1)


HOSTILE = "a 'b' \"c\"/../*?[x]{{ 7*7 }}{% raw %}\x1b[2J\0\u202e🎲" + "x" * 2000


def test_names_of_any_kind_stop_no_alarm(served: Up, tmp_path: Path) -> None:
    study = small_study(name=HOSTILE, benchmark_name="b 'x'/../*[y] {{ z }} 🎲")
    raised: dict[str, Any] = {
        "version": {"benchmark": study.benchmark_name, "family": HOSTILE, "model": HOSTILE},
        "champion": {"version": 1, "model": HOSTILE},
        "budgets": [],
    }
    with Store.open(tmp_path / "warehouse") as store:
        run_id = open_run(store, study, study.generator.models[0])
        note(store, run_id, "regressed", json.dumps(raised))
        store.publish_snapshot(whole=True)
    program = f"from flows.alarm import emit_alarm; emit_alarm({run_id!r})"
    own = {"TTC_HOME": str(tmp_path), "PREFECT_API_URL": served.prefect_api}
    subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=os.environ | own | {CLIENT: password(served.home)},
        check=True,
        timeout=120,
    )
    wait_for_alarm(served, run_id)
