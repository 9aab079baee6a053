"""The campaign's quick form, in part: nothing lost, doubled, wrong, hung, and no traceback."""

import json
import subprocess
import sys

import pytest

from tasks.settings import ROOT

CHEAP = ("kills", "hostile_texts")
"""The others have tests of their own beside what they try."""
FAULTS = ("lost", "doubled", "wrong", "hung", "tracebacks")


@pytest.mark.slow
def test_the_quick_campaign_finds_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "infra/bench/campaign/all.py", "--only", *CHEAP],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 0, done.stdout + done.stderr[-5000:]
    assert rows and all(row["tried"] > 0 for row in rows)
    assert all(row[fault] == 0 for row in rows for fault in FAULTS)
