"""The stage that measures: one pass, in batches, that goes on where it was stopped."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal
from scripted_runs import ScriptedEngines, small_study

from tasks.asking import completions
from tasks.benchmarks.question import Question
from tasks.evaluation import fit_policy, generate, grade, measure
from tasks.grading.math_grader import MathGrader
from tasks.runs.opening import open_run
from tasks.study.study import Study
from warehouse.store import Store

TABLES = {
    "answers": "*",
    "grades": "*",
    # Seconds are measured: they are never the same twice.
    "outcomes": "* EXCLUDE (run_id, latency_seconds, engine_seconds)",
    "bins": "* EXCLUDE (run_id)",
    "probes": "* EXCLUDE (run_id)",
    "probings": "* EXCLUDE (run_id)",
}
STUDY = {"revisions": {}, "strategies": ["weighted", "beam_search(m=4)", "revisions(s=2)"]}


def drawn(folder: Path, study: Study | None = None) -> str:
    """A run whose draws are there and of which nothing is measured."""
    study = study or small_study(**STUDY)
    with Store.open(folder) as store:
        run_id = open_run(store, study, study.generator.models[0])
    generate.run(folder, run_id, engines=ScriptedEngines)
    return run_id


def tables(folder: Path, run_id: str) -> dict[str, pl.DataFrame]:
    with Store.open(folder) as store:
        return {
            table: store.read(
                f"SELECT {columns} FROM {table} {'WHERE run_id = $run' if '(' in columns else ''} "
                "ORDER BY ALL",
                **({"run": run_id} if "(" in columns else {}),
            )
            for table, columns in TABLES.items()
        }


def same(one: dict[str, pl.DataFrame], other: dict[str, pl.DataFrame]) -> None:
    for table, rows in one.items():
        assert len(rows), table
        assert_frame_equal(rows, other[table], check_exact=True)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """What one batch of all questions gives."""
    folder = tmp_path_factory.mktemp("whole") / "w"
    run_id = drawn(folder)
    assert measure.run(folder, run_id) > 0
    return tables(folder, run_id)


@pytest.mark.parametrize("most", [1, 100])
def test_the_size_of_a_batch_changes_nothing(tmp_path, monkeypatch, whole, most):
    # A question ends with up to 8 + 8 + 8 + 4 + 8 completions: batches of one and of two.
    monkeypatch.setattr(grade, "BATCH_COMPLETIONS", most)
    run_id = drawn(tmp_path / "w")
    measure.run(tmp_path / "w", run_id)
    same(whole, tables(tmp_path / "w", run_id))


@pytest.mark.parametrize("table", ["answers", "grades", "outcomes", "bins"])
def test_a_stage_that_is_stopped_goes_on_with_what_is_missing(
    tmp_path, monkeypatch, whole, table: str
):
    folder = tmp_path / "w"
    run_id = drawn(folder)
    monkeypatch.setattr(grade, "BATCH_COMPLETIONS", 200)
    with monkeypatch.context() as stopped:
        stopped.setattr(Store, "append", stop_at(table, 1 if table == "bins" else 3))
        with pytest.raises(KeyboardInterrupt):
            measure.run(folder, run_id)
    before = tables(folder, run_id)["outcomes"]
    new = measure.run(folder, run_id)
    same(whole, tables(folder, run_id))
    assert new == len(whole["outcomes"]) - len(before)
    assert (new > 0) == (table != "bins")


def stop_at(table: str, times: int):
    """`Store.append` that is stopped when this table is written for the `times`-th time."""
    append, left = Store.append, [times]

    def stopping(store: Store, name: str, rows: pl.DataFrame) -> int:
        left[0] -= name == table
        if not left[0]:
            raise KeyboardInterrupt
        return append(store, name, rows)

    return stopping


def test_what_is_measured_is_not_estimated_again(tmp_path, monkeypatch):
    run_id = drawn(tmp_path / "w")
    measure.run(tmp_path / "w", run_id)
    monkeypatch.setattr(measure, "estimate_question", refuse)
    assert measure.run(tmp_path / "w", run_id) == 0


def test_no_text_is_read_of_a_completion_whose_answer_is_known(tmp_path, monkeypatch):
    folder = tmp_path / "w"
    first = drawn(folder)
    measure.run(folder, first)
    fit_policy.run(folder, first)
    # Another study of the same model and draws: its outcomes are new, the answers are not.
    second = drawn(folder, small_study(**STUDY | {"name": "again", "budgets": [1, 2, 8]}))
    monkeypatch.setattr(completions, "answer_of", refuse)
    assert measure.run(folder, second) > 0


def refuse(*_: object) -> None:
    raise AssertionError("expected not to be called")


def test_a_question_with_missing_draws_has_no_outcome_and_the_others_have_theirs(tmp_path, whole):
    folder = tmp_path / "w"
    run_id = drawn(folder)
    with Store.open(folder) as store:
        lost = store.read("SELECT min(question_id) AS id FROM run_questions").item()
    lose(folder, lost)
    measure.run(folder, run_id)
    there = tables(folder, run_id)
    expected = whole["outcomes"].filter(pl.col("question_id") != lost)
    assert_frame_equal(there["outcomes"], expected, check_exact=True)
    assert not len(there["bins"])
    assert "lack outcomes" in (fit_policy.run(folder, run_id) or "")


def lose(folder: Path, question_id: str) -> None:
    """Take a question's draws out of the journal's segments, and build the index anew."""
    for path in (folder / "journal" / "draws").glob("*.parquet"):
        rows = pl.read_parquet(path).filter(pl.col("question_id") != question_id)
        path.unlink()
        with Store.open(folder) as store:
            store.journal.write("draws", rows)
    Store.rebuild(folder).close()


def test_the_grader_is_asked_batch_by_batch_and_closed_once(tmp_path, monkeypatch):
    asked: list[int] = []
    closed: list[int] = []
    grade_all, close = MathGrader.grade, MathGrader.close

    def count(grader: MathGrader, pairs: Iterable[tuple[Question, str]]) -> list[str]:
        listed: Sequence[tuple[Question, str]] = list(pairs)
        asked.append(len({question.question_id for question, _ in listed}))
        return grade_all(grader, listed)

    monkeypatch.setattr(MathGrader, "grade", count)
    monkeypatch.setattr(MathGrader, "close", lambda grader: closed.append(close(grader) or 1))
    monkeypatch.setattr(grade, "BATCH_COMPLETIONS", 200)
    run_id = drawn(tmp_path / "w")
    measure.run(tmp_path / "w", run_id)
    assert max(asked) < 20
    assert sum(asked) == 20
    assert len(asked) > 3
    assert closed == [1]
