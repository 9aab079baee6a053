"""What commands print: tables of rows, 100 columns wide where there is no terminal."""

from __future__ import annotations

import json
import os
import sys
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

MaxBudget = Annotated[
    int | None, Parameter(name="--max-budget", help="Largest budget; powers of two up to it.")
]


def console() -> Console:
    """Where commands print: as wide as the terminal, else 100 columns (or COLUMNS)."""
    return Console(width=None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100")))


def show_rows(rows: list[dict[str, Any]], *, as_json: bool, title: str) -> None:
    """Print rows as a table, or as JSON for scripts."""
    if as_json:
        print(json.dumps(rows, default=str, indent=1))
        return
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    for name in rows[0] if rows else ():
        table.add_column(
            name,
            justify="right" if isinstance(rows[0][name], (int, float)) else "left",
            overflow="fold",
        )
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console().print(table if rows else f"{title}: nothing yet; start with `ttc demo`")


def _cell(value: object) -> str:
    if value is None:
        return "–"
    if isinstance(value, float):
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return f"{value:,}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
