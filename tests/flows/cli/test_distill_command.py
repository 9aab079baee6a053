"""`ttc distill` as a user runs it, with the real engine and a round small enough to wait for."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tasks.models.version import BUNDLED
from tasks.training.cards import weights_digest
from warehouse import snapshot

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[3]
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
        "flows.cli.main",
        "distill",
        str(home / "small.toml"),
        "--rounds",
        str(rounds),
        "--json",
    ]
    done = subprocess.run(
        command,
        check=False,
        cwd=ROOT,
        env=os.environ | {"TTC_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert "leaked" not in done.stderr
    return json.loads(done.stdout)


def test_a_round_is_a_published_version_made_from_the_one_before_and_a_second_call_goes_on(
    tmp_path: Path,
) -> None:
    first = distilled(tmp_path, 0)
    both = distilled(tmp_path, 1)
    assert [row for row in both if row["round"] != 1] == first
    folders = sorted(path.name for path in (tmp_path / "distilled").iterdir())
    assert [name[:24] for name in folders] == ["distilled-1-by-verifier-"]
    card = json.loads((tmp_path / "distilled" / folders[0] / "card.json").read_text())
    assert card["made_from"] == weights_digest(BUNDLED / "congruences-generator")
    runs = snapshot.query(
        tmp_path / "warehouse", "SELECT * FROM run_history WHERE benchmark = 'congruences'"
    )
    assert set(runs["state"]) == {"published"} and sorted(runs["version"]) == [1, 2]
    assert set(runs["family"]) == {"small-by-verifier"}
