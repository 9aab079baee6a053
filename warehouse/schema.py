"""The warehouse's shape: numbered migrations, views, and what each table admits.

Migrations are `.sql` files in `migrations/`, forward only, each in one transaction; those in
`migrations/large/` are of the large tables, which lie in a second database, attached as `large`.
Views and macros are one a file in `views/`, dropped and created anew wherever one of the files is
another than before, so a view is whatever its file says. A large table too is a view there, of its
own name and columns.
"""

import functools
import graphlib
import hashlib
import itertools
import json
import operator
import re
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import duckdb
import polars as pl

from warehouse.errors import UserError

MIGRATIONS = Path(__file__).parent / "migrations"
LARGE_MIGRATIONS = MIGRATIONS / "large"
VIEWS = Path(__file__).parent / "views"
LARGE = "large"
"""Under this name the database of the large tables is attached, by writer and readers alike."""

BOOKKEEPING = ("migrations", "segments", "copies")
"""Tables that the store fills about itself: nothing of them is in the journal."""


class Table(NamedTuple):
    """One fact table: what the journal admits into it and what tells its rows apart."""

    name: str
    schema: dict[str, pl.DataType]
    required: tuple[str, ...]
    key: tuple[str, ...]
    checks: tuple[str, ...]
    defaults: dict[str, str]
    """What a row from before a column was added has in it, by column; NULL where none is named."""

    large: bool
    """Whether it lies in the database of the large tables, where no index holds its key."""


class Migration(NamedTuple):
    """One step of the tables' shape, and its place in the order."""

    number: int
    name: str
    sql: str


def migrations(folder: Path = MIGRATIONS) -> list[Migration]:
    """The migrations in order; a file is `<number>_<name>.sql`."""
    files = sorted(folder.glob("*.sql"))
    return [Migration(int(file.stem.split("_")[0]), file.name, file.read_text()) for file in files]


def refuse_other_version(connection: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """UserError where a snapshot's tables are not of this program's version."""
    ((found,),) = connection.sql("SELECT max(number) FROM migrations").fetchall()
    wanted = max(int(file.name.split("_")[0]) for file in MIGRATIONS.glob("*.sql"))
    if found == wanted:
        return
    mend = (
        "bring it up to date with `ttc warehouse load`"
        if found < wanted
        else "update this program, or use the newer one"
    )
    raise UserError(
        f"Expected a snapshot of this version in {folder} (migration {wanted}), got one of "
        f"another (migration {found}): {mend}."
    )


def migrate(connection: duckdb.DuckDBPyConnection, folder: Path = MIGRATIONS) -> list[str]:
    """Names of the migrations that were still missing and have now been applied.

    Raises UserError for a database that a newer version of this program has migrated further.
    """
    # This table is no migration: what has been applied is asked before the first.
    connection.execute(
        "CREATE TABLE IF NOT EXISTS migrations "
        "(number INTEGER PRIMARY KEY, name VARCHAR NOT NULL, applied_at TIMESTAMPTZ NOT NULL)"
    )
    applied = {number for (number,) in connection.sql("SELECT number FROM migrations").fetchall()}
    known = migrations(folder)
    numbers = {step.number for step in known}
    unknown = applied - numbers
    if unknown:
        raise UserError(
            f"The warehouse was made by a newer version (migration {max(unknown)}; this one knows "
            f"up to {max(numbers)}): update this program, or use the newer one."
        )
    missing = [step for step in known if step.number not in applied]
    for step in missing:
        _apply(connection, step)
    return [step.name for step in missing]


def migrate_large(connection: duckdb.DuckDBPyConnection) -> list[str]:
    """As `migrate`, for the large tables in the database attached as `large`."""
    ((main,),) = connection.sql("SELECT current_database()").fetchall()
    connection.execute(f"USE {LARGE}")
    try:
        return migrate(connection, LARGE_MIGRATIONS)
    finally:
        connection.execute(f'USE "{main}"')


def attach_empty_large(connection: duckdb.DuckDBPyConnection) -> None:
    """Attaches large tables without a row and without a file, for a connection that has none."""
    connection.execute(f"ATTACH ':memory:' AS {LARGE}")
    migrate_large(connection)


def _apply(connection: duckdb.DuckDBPyConnection, step: Migration) -> None:
    connection.begin()
    try:
        connection.execute(step.sql)
        connection.execute("INSERT INTO migrations VALUES (?, ?, now())", [step.number, step.name])
        connection.commit()
    except duckdb.Error:
        # A commit that failed has ended the transaction; its error is the one to report.
        with suppress(duckdb.Error):
            connection.rollback()
        raise


def create_views(connection: duckdb.DuckDBPyConnection, folder: Path = VIEWS) -> None:
    """Creates every view and macro of `folder`, in one transaction; those without a file are gone.

    A file's name is its view's. Views may lean on each other: those leant on are created first.
    Where they were made of the same files, nothing is done.
    """
    files = {file.stem: file.read_text() for file in sorted(folder.glob("*.sql"))}
    files |= _views_of_large(connection)
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    if _views_digest(connection) == digest:
        return
    leans_on = {name: _names_used(sql, files) - {name} for name, sql in files.items()}
    # All or nothing: a file that is wrong leaves the former views in place.
    connection.begin()
    try:
        drop_views(connection)
        for name in graphlib.TopologicalSorter(leans_on).static_order():
            connection.execute(files[name])
        # A macro too, so that it goes where the views go.
        connection.execute(f"CREATE MACRO views_digest() AS '{digest}'")
        connection.commit()
    except duckdb.Error:
        with suppress(duckdb.Error):
            connection.rollback()
        raise


def _views_digest(connection: duckdb.DuckDBPyConnection) -> str | None:
    """Of the files that the views were made of."""
    try:
        ((digest,),) = connection.sql("SELECT views_digest()").fetchall()
    except duckdb.CatalogException:
        return None
    return str(digest)


def _views_of_large(connection: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """SQL of a view for every large table, by which a query need not know where it lies."""
    columns = connection.sql(
        "SELECT table_name, column_name FROM duckdb_columns() "
        "WHERE database_name = $large ORDER BY table_name, column_index",
        params={"large": LARGE},
    ).fetchall()
    views: dict[str, str] = {}
    for table, group in itertools.groupby(columns, key=operator.itemgetter(0)):
        if table in BOOKKEEPING:
            continue
        # Column by column: a copy that a later version made, with more of them, is read too.
        names = ", ".join(f'"{column}"' for _, column in group)
        views[table] = f'CREATE VIEW "{table}" AS SELECT {names} FROM {LARGE}.main."{table}"'
    return views


def _names_used(sql: str, names: Iterable[str]) -> set[str]:
    """Those of the names that the SQL reads from or calls."""
    # Comments name other views too, and would make circles.
    code = re.sub(r"--.*", "", sql)
    return {name for name in names if re.search(rf"\b(FROM|JOIN)\s+{name}\b|\b{name}\s*\(", code)}


def drop_views(connection: duckdb.DuckDBPyConnection) -> None:
    """Drops every view and macro."""
    # As the database lists them, not as the files do: a view whose file is gone must go too.
    views = connection.sql("SELECT view_name FROM duckdb_views() WHERE NOT internal").fetchall()
    macros = connection.sql(
        "SELECT DISTINCT function_name, function_type FROM duckdb_functions() "
        "WHERE NOT internal AND function_type IN ('macro', 'table_macro')"
    ).fetchall()
    for (name,) in views:
        connection.execute(f'DROP VIEW "{name}"')
    for name, kind in macros:
        table = "TABLE " if kind == "table_macro" else ""
        connection.execute(f'DROP MACRO {table}"{name}"')


@functools.cache
def tables() -> dict[str, Table]:
    """The fact tables by name, read from the migrations themselves."""
    with duckdb.connect(":memory:") as connection:
        connection.execute("SET TimeZone = 'UTC'")
        migrate(connection)
        attach_empty_large(connection)
        rows = connection.sql("SELECT table_name, database_name FROM duckdb_tables()").fetchall()
        places = {str(name): place for name, place in rows if name not in BOOKKEEPING}
        return {name: _table(connection, name, places[name]) for name in sorted(places)}


def _table(connection: duckdb.DuckDBPyConnection, name: str, place: str) -> Table:
    rules = connection.sql(
        "SELECT constraint_type, constraint_column_names, expression "
        "FROM duckdb_constraints() WHERE table_name = $name",
        params={"name": name},
    ).fetchall()
    large = place == LARGE
    key = next((tuple(columns) for kind, columns, _ in rules if kind == "PRIMARY KEY"), ())
    if large:
        key = _noted_key(connection, name)
    required = tuple(columns[0] for kind, columns, _ in rules if kind == "NOT NULL")
    checks = tuple(str(expression) for kind, _, expression in rules if kind == "CHECK")
    schema = dict(connection.sql(f'FROM "{place}".main."{name}" LIMIT 0').pl().schema)
    return Table(name, schema, required, key, checks, _defaults(connection, name), large)


def _noted_key(connection: duckdb.DuckDBPyConnection, name: str) -> tuple[str, ...]:
    """The key that a large table's comment names: `key: column, column`."""
    rows = connection.sql(
        "SELECT comment FROM duckdb_tables() WHERE table_name = $name", params={"name": name}
    ).fetchall()
    columns = str(rows[0][0]).removeprefix("key: ")
    return tuple(columns.split(", "))


def _defaults(connection: duckdb.DuckDBPyConnection, table: str) -> dict[str, str]:
    rows = connection.sql(
        "SELECT column_name, column_default FROM duckdb_columns() "
        "WHERE table_name = $table AND column_default IS NOT NULL",
        params={"table": table},
    ).fetchall()
    # The database keeps the expression, not what it gives.
    return {
        column: connection.sql(f"SELECT {default}").fetchall()[0][0] for column, default in rows
    }
