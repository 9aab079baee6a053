"""What may be asked for rows: the store while a run writes, the snapshot for everybody else."""

from __future__ import annotations

from typing import Any, Protocol

import polars as pl


class Reader(Protocol):
    """A warehouse that answers SQL, e.g. `warehouse.store.Store`."""

    def read(self, sql: str, /, **parameters: Any) -> pl.DataFrame:
        """The rows; `$name` in the SQL stands for a keyword value."""
        ...
