"""The benchmark of question-replays in its quick version: that it measures, not how fast."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.settings import ROOT

pytestmark = pytest.mark.slow


def test_every_pool_that_is_shipped_has_a_pace(tmp_path: Path) -> None:
    path = tmp_path / "paces.json"
    done = subprocess.run(
        [sys.executable, "infra/bench/replay.py", "--quick", "--json", str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ".:tests/fakes"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "question-replays" in done.stdout
    paces = json.loads(path.read_text(encoding="utf-8"))
    assert len(paces) == 3 and all(pace > 0 for pace in paces.values())
