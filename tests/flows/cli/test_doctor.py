"""`ttc doctor` on machines in several states of health."""

from __future__ import annotations

import json
import os
import shutil
import socket
from pathlib import Path

import pytest

from flows.cli import doctor, installed
from tasks.models.folders import kept
from tasks.models.version import BUNDLED, load_model
from tasks.settings import Settings
from warehouse.disks import lock
from warehouse.disks.seals import seal, unseal


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


def test_a_shared_journal_is_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shared = tmp_path / "shared"
    now = Settings(home=tmp_path / "state", journal=str(shared))
    finding = _of("journal", now)
    assert (finding.state, finding.seen) == ("ok", f"{shared}, 0 objects")
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "test")
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    away = _of("journal", Settings(home=tmp_path / "other", journal="s3://bucket/prefix"))
    assert (away.state, away.seen) == ("problem", "s3://bucket/prefix cannot be read")
    assert "credentials in the environment" in away.advice


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


def test_an_engine_whose_library_is_missing_is_a_problem(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(installed, "_NUMA", "libnothing.so.9")
    (finding,) = installed.engine()
    assert finding.state == "problem"
    assert "but no libnothing.so.9 that it needs" in finding.seen
    assert "apt install libnuma1" in finding.advice


def test_models_are_read_again_on_demand_and_what_differs_is_told(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("TTC_HOME", str(tmp_path / "home"))
    monkeypatch.setattr(kept, "_UNSETTLED", 0.0)
    folder = Path(shutil.copytree(BUNDLED / "congruences-generator", tmp_path / "model"))
    load_model(str(folder), "x")
    assert doctor.doctor(as_json=True, models=True) == 0
    assert _digests(capsys) == [("ok", "5 file(s) of models read again")]
    (folder / "config.json").write_text("{}")
    weights = folder / "model.safetensors"
    # A disk that rots changes no time: here it is what was kept that is another.
    for entry in (tmp_path / "home" / "digests").iterdir():
        held = unseal(entry.read_bytes())
        if held["path"] == str(weights):
            entry.write_bytes(seal(held | {"sha256": "00" * 32}))
    assert doctor.doctor(as_json=True, models=True) == 1
    states = dict(_digests(capsys))
    assert states["warning"] == f"{folder / 'config.json'} has changed since it was read"
    assert states["problem"].startswith(f"{weights} is not what was read before")


def _digests(capsys: pytest.CaptureFixture[str]) -> list[tuple[str, str]]:
    """(state, what was seen) of the files that were read again."""
    shown = json.loads(capsys.readouterr().out)
    return [(one["state"], one["seen"]) for one in shown if one["topic"] == "digests"]
