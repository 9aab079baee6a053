"""The migration that lets any grader say why an answer is neither correct nor wrong."""

from pathlib import Path

import duckdb
import pytest
from small_run import frame

from warehouse.journal import Journal
from warehouse.schema import MIGRATIONS, migrate, migrations
from warehouse.store import Store

PLACE = {"benchmark_fingerprint": "bench-1", "question_id": "q1", "grader": "1"}


def grade(canonical: str, verdict: str) -> dict[str, str]:
    return {**PLACE, "canonical": canonical, "verdict": verdict}


def database_from_before(folder: Path) -> None:
    """A warehouse of migration 8, which knew six verdicts, with one grade."""
    old = folder / "old"
    old.mkdir()
    for step in migrations():
        if step.number < 9:
            (old / step.name).write_text(step.sql)
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        migrate(connection, old)
        connection.execute("INSERT INTO grades VALUES ('bench-1', 'q1', '4', '1', 'unparsed')")
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO grades VALUES ('bench-1', 'q1', '5', '1', 'refused')")


def test_grades_from_before_stay_and_another_verdict_is_let_in(tmp_path: Path) -> None:
    database_from_before(tmp_path)
    with Store.open(tmp_path) as store:
        assert store.append("grades", frame("grades", [grade("5", "refused")])) == 1
        kept = store.read("SELECT canonical, verdict FROM grades ORDER BY canonical").rows()
    assert kept == [("4", "unparsed"), ("5", "refused")]


def test_the_key_of_a_grade_is_what_it_was(tmp_path: Path) -> None:
    database_from_before(tmp_path)
    with Store.open(tmp_path) as store:
        assert store.append("grades", frame("grades", [grade("4", "refused")])) == 0


def test_segments_from_before_are_merged(tmp_path: Path) -> None:
    Journal.of(tmp_path).append("grades", frame("grades", [grade("4", "unparsed")]))
    database_from_before(tmp_path)
    Journal.of(tmp_path).append("grades", frame("grades", [grade("6", "crashed")]))
    with Store.open(tmp_path) as store:
        kept = store.read("SELECT canonical FROM grades ORDER BY canonical").rows()
    assert kept == [("4",), ("6",)]


def test_a_verdict_is_still_owed() -> None:
    with duckdb.connect() as connection:
        migrate(connection, MIGRATIONS)
        with pytest.raises(duckdb.ConstraintException):
            connection.execute("INSERT INTO grades VALUES ('bench-1', 'q1', '4', '1', NULL)")
