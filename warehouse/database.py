"""The two DuckDB files: opened, found damaged and renewed, made smaller, copied for readers.

`warehouse.duckdb` has what is small; `large.duckdb`, attached to the same connection, has the
tables that grow with every completion.
"""

import os
import subprocess
from collections.abc import Callable, Generator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

import duckdb
import polars as pl

from warehouse.disks.damage import first_line, is_damage, refuse_disk, suspicion
from warehouse.disks.trouble import name_file, number_in, trouble
from warehouse.errors import Busy, UserError, say
from warehouse.schema import LARGE, create_views, drop_views, migrate, migrate_large

SMALL_FILE = "warehouse.duckdb"
LARGE_FILE = "large.duckdb"
FILES = (SMALL_FILE, LARGE_FILE)

MEMORY = "384MB"
"""Memory of DuckDB, past which it writes to `<file>.tmp` in the same folder. Measured: a merge into
draws of 32,000 tokens pins 200 MB a thread, one into a table with an index takes 150 bytes a row.
"""

THREADS = 2
"""Each has its own vectors of 2,048 rows in memory: with 64 of them no limit would be kept."""

LARGE_LAYOUT = "ROW_GROUP_SIZE 2048, BLOCK_SIZE 65536"
"""A checkpoint writes the last group of rows anew: with the default of 122,880 rows this is
gigabytes of long completions, time and again. Smaller blocks waste less at the end of a group.
"""

SHRINK_BYTES = 64 << 20
"""So much of a file, and half of it, must be free before it is written anew without the gaps."""

KEPT_ASIDE = 2
"""Of the databases that were set aside, each the size of the warehouse."""

Opened = TypeVar("Opened")


def open_or_renew(folder: Path) -> duckdb.DuckDBPyConnection:
    """A connection to the migrated databases of a warehouse's folder, with their views.

    A file or write-ahead log that refuses to open is set aside, and an empty database takes its
    place, to be filled from the journal; one line on stderr says so. Raises Busy when another
    program has a file open.
    """
    connection = _renewed(folder / SMALL_FILE, _open)
    try:
        _renewed(folder / LARGE_FILE, lambda path: _attach(connection, path))
        create_views(connection)
    except duckdb.Error as error:
        connection.close()
        refuse_disk(error, folder / SMALL_FILE)
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _renewed(path: Path, opening: Callable[[Path], Opened]) -> Opened:
    """What opening the file gives; one that is damaged is set aside, and a new one opened."""
    suspect = suspicion(path)
    if suspect.exists():
        _report(move_away(path, "damaged"), path, suspect.read_text(errors="replace"))
        suspect.unlink()
    is_new = not path.exists()
    try:
        return opening(path)
    except duckdb.Error as error:
        # DuckDB has no error of its own for this; without the look at its text, a file that a
        # user has open in another program would be set aside as damaged.
        if "Conflicting lock" in str(error):
            raise Busy(
                f"Another program has {path} open: close it, then try again ({error})."
            ) from error
        if is_new and number_in(str(error)) is not None:
            # What a full disk left of a new file is no database, and would be called damaged.
            with suppress(OSError):
                path.unlink(missing_ok=True)
        refuse_disk(error, path)
        if not is_damage(error):
            raise
        _report(move_away(path, "damaged"), path, first_line(error))
    return opening(path)


def _report(moved: list[Path], path: Path, reason: str) -> None:
    names = ", ".join(file.name for file in moved) or "nothing"
    say(
        f"warehouse: {path} is damaged ({reason}); set aside: {names}. It is being rebuilt from "
        "the journal, which has everything; the files set aside may be deleted."
    )


def _open(path: Path) -> duckdb.DuckDBPyConnection:
    connection = _connect(path)
    try:
        if migrate(connection):
            # Into the file at once: then the log, which a kill may tear, changes no table.
            connection.execute("CHECKPOINT")
        # The rows that every opening needs: damage shows here rather than later. All of them, as
        # DuckDB answers a count or a largest one without a look at the blocks.
        connection.sql("FROM segments").fetchall()
        if _is_hollow(connection):
            # Views name the other file, which is not attached yet; they are made anew anyway.
            drop_views(connection)
            _write_anew(connection, path)
            connection.close()
            _replace_with_fresh(path)
            return _connect(path)
    except BaseException:
        connection.close()
        raise
    return connection


def _connect(path: Path) -> duckdb.DuckDBPyConnection:
    settings: dict[str, str | bool | int | float | list[str]] = {
        # Without installing extensions: an opening must not reach for the network.
        "autoinstall_known_extensions": False,
        "memory_limit": MEMORY,
        "threads": THREADS,
        "temp_directory": str(path.with_name(f"{path.name}.tmp")),
    }
    connection = duckdb.connect(path, config=settings)
    # Otherwise a time would read differently on every machine.
    connection.execute("SET TimeZone = 'UTC'")
    # What takes seconds would draw a bar into the standard output of whichever command it is.
    connection.execute("SET enable_progress_bar = false")
    return connection


def _attach(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """Attaches the database of the large tables, migrated."""
    attach(connection, path, LARGE, LARGE_LAYOUT)
    try:
        if migrate_large(connection):
            connection.execute(f"CHECKPOINT {LARGE}")
            # What readers have is of another shape: the next publication copies it.
            connection.execute("DELETE FROM copies")
        connection.sql(f"FROM {LARGE}.main.segments").fetchall()
        hollow = _is_hollow(connection, LARGE)
        if hollow:
            _write_anew(connection, path, LARGE, LARGE_LAYOUT)
    except BaseException:
        with suppress(duckdb.Error):
            connection.execute(f"DETACH {LARGE}")
        raise
    if hollow:
        connection.execute(f"DETACH {LARGE}")
        _replace_with_fresh(path)
        attach(connection, path, LARGE, LARGE_LAYOUT)


def attach(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str, options: str | None = None
) -> None:
    """Attaches a file as the database `name`."""
    # ATTACH takes no parameter: the path is quoted by hand.
    quoted = str(path).replace("'", "''")
    said = f" ({options})" if options else ""
    connection.execute(f"ATTACH '{quoted}' AS {name}{said}")


def _is_hollow(connection: duckdb.DuckDBPyConnection, name: str | None = None) -> bool:
    """Whether most of a database's file is free: DuckDB fills gaps, but gives none back."""
    rows = connection.sql(
        "SELECT free_blocks * block_size, total_blocks * block_size FROM pragma_database_size() "
        "WHERE database_name = coalesce($name, current_database())",
        params={"name": name},
    ).fetchall()
    free, total = rows[0]
    return free > SHRINK_BYTES and free > total / 2


def _write_anew(
    connection: duckdb.DuckDBPyConnection, path: Path, name: str = "", options: str | None = None
) -> None:
    """Writes the tables of a database to another file beside its own."""
    ((main,),) = connection.sql("SELECT current_database()").fetchall()
    fresh = _fresh(path)
    fresh.unlink(missing_ok=True)
    attach(connection, fresh, "fresh", options)
    connection.execute(f'COPY FROM DATABASE "{name or main}" TO fresh')
    connection.execute("CHECKPOINT fresh")
    connection.execute("DETACH fresh")


def _fresh(path: Path) -> Path:
    return path.with_name(f".{path.name}.partial")


def _replace_with_fresh(path: Path) -> None:
    sync_file(_fresh(path))
    # A closed database has no log left; one of the former file must not meet the new one.
    path.with_name(f"{path.name}.wal").unlink(missing_ok=True)
    _fresh(path).rename(path)


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


def move_all_away(folder: Path, why: str) -> list[Path]:
    """Where both databases of a folder and their logs now lie."""
    return [file for name in FILES for file in move_away(folder / name, why)]


def sweep(folder: Path) -> None:
    """Removes what a writer that was killed left half written, and what was long set aside."""
    for pattern in (".snapshot.*.partial", *(_fresh(folder / name).name for name in FILES)):
        for leftover in folder.glob(pattern):
            leftover.unlink()
    for name in FILES:
        for file in (name, f"{name}.wal"):
            for why in ("damaged", "before-rebuild"):
                _keep_newest(folder, f"{file}.{why}-*")


def _keep_newest(folder: Path, pattern: str) -> None:
    """Removes all but the last few files of those that were moved away: the journal has it all."""
    # The time ends their names.
    for file in sorted(folder.glob(pattern))[:-KEPT_ASIDE]:
        file.unlink()


def checkpoint(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    """When this returns, the file at `path` is the whole database, without its log."""
    name = f" {LARGE}" if path.name == LARGE_FILE else ""
    connection.execute(f"CHECKPOINT{name}").fetchall()


def copy(path: Path, target: Path) -> None:
    """Copies a database after a checkpoint to the file `target`, on disk when this returns."""
    # `cp` copies it, and not this process: closing a second handle of the file would drop DuckDB's
    # POSIX lock on it. COPY FROM DATABASE takes ten times as long.
    try:
        subprocess.run(["cp", "--", str(path), str(target)], check=True, capture_output=True)
    except subprocess.CalledProcessError as error:
        # Half a copy is no snapshot, and what it takes is missing elsewhere.
        target.unlink(missing_ok=True)
        reason = error.stderr.decode(errors="replace").strip()
        number = number_in(reason)
        if number is not None:
            raise trouble(number, target) from error
        raise UserError(
            f"Expected to write a snapshot beside {path}, got: {reason}; "
            "make space, then run again."
        ) from error
    sync_file(target)


def sync_file(path: Path) -> None:
    """What the file has is on disk when this returns."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        with name_file(path):
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def known(
    connection: duckdb.DuckDBPyConnection, frames: Mapping[str, pl.DataFrame]
) -> Generator[None]:
    """While it lasts, SQL knows the frames by their names."""
    try:
        for name, frame in frames.items():
            connection.register(name, frame)
        yield
    finally:
        for name in frames:
            # Of a database that failed meanwhile, which refuses all, the first error is told.
            with suppress(duckdb.Error):
                connection.unregister(name)
