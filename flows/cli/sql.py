"""`ttc sql`: results in several forms, and a prompt."""

from __future__ import annotations

import contextlib
import importlib
import re
import sys
from pathlib import Path
from typing import Literal

import polars as pl
from rich.table import Table

from flows.cli.terminal import console
from warehouse import snapshot
from warehouse.errors import UserError, say, shown

ROWS = 100
"""Rows of a table shown on a screen; --csv, --json and --parquet give all."""
FOLDED = 30
"""Characters after which a text may be folded; a number never is."""

_LARGEST_WHOLE = 2**53
"""Beyond it a double does not tell two whole numbers apart."""


_FORMULA = r"^[=+\-@\t\r\n＝＋－＠]"
"""How a text begins that a spreadsheet takes for a formula (OWASP, "CSV Injection")."""


def without_formulas(frame: pl.DataFrame) -> pl.DataFrame:
    """The rows for a spreadsheet: texts that it would run have a quotation mark before them.

    Numbers stay numbers; names of columns are texts too.
    """
    texts = (pl.String, pl.Categorical, pl.Enum)
    changed = frame.with_columns(
        pl.when(pl.col(name).cast(pl.String).str.contains(_FORMULA))
        .then(pl.lit("'") + pl.col(name).cast(pl.String))
        .otherwise(pl.col(name).cast(pl.String))
        .alias(name)
        for name, kind in frame.schema.items()
        if isinstance(kind, texts)
    )
    names = {name: f"'{name}" for name in changed.columns if re.match(_FORMULA, name)}
    return changed.rename(names)


def print_result(frame: pl.DataFrame, form: Literal["table", "csv", "json"]) -> None:
    """Print a result to stdout."""
    if form == "csv":
        _write(frame.write_csv())
    elif form == "json":
        _write(frame.write_json() + "\n")
    else:
        show(frame.head(ROWS))
        if frame.height > ROWS:
            say(f"{frame.height} rows, {ROWS} shown; --csv, --json or --parquet FILE give all")


def _write(text: str) -> None:
    """A text with its last line end, for a program as it is; a terminal is not steered by it."""
    sys.stdout.write(shown(text) if sys.stdout.isatty() else text)


def show(frame: pl.DataFrame) -> None:
    """Print rows as a table, or where they are too wide for the screen one below the other."""
    if not frame.height or _width(frame) <= console().width:
        console().print(as_table(frame))
        return
    for number, row in enumerate(_cells(frame), start=1):
        record = Table(box=None, show_header=False, pad_edge=False)
        for name, value in zip(frame.columns, row, strict=True):
            record.add_row(name, value)
        console().print(f"row {number}", style="bold")
        console().print(record)


def as_table(frame: pl.DataFrame) -> Table:
    """Rows as a terminal table; NULL is an empty cell."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, kind in frame.schema.items():
        # Half a number on the next line would be read as a number of its own.
        is_number = kind.is_numeric()
        justify = "right" if is_number else "left"
        table.add_column(name, justify=justify, overflow="fold", no_wrap=is_number)
    for row in _cells(frame):
        table.add_row(*row)
    return table


def _width(frame: pl.DataFrame) -> int:
    """Columns of the screen that a table takes when long texts are folded."""
    folded = [[value[:FOLDED] for value in row] for row in _cells(frame)]
    columns = zip(frame.columns, *folded, strict=True)
    # Two blanks stand between columns.
    return sum(max(map(len, column)) + 2 for column in columns)


def _cells(frame: pl.DataFrame) -> list[list[str]]:
    """Every value as it is shown, row by row."""
    return [[_cell(value) for value in row] for row in frame.iter_rows()]


def _cell(value: object) -> str:
    """NULL as nothing, four digits of a number that is not whole."""
    if value is None:
        return ""
    if not isinstance(value, float):
        return shown(str(value))
    is_whole = value.is_integer() and abs(value) < _LARGEST_WHOLE
    return str(int(value)) if is_whole else f"{value:.4g}"


def interactive(folder: Path, seconds: float) -> None:
    """Read queries line by line, each ended by a semicolon; Ctrl-D leaves."""
    # Importing it gives the prompt history and editing; some builds of Python lack it.
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")
    say("SQL on the latest snapshot; end a query with ; and leave with Ctrl-D. Try: SHOW TABLES;")
    lines: list[str] = []
    while True:
        try:
            lines.append(input("...> " if lines else "ttc> "))
        except EOFError:
            return
        if lines[-1].rstrip().endswith(";"):
            _answer(folder, "\n".join(lines), seconds)
            lines.clear()


def _answer(folder: Path, query: str, seconds: float) -> None:
    """The result of one query, or what is wrong with it."""
    # A mistake in a query is said and forgotten: the prompt goes on.
    try:
        print_result(snapshot.ask(folder, query, seconds=seconds), "table")
    except UserError as error:
        say(str(error))
