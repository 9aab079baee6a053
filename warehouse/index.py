"""The index of a journal: two DuckDB databases on one connection, filled batch by batch.

A database that is lost is filled anew from the journal; each remembers which segments it has.
"""

from collections.abc import Generator
from contextlib import AbstractContextManager, contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import duckdb
import polars as pl

from warehouse import backup, database, prune
from warehouse.compaction import Joined
from warehouse.disks.damage import note_damage
from warehouse.door import first_of_each_key
from warehouse.journal import Segment
from warehouse.schema import LARGE, tables
from warehouse.sequence import table_of

KEPT_BYTES = 64 << 20
"""Of the databases' blocks kept in memory between two queries, and while one reads.

DuckDB keeps every block that a query passes up to its limit, so that memory would grow with what
was ever drawn; the system's own cache has them too.
"""

SEGMENTS = ("segments", f"{LARGE}.main.segments")
"""Where each database remembers what was merged into it: no transaction can write to both."""


class Index:
    """The tables of one warehouse's folder. One thread at a time may use it."""

    def __init__(self, folder: Path) -> None:
        self.connection = database.open_or_renew(folder)
        self._paths = [folder / name for name in database.FILES]
        names = [
            self.connection.sql(f"SELECT name FROM {segments}").fetchall() for segments in SEGMENTS
        ]
        self.merged = {str(name) for rows in names for (name,) in rows}
        """Names of the segments whose rows are in the tables."""

    def merge(self, table: str, batch: list[Segment]) -> int:
        """How many rows were new; they go in with their segments' names, or nothing does.

        Raises duckdb.ConstraintException for rows that the table refuses.
        """
        rows = pl.concat([segment.rows for segment in batch], how="diagonal")
        # The first of a key wins, as it does between batches; which of several would be kept within
        # one query is nowhere promised.
        rows = first_of_each_key(table, rows)
        names = [segment.name for segment in batch]
        heights = [segment.rows.height for segment in batch]
        now = datetime.now(UTC)
        seen = pl.DataFrame({"name": names, "table_name": table, "rows": heights, "merged_at": now})
        if tables()[table].large:
            rows = self._without_known(table, rows)
        new = self._insert(table, rows, seen)
        self._let_go()
        self.merged.update(names)
        return new

    def _without_known(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """The rows of a large table whose keys it does not have yet.

        No index knows the keys: a scan of the key's columns does, a few hundredths of a second a
        million rows, however many come. Of the new rows too the keys alone are joined: whole rows,
        texts and all, would be in memory twice.
        """
        key = list(tables()[table].key)
        columns = ", ".join(f'"{column}"' for column in key)
        sql = f"SELECT place FROM keys SEMI JOIN {_home(table)} USING ({columns})"
        keys = rows.select(key).with_row_index("place")
        known = self.read(sql, {"keys": keys})["place"]
        if known.is_empty():
            return rows
        return rows.filter(~pl.int_range(rows.height, eager=True).is_in(known.implode()))

    def _insert(self, table: str, rows: pl.DataFrame, seen: pl.DataFrame) -> int:
        with self._known(incoming=rows, seen=seen), note_damage(self._path_of(table)):
            self.connection.begin()
            try:
                inserted = self.connection.execute(_insertion(table)).fetchall()
                names = f"INSERT OR IGNORE INTO {_segments_of(table)} BY NAME FROM seen"
                self.connection.execute(names).fetchall()
                self.connection.commit()
            except BaseException:
                # The first error is the one to report.
                with suppress(duckdb.Error):
                    self.connection.rollback()
                raise
        return int(inserted[0][0])

    def exchange(self, joined: Joined) -> None:
        """Remembers a segment that has the rows of others, all merged, in their place."""
        table = table_of(joined.name)
        with note_damage(self._path_of(table)):
            self.connection.execute(
                f"INSERT OR IGNORE INTO {_segments_of(table)} VALUES (?, ?, ?, now())",
                [joined.name, table, joined.rows],
            )
        self.merged.add(joined.name)
        self.forget(set(joined.group))

    def forget(self, names: set[str]) -> None:
        """Forgets segments that are no longer in the journal; their rows stay."""
        if not names:
            return
        gone = pl.DataFrame({"name": sorted(names)})
        with self._known(gone=gone), note_damage(*self._paths):
            for segments in SEGMENTS:
                sql = f"DELETE FROM {segments} WHERE name IN (SELECT name FROM gone)"
                self.connection.execute(sql)
        self.merged -= names

    def read(self, sql: str, params: dict[str, Any]) -> pl.DataFrame:
        """The answer to a query, in which a frame's name stands for its rows."""
        frames = {name: value for name, value in params.items() if isinstance(value, pl.DataFrame)}
        values = {name: value for name, value in params.items() if name not in frames}
        with self._known(**frames), note_damage(*self._paths):
            try:
                with self._little_memory():
                    return self.connection.sql(sql, params=values or None).pl()
            except duckdb.OutOfMemoryException:
                # Long completions, or many rows to be sorted, take more at once.
                answer = self.connection.sql(sql, params=values or None).pl()
                self._let_go()
                return answer

    def _let_go(self) -> None:
        """Gives back the blocks that were read, once they are many."""
        held = "SELECT sum(memory_usage_bytes) FROM duckdb_memory() WHERE tag = 'BASE_TABLE'"
        ((kept,),) = self.connection.sql(held).fetchall()
        if kept > KEPT_BYTES:
            with self._little_memory():
                pass

    @contextmanager
    def _little_memory(self) -> Generator[None]:
        """While it lasts, DuckDB has no more than what is kept between two queries."""
        self.connection.execute(f"SET memory_limit = '{KEPT_BYTES}B'")
        try:
            yield
        finally:
            self.connection.execute(f"SET memory_limit = '{database.MEMORY}'")

    def mark_gone(self, before: datetime) -> dict[str, int]:
        """How many rows of each large table no run needs that is not over since `before`."""
        with note_damage(*self._paths):
            return prune.mark(self.connection, before)

    def without_gone(self, table: str, rows: pl.DataFrame) -> pl.DataFrame:
        """Those of a segment's rows that are not marked, in their order."""
        key = list(tables()[table].key)
        sql = f"SELECT {prune.key_of(table)} FROM gone_{table} SEMI JOIN present USING "
        gone = self.read(f"{sql} ({prune.key_of(table)})", {"present": rows.select(key)})
        return rows.join(gone, on=key, how="anti", maintain_order="left")

    def remove_gone(self, table: str) -> None:
        """Removes the marked rows; readers' copy is made anew at the next publication."""
        with note_damage(*self._paths):
            prune.remove(self.connection, table)
            self.connection.execute("DELETE FROM copies")

    def export(self, folder: Path) -> dict[str, int]:
        """Rows written to a Parquet file of each table, by table."""
        with note_damage(*self._paths):
            return backup.export(self.connection, folder)

    def _known(self, **frames: pl.DataFrame) -> AbstractContextManager[None]:
        return database.known(self.connection, frames)

    def _path_of(self, table: str) -> Path:
        return self._paths[tables()[table].large]


def _segments_of(table: str) -> str:
    return SEGMENTS[tables()[table].large]


def _home(table: str) -> str:
    """Where a large table is."""
    return f'{LARGE}.main."{table}"'


def _insertion(table: str) -> str:
    """SQL by which rows go into the table, of a small one those with a new key."""
    if tables()[table].large:
        return f"INSERT INTO {_home(table)} BY NAME FROM incoming"
    return f'INSERT OR IGNORE INTO "{table}" BY NAME FROM incoming'
