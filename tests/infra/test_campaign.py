"""The campaign's quick form, in part: nothing lost, doubled, wrong, hung, and no traceback."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.settings import ROOT

CHEAP = ("kills", "hostile_texts")
"""The others have tests of their own beside what they try."""
FAULTS = ("lost", "doubled", "wrong", "hung", "tracebacks")


def files() -> set[Path]:
    """What lies where the scripts are, but for what Python compiles."""
    found = (ROOT / "infra" / "bench").rglob("*")
    return {path for path in found if "__pycache__" not in path.parts}


@pytest.mark.slow
def test_the_quick_campaign_finds_nothing() -> None:
    before = files()
    done = subprocess.run(
        [sys.executable, "infra/bench/campaign/all.py", "--only", *CHEAP],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    assert files() == before, "it leaves something in the repository"
    assert rows and all(row["tried"] > 0 for row in rows)
    assert all(row[fault] == 0 for row in rows for fault in FAULTS)
