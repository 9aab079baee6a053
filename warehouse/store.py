"""The store: DuckDB as an index over the journal, held by the single writer.

Whatever is in the database is in the journal too, so a database that is damaged is set aside and
built anew.
"""

import os
import threading
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from itertools import groupby
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from warehouse import database, lock
from warehouse.compaction import Joined, compact
from warehouse.door import admit, complete
from warehouse.errors import Gone
from warehouse.folder import sync_folder
from warehouse.journal import Journal, Segment
from warehouse.schema import tables
from warehouse.sequence import table_of

BATCH_ROWS = 100_000
"""Rows merged at a time: a rebuild takes many small segments in one transaction, within memory."""


class Store:
    """The one writer of a warehouse folder; open it with `Store.open`. Threads may share it."""

    def __init__(self, folder: Path, held: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.folder = folder
        self.journal = Journal.of(folder)
        self.damaged: list[str] = []
        """Names of segments set aside since this store was opened."""
        self._path = folder / "warehouse.duckdb"
        self._held = held
        self._connection = connection
        # DuckDB's connection serves one thread at a time; a merge that is refused merges again.
        self._turn = threading.RLock()
        names = connection.sql("SELECT name FROM segments").fetchall()
        self._merged = {str(name) for (name,) in names}

    @classmethod
    def open(cls, folder: Path, *, patience: float = 0.0) -> Self:
        """The warehouse of `folder`: made if absent, repaired if damaged, with all of its journal.

        Raises Busy when another process writes it for `patience` seconds on end, UserError when a
        newer version of the program made it.
        """
        folder = Path(folder)
        folder.mkdir(parents=True, exist_ok=True)
        held = lock.take(folder / "warehouse.lock", patience=patience)
        try:
            store = cls(folder, held, database.open_or_renew(folder / "warehouse.duckdb"))
            store.journal.sweep()
            # Of a writer that was killed while it published: no other can be at it, we are locked.
            for leftover in folder.glob(".snapshot.*.partial*"):
                leftover.unlink()
            store.load_new()
        except BaseException:
            lock.give_back(held)
            raise
        return store

    @classmethod
    def rebuild(cls, folder: Path) -> Self:
        """The same warehouse, its database built anew from the journal alone.

        The former database is removed afterwards, unless a damaged segment was met: then it may be
        the last copy of those rows and stays beside the new one.
        """
        folder = Path(folder)
        # Under the lock: a database that another process has open must not be moved away.
        held = lock.take(folder / "warehouse.lock")
        try:
            former = database.move_away(folder / "warehouse.duckdb", "before-rebuild")
        finally:
            lock.give_back(held)
        store = cls.open(folder)
        if not store.damaged:
            for file in former:
                file.unlink()
        return store

    def append(self, table: str, rows: pl.DataFrame) -> int:
        """How many of the rows were new; they are on disk for good, in the journal.

        A row whose key is already known changes nothing. Raises ValueError for rows that the table
        does not admit.
        """
        typed = admit(table, rows)
        with self._turn:
            name = self.journal.write(table, typed)
            if name is None:
                return 0
            self._merge_before(name)
            return self._merge(table, [Segment(name, typed)])

    def _merge_before(self, name: str) -> None:
        """Merges what others have written and every index merges before this segment."""
        while ahead := self._unmerged(self.journal.note(name)):
            with suppress(Gone):
                for table, batch in self._batches(ahead):
                    self._merge(table, batch)
                continue
            # Replaced or set aside meanwhile: the journal knows by what.
            self.journal.names()

    def load_new(self) -> int:
        """How many new rows came from segments that other processes wrote to the journal."""
        with self._turn:
            new = self._merge_all()
            for joined in compact(self.journal):
                self._exchange(joined)
            return new

    def _merge_all(self) -> int:
        new = 0
        while True:
            try:
                names = self.journal.names()
                for table, batch in self._batches(self._unmerged(names)):
                    new += self._merge(table, batch)
            except Gone:
                # Another index over this journal has put its small segments together: look again.
                continue
            self._forget_all_but(names)
            return new

    def _unmerged(self, names: list[str]) -> list[str]:
        return [name for name in names if name not in self._merged]

    def _batches(self, names: list[str]) -> Iterator[tuple[str, list[Segment]]]:
        """Batches of segments of one table, in the journal's order within each table."""
        # Stable: within a table the order stays.
        for table, group in groupby(sorted(names, key=table_of), key=table_of):
            batch: list[Segment] = []
            height = 0
            for name in group:
                segment = self._load(name)
                if segment is None:
                    continue
                batch.append(segment)
                height += segment.rows.height
                if height >= BATCH_ROWS:
                    yield table, batch
                    batch = []
                    height = 0
            yield table, batch

    def _load(self, name: str) -> Segment | None:
        """The segment with all columns that its table has now; None when it is damaged."""
        segment = self.journal.read(name)
        if segment is None:
            self.damaged.append(name)
            return None
        return segment._replace(rows=complete(name, segment.rows))

    def _exchange(self, joined: Joined) -> None:
        """Remembers a segment that has the rows of others, all merged, in their place."""
        with database.note_damage(self._path):
            self._connection.execute(
                "INSERT OR IGNORE INTO segments VALUES (?, ?, ?, now())",
                [joined.name, table_of(joined.name), joined.rows],
            )
        self._merged.add(joined.name)
        self._forget(set(joined.group))

    def _forget_all_but(self, names: list[str]) -> None:
        """Forgets segments that another index over this journal has put together with others."""
        self._forget(self._merged.difference(names))

    def _forget(self, names: set[str]) -> None:
        if not names:
            return
        gone = pl.DataFrame({"name": sorted(names)})
        with self._views_of(gone=gone), database.note_damage(self._path):
            sql = "DELETE FROM segments WHERE name IN (SELECT name FROM gone)"
            self._connection.execute(sql)
        self._merged -= names

    def _merge(self, table: str, batch: list[Segment]) -> int:
        """How many of the batch's rows were new; they go in with their segments' names, or not."""
        if not batch:
            return 0
        names = [segment.name for segment in batch]
        rows = pl.concat([segment.rows for segment in batch], how="diagonal")
        # The first of a key wins, as it does between batches; which of several INSERT OR IGNORE
        # would keep within one query is nowhere promised.
        rows = rows.unique(subset=list(tables()[table].key), keep="first", maintain_order=True)
        heights = [segment.rows.height for segment in batch]
        now = datetime.now(UTC)
        seen = pl.DataFrame({"name": names, "table_name": table, "rows": heights, "merged_at": now})
        try:
            new = self._insert(table, rows, seen)
        except duckdb.ConstraintException as error:
            return self._merge_apart(table, batch, error)
        self._merged.update(names)
        return new

    def _insert(self, table: str, rows: pl.DataFrame, seen: pl.DataFrame) -> int:
        with self._views_of(incoming=rows, seen=seen), database.note_damage(self._path):
            self._connection.begin()
            try:
                into = f'INSERT OR IGNORE INTO "{table}" BY NAME FROM incoming'
                inserted = self._connection.execute(into).fetchall()
                names = "INSERT OR IGNORE INTO segments BY NAME FROM seen"
                self._connection.execute(names).fetchall()
                self._connection.commit()
            except BaseException:
                # The first error is the one to report.
                with suppress(duckdb.Error):
                    self._connection.rollback()
                raise
        return int(inserted[0][0])

    def _merge_apart(self, table: str, batch: list[Segment], error: duckdb.Error) -> int:
        """Merges one by one what could not go in together; sets aside what the table refuses."""
        if len(batch) > 1:
            return sum(self._merge(table, [segment]) for segment in batch)
        reason = f"the table refuses it ({error})"
        self.damaged.append(batch[0].name)
        self.journal.set_aside(batch[0].name, reason)
        return 0

    def read(self, sql: str, /, **params: Any) -> pl.DataFrame:
        """The answer to a query.

        `$name` in it stands for a keyword value, a frame's name without `$` for its rows.
        """
        frames = {name: value for name, value in params.items() if isinstance(value, pl.DataFrame)}
        values = {name: value for name, value in params.items() if name not in frames}
        with self._turn, self._views_of(**frames), database.note_damage(self._path):
            return self._connection.sql(sql, params=values or None).pl()

    @contextmanager
    def _views_of(self, **frames: pl.DataFrame) -> Generator[None]:
        """While it lasts, SQL knows the frames by their names."""
        try:
            for name, frame in frames.items():
                self._connection.register(name, frame)
            yield
        finally:
            for name in frames:
                self._connection.unregister(name)

    def publish_snapshot(self) -> Path:
        """The readers' copy, replaced in one instant: who reads the former one goes on reading."""
        target = self.folder / "snapshot.duckdb"
        # In the same folder: only within one is a rename a single instant.
        partial = self.folder / f".snapshot.{os.getpid()}.partial"
        with self._turn, database.note_damage(self._path):
            database.copy(self._connection, self._path, partial)
        partial.rename(target)
        sync_folder(self.folder)
        return target

    def close(self) -> None:
        """Gives the warehouse back to the next writer; closing twice is allowed."""
        with self._turn:
            self._connection.close()
            lock.give_back(self._held)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()
