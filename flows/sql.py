"""`ttc sql`: results in several forms, and a prompt."""

from __future__ import annotations

import contextlib
import importlib
import sys
from pathlib import Path
from typing import Literal

import polars as pl
from rich.console import Console
from rich.table import Table

from warehouse import snapshot
from warehouse.errors import UserError

ROWS = 100
"""Rows of a table shown on a screen; --csv, --json and --parquet give all."""


def print_result(frame: pl.DataFrame, form: Literal["table", "csv", "json"]) -> None:
    """Print a result to stdout."""
    if form == "csv":
        sys.stdout.write(frame.write_csv())
    elif form == "json":
        sys.stdout.write(frame.write_json() + "\n")
    else:
        Console(width=None if sys.stdout.isatty() else 100).print(as_table(frame))
        if frame.height > ROWS:
            print(f"{frame.height} rows, {ROWS} shown; --csv, --json or --parquet FILE give all", file=sys.stderr)


def as_table(frame: pl.DataFrame) -> Table:
    """The first rows as a terminal table; NULL is an empty cell."""
    table = Table(box=None, header_style="bold", pad_edge=False)
    for name, kind in frame.schema.items():
        table.add_column(name, justify="right" if kind.is_numeric() else "left", overflow="fold")
    for row in frame.head(ROWS).iter_rows():
        table.add_row(*("" if v is None else f"{v:.4g}" if isinstance(v, float) else str(v) for v in row))
    return table


def interactive(folder: Path) -> None:
    """Read queries line by line, each ended by a semicolon; Ctrl-D leaves."""
    with contextlib.suppress(ImportError):
        importlib.import_module("readline")  # gives the prompt history and editing
    print("SQL on the latest snapshot; end a query with ; and leave with Ctrl-D. Try: SHOW TABLES;", file=sys.stderr)
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
