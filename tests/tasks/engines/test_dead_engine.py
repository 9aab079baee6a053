"""A `ttc run` whose engine is killed, once while it starts and once while it draws."""

from __future__ import annotations

import os
import subprocess
import time
from pathlib import Path

import psutil
import pytest
from descendants import descendants
from serving import TTC

from tasks.settings import ROOT
from warehouse.snapshot import Snapshot

pytestmark = pytest.mark.slow

STUDY = """
questions = 100
budgets = [1, 64]
strategies = ["majority"]
baseline = "majority"
difficulty_draws = 400
generator = { models = ["bundled/congruences-generator"] }
"""
TITLE = "VLLM::EngineCore"


def starting(run: int) -> psutil.Process | None:
    """The engine's process, before it has a name of its own: a copy of the one it is made from."""
    made = [one for one, words in descendants(run) if "multiprocessing.forkserver" in words]
    found = [one for one in made if one.ppid() in {other.pid for other in made}]
    return found[0] if found else None


def drawing(run: int, home: Path) -> psutil.Process | None:
    """The engine's process, once something that it drew is in the journal."""
    if not any((home / "warehouse" / "journal" / "draws").glob("*.parquet")):
        return None
    found = [one for one, words in descendants(run) if TITLE in words]
    return found[0] if found else None


def killed(look, process: subprocess.Popen[str]) -> float:
    """When what `look` finds was killed."""
    while (found := look()) is None:
        assert process.poll() is None, process.stderr.read() if process.stderr else ""
        time.sleep(0.05)
    found.kill()
    return time.monotonic()


def test_it_is_started_again_once_and_then_told_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "small.toml").write_text(STUDY)
    unset = ("PREFECT_", "TTC_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(unset)}
    run = subprocess.Popen(
        [*TTC, "run", str(tmp_path / "small.toml")],
        cwd=ROOT,
        env=environment | {"TTC_HOME": str(tmp_path)},
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        killed(lambda: starting(run.pid), run)
        at = killed(lambda: drawing(run.pid, tmp_path), run)
        assert run.stderr is not None
        said = run.stderr.read()
        code = run.wait()
        # Known within a second; the rest is writing down what was drawn and ending Prefect.
        assert time.monotonic() - at < 60
    finally:
        run.kill()
    lines = [line for line in said.splitlines() if line.startswith("engine: ")]
    assert code == 75, said
    assert "Traceback" not in said
    assert [line.endswith("; it is started again, once") for line in lines] == [True, False]
    assert "while it started" in lines[0] and "while it was asked" in lines[1]
    kept = Snapshot(tmp_path / "warehouse").read("SELECT count(*) AS n FROM draws")
    assert kept["n"].item() > 0
