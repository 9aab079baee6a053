"""Questions carry what their grader needs; those written before they did are still there."""

from pathlib import Path

import duckdb
import polars as pl
import pytest

from warehouse.journal import Journal
from warehouse.schema import migrate, migrations
from warehouse.store import Store

PLAIN = {
    "benchmark_fingerprint": "bench-1",
    "question_id": "q1",
    "benchmark": "b",
    "question": "Which?",
    "target": "B",
    "level": None,
}
CARRIED = {
    "accepted": ["C"],
    "choices": ["red", "blue", "green"],
    "tests": ["f(1) == 2"],
    "question_group": "passage 3",
}
KINDS = {"level": pl.Int32}


def database_from_before(folder: Path) -> None:
    """A warehouse whose questions have a text and a target only, with one of them."""
    old = folder / "old"
    old.mkdir()
    for step in migrations():
        if step.number < 12:
            (old / step.name).write_text(step.sql)
    with duckdb.connect(folder / "warehouse.duckdb") as connection:
        migrate(connection, old)
        connection.register("before", pl.DataFrame([PLAIN], schema_overrides=KINDS))
        connection.execute("INSERT INTO questions BY NAME FROM before")


def segment_from_before(folder: Path) -> None:
    Journal.of(folder).write("questions", pl.DataFrame([PLAIN], schema_overrides=KINDS))


@pytest.mark.parametrize("before", [database_from_before, segment_from_before])
def test_questions_from_before_are_there_beside_those_that_carry_more(
    tmp_path: Path, before: object
) -> None:
    assert callable(before)
    before(tmp_path)
    new = PLAIN | CARRIED | {"question_id": "q2"}
    with Store.open(tmp_path) as store:
        store.append("questions", pl.DataFrame([new], schema_overrides=KINDS))
        rows = store.read("FROM questions ORDER BY question_id").to_dicts()
    # What an older version wrote is not known to carry nothing: it is not known.
    assert rows == [PLAIN | dict.fromkeys(CARRIED), new]


def test_a_rebuilt_warehouse_has_what_questions_carry(tmp_path: Path) -> None:
    new = PLAIN | CARRIED
    with Store.open(tmp_path) as store:
        store.append("questions", pl.DataFrame([new], schema_overrides=KINDS))
    with Store.rebuild(tmp_path) as store:
        assert store.read("FROM questions").to_dicts() == [new]
