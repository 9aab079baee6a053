"""`ttc regrade` on a run that another version of the grader has judged, as a user types it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
from scripted_runs import run_all, small_study

from flows.cli import main as cli
from tasks.benchmarks.question import Question
from tasks.grading.graders import GRADERS
from tasks.grading.math_grader import MathGrader
from warehouse.snapshot import Snapshot

Run = Callable[..., tuple[int, str, str]]


class Strict(MathGrader):
    """A former version, which called every second answer of two digits or more wrong."""

    version = "0+strict"

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        pairs = list(asked)
        judged = super().grade(pairs)
        odd = [sum(map(ord, answer)) % 2 for _, answer in pairs]
        return ["wrong" if wrong else given for wrong, given in zip(odd, judged, strict=True)]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GRADERS, "math", Strict)
        run_all(home / "warehouse", small_study())
    return home


@pytest.fixture
def ttc(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in this process; returns exit code, stdout and stderr."""
    monkeypatch.setenv("TTC_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ttc", *words])
        code = cli.exit_code()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["regrade", "nothing"], "expected the id of a complete run, got 'nothing'"),
        (["regrade", "nothing", "--all"], "expected a run or --all, got nothing and --all"),
    ],
)
def test_what_cannot_be_judged_anew_is_said_in_a_sentence(
    ttc: Run, words: list[str], said: str
) -> None:
    code, _, err = ttc(*words)
    assert code == 2 and said in err and "Traceback" not in err


@pytest.mark.slow  # MLflow
def test_a_run_is_judged_anew_published_and_said_to_be_done(ttc: Run, home: Path) -> None:
    code, out, _ = ttc("regrade", "--list")
    assert code == 0
    reader = Snapshot(home / "warehouse")
    (before, _), (now, grader) = reader.read(
        "SELECT run_id, grader FROM complete_runs ORDER BY completed_at"
    ).rows()
    assert grader == MathGrader.version
    assert f"run {before} → {now}: grader 0+strict → {grader}, 0 tokens" in out
    moved = reader.read("SELECT sum(copies) FROM moved_answers($b, $n)", b=before, n=now).item()
    assert f"{moved:,} verdicts moved" in out and moved > 0
    for title in ("verdicts that moved", "accuracy of the policy", "completions that moved"):
        assert title in out
    published = "SELECT count(*) FROM run_events WHERE run_id = $run AND event = 'published'"
    assert reader.read(published, run=now).item() == 1
    assert "nothing to do" in ttc("regrade", now)[1]

    code, out, _ = ttc("regrade", before, "--json")
    (report,) = json.loads(out)
    assert (report["run_before"], report["run_now"], report["is_new"]) == (before, now, False)
    assert sum(row["completions"] for row in report["verdicts"]) == moved
    assert "nothing to do" in ttc("regrade", "--all")[1]
