"""The copies that readers open: of small tables as often as is wished, of large ones rarely.

Copying the large tables costs what they weigh, so they are copied when they have changed and the
last copy is 20 times as old as it took to make; and at a stage's end, where readers may wait for
what no later copy would bring.
"""

import itertools
import os
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

from warehouse import database
from warehouse.database import LARGE_FILE, SMALL_FILE
from warehouse.disks.damage import note_damage
from warehouse.folder import sync_folder
from warehouse.schema import LARGE

COPIES = {SMALL_FILE: "snapshot.duckdb", LARGE_FILE: "snapshot.large.duckdb"}
"""What the copy of each database is called."""

WAIT = 20.0
"""Times as long as copying took: so it takes at most a twentieth of the time, and of the disk's."""

_numbers = itertools.count()
"""Half-written copies of one process are told apart: two threads may publish at once."""


class _Copy(NamedTuple):
    """The last copy of the large tables, as table `copies` has it."""

    copied_at: datetime
    newest: datetime | None
    bytes: int
    seconds: float

    def is_due(self, size: int) -> bool:
        """Whether the next one, of a file of `size` bytes, may be made now."""
        expected = self.seconds * size / self.bytes
        age = (datetime.now(UTC) - self.copied_at).total_seconds()
        return age >= WAIT * expected


class Copies:
    """Makes them, for one open store.

    `turn` is held while the connection is used, `large_turn`, always taken first, while the large
    tables are written or copied.
    """

    def __init__(
        self,
        folder: Path,
        connection: duckdb.DuckDBPyConnection,
        turn: threading.RLock,
        large_turn: threading.RLock,
    ) -> None:
        self._folder = folder
        self._connection = connection
        self._turn = turn
        self._large_turn = large_turn

    def publish(self, *, whole: bool) -> Path:
        """The small tables' copy; first, if that is due, the large ones are copied too.

        First, as the views that come with the small ones must find all columns that they name.
        """
        # Else, while they are merged into or copied, the next call will do.
        if self._large_turn.acquire(blocking=whole):
            try:
                self._publish_large(whole=whole)
            finally:
                self._large_turn.release()
        path = self._folder / SMALL_FILE
        with self._turn, note_damage(path):
            database.checkpoint(self._connection, path)
            return self._copy(path)

    def _publish_large(self, *, whole: bool) -> None:
        path = self._folder / LARGE_FILE
        with self._turn, note_damage(path):
            newest = self._ask(f"SELECT max(merged_at) FROM {LARGE}.main.segments")[0][0]
            database.checkpoint(self._connection, path)
        size = path.stat().st_size
        last = self._last()
        if last and (last.newest == newest or not (whole or last.is_due(size))):
            return
        start = time.monotonic()
        # Without the turn: who reads, or appends to a small table, need not wait for it.
        self._copy(path)
        seconds = time.monotonic() - start
        now = datetime.now(UTC)
        with self._turn, note_damage(self._folder / SMALL_FILE):
            # A kill in between forgets the copy: then the next one is made sooner.
            self._connection.execute("DELETE FROM copies")
            row = [now, newest, size, seconds]
            self._connection.execute("INSERT INTO copies VALUES (?, ?, ?, ?)", row)

    def _last(self) -> _Copy | None:
        """What is known of readers' copy of the large tables; None when they have none."""
        if not (self._folder / COPIES[LARGE_FILE]).exists():
            return None
        with self._turn, note_damage(self._folder / SMALL_FILE):
            rows = self._ask("SELECT copied_at, newest, bytes, seconds FROM copies")
        return _Copy(*rows[0]) if rows else None

    def _ask(self, sql: str) -> list[Any]:
        return self._connection.sql(sql).fetchall()

    def _copy(self, path: Path) -> Path:
        """The readers' copy, replaced in one instant: who reads the former one goes on reading."""
        target = self._folder / COPIES[path.name]
        # In the same folder: only within one is a rename a single instant.
        partial = self._folder / f".snapshot.{os.getpid()}.{next(_numbers)}.partial"
        database.copy(path, partial)
        partial.rename(target)
        sync_folder(self._folder)
        return target
