"""MLflow's database after its folder has moved: it names files by whole paths."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

_PLACES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
    ("logged_models", "artifact_location"),
)
"""Columns that hold addresses of files."""


def rewrite_addresses(database: Path, before: Path, now: Path) -> int:
    """How many addresses of files below the folder `before` are now the same below `now`."""
    changed = 0
    with closing(sqlite3.connect(database)) as connection, connection:
        for table, column in _PLACES:
            # As a URL, where MLflow has put one together, and as a path.
            for old, new in ((before.as_uri(), now.as_uri()), (str(before), str(now))):
                sql = (
                    f"UPDATE {table} SET {column} = ? || substr({column}, ?) "
                    f"WHERE {column} = ? OR substr({column}, 1, ?) = ?"
                )
                below = f"{old}/"
                values = (new, len(old) + 1, old, len(below), below)
                changed += connection.execute(sql, values).rowcount
    return changed
