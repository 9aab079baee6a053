"""What commands print: tables of rows, 100 columns wide where there is no terminal."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from typing import Annotated, Any

from cyclopts import Parameter
from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

from warehouse.errors import shown

MaxBudget = Annotated[
    int | None, Parameter(name="--max-budget", help="Largest budget; powers of two up to it.")
]


REGRESSED = 3
"""Exit code with --gate for a model version that is significantly worse."""


class PlainConsole(Console):
    """A console for texts of models and names of users: nothing in them steers the terminal.

    What they bring of that kind is written out (`\\x1b`); rich's own styles stay.
    """

    def __init__(self, width: int | None = None, *, stderr: bool = False) -> None:
        # They have square brackets and colons, which are neither styles nor pictures.
        super().__init__(width=width, markup=False, emoji=False, stderr=stderr)

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """As rich does, every piece of text as `shown` writes it."""
        for text, style, control in super().render(renderable, options):
            yield Segment(text if control else shown(text), style, control)


def console() -> PlainConsole:
    """Where commands print: as wide as the terminal, else 100 columns (or COLUMNS)."""
    # Rich takes 80 where there is no terminal, which folds the policy table.
    width = None if sys.stdout.isatty() else int(os.environ.get("COLUMNS", "100"))
    return PlainConsole(width)


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
