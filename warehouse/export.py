"""The warehouse as Parquet files, a table each, for whatever reads Parquet."""

from pathlib import Path

import duckdb

from warehouse.errors import UserError
from warehouse.schema import tables

ROWS = 2048
"""Rows of a Parquet row group, which is in memory as a whole: a draw may have 32,000 tokens."""


def prepare(folder: Path) -> Path:
    """The folder, made if absent; UserError for one that has something in it already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            f"Expected a new or an empty folder to export to, got {folder}, which has something in "
            "it: name another one, or remove it."
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def export(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Rows written to `<folder>/<table>.parquet`, by table; an empty table has a file too."""
    written: dict[str, int] = {}
    for table in tables():
        target = folder / f"{table}.parquet"
        partial = target.with_name(f".{target.name}.partial")
        # COPY takes no parameter: the path is quoted by hand.
        quoted = str(partial).replace("'", "''")
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS}"
        rows = connection.execute(f"COPY \"{table}\" TO '{quoted}' ({options})").fetchall()
        written[table] = int(rows[0][0])
        # Only then is there a file of that name: a table that is there is there as a whole.
        partial.rename(target)
    return written
