"""What a reader's query can and cannot do."""

import shutil
from pathlib import Path

import duckdb
import polars as pl
import pytest
import small_run

from tasks.runs.events import note
from warehouse import snapshot
from warehouse.copies import COPIES
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot, still
from warehouse.store import Store


def test_a_snapshot_has_the_tables_views_and_macros(small: Store) -> None:
    found = snapshot.query(
        small.folder, "SELECT difference FROM contrast('run-a', 'oracle', 'pass', 4, 'majority', 4)"
    )
    assert found.height == 6
    assert snapshot.query(small.folder, "FROM run_history").height == 2


def test_every_view_answers_in_the_snapshot(small: Store) -> None:
    views = snapshot.query(
        small.folder, "SELECT view_name FROM duckdb_views() WHERE database_name = 'warehouse'"
    )
    for name in views["view_name"]:
        snapshot.query(small.folder, f'FROM "{name}"')


def test_several_queries_are_answered_from_one_moment(store: Store) -> None:
    small_run.fill(store, "run-a", version=1)
    store.publish_snapshot()
    reader, count = Snapshot(store.folder), "SELECT count(*) FROM run_events"
    with still(reader) as one:
        before = one.read(count).item()
        note(store, "run-a", "linked", "prefect:1")
        store.publish_snapshot()
        assert one.read(count).item() == before
        assert reader.read(count).item() == before + 1
        # A frame of one query is not there in the next.
        asked = pl.DataFrame({"run_id": ["run-a"]})
        assert one.read("SELECT run_id FROM asked", asked=asked).item() == "run-a"
        with pytest.raises(UserError, match="asked"):
            one.read("SELECT run_id FROM asked")
    with still(store) as one:
        assert one is store


def test_times_are_in_utc(small: Store) -> None:
    assert str(
        snapshot.query(small.folder, "SELECT opened_at FROM runs")["opened_at"].dtype
    ).endswith("UTC')")


def test_no_bar_is_drawn_into_what_a_command_prints(small: Store) -> None:
    setting = "SELECT current_setting('enable_progress_bar')"
    assert small.read(setting).item() is False
    assert snapshot.query(small.folder, setting).item() is False


def test_no_snapshot_yet_says_to_run_a_study(tmp_path: Path) -> None:
    assert snapshot.age_seconds(tmp_path) is None
    with pytest.raises(UserError, match="run a study first"):
        snapshot.query(tmp_path, "SELECT 1")


@pytest.mark.parametrize(
    ("change", "mend"),
    [
        ("DELETE FROM migrations WHERE number = (SELECT max(number) FROM migrations)", "load"),
        ("INSERT INTO migrations VALUES (9999, 'x', now())", "update this program"),
    ],
)
def test_a_snapshot_of_another_version_is_not_read(store: Store, change: str, mend: str) -> None:
    path = store.publish_snapshot()
    with duckdb.connect(path) as other:
        other.execute(change)
    with pytest.raises(UserError, match=f"Expected a snapshot of this version .*{mend}"):
        snapshot.query(store.folder, "SELECT 1")


def test_a_snapshot_stays_as_it_was_until_the_next_one(store: Store) -> None:
    store.publish_snapshot()
    with snapshot.open_snapshot(store.folder) as reader:
        reader.sql("SELECT count(*) FROM segments").fetchall()
        store.append("model_versions", _model())
        store.publish_snapshot()
        assert reader.sql("SELECT count(*) FROM segments").fetchall() == [(0,)]
    assert snapshot.query(store.folder, "SELECT count(*) AS n FROM segments")["n"][0] == 1


def _model():
    from small_run import frame, model_rows

    return frame("model_versions", model_rows(1))


def test_publishing_leaves_no_other_file(store: Store) -> None:
    store.publish_snapshot()
    assert not list(store.folder.glob(".snapshot*"))
    assert not list(store.folder.glob("snapshot.duckdb.*"))


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("SELECT * FROM nope", "Table with name nope does not exist"),
        ("SELECT strateggy FROM accuracy", "strateggy"),
        ("SELEC 1", "syntax error"),
        ("DELETE FROM draws", "base table"),
        ("DELETE FROM large.draws", "read-only"),
        ("DELETE FROM outcomes", "read-only"),
        ("CREATE TABLE mine AS SELECT 1 AS x", "read-only"),
        ("COPY draws TO '/tmp/out.csv'", "disabled by configuration"),
        ("SELECT * FROM read_csv('/etc/hostname')", "disabled by configuration"),
        ("ATTACH '/tmp/other.duckdb'", "disabled by configuration"),
        ("SET enable_external_access = true", "locked|Cannot"),
        ("SELECT 1 / 'x'", "Could not convert"),
    ],
)
def test_a_query_that_is_wrong_or_reaches_out_gets_one_sentence(
    small: Store, sql: str, says: str
) -> None:
    with pytest.raises(UserError, match=says) as caught:
        snapshot.query(small.folder, sql)
    assert "\n" not in str(caught.value)
    assert "warehouse/README.md" in str(caught.value)


def test_a_query_that_takes_too_long_is_stopped(small: Store) -> None:
    endless = (
        "SELECT count(*) FROM range(1000000000) a, range(1000) b WHERE a.range * b.range % 7 = 3"
    )
    with pytest.raises(UserError, match=r"longer than 0\.2 s"):
        snapshot.query(small.folder, endless, seconds=0.2)


def test_an_empty_query_has_an_empty_answer(small: Store) -> None:
    assert snapshot.query(small.folder, "-- nothing").is_empty()
    assert snapshot.ask(small.folder, "-- nothing").is_empty()


@pytest.mark.parametrize(
    "sql",
    [
        "FROM run_history",
        "SHOW TABLES",
        "DESCRIBE runs",
        "SUMMARIZE runs",
        "EXPLAIN SELECT 1",
        "PRAGMA table_info('runs')",
        "VALUES (1, 'a', NULL)",
        "SELECT [1, 2] AS a, {'b': 1} AS c, now() AS d, 1.5::DECIMAL(9, 2) AS e, 'x'::BLOB AS f",
        "SELECT * FROM range(250000)",
        "SELECT 1 WHERE false",
        "SELECT 1; SELECT 2",
    ],
)
def test_what_a_user_asks_is_answered_as_our_own_queries_are(small: Store, sql: str) -> None:
    assert snapshot.ask(small.folder, sql).schema == snapshot.query(small.folder, sql).schema
    assert snapshot.ask(small.folder, sql).height == snapshot.query(small.folder, sql).height


@pytest.mark.parametrize(
    "sql",
    [
        "CREATE TEMP TABLE mine AS SELECT * FROM range(10000000000)",
        "CREATE TABLE memory.mine AS SELECT 1",
        "SELECT 1; CREATE TEMP TABLE mine AS SELECT 1",
        "SET VARIABLE a = 1",
        "ATTACH ':memory:' AS mine",
        "DELETE FROM runs",
        "COPY runs TO '/tmp/out.csv'",
    ],
)
def test_what_a_user_types_reads_or_is_refused_by_its_kind(small: Store, sql: str) -> None:
    with pytest.raises(UserError, match="Expected SQL that reads, got a statement of"):
        snapshot.ask(small.folder, sql)


def test_an_answer_without_end_is_stopped_before_it_fills_the_memory(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MOST_BYTES", 2**24)
    with pytest.raises(UserError, match="larger than 16 MiB and was stopped"):
        snapshot.ask(small.folder, "SELECT * FROM range(10000000000)")


def test_a_value_that_needs_more_memory_than_there_is_for_it_is_one_sentence(
    small: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(snapshot, "MEMORY", "64MB")
    for sql in (
        "SELECT list(range) FROM range(100000000)",
        "SELECT count(DISTINCT hash(range)) FROM range(100000000)",
    ):
        with pytest.raises(UserError, match="more than 64MB of memory") as said:
            snapshot.ask(small.folder, sql)
        assert "\n" not in str(said.value)


def test_a_missing_snapshot_beside_a_journal_is_no_empty_warehouse(small: Store) -> None:
    (small.folder / "snapshot.duckdb").unlink()
    try:
        with pytest.raises(UserError, match=r"its journal has rows: make it again with `ttc ware"):
            snapshot.query(small.folder, "SELECT 1")
    finally:
        # All tests of a process share this warehouse.
        small.publish_snapshot()


@pytest.mark.parametrize("first", [3, 30])
def test_a_block_of_the_snapshot_that_is_damaged_is_named_and_not_the_query(
    small: Store, tmp_path: Path, first: int
) -> None:
    shutil.copytree(small.folder, tmp_path / "warehouse")
    file = tmp_path / "warehouse" / "snapshot.duckdb"
    content = bytearray(file.read_bytes())
    # Bytes of every block but those of the head: where it is opened, or where it is read.
    for place in range(first * 4096 + 1000, len(content), 1 << 14):
        content[place] ^= 1
    file.write_bytes(content)
    with pytest.raises(UserError, match=r"damaged.*run `ttc warehouse rebuild`"):
        snapshot.query(tmp_path / "warehouse", "FROM questions")


@pytest.mark.parametrize("name", COPIES.values())
def test_a_copy_that_is_no_database_any_more_is_damaged(
    small: Store, tmp_path: Path, name: str
) -> None:
    shutil.copytree(small.folder, tmp_path / "warehouse")
    (tmp_path / "warehouse" / name).write_bytes(b"")
    with pytest.raises(UserError, match=r"damaged.*run `ttc warehouse rebuild`"):
        snapshot.query(tmp_path / "warehouse", "FROM questions")
