"""`ttc replay` as a user types it, on a run that a scripted engine drew."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from own_files import EVERY_KIND, one_function
from scripted_runs import run_all, small_study

from flows.cli import main as cli
from warehouse.snapshot import Snapshot

Run = Callable[..., tuple[int, str, str]]
STRATEGIES = ["majority", "weighted", "best_of_n", "beam_search(m=4)"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("home")
    run_all(home / "warehouse", small_study(questions=15, strategies=STRATEGIES))
    return home


@pytest.fixture
def ttc(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs the command line in the folder of the user's file; exit code, stdout and stderr."""
    monkeypatch.setenv("TTC_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "100")
    (home / "mine.py").write_text(EVERY_KIND, encoding="utf-8")
    monkeypatch.chdir(home)

    def run(*words: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["ttc", *words])
        code = cli.exit_code()
        printed = capsys.readouterr()
        return code, printed.out, printed.err

    return run


def test_a_pool_is_judged_against_the_baselines_of_the_newest_run(ttc: Run) -> None:
    code, out, err = ttc("replay", "mine.py:settled(agree=2)")
    assert code == 0
    # 15 questions at budgets 1, 2, 4 and 8, in 64 orders.
    assert "3,840 question-replays in" in err and "no model was asked" in err
    assert "settled agree=2" in out and "majority" in out and "weighted" in out
    assert "best_of_n" not in out
    assert "not stored" not in out
    assert max(map(len, out.splitlines())) <= 100


def test_scripts_get_every_cost_and_every_question_that_lacks_draws(ttc: Run, home: Path) -> None:
    source = one_function(
        "nodes = await tools.next_steps(tools.root, tools.budget)\n"
        "while nodes[-1].extendable:\n"
        "    nodes = await tools.next_steps(nodes[-1], 1)\n"
        "return nodes",
        "@search(steps=True)",
    )
    (home / "last.py").write_text(source, encoding="utf-8")
    code, out, _ = ttc("replay", "last.py:f", "--json", "--against", "best_of_n")
    assert code == 0
    report = json.loads(out)
    assert [figure["budget"] for figure in report["figures"]] == [1, 2, 4, 8]
    for figure in report["figures"]:
        assert len(figure["missing_questions"]) == figure["missing"] == 15 - figure["questions"]
        if figure["questions"]:
            assert {"flops", "money", "latency_tokens", "verifier_tokens"} <= set(figure["costs"])
    assert {gap["baseline"] for gap in report["differences"]} == {"best_of_n"}
    code, out, _ = ttc("replay", "last.py:f")
    told = " ".join(out.split())
    worst = max(report["figures"], key=lambda figure: figure["missing"])
    assert f"not stored on {worst['missing']} of 15 questions" in told
    assert "They are in no figure" in told


def test_a_run_may_be_named(ttc: Run, home: Path) -> None:
    run_id = Snapshot(home / "warehouse").read("SELECT run_id FROM runs").item()
    code, out, _ = ttc("replay", "good_enough.py:good_enough", "mine.py:half", "--on", run_id)
    assert code == 0 and f"run {run_id}" in out
    # One that is shipped is found without a path.
    assert "good_enough score=0.9" in out and "half" in out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "replay: expected a strategy such as mine.py:f, got none; name one or more"),
        (("nowhere.py:f",), "or one of those that are shipped (adaptive_consistency.py, esc.py,"),
        (("mine.py:nothing",), "unknown strategy 'nothing' of mine.py; it declares settled"),
        (("mine.py:half", "--on", "x"), "expected the id of a run in the warehouse, got 'x'"),
        (("mine.py:half", "--against", "rebase"), "got 'rebase'; name one of these"),
        (("mine.py:chains",), "chains(length=2) needs a [revisions] table, got none"),
    ],
)
def test_what_cannot_be_replayed_is_the_users_and_one_sentence(
    ttc: Run, words: tuple[str, ...], said: str
) -> None:
    code, out, err = ttc("replay", *words)
    assert (code, out) == (2, "")
    assert said in err and "Traceback" not in err


def test_what_overspends_is_refused_with_its_line(ttc: Run, home: Path) -> None:
    source = one_function("return await tools.completions(tools.budget + 1)", "@search")
    (home / "wrong.py").write_text(source, encoding="utf-8")
    code, out, err = ttc("replay", "wrong.py:f")
    assert (code, out) == (2, "")
    assert "wrong.py:5: f asked for 9 generations and was stopped there (question" in err
    assert "budget 8; on 15 of 15 questions); ask for at most tools.budget" in err


def test_a_warehouse_without_a_run_says_what_to_do(
    tmp_path: Path, ttc: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TTC_HOME", str(tmp_path))
    code, _, err = ttc("replay", "mine.py:half")
    assert code == 2 and "run a study first" in err
