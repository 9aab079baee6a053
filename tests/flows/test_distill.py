"""`ttc distill` as a user runs it, with the real engine and a round small enough to wait for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from warehouse import snapshot

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[2]
STUDY = """
questions = 20
budgets = [1, 4]
strategies = ["majority", "weighted", "beam_search(m=4)"]
difficulty_draws = 4
[generator]
family = "small"
[verifier]
[distill]
questions = 20
budget = 4
least_score = 0.5
"""


def distilled(home: Path, rounds: int) -> list[dict[str, object]]:
    """What the command prints for scripts."""
    (home / "small.toml").write_text(STUDY)
    command = [
        sys.executable,
        "-m",
        "flows.cli",
        "distill",
        str(home / "small.toml"),
        "--rounds",
        str(rounds),
        "--json",
    ]
    done = subprocess.run(
        command, check=False, cwd=ROOT, env=os.environ | {"TTC_HOME": str(home)}, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "leaked" not in done.stderr
    return json.loads(done.stdout)


def test_two_rounds_are_three_published_versions_and_a_second_call_goes_on(tmp_path: Path) -> None:
    first = distilled(tmp_path, 1)
    both = distilled(tmp_path, 2)
    assert [row for row in both if row["round"] != 2] == first
    folders = sorted(path.name for path in (tmp_path / "distilled").iterdir())
    assert [name[:24] for name in folders] == ["distilled-1-by-verifier-", "distilled-2-by-verifier-"]
    parents = [json.loads((tmp_path / "distilled" / name / "card.json").read_text())["made_from"] for name in folders]
    assert len(set(parents)) == 2
    runs = snapshot.query(tmp_path / "warehouse", "SELECT * FROM run_history WHERE benchmark = 'congruences'")
    assert set(runs["state"]) == {"published"} and sorted(runs["version"]) == [1, 2, 3]
    assert set(runs["family"]) == {"small-by-verifier"}
