"""What may be asked for rows: the store while a run writes, the snapshot for everybody else."""

from __future__ import annotations

from typing import Any, Protocol

import polars as pl

from warehouse.journal import Journal


class Reader(Protocol):
    """A warehouse that answers SQL, e.g. `warehouse.store.Store`."""

    def read(self, sql: str, /, **parameters: Any) -> pl.DataFrame:
        """The rows; `$name` in the SQL stands for a keyword value."""
        ...


class Ledger(Reader, Protocol):
    """A reader that a stage may write to: `warehouse.store.Store`, `warehouse.extract.Extract`."""

    @property
    def journal(self) -> Journal:
        """Where everything that is written is on disk for good."""
        ...

    def append(self, table: str, rows: pl.DataFrame) -> int:
        """How many of the rows are new; they are in the journal."""
        ...

    def load_new(self) -> int:
        """How many rows became readable that were in the journal alone."""
        ...

    def publish_snapshot(self, *, whole: bool = False) -> object:
        """What others may read meanwhile is renewed."""
        ...
