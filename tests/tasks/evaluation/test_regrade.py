"""A run judged anew by another version of its grader: no token, a new run, and what moved."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from scripted_runs import run_all, small_study

from tasks.benchmarks.question import Question
from tasks.evaluation import regrade as module
from tasks.evaluation.regrade import Regraded, load_moves, newest_runs
from tasks.evaluation.regrade import run as regrade
from tasks.grading.graders import GRADERS
from tasks.grading.math_grader import MathGrader
from tasks.runs.loading import load_run
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

BEFORE = "0+last-digit"


class LastDigit(MathGrader):
    """A version that was wrong: it reads the last digit of an answer alone, and judges by it.

    Of a text that says its answer in more than thirty characters it reads nothing.
    """

    version = BEFORE

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        answer = super().extract(text, markers)
        return None if answer is None or len(text) > 30 else answer[-1]

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        return [
            "correct" if answer[-1] == question.target.split()[-1][-1] else "wrong"
            for question, answer in asked
        ]


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Regraded]:
    """A run under the former version, judged anew by the present one."""
    folder = tmp_path_factory.mktemp("regrade") / "warehouse"
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GRADERS, "math", LastDigit)
        before = run_all(folder, small_study())
    return folder, regrade(folder, before)


def rows(folder: Path, sql: str, **params: object) -> list[tuple[object, ...]]:
    return Snapshot(folder).read(sql, **params).rows()


def test_a_run_of_another_version_refuses_to_go_on_and_can_be_judged_anew(
    judged: tuple[Path, Regraded],
) -> None:
    folder, (before, now, is_new) = judged
    assert is_new and now != before
    with Store.open(folder) as store, pytest.raises(UserError, match="changed since it was opened"):
        load_run(store, before)
    with Store.open(folder) as store:
        assert load_run(store, now).run_id == now
    complete = rows(folder, "SELECT run_id, grader FROM complete_runs ORDER BY completed_at")
    assert complete == [(before, BEFORE), (now, MathGrader.version)]


def test_no_token_is_drawn_and_no_completion_lost(judged: tuple[Path, Regraded]) -> None:
    folder, (before, now, _) = judged
    assert rows(folder, "SELECT DISTINCT run_id FROM draws") == [(before,)]
    assert rows(folder, "SELECT DISTINCT run_id FROM scores") == [(before,)]
    count = "SELECT count(*), count(DISTINCT question_id) FROM outcomes WHERE run_id = $run"
    assert rows(folder, count, run=now) == rows(folder, count, run=before)


def test_it_is_what_the_present_grader_would_have_given_from_the_start(
    judged: tuple[Path, Regraded], tmp_path: Path
) -> None:
    folder, (_, now, _) = judged
    fresh = run_all(tmp_path / "fresh", small_study())
    for table, columns in {
        "outcomes": "strategy, budget, question_id, accuracy, mc_error, no_answer, flops",
        "bins": "difficulty, question_id, value, bin",
        "policies": "difficulty, bin, budget, strategy, accuracy, lo, hi, unheld",
        "curves": "difficulty, budget, accuracy, lo, hi",
    }.items():
        sql = f"SELECT {columns} FROM {table} WHERE run_id = $run ORDER BY ALL"
        assert rows(folder, sql, run=now) == rows(tmp_path / "fresh", sql, run=fresh), table


def test_what_moved_is_counted_by_hand(judged: tuple[Path, Regraded]) -> None:
    folder, (before, now, _) = judged
    moves = load_moves(Snapshot(folder), before, now)
    drawn = rows(
        folder,
        "SELECT question_id, node_key, answer, verdict FROM question_draws "
        "WHERE run_id = $run AND stop <> 'step' ORDER BY ALL",
        run=before,
    )
    anew = rows(
        folder,
        "SELECT question_id, node_key, answer, verdict FROM question_draws "
        "WHERE run_id = $run AND stop <> 'step' ORDER BY ALL",
        run=now,
    )
    one_by_one = list(zip(drawn, anew, strict=True))
    assert all(old[:2] == new[:2] for old, new in one_by_one)
    assert moves.completions == len(drawn)
    assert moves.answers == sum(old[2] != new[2] for old, new in one_by_one) > 0
    moved = sum(old[3] != new[3] for old, new in one_by_one)
    assert moves.verdicts["completions"].sum() == moved > 0
    policy = "SELECT bin, budget, strategy FROM policies WHERE run_id = $run AND difficulty = $kind"
    tables = [
        {row[:2]: row[2] for row in rows(folder, policy, run=run, kind="probe")}
        for run in (before, now)
    ]
    differ = {cell for cell in tables[0] if tables[0][cell] != tables[1][cell]}
    assert set(moves.cells.select("bin", "budget").rows()) == differ
    assert moves.all_cells == len(tables[1])


def test_a_second_call_gives_the_same_run_and_does_nothing(judged: tuple[Path, Regraded]) -> None:
    folder, (before, now, _) = judged
    assert regrade(folder, before) == Regraded(before, now, is_new=False)
    assert regrade(folder, now) == Regraded(now, now, is_new=False)


def test_a_run_that_was_pruned_is_refused_before_another_is_opened(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GRADERS, "math", LastDigit)
        before = run_all(tmp_path, small_study())
    with Store.open(tmp_path) as store:
        assert store.prune(datetime.now(UTC))["draws"]
    with pytest.raises(UserError, match=r"some were pruned .* run the study again"):
        regrade(tmp_path, before)
    assert rows(tmp_path, "SELECT run_id FROM runs") == [(before,)]


def test_a_call_that_was_killed_is_taken_up_where_it_was(tmp_path: Path) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(GRADERS, "math", LastDigit)
        before = run_all(tmp_path, small_study())
    with Store.open(tmp_path) as store:
        study = small_study()
        begun = open_run(store, study, study.generator.models[0])
    assert regrade(tmp_path, before) == Regraded(before, begun, is_new=True)


def test_the_newest_run_of_a_study_and_version_is_the_one_that_all_means(
    judged: tuple[Path, Regraded],
) -> None:
    folder, (_, now, _) = judged
    assert newest_runs(Snapshot(folder)) == [now]


def test_a_run_whose_questions_changed_is_refused(
    judged: tuple[Path, Regraded], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, (before, _, _) = judged
    prepared = module.prepare_run

    def with_others(study: Study, model: str, *, run_id: str) -> Run:
        run = prepared(study, model, run_id=run_id)
        return replace(run, benchmark=run.benchmark._replace(fingerprint="others"))

    monkeypatch.setattr(module, "prepare_run", with_others)
    with pytest.raises(UserError, match="changed benchmark; run the study again"):
        regrade(folder, before)


@pytest.mark.parametrize("name", ["nothing", ""])
def test_only_a_complete_run_can_be_judged_anew(judged: tuple[Path, Regraded], name: str) -> None:
    with pytest.raises(UserError, match="expected the id of a complete run"):
        regrade(judged[0], name)
