"""The large tables: keys without an index, a copy that may lag."""

import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
import small_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_run import frame, plain_draws

from warehouse import batches as merging
from warehouse import database, snapshot
from warehouse.copies import COPIES
from warehouse.database import LARGE_FILE
from warehouse.schema import migrate, migrations, tables
from warehouse.store import Store

LARGE = ["answers", "draws", "scores", "stated_verdicts"]


def count(reader: Store | snapshot.Snapshot) -> int:
    return reader.read("SELECT count(*) FROM draws").item()


def test_what_grows_with_completions_is_large_and_has_a_key() -> None:
    assert [name for name, table in tables().items() if table.large] == LARGE
    for table in tables().values():
        assert table.key
        assert set(table.key) <= set(table.required)


def test_no_index_takes_memory_for_the_large_tables(small: Store) -> None:
    sql = "SELECT DISTINCT table_name FROM duckdb_constraints() WHERE database_name = 'large' "
    sql += "AND constraint_type = 'PRIMARY KEY'"
    assert set(small.read(sql)["table_name"]) == {"migrations", "segments"}


Batches = st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=6), min_size=1, max_size=6)


@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@given(Batches, st.sampled_from([1, 3, 200_000]), st.sampled_from([1, 48 << 20]))
def test_the_first_of_a_key_stays_however_rows_are_batched(
    tmp_path_factory: pytest.TempPathFactory, batches: list[list[int]], rows: int, size: int
) -> None:
    first = {
        child: str(place) for place, batch in reversed([*enumerate(batches)]) for child in batch
    }
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "BATCH_ROWS", rows)
        patch.setattr(merging, "BATCH_BYTES", size)
        with Store.open(tmp_path_factory.mktemp("large")) as opened:
            for place, batch in enumerate(batches):
                written = opened.journal.append("draws", plain_draws(*batch, text=str(place)))
                assert written is not None
            assert opened.load_new() == len(first)
            assert dict(opened.read("SELECT child, text FROM draws").rows()) == first
            again = opened.append("draws", plain_draws(*range(8), text="late"))
            assert again == 8 - len(first)


def test_threads_that_merge_and_append_at_once_count_every_row_once(tmp_path: Path) -> None:
    with Store.open(tmp_path) as opened:

        def append(number: int) -> int:
            opened.journal.append("draws", plain_draws(*range(3 * number, 3 * number + 5)))
            new = opened.load_new()
            return new + opened.append("draws", plain_draws(*range(3 * number, 3 * number + 6)))

        with ThreadPoolExecutor(4) as pool:
            new = sum(pool.map(append, range(12)))
        assert new == count(opened) == 3 * 11 + 6
        children = Counter(opened.read("SELECT child FROM draws")["child"])
        assert set(children.values()) == {1}


def test_a_reader_sees_no_draws_where_their_copy_is_gone(tmp_path: Path) -> None:
    with Store.open(tmp_path) as opened:
        small_run.fill(opened)
        opened.publish_snapshot()
        (tmp_path / COPIES[LARGE_FILE]).unlink()
        reader = snapshot.Snapshot(tmp_path)
        assert count(reader) == 0
        assert reader.read("FROM run_history").height == 1
        assert reader.read("FROM question_draws").is_empty()
        opened.publish_snapshot()
        assert count(reader) == count(opened) > 0


def pretend(opened: Store, *, seconds: float, age: float = 0) -> None:
    """As if copying the large tables, as they are now, had taken so long and ended so long ago."""
    connection = opened._index.connection
    connection.execute("CHECKPOINT large")
    size = (opened.folder / LARGE_FILE).stat().st_size
    connection.execute(
        "UPDATE copies SET seconds = $1, bytes = $2, copied_at = now() - to_seconds($3)",
        [seconds, size, age],
    )


def test_the_small_tables_are_fresh_while_draws_lag(tmp_path: Path) -> None:
    with Store.open(tmp_path) as opened:
        reader = snapshot.Snapshot(tmp_path)
        opened.append("draws", plain_draws(1))
        opened.publish_snapshot()
        small_run.fill(opened)
        pretend(opened, seconds=60)
        opened.publish_snapshot()
        assert count(reader) == 1
        assert reader.read("SELECT count(*) FROM runs").item() == 1
        # At a stage's end it is made at once: one copy that a busy disk held up foretells nothing.
        opened.publish_snapshot(whole=True)
        assert count(reader) == count(opened)


@pytest.mark.parametrize(("age", "seen"), [(1150, 1), (1250, 2)])
def test_a_copy_is_due_after_twenty_times_what_it_took(
    tmp_path: Path, age: float, seen: int
) -> None:
    with Store.open(tmp_path) as opened:
        opened.append("draws", plain_draws(1))
        opened.publish_snapshot()
        opened.append("draws", plain_draws(2))
        pretend(opened, seconds=60, age=age)
        opened.publish_snapshot()
        assert count(snapshot.Snapshot(tmp_path)) == seen


def test_draws_that_have_not_changed_are_not_copied(tmp_path: Path) -> None:
    with Store.open(tmp_path) as opened:
        opened.append("draws", plain_draws(1))
        opened.publish_snapshot(whole=True)
        before = (tmp_path / COPIES[LARGE_FILE]).stat().st_ino
        opened.append("bins", frame("bins", []))
        opened.publish_snapshot(whole=True)
        assert (tmp_path / COPIES[LARGE_FILE]).stat().st_ino == before


def test_who_reads_or_appends_elsewhere_does_not_wait_for_a_long_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copying, go_on = threading.Event(), threading.Event()
    plain = database.copy

    def slow(path: Path, target: Path) -> None:
        if path.name == LARGE_FILE:
            copying.set()
            assert go_on.wait(30)
        plain(path, target)

    with Store.open(tmp_path) as opened, ThreadPoolExecutor(1) as pool:
        opened.append("draws", plain_draws(1))
        monkeypatch.setattr(database, "copy", slow)
        published = pool.submit(opened.publish_snapshot, whole=True)
        assert copying.wait(30)
        small = small_run.rows_of("run-a", version=1)["runs"]
        assert opened.append("runs", frame("runs", small)) == 1
        assert count(opened) == 1
        assert opened.journal.append("draws", plain_draws(2))
        # A second publication makes the small copy, and leaves the large one to the first.
        opened.publish_snapshot()
        assert count(snapshot.Snapshot(tmp_path)) == 0
        go_on.set()
        published.result(30)
        assert count(snapshot.Snapshot(tmp_path)) == 1
        assert opened.load_new() == 1


def test_threads_that_publish_at_once_leave_a_whole_snapshot(tmp_path: Path) -> None:
    with Store.open(tmp_path) as opened:
        reader = snapshot.Snapshot(tmp_path)
        opened.publish_snapshot()

        def publish(child: int) -> int:
            opened.append("draws", plain_draws(child))
            opened.publish_snapshot(whole=True)
            return count(reader)

        with ThreadPoolExecutor(6) as pool:
            seen = list(pool.map(publish, range(24)))
        assert max(seen) == count(reader) == 24
        assert not list(tmp_path.glob(".snapshot*"))


def test_an_older_warehouse_gets_its_draws_from_the_journal_again(tmp_path: Path) -> None:
    with Store.open(tmp_path) as opened:
        small_run.fill(opened)
        before = opened.read("FROM draws ORDER BY ALL")
        names = opened.read("SELECT name, table_name, rows FROM large.segments").rows()
    for file in tmp_path.glob("*.duckdb*"):
        file.unlink()
    old = tmp_path / "old"
    old.mkdir()
    for step in migrations():
        if step.number < 20:
            (old / step.name).write_text(step.sql)
    with duckdb.connect(tmp_path / "warehouse.duckdb") as connection:
        migrate(connection, old)
        for name, table, rows in names:
            connection.execute("INSERT INTO segments VALUES (?, ?, ?, now())", [name, table, rows])
        connection.execute(
            "CREATE TABLE ballast AS SELECT repeat(md5(i::VARCHAR), 9) AS t "
            "FROM range(400_000) AS r(i)"
        )
        connection.execute("CHECKPOINT")
        connection.execute("DROP TABLE ballast")
    assert (tmp_path / "warehouse.duckdb").stat().st_size > database.SHRINK_BYTES
    with Store.open(tmp_path) as opened:
        assert opened.read("FROM draws ORDER BY ALL").equals(before)
    # What the tables took that are elsewhere now is given back: it would be copied every time.
    assert (tmp_path / "warehouse.duckdb").stat().st_size < database.SHRINK_BYTES / 4


def test_a_hollow_file_of_large_tables_is_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path) as opened:
        small_run.fill(opened)
        before = opened.read("FROM draws ORDER BY ALL")
        connection = opened._index.connection
        connection.execute(
            "CREATE TABLE large.ballast AS SELECT md5(i::VARCHAR) AS t FROM range(200_000) AS r(i)"
        )
        connection.execute("CHECKPOINT large")
        connection.execute("DROP TABLE large.ballast")
        connection.execute("CHECKPOINT large")
    monkeypatch.setattr(database, "SHRINK_BYTES", 1 << 20)
    size = (tmp_path / LARGE_FILE).stat().st_size
    with Store.open(tmp_path) as opened:
        assert opened.read("FROM draws ORDER BY ALL").equals(before)
        assert opened.append("draws", plain_draws(77)) == 1
        assert opened.load_new() == 0
    assert (tmp_path / LARGE_FILE).stat().st_size < size / 2
