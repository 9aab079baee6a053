"""What is said where a disk refuses: one sentence with path, reason and free space."""

import errno
import os
import sqlite3
import subprocess
from pathlib import Path
from typing import cast

import duckdb
import polars as pl
import pytest

from warehouse import database, folder, snapshot
from warehouse.disks.damage import note_damage
from warehouse.disks.trouble import ADVICE, name_file, number_in, trouble, trouble_of
from warehouse.errors import DiskTrouble, UserError
from warehouse.store import Store

NUMBERS = sorted(ADVICE)


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
def test_the_sentence_names_path_reason_free_space_and_what_to_do(
    number: int, tmp_path: Path
) -> None:
    said = str(trouble(number, tmp_path / "not" / "there"))
    assert f"{tmp_path}/not/there, got {os.strerror(number)!r} (" in said
    assert "MB free); " in said
    assert ADVICE[number] in said
    assert "\n" not in said


@pytest.mark.parametrize("number", NUMBERS, ids=errno.errorcode.get)
def test_the_disk_is_found_behind_what_libraries_make_of_it(number: int, tmp_path: Path) -> None:
    words = os.strerror(number)
    plain = OSError(number, words, "/x/file")
    wrapped = RuntimeError("the stage failed")
    wrapped.__cause__ = plain
    group = ExceptionGroup("tasks", [ValueError("other"), plain])
    for error in (plain, wrapped, group):
        found = trouble_of(error, tmp_path)
        assert found and "/x/file" in str(found) and repr(words) in str(found)
    for error in (duckdb.IOException(f"IO Error: {words}"), pl.exceptions.ComputeError(words)):
        found = trouble_of(error, tmp_path)
        assert found and str(tmp_path) in str(found)


@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOENT, "No such file", "/x"),
        ConnectionRefusedError(errno.ECONNREFUSED, "refused"),
        ValueError("a question about: No space left on device"),
        duckdb.CatalogException("Table x does not exist"),
    ],
)
def test_what_is_not_the_disk_is_not_called_so(error: Exception, tmp_path: Path) -> None:
    assert trouble_of(error, tmp_path) is None


def test_what_sqlite_says_is_known() -> None:
    assert number_in(str(sqlite3.OperationalError("database or disk is full"))) == errno.ENOSPC
    assert number_in("disk I/O error") == errno.EIO


def test_what_duckdb_says_of_an_fsync_is_known() -> None:
    later = (
        "FATAL Error: Failed: database has been invalidated because of a previous fatal error. "
        'The database must be restarted prior to being used again.\nOriginal error: "fsync failed!"'
    )
    assert number_in("FATAL Error: fsync failed!") == number_in(later) == errno.EIO


@pytest.mark.parametrize("was_there", [True, False])
def test_half_of_a_new_database_does_not_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, was_there: bool
) -> None:
    path = tmp_path / database.SMALL_FILE
    if was_there:
        path.write_bytes(b"what was there")

    def fill_disk(place: Path) -> None:
        place.write_bytes(b"half")
        raise duckdb.IOException("Could not write file: No space left on device")

    monkeypatch.setattr(database, "_open", fill_disk)
    with pytest.raises(DiskTrouble, match="No space left"):
        database.open_or_renew(tmp_path)
    assert path.exists() == was_there


def test_a_database_that_failed_has_its_first_error_told() -> None:
    class Failed:
        def register(self, *_: object) -> None:
            pass

        def unregister(self, _: str) -> None:
            raise duckdb.FatalException("FATAL Error: Failed: database has been invalidated")

    failed = cast("duckdb.DuckDBPyConnection", Failed())
    with (
        pytest.raises(duckdb.FatalException, match="fsync failed"),
        database.known(failed, {"incoming": pl.DataFrame()}),
    ):
        raise duckdb.FatalException("FATAL Error: fsync failed!")


def test_a_write_that_fails_names_its_file_and_leaves_no_half(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_descriptor: int) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(folder.os, "fsync", refuse)
    with pytest.raises(OSError, match=str(tmp_path / "file")):
        folder.write_whole(tmp_path / "file", b"content")
    assert list(tmp_path.iterdir()) == []


def test_an_error_that_names_its_file_stays_as_it_is(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="gone"), name_file(tmp_path / "other"):
        (tmp_path / "gone").read_bytes()


@pytest.mark.parametrize("number", [errno.EIO, errno.EROFS, errno.EMFILE], ids=errno.errorcode.get)
def test_an_error_of_the_disk_is_no_damage(number: int, tmp_path: Path) -> None:
    path = tmp_path / "warehouse.duckdb"
    # What DuckDB says to whatever comes after a write that failed.
    later = f'FATAL Error: database has been invalidated. Original error: "{os.strerror(number)}"'
    with pytest.raises(DiskTrouble), note_damage(path):
        raise duckdb.FatalException(later)
    assert list(tmp_path.iterdir()) == []


def test_a_copy_that_finds_no_room_is_the_disks_and_another_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(said: str) -> None:
        def run(command: list[str], **_: object) -> None:
            raise subprocess.CalledProcessError(1, command, stderr=f"cp: {said}".encode())

        monkeypatch.setattr(database.subprocess, "run", run)

    fail("error writing 'x': No space left on device")
    with pytest.raises(DiskTrouble, match="make space"):
        database.copy(tmp_path / "from", tmp_path / "to")
    fail("cannot stat 'from': No such file or directory")
    with pytest.raises(UserError, match="cannot stat"):
        database.copy(tmp_path / "from", tmp_path / "to")


def test_a_snapshot_that_cannot_be_read_is_the_disks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.open(tmp_path) as store:
        store.publish_snapshot()

    def refuse(*_: object) -> None:
        raise duckdb.IOException("IO Error: Could not read: Input/output error")

    monkeypatch.setattr(snapshot, "attach", refuse)
    with pytest.raises(DiskTrouble, match=r"snapshot\.duckdb, got 'Input/output error'"):
        snapshot.query(tmp_path, "SELECT 1")


def test_words_of_the_disk_in_a_query_are_no_trouble(tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        store.publish_snapshot()
    with pytest.raises(UserError, match="DuckDB refuses"):
        snapshot.query(tmp_path, 'SELECT "No space left on device"')
