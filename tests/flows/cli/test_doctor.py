"""`ttc doctor` on machines in several states of health."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from flows.cli import doctor
from tasks.settings import Settings
from warehouse import lock


def _of(topic: str, now: Settings) -> doctor.Finding:
    return next(finding for finding in doctor.findings(now) if finding.topic == topic)


def test_an_empty_state_folder_is_no_problem(tmp_path: Path) -> None:
    now = Settings(home=tmp_path / "state")
    assert _of("state", now).state == "ok"
    assert _of("snapshot", now).seen.startswith("none yet")
    assert not now.home.exists()  # looking changes nothing


def test_a_taken_port_comes_with_what_to_do(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        finding = _of("mlflow", Settings(home=tmp_path, mlflow_port=taken.getsockname()[1]))
    assert finding.state == "warning"
    assert "TTC_MLFLOW_PORT" in finding.advice


def test_a_named_server_that_is_down_is_a_warning(tmp_path: Path) -> None:
    finding = _of("prefect", Settings(home=tmp_path, prefect_api="http://127.0.0.1:9/api"))
    assert (finding.state, finding.seen) == ("warning", "http://127.0.0.1:9/api does not answer")


def test_the_process_that_writes_is_named(tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        lock.take(tmp_path / "warehouse.lock")
        os.kill(os.getpid(), 19)  # SIGSTOP: hold it until the test has looked
        os._exit(0)
    os.waitpid(child, os.WUNTRACED)
    try:
        assert doctor.lock_holder(tmp_path / "warehouse.lock") == child
    finally:
        os.kill(child, 9)
        os.waitpid(child, 0)
    assert doctor.lock_holder(tmp_path / "warehouse.lock") is None


def test_json_has_every_finding(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TTC_HOME", str(tmp_path))
    code = doctor.doctor(as_json=True)
    shown = json.loads(capsys.readouterr().out)
    assert {"machine", "python", "engine", "models", "state"} <= {
        finding["topic"] for finding in shown
    }
    assert code == int(any(finding["state"] == "problem" for finding in shown))
