"""What the warehouse lets in: rows of the right columns and kinds, without NaN, without unwanted NULL."""

import functools
import threading

import duckdb
import polars as pl

from warehouse.schema import Table, tables


def admitted(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the table's own column order and types.

    Raises ValueError, naming table and column, for a missing or unknown column, a value of another kind (a number in
    a text column, a fraction in a whole-number column, a time without zone), NaN or infinity, NULL in a required
    column, and a value that the table's CHECK refuses.
    """
    if table not in tables():
        raise ValueError(f"Expected one of the tables {', '.join(tables())}; got {table!r}.")
    shape = tables()[table]
    _refuse_other_columns(shape, rows)
    typed = rows.select(_typed(shape, rows, column) for column in shape.schema)
    _refuse_nan(shape, typed)
    _refuse_null(shape, typed)
    _refuse_unchecked(shape, typed)
    return typed


def _refuse_other_columns(shape: Table, rows: pl.DataFrame) -> None:
    missing = [column for column in shape.schema if column not in rows.columns]
    unknown = [column for column in rows.columns if column not in shape.schema]
    if missing or unknown:
        raise ValueError(
            f"{shape.name}: expected exactly its columns; missing {missing or 'none'}, unknown {unknown or 'none'}. "
            "Give an absent value as a column of NULL."
        )


def _typed(shape: Table, rows: pl.DataFrame, column: str) -> pl.Series:
    have, want = rows.schema[column], shape.schema[column]
    if have == want:
        return rows[column]
    if not _same_kind(have, want):
        raise ValueError(f"{shape.name}.{column}: expected {want}, got {have}; convert it before writing.")
    try:
        return rows[column].cast(want)
    except pl.exceptions.InvalidOperationError as error:
        raise ValueError(f"{shape.name}.{column}: a value does not fit {want} ({error}).") from error


def _same_kind(have: pl.DataType, want: pl.DataType) -> bool:
    """Whether every value of `have` means the same in `want`, should it fit."""
    if have == pl.Null:
        return True
    if isinstance(want, pl.List):
        return isinstance(have, pl.List) and _same_kind(_inner(have), _inner(want))
    if isinstance(want, pl.Datetime):
        return isinstance(have, pl.Datetime) and have.time_zone is not None
    if want.is_integer():
        return have.is_integer()
    if want.is_float():
        return have.is_numeric()
    if want == pl.String:
        return isinstance(have, pl.Categorical | pl.Enum)
    return False


def _inner(kind: pl.List) -> pl.DataType:
    inner = kind.inner
    return inner if isinstance(inner, pl.DataType) else inner()


def _refuse_nan(shape: Table, rows: pl.DataFrame) -> None:
    for column, kind in shape.schema.items():
        if kind.is_float() and not rows[column].is_finite().all():  # NULL does not count against `all`
            where = rows[column].is_finite().not_().arg_true()
            raise ValueError(
                f"{shape.name}.{column}: expected finite numbers, got {rows[column][where[0]]} in row {where[0]} "
                f"({len(where)} such rows); an unknown value is NULL."
            )


def _refuse_null(shape: Table, rows: pl.DataFrame) -> None:
    for column in shape.required:
        if rows[column].null_count():
            raise ValueError(f"{shape.name}.{column}: expected a value in every row, got NULL in {rows[column].null_count()}.")


@functools.cache
def _scratch() -> tuple[duckdb.DuckDBPyConnection, threading.Lock]:
    return duckdb.connect(":memory:"), threading.Lock()


def _refuse_unchecked(shape: Table, rows: pl.DataFrame) -> None:
    """DuckDB itself judges its CHECKs, so that what the door lets in can always be merged."""
    if not shape.checks:
        return
    connection, lock = _scratch()
    counts = ", ".join(f"count(*) FILTER (NOT ({check}))" for check in shape.checks)
    columns = [column for column in rows.columns if any(column in check for check in shape.checks)]
    with lock:
        connection.register("incoming", rows.select(columns))
        broken = connection.sql(f"SELECT {counts} FROM incoming").fetchall()[0]
        connection.unregister("incoming")
    for check, count in zip(shape.checks, broken, strict=True):
        if count:
            raise ValueError(f"{shape.name}: expected {check}, which {count} rows break.")
