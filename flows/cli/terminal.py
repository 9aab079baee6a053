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
    # Rich takes 80 where there is no terminal, which folds the policy table.
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100"))
    # Names and answers have square brackets and colons, which are neither styles nor pictures.
    return Console(width=width, markup=False, emoji=False)


def show_rows(rows: list[dict[str, Any]], *, as_json: bool, title: str) -> None:
    """Print rows as a table, or as JSON for scripts."""
    if as_json:
        # Times and other values that JSON lacks become text.
        print(json.dumps(rows, default=str, indent=1))
        return
    if not rows:
        console().print(f"{title}: nothing yet; start with `ttc demo`")
        return
    table = Table(title=title, title_justify="left", box=None, header_style="bold", pad_edge=False)
    # Else the title of a narrow table is broken into several lines.
    table.min_width = min(len(title), console().width)
    for name, value in rows[0].items():
        justify = "right" if isinstance(value, int | float) else "left"
        table.add_column(name, justify=justify, overflow="fold")
    for row in rows:
        table.add_row(*map(_cell, row.values()))
    console().print(table)


def _cell(value: object) -> str:
    """A value as it is shown: thousands in groups, unknown ones as a dash."""
    if value is None:
        return "–"
    if isinstance(value, float):
        # Three digits say enough of an estimate; from 100 on the whole number has them.
        return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"
    # A bool is an int to Python: it would read as 1.
    is_count = isinstance(value, int) and not isinstance(value, bool)
    return f"{value:,}" if is_count else str(value)
