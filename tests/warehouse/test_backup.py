"""A copy of a journal that is written to and compacted meanwhile has every row, in one order."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from small_run import frame

from warehouse import compaction
from warehouse.backup import copy_database, copy_folder, copy_journal
from warehouse.folder import Folder
from warehouse.journal import Journal
from warehouse.places import place_of
from warehouse.store import Store

SEGMENTS = 6


def bins(question: str, bin: int) -> pl.DataFrame:
    row = {"run_id": "r", "difficulty": "oracle", "question_id": question, "value": 0.5, "bin": bin}
    return frame("bins", [row])


def rows(folder: Path) -> list[tuple]:
    with Store.rebuild(folder) as store:
        return store.read("SELECT question_id, bin FROM bins ORDER BY ALL").rows()


class Busy(Folder):
    """A journal in which something happens before the n-th read of a segment."""

    def __init__(self, path: Path, at: int, happens) -> None:
        super().__init__(path)
        self._left, self._happens = at, happens

    def read(self, name: str) -> bytes:
        if not name.startswith("sequence/"):
            if self._left == 0:
                self._happens()
            self._left -= 1
        return super().read(name)


@pytest.fixture
def live(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A warehouse whose small segments are compacted when it is next opened."""
    with Store.open(tmp_path / "live") as store:
        for number in range(SEGMENTS):
            # Of q0 the first row counts: the order must come along.
            store.append("bins", bins(f"q{number // 2}", number))
    monkeypatch.setattr(compaction, "SMALL_SEGMENTS", SEGMENTS - 2)
    return tmp_path / "live"


@pytest.mark.parametrize("at", [0, 1, 3, SEGMENTS - 1])
def test_what_is_written_and_compacted_meanwhile_takes_nothing_away(
    live: Path, tmp_path: Path, at: int
) -> None:
    def go_on() -> None:
        Journal.of(live).append("bins", bins("later", 9))
        with Store.open(live) as store:
            # It took the places of all but the last.
            assert len(store.journal.names()) < SEGMENTS

    copy_journal(Busy(live / "journal", at, go_on), Folder(tmp_path / "copy" / "journal"))
    kept = rows(tmp_path / "copy")
    assert [row for row in kept if row[0] != "later"] == [("q0", 0), ("q1", 2), ("q2", 4)]
    assert copy_journal(place_of(live), Folder(tmp_path / "copy" / "journal")).damaged == []
    assert rows(tmp_path / "copy") == rows(live)


def test_a_second_copy_takes_only_what_is_new(live: Path, tmp_path: Path) -> None:
    copy = Folder(tmp_path / "copy")
    assert copy_journal(place_of(live), copy).objects == SEGMENTS
    assert copy_journal(place_of(live), copy).objects == 0
    Journal.of(live).append("bins", bins("later", 9))
    assert copy_journal(place_of(live), copy).objects == 1


def test_a_copy_that_is_cut_off_after_a_compaction_still_has_every_row(
    live: Path, tmp_path: Path
) -> None:
    copy = Folder(tmp_path / "copy" / "journal")
    copy_journal(place_of(live), copy)
    with Store.open(live) as store:
        assert len(store.journal.names()) < SEGMENTS

    def killed() -> None:
        raise KeyboardInterrupt

    # Before the first new segment: the order that speaks of it must not be there yet.
    with pytest.raises(KeyboardInterrupt):
        copy_journal(Busy(live / "journal", 0, killed), copy)
    assert rows(tmp_path / "copy") == [("q0", 0), ("q1", 2), ("q2", 4)]


def test_a_damaged_segment_is_told_and_the_earlier_copy_of_it_stays(
    live: Path, tmp_path: Path
) -> None:
    copy = Folder(tmp_path / "copy" / "journal")
    copy_journal(place_of(live), copy)
    Journal.of(live).append("bins", bins("later", 9))
    first, *_, last = sorted((live / "journal" / "bins").glob("*.parquet"))
    for segment in (first, last):
        segment.write_bytes(segment.read_bytes()[:-1])
    assert copy_journal(place_of(live), copy).damaged == [f"bins/{last.name}"]
    assert rows(tmp_path / "copy") == [("q0", 0), ("q1", 2), ("q2", 4)]


def test_a_database_is_copied_as_it_is_between_two_transactions(tmp_path: Path) -> None:
    path = tmp_path / "live.db"
    with closing(sqlite3.connect(path)) as live:
        live.execute("CREATE TABLE t (a)")
        live.execute("INSERT INTO t VALUES (1)")
        live.commit()
        # Under way: a copy of the file would have half of it, or a log that fits another file.
        live.execute("INSERT INTO t VALUES (2)")
        for _ in range(2):
            copy_database(path, tmp_path / "copy" / "live.db")
    with closing(sqlite3.connect(tmp_path / "copy" / "live.db")) as copy:
        assert copy.execute("SELECT a FROM t").fetchall() == [(1,)]


def test_files_that_changed_are_copied_and_what_is_half_written_is_not(tmp_path: Path) -> None:
    live, copy = tmp_path / "live", tmp_path / "copy"
    (live / "a").mkdir(parents=True)
    (live / "a" / "report.html").write_text("first")
    (live / "a" / ".report.partial").write_text("half")
    assert copy_folder(live, copy) == 1
    assert copy_folder(live, copy) == 0
    (live / "a" / "report.html").write_text("second")
    assert copy_folder(live, copy) == 1
    files = [path for path in copy.rglob("*") if path.is_file()]
    assert [path.read_text() for path in files] == ["second"]
    assert copy_folder(tmp_path / "none", copy) == 0
