"""A part of a warehouse as one object of its journal's place, for a machine that has no index.

An extract is a DuckDB file, `extracts/<run>-<sha256 of its bytes>.duckdb`, and answers SQL as the
store does. What is written where one is open goes to the journal alone, for the loader of an index.
"""

from __future__ import annotations

import hashlib
import tempfile
import threading
from collections.abc import Collection, Generator, Iterable
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self

import duckdb
import polars as pl

from warehouse.database import MEMORY, THREADS, known
from warehouse.door import complete
from warehouse.errors import Gone, UserError
from warehouse.index import SEGMENTS
from warehouse.journal import Journal
from warehouse.places import open_place
from warehouse.schema import Table, tables
from warehouse.sequence import table_of
from warehouse.store import Store

ROOM = "extracts"
_FILE = "extract.duckdb"


def write_extract(
    store: Store, run_id: str, names: Collection[str], parts: Iterable[tuple[str, pl.DataFrame]]
) -> str:
    """The name of a new object with these rows of the tables `names`, which may have none."""
    # Noted before anything is read: what comes meanwhile is read again, and not missed.
    merged = [name for name in _merged(store) if table_of(name) in names]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / _FILE
        with duckdb.connect(path) as connection:
            for name in names:
                _insert(connection, name, pl.DataFrame(schema=tables()[name].schema), make=True)
            for name, rows in parts:
                _insert(connection, name, rows)
            connection.execute("CREATE TABLE segments (name VARCHAR PRIMARY KEY)")
            connection.executemany("INSERT INTO segments VALUES (?)", [[name] for name in merged])
        content = path.read_bytes()
    name = f"{ROOM}/{run_id}-{hashlib.sha256(content).hexdigest()}.duckdb"
    store.journal.place.create(name, content)
    return name


def _merged(store: Store) -> list[str]:
    """Names of the segments whose rows can be read."""
    parts = [store.read(f"SELECT name FROM {segments}")["name"] for segments in SEGMENTS]
    return pl.concat(parts).unique().to_list()


def remove_extracts(store: Store, run_id: str) -> None:
    """A run's extracts are gone."""
    for name in store.journal.place.sizes(ROOM):
        if name.startswith(f"{ROOM}/{run_id}-"):
            store.journal.place.remove(name)


def _insert(
    connection: duckdb.DuckDBPyConnection, table: str, rows: pl.DataFrame, *, make: bool = False
) -> None:
    verb = f"CREATE TABLE {table} AS" if make else f"INSERT INTO {table} BY NAME"
    with known(connection, {"incoming": rows}):
        connection.execute(f"{verb} FROM incoming")


class Extract:
    """An open extract, and the journal it is of. Threads may share it."""

    def __init__(self, journal: Journal, connection: duckdb.DuckDBPyConnection) -> None:
        self.journal = journal
        self._connection = connection
        self._turn = threading.RLock()
        rows = connection.sql("SELECT name FROM segments").fetchall()
        self._seen = {str(name) for (name,) in rows}

    @classmethod
    @contextmanager
    def open(cls, address: str, name: str) -> Generator[Self]:
        """The extract of that name in the journal at `address`.

        Raises UserError when it is not there, or not what was written.
        """
        place = open_place(address)
        try:
            content = place.read(name)
        except Gone:
            raise UserError(
                f"Expected {name} in the journal at {address}, found none: every worker must reach "
                "the journal of whoever shares out the run (TTC_JOURNAL: a bucket, or a folder "
                "that is mounted on all machines)."
            ) from None
        if not name.endswith(f"-{hashlib.sha256(content).hexdigest()}.duckdb"):
            raise UserError(
                f"Expected {name} in the journal at {address} to be what was written, but the hash "
                "differs from that in its name: run the study again, which writes it anew."
            )
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / _FILE
            path.write_bytes(content)
            limits: dict[str, Any] = {"memory_limit": MEMORY, "threads": THREADS}
            with duckdb.connect(path, config=limits) as connection:
                connection.execute("SET TimeZone = 'UTC'")
                yield cls(Journal(place), connection)

    def take_new(self, table: str, keep: pl.Expr) -> int:
        """How many rows came of segments that the journal has and the extract had not.

        Those for which `keep` holds; of one key the first stays.
        """
        shape = tables()[table]
        new = 0
        while names := self._unseen(table):
            for name in names:
                # Put together with others meanwhile: the next look finds these.
                with suppress(Gone):
                    new += self._take(shape, name, keep)
                self._seen.add(name)
        return new

    def _unseen(self, table: str) -> list[str]:
        names = self.journal.place.sizes(table)
        return sorted(name for name in names.keys() - self._seen if name.endswith(".parquet"))

    def _take(self, table: Table, name: str, keep: pl.Expr) -> int:
        segment = self.journal.read(name)
        if segment is None:
            return 0
        rows = complete(name, segment.rows).filter(keep)
        rows = rows.unique(subset=list(table.key), keep="first", maintain_order=True)
        key = ", ".join(f'"{column}"' for column in table.key)
        with self._turn, known(self._connection, {"incoming": rows}):
            fresh = f"SELECT incoming.* FROM incoming ANTI JOIN {table.name} USING ({key})"
            done = self._connection.execute(f"INSERT INTO {table.name} BY NAME {fresh}").fetchall()
        return int(done[0][0])

    def append(self, table: str, rows: pl.DataFrame) -> int:
        """How many rows are in the journal for good; ValueError for rows it does not admit."""
        self.journal.append(table, rows)
        return rows.height

    def read(self, sql: str, /, **params: Any) -> pl.DataFrame:
        """As `Store.read`, of what is in the extract."""
        frames = {name: value for name, value in params.items() if isinstance(value, pl.DataFrame)}
        values = {name: value for name, value in params.items() if name not in frames}
        with self._turn, known(self._connection, frames):
            return self._connection.sql(sql, params=values or None).pl()

    def load_new(self) -> int:
        """Nothing: what a worker and others write meanwhile is for the loader of an index."""
        return 0

    def publish_snapshot(self, *, whole: bool = False) -> None:
        """Nothing: readers are served where the index is."""
