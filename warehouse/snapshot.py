"""What readers see: the published snapshot, opened read-only, never in the writer's way.

Each query has its own in-memory DuckDB with the snapshot's two files attached: no other file can be
reached from the SQL, and a snapshot published meanwhile is seen by the next query. The large tables
are copied more rarely than the others: what they lack yet is simply not there.
"""

import contextlib
import os
import signal
import threading
import time
from collections.abc import Generator, Mapping
from pathlib import Path
from typing import Any, cast

import duckdb
import polars as pl
import pyarrow as pa

from warehouse.copies import COPIES
from warehouse.database import LARGE_FILE, SMALL_FILE, attach, known
from warehouse.disks.damage import first_line, is_damage, refuse_disk
from warehouse.errors import UserError
from warehouse.places import place_of
from warehouse.reader import Reader
from warehouse.schema import LARGE, attach_empty_large, refuse_other_version

ATTEMPTS = 5
"""How often an opening that meets a rename is tried; the waits between add up to 0.75 s."""
MEMORY = "2GB"
"""Of DuckDB, for SQL that a user typed."""
SECONDS = 60.0
"""That a query may take, unless somebody says otherwise."""
MOST_BYTES = 512 * 2**20
"""Of an answer to it: DuckDB gives rows away faster than memory can be had."""
_BATCH_ROWS = 100_000
_READING = (
    duckdb.StatementType.SELECT,
    duckdb.StatementType.EXPLAIN,
    duckdb.StatementType.PRAGMA,
    # PIVOT, which becomes several.
    duckdb.StatementType.MULTI,
)


def query(
    folder: Path, sql: str, *, parameters: Mapping[str, Any] | None = None, seconds: float = SECONDS
) -> pl.DataFrame:
    """The answer to SQL of our own on the snapshot in `folder`; without rows an empty frame.

    `parameters` fill the `$names` in the SQL; a frame among them stands for its rows by its name
    without `$`. Raises UserError, in one sentence, for SQL that is
    wrong, writes, or takes longer than `seconds`, and when no snapshot was published yet.
    """
    with open_snapshot(folder) as connection, _within(connection, seconds, folder):
        return _answer(connection, sql, dict(parameters or {}))


def ask(folder: Path, sql: str, *, seconds: float = SECONDS) -> pl.DataFrame:
    """The same for SQL that a user typed: statements that read, in bounded memory.

    Raises UserError also for other statements, and for an answer of more than MOST_BYTES.
    """
    with (
        open_snapshot(folder, memory=MEMORY) as connection,
        _within(connection, seconds, folder),
        _hearing(connection),
    ):
        for statement in connection.extract_statements(sql):
            if statement.type not in _READING:
                raise UserError(
                    f"Expected SQL that reads, got a statement of kind {statement.type.name}: "
                    "write a SELECT; what is known is changed by runs alone."
                )
        # As in `query`: a statement without rows gives None.
        relation = cast("duckdb.DuckDBPyRelation | None", connection.sql(sql))
        return pl.DataFrame() if relation is None else _bounded(relation)


def _bounded(relation: duckdb.DuckDBPyRelation) -> pl.DataFrame:
    """All rows, taken a batch at a time; UserError once they are too many."""
    reader = relation.to_arrow_reader(_BATCH_ROWS)
    batches: list[pa.RecordBatch] = []
    size = 0
    for batch in reader:
        batches.append(batch)
        size += batch.nbytes
        if size > MOST_BYTES:
            raise UserError(
                f"The answer is larger than {MOST_BYTES / 2**20:.0f} MiB and was stopped: ask for "
                "less, e.g. with LIMIT, or take whole tables by `ttc warehouse export FOLDER`."
            )
    table = pa.Table.from_batches(batches, schema=reader.schema)
    return cast("pl.DataFrame", pl.from_arrow(table))


@contextlib.contextmanager
def _within(connection: duckdb.DuckDBPyConnection, seconds: float, folder: Path) -> Generator[None]:
    """Time for a query; what goes wrong with it is a UserError or DiskTrouble in one sentence."""
    # DuckDB has no time-out of its own; another thread may interrupt it.
    timer = threading.Timer(seconds, connection.interrupt)
    timer.start()
    try:
        yield
    except duckdb.InterruptException as error:
        raise UserError(
            f"The query took longer than {seconds:g} s and was stopped: "
            "ask for less, or allow more (`ttc sql --seconds N`)."
        ) from error
    except duckdb.OutOfMemoryException as error:
        raise UserError(
            f"The query needs more than {MEMORY} of memory and was stopped: ask for less at a time."
        ) from error
    except duckdb.Error as error:
        # A name in the query may read like the disk's words; an error of that kind does not.
        if isinstance(error, (duckdb.IOException, duckdb.FatalException)):
            refuse_disk(error, folder)
        if is_damage(error):
            raise _damaged(folder, error) from error
        raise UserError(_sentence(error)) from error
    finally:
        timer.cancel()


@contextlib.contextmanager
def _hearing(connection: duckdb.DuckDBPyConnection) -> Generator[None]:
    """Ctrl-C and SIGTERM interrupt the query at once.

    Else they are heard when DuckDB comes up for breath, in a large join after minutes.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    # To which the interpreter writes a signal's number as soon as it comes.
    former = signal.set_wakeup_fd(writing)

    def listen() -> None:
        while heard := os.read(reading, 1):
            if heard[0] in (signal.SIGINT, signal.SIGTERM):
                connection.interrupt()

    listening = threading.Thread(target=listen, daemon=True)
    listening.start()
    try:
        yield
    finally:
        signal.set_wakeup_fd(former)
        os.close(writing)
        listening.join()
        os.close(reading)


def _answer(
    connection: duckdb.DuckDBPyConnection, sql: str, parameters: dict[str, Any]
) -> pl.DataFrame:
    frames = {name: rows for name, rows in parameters.items() if isinstance(rows, pl.DataFrame)}
    values = {name: value for name, value in parameters.items() if name not in frames}
    with known(connection, frames):
        relation = connection.sql(sql, params=values or None)
        # DuckDB's types do not say that a statement without rows gives None.
        relation = cast("duckdb.DuckDBPyRelation | None", relation)
        return pl.DataFrame() if relation is None else relation.pl()


class Snapshot:
    """The published snapshot of a folder, read as the store is: a `warehouse.reader.Reader`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, sql: str, /, **parameters: Any) -> pl.DataFrame:
        """The answer to a query.

        `$name` in it stands for a keyword value, a frame's name without `$` for its rows.
        """
        return query(self.folder, sql, parameters=parameters)


class _Still:
    """A snapshot that was opened once for several queries."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self._folder = folder
        self._connection = connection

    def read(self, sql: str, /, **parameters: Any) -> pl.DataFrame:
        with _within(self._connection, SECONDS, self._folder):
            return _answer(self._connection, sql, parameters)


@contextlib.contextmanager
def still(reader: Reader) -> Generator[Reader]:
    """A reader whose answers are all of one moment, whatever runs publish meanwhile."""
    # A store is its writer's own, and shows what it has just written.
    if not isinstance(reader, Snapshot):
        yield reader
        return
    with open_snapshot(reader.folder) as connection:
        yield _Still(reader.folder, connection)


def open_snapshot(folder: Path, *, memory: str | None = None) -> duckdb.DuckDBPyConnection:
    """A read-only connection to the snapshot in `folder`, cut off from other files and networks.

    `memory`: what it may take, e.g. "2GB"; what needs more is refused.
    """
    path = Path(folder) / COPIES[SMALL_FILE]
    if not path.exists():
        raise UserError(_missing(folder))
    large = path.with_name(COPIES[LARGE_FILE])
    # Without replacements: a table's name that is wrong must not mean a variable of this program.
    connection = duckdb.connect(":memory:", config={"python_enable_replacements": False})
    try:
        # As in the store: a time reads the same on every machine.
        connection.execute("SET TimeZone = 'UTC'")
        # A bar would stand in what `ttc sql --json` prints.
        connection.execute("SET enable_progress_bar = false")
        _attach(connection, path, "warehouse")
        if large.exists():
            _attach(connection, large, LARGE)
        else:
            # Removed by hand, or of a version from before they were apart: no rows, and no error.
            attach_empty_large(connection)
        connection.execute("USE warehouse")
        refuse_other_version(connection, folder)
        # After the snapshot is attached, and locked: the user's SQL cannot undo it.
        if memory is not None:
            connection.execute(f"SET memory_limit = '{memory}'")
            # Otherwise it would write the rest into whatever folder the user stands in.
            connection.execute("SET temp_directory = ''")
        connection.execute("SET enable_external_access = false")
        connection.execute("SET lock_configuration = true")
    except duckdb.Error as error:
        connection.close()
        if is_damage(error):
            raise _damaged(folder, error) from error
        raise
    except BaseException:
        connection.close()
        raise
    return connection


def _damaged(folder: Path, error: duckdb.Error) -> UserError:
    return UserError(
        f"The copy for readers in {folder} is damaged ({first_line(error)}): run `ttc warehouse "
        "rebuild`, which makes all anew from the journal."
    )


def _missing(folder: Path) -> str:
    """What is said where no snapshot is: an empty warehouse is not one whose copy is gone."""
    if not any(name.endswith(".parquet") for name in place_of(folder).sizes()):
        return f"Expected a snapshot in {folder}, found none: run a study first (`ttc run STUDY`)."
    return (
        f"Expected a snapshot in {folder}, found none, though its journal has rows: "
        "make it again with `ttc warehouse rebuild`, or wait for the run that is under way."
    )


def _attach(connection: duckdb.DuckDBPyConnection, path: Path, name: str) -> None:
    """Attaches whichever snapshot bears the name now; tries again when it is renamed meanwhile."""
    for attempt in range(ATTEMPTS):
        try:
            attach(connection, path, name, "READ_ONLY")
            return
        except duckdb.IOException as error:
            refuse_disk(error, path)
            if attempt == ATTEMPTS - 1:
                if "not a valid DuckDB" in str(error):
                    raise _damaged(path.parent, error) from error
                raise UserError(
                    f"Expected to read {path}, got {first_line(error)}: see that it may be read, "
                    "or make it again with `ttc warehouse rebuild`."
                ) from error
            time.sleep(0.05 * 2**attempt)


def age_seconds(folder: Path) -> float | None:
    """Seconds since the snapshot in `folder` was published; None when there is none.

    Of the small tables, which say how far a run is; when draws, scores and answers were copied,
    which may be longer ago, says table `copies`.
    """
    path = Path(folder) / COPIES[SMALL_FILE]
    return time.time() - path.stat().st_mtime if path.exists() else None


def _sentence(error: duckdb.Error) -> str:
    """DuckDB's message without its drawing of the query, as one sentence."""
    message = str(error).split("\n\nLINE ")[0]
    lines = [line.strip() for line in message.splitlines() if line.strip()]
    refusal = f"DuckDB refuses the query: {' '.join(lines)}".rstrip(".")
    return f"{refusal}; tables and columns are in warehouse/README.md."
