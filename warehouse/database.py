"""The DuckDB file itself: opened, found damaged and renewed, copied for readers."""

import os
import subprocess
import sys
from collections.abc import Generator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from warehouse.errors import Busy, UserError
from warehouse.schema import create_views, migrate

DAMAGE = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalError,
    duckdb.SerializationException,
)
"""Kinds of error that say of a file or its log that it cannot be read."""


def is_damage(error: duckdb.Error) -> bool:
    """Whether the file and not the query is at fault."""
    # A wrong checksum comes as a bare Error, of which every other error is a subclass.
    return type(error) is duckdb.Error or isinstance(error, DAMAGE)


def open_or_renew(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection to the migrated database with its views.

    A file or write-ahead log that refuses to open is set aside, and an empty database takes its
    place, to be filled from the journal; one line on stderr says so. Raises Busy when another
    program has the file open.
    """
    suspect = _suspect(path)
    if suspect.exists():
        _report(move_away(path, "damaged"), path, suspect.read_text())
        suspect.unlink()
    try:
        return _open(path)
    except duckdb.Error as error:
        # DuckDB has no error of its own for this; without the look at its text, a file that a
        # user has open in another program would be set aside as damaged.
        if "Conflicting lock" in str(error):
            raise Busy(
                f"Another program has {path} open: close it, then try again ({error})."
            ) from error
        _refuse_disk(error, path)
        if not is_damage(error):
            raise
        _report(move_away(path, "damaged"), path, _first_line(error))
    return _open(path)


def _report(moved: list[Path], path: Path, reason: str) -> None:
    names = ", ".join(file.name for file in moved) or "nothing"
    print(
        f"warehouse: {path} is damaged ({reason}); set aside: {names}. It is being rebuilt from "
        "the journal, which has everything; the files set aside may be deleted.",
        file=sys.stderr,
    )


def _suspect(path: Path) -> Path:
    """A note that lies beside a database in which damage was met while it was open."""
    return path.with_name(f"{path.name}.suspect")


def _first_line(error: duckdb.Error) -> str:
    return str(error).splitlines()[0]


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    # Without installing extensions: an opening must not reach for the network.
    connection = duckdb.connect(path, config={"autoinstall_known_extensions": False})
    try:
        # Otherwise a time would read differently on every machine.
        connection.execute("SET TimeZone = 'UTC'")
        if migrate(connection):
            # Into the file at once: then the log, which a kill may tear, changes no table.
            connection.execute("CHECKPOINT")
        create_views(connection)
        # A look at the rows that every opening needs: damage shows here rather than later.
        connection.sql("SELECT count(*), max(merged_at) FROM segments").fetchall()
    except BaseException:
        connection.close()
        raise
    return connection


def move_away(path: Path, why: str) -> list[Path]:
    """Where the database and its log now lie, `<name>.<why>-<utc time>`; empty when there was none.

    The log goes first: a database without its log is merely older, a log without its database is
    a trap.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    moved: list[Path] = []
    for file in (path.with_name(f"{path.name}.wal"), path):
        if file.exists():
            moved.append(file.rename(file.with_name(f"{file.name}.{why}-{stamp}")))
    return moved


def copy(connection: duckdb.DuckDBPyConnection, path: Path, target: Path) -> None:
    """Writes the database open at `path` to the file `target`, on disk when this returns."""
    # After a checkpoint the file is the whole database. `cp` copies it, and not this process:
    # closing a second handle of the file would drop DuckDB's POSIX lock on it. COPY FROM DATABASE
    # takes ten times as long.
    connection.execute("CHECKPOINT").fetchall()
    try:
        subprocess.run(["cp", "--", str(path), str(target)], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        # Half a copy is no snapshot, and what it takes is missing elsewhere.
        target.unlink(missing_ok=True)
        reason = error.stderr.decode(errors="replace").strip()
        raise UserError(
            f"Expected to write a snapshot beside {path}, got: {reason}; "
            "make space, then run again."
        ) from error
    descriptor = os.open(target, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_CLOSED = "cannot be written: make it writable, or set TTC_HOME to another folder"
_DISK = {
    "No space left": "is full: make space",
    "File too large": "takes no more of this file: lift the limit",
    "quota exceeded": "takes no more of this user: make space",
    "Read-only file system": _CLOSED,
    "Permission denied": _CLOSED,
}
"""What the system says of a disk, and what is to be done about it."""


def _refuse_disk(error: duckdb.Error, path: Path) -> None:
    """UserError where the disk and not the file is at fault.

    DuckDB says so with the same kind of error; building anew would only need more disk.
    """
    for reason, advice in _DISK.items():
        if reason.lower() in str(error).lower():
            raise UserError(
                f"The disk of {path.parent} {advice}, then run again; nothing is lost ({reason})."
            ) from error


@contextmanager
def note_damage(path: Path) -> Generator[None]:
    """Turns damage met in an open database into a sentence, and has the next opening rebuild it."""
    try:
        yield
    except duckdb.Error as error:
        _refuse_disk(error, path)
        if not is_damage(error):
            raise
        _suspect(path).write_text(_first_line(error))
        raise UserError(
            f"The database {path} is damaged ({_first_line(error)}): run again, and it is rebuilt "
            "from the journal, which has everything."
        ) from error
