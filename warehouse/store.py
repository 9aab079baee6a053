"""The store: DuckDB as an index over the journal, held by the single writer.

Whatever is in its two databases is in the journal too, so one that is damaged is set aside and
built anew.
"""

import threading
import time
from collections.abc import Generator, Mapping
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import duckdb
import polars as pl

from warehouse import backup, database, prune
from warehouse.batches import batches
from warehouse.compaction import Joined, compact
from warehouse.copies import Copies
from warehouse.disks import lock
from warehouse.door import admit, complete
from warehouse.errors import Gone
from warehouse.index import Index
from warehouse.journal import Journal, Segment
from warehouse.places import make_folder
from warehouse.schema import tables
from warehouse.sequence import table_of

LOOK_SECONDS = 0.1
"""Before a journal that changed while it was read is looked at again."""


class Store:
    """The one writer of a warehouse folder; open it with `Store.open`. Threads may share it."""

    def __init__(self, folder: Path, held: Path) -> None:
        self.folder = folder
        self.journal = Journal.of(folder)
        self.damaged: list[str] = []
        """Names of segments set aside since this store was opened."""
        self._held = held
        self._index = Index(folder)
        # DuckDB's connection serves one thread at a time; a merge that is refused merges again.
        self._turn = threading.RLock()
        # Taken before the other, and kept while the large tables are merged into or copied, which
        # takes long: whoever reads, or appends to a small table, waits for neither.
        self._large_turn = threading.RLock()
        self._copies = Copies(folder, self._index.connection, self._turn, self._large_turn)

    @classmethod
    def open(cls, folder: Path, *, patience: float = 0.0) -> Self:
        """The warehouse of `folder`: made if absent, repaired if damaged, with all of its journal.

        Raises Busy when another process writes it for `patience` seconds on end, UserError when a
        newer version of the program made it.
        """
        folder = Path(folder)
        make_folder(folder)
        held = lock.take(folder / "warehouse.lock", patience=patience)
        try:
            return cls._filled(folder, held)
        except BaseException:
            lock.give_back(held)
            raise

    @classmethod
    def _filled(cls, folder: Path, held: Path) -> Self:
        store = cls(folder, held)
        store.journal.sweep()
        # No other writer can be at it, we are locked.
        database.sweep(folder)
        store.load_new()
        return store

    @classmethod
    def rebuild(cls, folder: Path) -> Self:
        """The same warehouse, its databases built anew from the journal alone.

        The former ones are removed afterwards, unless a damaged segment was met: then they may be
        the last copy of those rows and stay beside the new ones.
        """
        folder = Path(folder)
        make_folder(folder)
        # Under the lock: a database that another process has open must not be moved away.
        held = lock.take(folder / "warehouse.lock")
        try:
            former = database.move_all_away(folder, "before-rebuild")
            store = cls._filled(folder, held)
        except BaseException:
            lock.give_back(held)
            raise
        if not store.damaged:
            for file in former:
                # One more set aside may have had the sweep take it.
                file.unlink(missing_ok=True)
        return store

    def append(self, table: str, rows: pl.DataFrame) -> int:
        """How many of the rows were new; they are on disk for good, in the journal.

        A row whose key is already known changes nothing. Raises ValueError for rows that the table
        does not admit.
        """
        typed = admit(table, rows)
        with self._turn_of(table):
            name = self.journal.write(table, typed)
            if name is None:
                return 0
            self._merge_before(name)
            return self._merge(table, [Segment(name, typed)])

    def append_together(self, parts: Mapping[str, pl.DataFrame]) -> None:
        """Rows of several small tables, by table, that are known all at once, or none of them.

        Raises ValueError as `append` does, before anything is written.
        """
        typed = {table: admit(table, rows) for table, rows in parts.items() if len(rows)}
        with self._turn:
            names = self.journal.write_together(typed)
            for name in names:
                self._merge_before(name)
                table = table_of(name)
                self._merge(table, [Segment(name, typed[table])])

    def _merge_before(self, name: str) -> None:
        """Merges what others have written and every index merges before this segment."""
        while ahead := self._unmerged(self.journal.note(name)):
            with suppress(Gone):
                for table, batch in batches(ahead, self._load):
                    self._merge(table, batch)
                continue
            # Replaced or set aside meanwhile: the journal knows by what.
            self.journal.names()

    @contextmanager
    def _turn_of(self, table: str) -> Generator[None]:
        """The turn to write into the table."""
        with ExitStack() as turns:
            if tables()[table].large:
                turns.enter_context(self._large_turn)
            turns.enter_context(self._turn)
            yield

    def load_new(self) -> int:
        """How many new rows came from segments that this store had not merged yet.

        Other threads read, and append to small tables, between two batches.
        """
        with self._large_turn:
            new = self._merge_all()
            groups = compact(self.journal)
            while True:
                with self._turn:
                    joined = next(groups, None)
                    if joined is None:
                        return new
                    # A thread that appended meanwhile may have had segments listed that are not
                    # merged here yet: then the new one comes in as any other, the next time.
                    if self._index.merged.issuperset(joined.group):
                        self._index.exchange(joined)

    def _merge_all(self) -> int:
        new = 0
        while True:
            try:
                with self._turn:
                    names = self.journal.names()
                    # Of segments that another index over this journal put together with others.
                    former = self._index.merged.difference(names)
                for table, batch in batches(self._unmerged(names), self._load):
                    with self._turn:
                        new += self._merge(table, batch)
            except Gone:
                # Another index has put its small segments together: look again. Not at once, as a
                # network file system may list a file for a while that is gone.
                time.sleep(LOOK_SECONDS)
                continue
            with self._turn:
                self._index.forget(former)
            return new

    def _unmerged(self, names: list[str]) -> list[str]:
        return [name for name in names if name not in self._index.merged]

    def _load(self, name: str) -> Segment | None:
        """The segment with all columns that its table has now; None when it is damaged."""
        segment = self.journal.read(name)
        if segment is None:
            self.damaged.append(name)
            return None
        return segment._replace(rows=complete(name, segment.rows))

    def _merge(self, table: str, batch: list[Segment]) -> int:
        """How many of the batch's rows were new; they go in with their segments' names, or not."""
        # Another thread may have merged one of them while the others were read.
        batch = [segment for segment in batch if segment.name not in self._index.merged]
        if not batch:
            return 0
        try:
            return self._index.merge(table, batch)
        except duckdb.ConstraintException as error:
            return self._merge_apart(table, batch, error)

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
        with self._turn:
            return self._index.read(sql, params)

    def publish_snapshot(self, *, whole: bool = False) -> Path:
        """The readers' copy of the small tables; that of the large ones is renewed when it is due.

        `whole`, for the end of a stage, renews it however long that takes.
        """
        return self._copies.publish(whole=whole)

    def prunable(self, before: datetime) -> dict[str, int]:
        """Rows of each large table that `prune` would remove."""
        with self._turn:
            return self._index.mark_gone(before)

    def prune(self, before: datetime) -> dict[str, int]:
        """Removes what only runs had use for that are over since `before`; rows by table.

        From the journal first: after a kill the rest goes the next time.
        """
        self.load_new()
        with self._large_turn, self._turn:
            counts = self._index.mark_gone(before)
            self.append("settled_costs", self.read(prune.costs_sql()))
            for name in self.journal.names():
                if counts.get(table_of(name)):
                    self._prune_segment(name)
            for table, rows in counts.items():
                if rows:
                    self._index.remove_gone(table)
            return counts

    def _prune_segment(self, name: str) -> None:
        """Puts what stays of a segment in its place."""
        try:
            segment = self.journal.read(name)
        except Gone:
            # Another index has put it together with others: the next pruning meets that one.
            return
        if segment is None:
            self.damaged.append(name)
            return
        kept = self._index.without_gone(table_of(name), segment.rows)
        if kept.height < segment.rows.height:
            replacement = self.journal.replace([segment], kept)
            if replacement is not None:
                self._index.exchange(Joined(replacement, kept.height, [name]))

    def export(self, folder: Path) -> dict[str, int]:
        """Rows written to a Parquet file of each table in a new folder, by table.

        Raises UserError for a folder that has something in it.
        """
        target = backup.prepare(Path(folder))
        with self._turn:
            return self._index.export(target)

    def close(self) -> None:
        """Gives the warehouse back to the next writer; closing twice is allowed."""
        # A copy that another thread is making would else be of a file that the next writer changes.
        with self._large_turn, self._turn:
            self._index.connection.close()
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
