"""The campaign's quick form, in part: nothing lost, doubled, wrong, hung, and no traceback."""

import importlib
import json
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from tasks.settings import ROOT

CAMPAIGN = ROOT / "infra" / "bench" / "campaign"
CHEAP = ("kills", "crash_images", "disk_faults", "damage", "hostile_texts")
"""A CPU minute or two together; the others have tests of their own beside what they try."""
FAULTS = ("lost", "doubled", "wrong", "hung", "tracebacks")


def files() -> set[Path]:
    """What lies where the scripts are, but for what Python compiles."""
    found = (ROOT / "infra" / "bench").rglob("*")
    return {path for path in found if "__pycache__" not in path.parts}


@pytest.fixture
def campaign(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script that conducts the others."""
    monkeypatch.syspath_prepend(str(CAMPAIGN))
    return importlib.import_module("all")


def test_every_script_is_a_part_of_the_whole(campaign: ModuleType) -> None:
    scripts = {path.stem for path in CAMPAIGN.glob("*.py") if "conduct(argv" in path.read_text()}
    assert scripts == set(campaign.PARTS)


def test_every_script_can_be_begun(campaign: ModuleType) -> None:
    # Most of them are run by hand alone, where a name that is gone would be found too late.
    names = ", ".join(campaign.PARTS)
    paths = os.pathsep.join(map(str, (CAMPAIGN, ROOT, ROOT / "tests" / "fakes")))
    done = subprocess.run(
        [sys.executable, "-c", f"import {names}"],
        env=os.environ | {"PYTHONPATH": paths},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def test_rounds_of_a_script_add_up_in_the_table(campaign: ModuleType) -> None:
    one = {"script": "kills", "tried": 700, "cpu_seconds": 10.4, "date": "1", "commit": "a"}
    one |= dict.fromkeys(FAULTS, 0)
    other = one | {"tried": 400, "lost": 2, "date": "2", "commit": "b"}
    row = campaign.table([one, other]).splitlines()[-1]
    assert row.endswith("| kills | 1,100 | 2 | 0 | 0 | 0 | 0 | 21 | 2 | b |")


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
