"""The benchmark of grading in its quick version: what it counts, and that it reads its files."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tasks.settings import ROOT

pytestmark = pytest.mark.slow

CASES = (
    # The third of these three pairs expects what is not so.
    {"area": "grading", "kind": "units", "input": r"answer '5 cm' against target '5'",
     "expected": "correct"},
    {"area": "grading", "kind": "units", "input": r"answer '2 \\text{ dozen}' against target '2'",
     "expected": "wrong"},
    {"area": "grading", "kind": "units", "input": "answer '7' against target '8'",
     "expected": "correct"},
    {"area": "grading", "kind": "trailing", "input": "answer '5...' against target '5'",
     "expected": "convention: correct or wrong may be defended"},
    {"area": "voting", "kind": "classes", "input": "votes '5, 120' and '5120'",
     "expected": "two classes"},
    # The words between two texts may stand in one of them.
    {"area": "voting", "kind": "classes", "input": "votes '1 and 2' and '1.0 and 2'",
     "expected": "two classes"},
    {"area": "extraction", "kind": "box", "input": r"marker '\\boxed': 'so \\boxed{42}.'",
     "expected": "'42'"},
    {"area": "extraction", "kind": "box", "input": r"marker '\\boxed': '<think>\\boxed{4}'",
     "expected": "None"},
)  # fmt: skip


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("grading")
    cases, targets, path = (folder / name for name in ("cases.jsonl", "own.jsonl", "figures.json"))
    cases.write_text("\n".join(json.dumps(case) for case in CASES), "utf-8")
    rows = [{"id": str(n), "question": "?", "answer": f"\\frac{{{n}}}{{7}}"} for n in range(1, 7)]
    targets.write_text("\n".join(json.dumps(row) for row in rows), "utf-8")
    options = ["--quick", "--speed", "--json", str(path), "--cases", str(cases)]
    done = subprocess.run(
        [sys.executable, "infra/bench/grading.py", *options, "--targets", str(targets)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": f".{os.pathsep}tests/fakes"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(path.read_text(encoding="utf-8"))


def test_pairs_of_every_kind_are_counted(report: dict[str, Any]) -> None:
    counts = report["generated pairs"]
    assert counts["pairs"] == 6 * 36
    columns = ("right", "false correct", "false wrong", "unparsed", "other")
    assert sum(counts.get(name, 0) for name in columns) == counts["pairs"]


def test_what_is_not_as_a_case_expects_is_listed(report: dict[str, Any]) -> None:
    assert (report["cases"]["pairs"], report["cases"]["right"]) == (3, 2)
    listed = [(one["fault"], one["answer"], one["target"]) for one in report["failures"]]
    assert ("false wrong", "7", "8") in listed


def test_votes_that_are_one_class_after_all_are_counted(report: dict[str, Any]) -> None:
    assert report["votes"] == {"pairs": 2, "false joins": 1}
    assert report["completions"] == {"texts": 2, "misread": 0}


def test_targets_are_asked_in_four_spellings(report: dict[str, Any]) -> None:
    counts = report["targets of own (math)"]
    assert counts["pairs"] == counts["right"] == 24


def test_both_graders_took_some_time_for_every_pool(report: dict[str, Any]) -> None:
    for title in ("speed, generated pairs", "speed, targets of own (math)"):
        speed = report[title]
        assert speed["pairs"] == 4 * 256
        assert min(speed["ours"], speed["alone"], speed["ratio"]) > 0
