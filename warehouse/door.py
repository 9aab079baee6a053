"""What the warehouse lets in: rows of the right columns and kinds, no NaN, no unwanted NULL."""

import polars as pl

from warehouse.errors import UserError
from warehouse.schema import Table, tables


def admit(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows with the table's own column order and types.

    Raises ValueError, naming table and column, for a missing or unknown column, a value of another
    kind (a number in a text column, a fraction in a whole-number column, a time without zone), NaN
    or infinity, NULL in a required column, and a value that the table's CHECK refuses.
    """
    if table not in tables():
        raise ValueError(f"Expected one of the tables {', '.join(tables())}; got {table!r}.")
    shape = tables()[table]
    _refuse_other_columns(shape, rows)
    typed = rows.select(_cast(shape, rows, column) for column in shape.schema)
    _refuse_nan(shape, typed)
    _refuse_null(shape, typed)
    _refuse_unchecked(shape, typed)
    return typed


def complete(name: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows of a segment with every column that its table has now.

    Rows of an older version, from before a migration added a column, have the default that it names
    for such rows, or no column. Raises UserError for a table or column that is not known here.
    """
    shape = tables().get(name.partition("/")[0])
    if shape is None or not set(rows.columns) <= set(shape.schema):
        raise UserError(
            f"Segment {name} holds a table or column that this version does not know: a newer "
            "version wrote it; update this program."
        )
    added = {column: value for column, value in shape.defaults.items() if column not in rows}
    return rows.with_columns(**{column: pl.lit(value) for column, value in added.items()})


def first_of_each_key(table: str, rows: pl.DataFrame) -> pl.DataFrame:
    """The rows without those whose key an earlier one has, in their order."""
    # Keys alone are looked at: most often all rows stay, and none is copied.
    first = rows.select(pl.struct(tables()[table].key).is_first_distinct()).to_series()
    return rows if first.all() else rows.filter(first)


def _refuse_other_columns(shape: Table, rows: pl.DataFrame) -> None:
    missing = [column for column in shape.schema if column not in rows.columns]
    unknown = [column for column in rows.columns if column not in shape.schema]
    if missing or unknown:
        raise ValueError(
            f"{shape.name}: expected exactly its columns; missing {missing or 'none'}, "
            f"unknown {unknown or 'none'}. Give an absent value as a column of NULL."
        )


def _cast(shape: Table, rows: pl.DataFrame, column: str) -> pl.Series:
    have = rows.schema[column]
    want = shape.schema[column]
    if have == want:
        return rows[column]
    if not _same_kind(have, want):
        raise ValueError(
            f"{shape.name}.{column}: expected {want}, got {have}; convert it before writing."
        )
    try:
        return rows[column].cast(want)
    except pl.exceptions.InvalidOperationError as error:
        raise ValueError(
            f"{shape.name}.{column}: a value does not fit {want} ({error})."
        ) from error


def _same_kind(have: pl.DataType, want: pl.DataType) -> bool:
    """Whether every value of `have` means the same in `want`, should it fit."""
    # A column of nothing but NULL has no kind of its own.
    if have in (pl.Null, want):
        return True
    if isinstance(want, pl.List):
        return isinstance(have, pl.List) and _same_kind(_inner(have), _inner(want))
    if isinstance(want, pl.Datetime):
        return isinstance(have, pl.Datetime) and have.time_zone is not None
    if want.is_integer():
        return have.is_integer()
    if want.is_float():
        return have.is_numeric()
    return want == pl.String and isinstance(have, pl.Categorical | pl.Enum)


def _inner(kind: pl.List) -> pl.DataType:
    inner = kind.inner
    return inner if isinstance(inner, pl.DataType) else inner()


def _refuse_nan(shape: Table, rows: pl.DataFrame) -> None:
    # In DuckDB NaN is larger than every number: it would win `max` and come first by `DESC`.
    for column, kind in shape.schema.items():
        if not kind.is_float():
            continue
        # NULL is neither finite nor not: it stays out of this list.
        where = rows[column].is_finite().not_().arg_true()
        if len(where):
            first = where[0]
            raise ValueError(
                f"{shape.name}.{column}: expected finite numbers, got {rows[column][first]} "
                f"in row {first} ({len(where)} such rows); an unknown value is NULL."
            )


def _refuse_null(shape: Table, rows: pl.DataFrame) -> None:
    for column in shape.required:
        absent = rows[column].null_count()
        if absent:
            raise ValueError(
                f"{shape.name}.{column}: expected a value in every row, got NULL in {absent}."
            )


def _refuse_unchecked(shape: Table, rows: pl.DataFrame) -> None:
    """Judges the table's CHECKs before DuckDB does: what is in the journal can always be merged."""
    for check in shape.checks:
        # Unknown breaks no CHECK, in SQL as here.
        broken = rows.filter(pl.sql_expr(check).not_()).height
        if broken:
            raise ValueError(f"{shape.name}: expected {check}, which {broken} rows break.")
