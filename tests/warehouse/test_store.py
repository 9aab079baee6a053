"""The store: each row once, nothing lost, damage repaired, one writer."""

import multiprocessing
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import duckdb
import polars as pl
import pytest
import small_run
from small_run import frame

from warehouse.database import FILES
from warehouse.disks.damage import note_damage
from warehouse.errors import Busy, DiskTrouble, UserError
from warehouse.journal import Journal
from warehouse.schema import MIGRATIONS, create_views, migrate, migrations, tables
from warehouse.store import Store


def bins(*questions: str, bin: int = 1) -> pl.DataFrame:
    rows = [
        {"run_id": "r", "difficulty": "oracle", "question_id": q, "value": 0.5, "bin": bin}
        for q in questions
    ]
    return frame("bins", rows)


def content(store: Store) -> dict[str, list[tuple]]:
    """All rows of all fact tables, sorted, and the names of the merged segments."""
    found = {name: store.read(f'FROM "{name}" ORDER BY ALL').rows() for name in tables()}
    merged = "SELECT name, table_name, rows FROM segments UNION ALL BY NAME "
    merged += "SELECT name, table_name, rows FROM large.segments ORDER BY ALL"
    return found | {"segments": store.read(merged).rows()}


def test_a_row_is_stored_once_however_often_it_comes(store: Store) -> None:
    assert store.append("bins", bins("q1", "q2")) == 2
    assert store.append("bins", bins("q2", "q3")) == 1
    assert store.append("bins", bins("q4", "q4")) == 1
    assert store.read("SELECT count(*) AS n FROM bins")["n"][0] == 4


def test_the_first_row_of_a_key_stays(store: Store) -> None:
    store.append("bins", bins("q1", bin=1))
    store.append("bins", bins("q1", bin=5))
    assert store.read("SELECT bin FROM bins").rows() == [(1,)]


def test_segments_of_other_processes_are_merged_on_demand(store: Store) -> None:
    other = Journal.of(store.folder)
    other.append("bins", bins("q1"))
    other.append("bins", bins("q1", "q2"))
    assert store.load_new() == 2
    assert store.load_new() == 0


def test_segments_are_remembered_with_their_rows(store: Store) -> None:
    store.append("bins", bins("q1", "q2"))
    assert store.read("SELECT table_name, rows FROM segments").rows() == [("bins", 2)]


def test_segments_written_while_nobody_looked_are_there_after_opening(tmp_path: Path) -> None:
    Journal.of(tmp_path).append("bins", bins("q1"))
    with Store.open(tmp_path) as store:
        assert store.read("SELECT question_id FROM bins").rows() == [("q1",)]


def test_a_query_takes_values_and_frames(store: Store) -> None:
    store.append("bins", bins("q1", "q2", "q3"))
    wanted = pl.DataFrame({"question_id": ["q2", "q3"]})
    found = store.read(
        "FROM bins SEMI JOIN wanted USING (question_id) WHERE question_id > $q",
        q="q2",
        wanted=wanted,
    )
    assert found["question_id"].to_list() == ["q3"]


def test_lists_and_times_come_back_as_they_went_in(small: Store) -> None:
    draw = small.read("SELECT token_ids, step_keys, drawn_at FROM draws LIMIT 1")
    assert draw.schema["token_ids"] == pl.List(pl.Int32)
    assert draw.schema["drawn_at"] == pl.Datetime("us", "UTC")


def test_a_rebuild_makes_the_same_database_from_the_journal_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        small_run.fill(store)
        late = Journal.of(tmp_path).append(
            "bins", bins("q1", bin=1)
        )  # named earlier, merged later than the next:
        store.append("bins", bins("q1", bin=5))  # this row wins, and must win again
        store.load_new()
        before = content(store)
    assert late is not None
    for name in FILES:
        (tmp_path / name).unlink()
    with Store.rebuild(tmp_path) as store:
        assert content(store) == before
        assert store.read("SELECT bin FROM bins WHERE run_id = 'r'").rows() == [(5,)]
    assert [file.name for file in tmp_path.glob("warehouse.duckdb*")] == ["warehouse.duckdb"]


def test_a_rebuild_that_meets_damage_keeps_the_former_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path) as store:
        store.append("bins", bins("q1"))
        store.append("bins", bins("q2"))
    first = tmp_path / "journal" / Journal.of(tmp_path).names()[0]
    first.write_bytes(first.read_bytes()[:-9])
    with Store.rebuild(tmp_path) as store:
        assert store.read("SELECT question_id FROM bins").rows() == [("q2",)]
    assert len(list(tmp_path.glob("warehouse.duckdb.before-rebuild-*"))) == 1
    assert first.name in capsys.readouterr().err


@pytest.mark.parametrize("damaged", [f"{name}{end}" for name in FILES for end in ("", ".wal")])
def test_a_damaged_database_is_set_aside_and_built_anew(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], damaged: str
) -> None:
    fill_and_die(tmp_path)
    file = tmp_path / damaged
    broken = bytearray(file.read_bytes())
    broken[12_000:12_600] = bytes(600)
    file.write_bytes(broken)
    with Store.open(tmp_path) as store:
        assert store.read("SELECT count(*) AS n FROM draws")["n"][0] == 83
    said = capfd.readouterr().err
    assert said.count("\n") == 1
    assert "rebuilt from the journal" in said
    assert list(tmp_path.glob(f"{damaged}.damaged-*"))


def test_damage_met_while_open_is_repaired_at_the_next_opening(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Store.open(tmp_path) as store:
        store.append("bins", bins("q1"))
        (tmp_path / "warehouse.duckdb.suspect").write_text("a wrong checksum")
    with Store.open(tmp_path) as store:
        assert store.read("SELECT question_id FROM bins").rows() == [("q1",)]
    assert "a wrong checksum" in capfd.readouterr().err
    assert not (tmp_path / "warehouse.duckdb.suspect").exists()


def fill_and_die(folder: Path) -> None:
    """Fills the warehouse in a process that ends without closing it: a write-ahead log is left."""
    code = (
        "import os, sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]; import small_run\n"
        "from warehouse.store import Store\n"
        "store = Store.open(Path(sys.argv[1])); small_run.fill(store); os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code, str(folder), *sys.path], check=True, timeout=60)


def test_a_second_writer_is_told_who_holds_the_warehouse(tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; sys.path[:0] = sys.argv[2:]\n"
        "from warehouse.errors import Busy; from warehouse.store import Store\n"
        "try:\n    Store.open(Path(sys.argv[1]))\nexcept Busy as busy:\n    print(busy); "
        "sys.exit(busy.exit_code)"
    )
    with Store.open(tmp_path):
        done = subprocess.run(
            [sys.executable, "-c", code, str(tmp_path), *sys.path],
            check=False,
            capture_output=True,
            text=True,
            timeout=60,
        )
    assert done.returncode == 75
    assert f"process {os.getpid()} holds it" in done.stdout
    assert "try again" in done.stdout


def test_a_second_writer_in_the_same_process_is_refused_too(store: Store) -> None:
    with pytest.raises(Busy):
        Store.open(store.folder)
    assert store.append("bins", bins("q1")) == 1


def test_a_closed_warehouse_can_be_opened_again(tmp_path: Path) -> None:
    Store.open(tmp_path).close()
    Store.open(tmp_path).close()


def test_a_forked_child_does_not_keep_the_warehouse_locked(tmp_path: Path) -> None:
    store = Store.open(tmp_path)
    child = multiprocessing.get_context("fork").Process(target=os.read, args=(os.pipe()[0], 1))
    child.start()
    try:
        store.close()
        Store.open(tmp_path).close()
    finally:
        child.kill()
        child.join()


def test_a_database_of_a_newer_version_is_left_alone(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store._index.connection.execute("INSERT INTO migrations VALUES (999, 'later.sql', now())")
    with pytest.raises(UserError, match="newer version"):
        Store.open(tmp_path)


def test_a_file_that_is_no_database_is_set_aside(tmp_path: Path) -> None:
    sqlite3.connect(tmp_path / "warehouse.duckdb").execute("CREATE TABLE t (x)").connection.close()
    with Store.open(tmp_path) as store:
        assert store.append("bins", bins("q1")) == 1


def test_a_migration_applies_whole_or_not_at_all(tmp_path: Path) -> None:
    (tmp_path / "0001_good.sql").write_text("CREATE TABLE a (x INTEGER);")
    (tmp_path / "0002_bad.sql").write_text(
        "CREATE TABLE b (x INTEGER); CREATE TABLE a (y INTEGER);"
    )
    with duckdb.connect() as connection:
        with pytest.raises(duckdb.CatalogException):
            migrate(connection, tmp_path)
        assert connection.sql("SELECT number FROM migrations").fetchall() == [(1,)]
        names = connection.sql("SELECT table_name FROM duckdb_tables() ORDER BY ALL").fetchall()
        assert names == [("a",), ("migrations",)]


def test_migrations_are_applied_once_and_in_order() -> None:
    with duckdb.connect() as connection:
        assert migrate(connection) == sorted(file.name for file in MIGRATIONS.glob("*.sql"))
        assert migrate(connection) == []
    assert [step.number for step in migrations()] == list(range(1, len(migrations()) + 1))


def test_a_view_without_a_file_is_gone_and_a_changed_one_is_new(tmp_path: Path) -> None:
    (tmp_path / "b_view.sql").write_text("CREATE VIEW b_view AS SELECT twice(x) AS x FROM z_view;")
    (tmp_path / "z_view.sql").write_text("CREATE VIEW z_view AS SELECT 1 AS x;")
    (tmp_path / "twice.sql").write_text("CREATE MACRO twice(x) AS 2 * x;")
    with duckdb.connect() as connection:
        create_views(connection, tmp_path)
        assert connection.sql("FROM b_view").fetchall() == [(2,)]
        (tmp_path / "b_view.sql").unlink()
        (tmp_path / "z_view.sql").write_text("CREATE VIEW z_view AS SELECT twice(4) AS y;")
        create_views(connection, tmp_path)
        assert connection.sql(
            "SELECT view_name FROM duckdb_views() WHERE NOT internal"
        ).fetchall() == [("z_view",)]
        assert connection.sql("SELECT y FROM z_view").fetchall() == [(8,)]


def test_a_wrong_checksum_met_while_open_marks_the_database_for_rebuilding(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with pytest.raises(UserError, match="run again, and it is rebuilt"), note_damage(path):
        raise duckdb.Error(
            "Corrupt database file: computed checksum 1 does not match stored checksum 2"
        )
    assert (tmp_path / "warehouse.duckdb.suspect").exists()


def test_a_full_disk_is_no_damage(tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    with pytest.raises(DiskTrouble, match=r"No space left.*; make space"), note_damage(path):
        raise duckdb.IOException("IO Error: Could not write file: No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_wrong_query_is_no_damage(store: Store) -> None:
    with pytest.raises(duckdb.CatalogException):
        store.read("FROM nowhere")
    assert not list(store.folder.glob("*.suspect"))
