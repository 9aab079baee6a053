"""`ttc sql`: results in several forms, and a prompt."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Literal

import polars as pl
from rich.table import Table

from flows.cli.terminal import console
from warehouse import snapshot
from warehouse.errors import UserError

ROWS = 100
"""Rows of a table shown on a screen; --csv, --json and --parquet give all."""
FOLDED = 30
"""Characters after which a text may be folded."""


def print_result(frame: pl.DataFrame, form: Literal["table", "csv", "json"]) -> None:
    """Print a result to stdout."""
    if form == "csv":
        sys.stdout.write(frame.write_csv())
    elif form == "json":
        sys.stdout.write(frame.write_json() + "\n")
    else:
        show(frame.head(ROWS))
        if frame.height > ROWS:
            print(
                f"{frame.height} rows, {ROWS} shown; --csv, --json or --parquet FILE give all",
                file=sys.stderr,
            )


def show(frame: pl.DataFrame) -> None:
    """Print rows as a table, or where they are too wide for the screen one below the other."""
    if not frame.height or _width(frame) <= console().width:
        console().print(as_table(frame))
        return
    for number, row in enumerate(_cells(frame), 1):
        record = Table(box=None, show_header=False, pad_edge=False)
        for name, value in zip(frame.columns, row, strict=True):
            record.add_row(name, value)
        console().print(f"row {number}", style="bold")
        console().print(record)


def as_table(frame: pl.DataFrame) -> Table:
    """Rows as a terminal table; NULL is an empty cell."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, kind in frame.schema.items():
        number = kind.is_numeric()
        table.add_column(
            name, justify="right" if number else "left", overflow="fold", no_wrap=number
        )
    for row in _cells(frame):
        table.add_row(*row)
    return table


def _width(frame: pl.DataFrame) -> int:
    """Columns of the screen that a table takes when long texts are folded."""
    rows = [frame.columns, *([value[:FOLDED] for value in row] for row in _cells(frame))]
    return sum(max(map(len, column)) + 2 for column in zip(*rows, strict=True))


def _cells(frame: pl.DataFrame) -> list[list[str]]:
    return [[_cell(value) for value in row] for row in frame.iter_rows()]


def _cell(value: object) -> str:
    if value is None:
        return ""
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def interactive(folder: Path) -> None:
    """Read queries line by line, each ended by a semicolon; Ctrl-D leaves."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # gives the prompt history and editing
    print(
        "SQL on the latest snapshot; end a query with ; and leave with Ctrl-D. Try: SHOW TABLES;",
        file=sys.stderr,
    )
    lines: list[str] = []
    while True:
        try:
            lines.append(input("ttc> " if not lines else "...> "))
        except EOFError:
            return
        if lines[-1].rstrip().endswith(";"):
            _answer(folder, "\n".join(lines))
            lines.clear()


def _answer(folder: Path, query: str) -> None:
    try:
        print_result(snapshot.query(folder, query), "table")
    except UserError as error:
        print(error, file=sys.stderr)
