"""What a row calls the parts of a question: by the table of usual names, or as the study says."""

from __future__ import annotations

import ast
import dataclasses
import json
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from warehouse.errors import UserError

Row = dict[str, Any]
"""A row's values by their plain names."""

_MARKS = re.compile(r"[\W_]")
_SHOWN = 30
"""Columns that a refusal names."""


def _read_table() -> dict[str, tuple[str, ...]]:
    text = Path(__file__).with_name("names.toml").read_text(encoding="utf-8")
    listed: dict[str, list[str]] = tomllib.loads(text)
    return {part: tuple(names) for part, names in listed.items()}


NAMES = _read_table()
"""Usual names by the part of a question that they stand for."""


@dataclass(frozen=True, slots=True)
class Columns:
    """What a file calls the parts of a question; None: one of the usual names.

    `a.b` is b inside of a, unless there is a column of that very name.
    """

    question: str | None = None
    answer: str | None = None
    id: str | None = None
    choices: str | None = None
    level: str | None = None
    group: str | None = None
    accepted: str | None = None
    tests: str | None = None
    context: str | None = None

    def named(self) -> dict[str, str]:
        """The columns that are named, by part."""
        parts: dict[str, str | None] = dataclasses.asdict(self)
        return {part: column for part, column in parts.items() if column is not None}


USUAL = Columns()


def check_columns(columns: Columns, rows: list[dict[str, Any]], place: str) -> None:
    """UserError for a column that no row has: it says which there are."""
    for part, column in columns.named().items():
        # A column may be missing where a row has nothing in it, not in all rows.
        is_there = any(_is_there(row, column) for row in rows)
        if not is_there:
            raise UserError(
                f"{place}: expected the column {column!r} that the study names for {part}, "
                f"got columns {_shown_columns(rows)}; correct `columns` in the study"
            )


def _shown_columns(rows: list[dict[str, Any]]) -> str:
    known: dict[str, None] = {}
    for row in rows:
        known |= dict.fromkeys(row)
    names = [repr(name) for name in known]
    shown = ", ".join(names[:_SHOWN])
    more = len(names) - _SHOWN
    if more > 0:
        return f"{shown} and {more} more"
    # A file of nothing but a header has no columns.
    return shown or "none"


def _is_there(row: dict[str, Any], column: str) -> bool:
    if column in row:
        return True
    outer, _, inner = column.partition(".")
    within = unfolded(row.get(outer))
    if not inner or not isinstance(within, dict):
        return False
    return _is_there(within, inner)


def plain(name: str) -> str:
    """The name without capitals, spaces and marks: `Correct Answer`, `answerKey`."""
    return _MARKS.sub("", name.lower())


def plain_row(values: dict[str, Any]) -> Row:
    """The values by plain names; of two spellings of one name the first counts."""
    row: Row = {}
    for name, value in values.items():
        row.setdefault(plain(name), value)
    return row


def mapped(row: Row, values: dict[str, Any], columns: Columns) -> Row:
    """The row with what the study names, and nothing else, under the names of that part."""
    read = dict(row)
    for part, column in columns.named().items():
        usual = [plain(name) for name in NAMES[part]]
        # Nothing else stands in for a named column that is empty.
        for name in usual:
            read.pop(name, None)
        read[usual[0]] = _inside(values, column)
    return read


def _inside(values: dict[str, Any], column: str) -> Any:
    """What stands under a column's own name, or under its path; None where there is nothing."""
    if column in values:
        return values[column]
    outer, _, inner = column.partition(".")
    within = unfolded(values.get(outer))
    if not inner or not isinstance(within, dict):
        return None
    return _inside(within, inner)


def values_of(row: Row, part: str) -> Iterator[tuple[str, Any]]:
    """(name, value) of all names of a part under which the row has something, in their order."""
    for name in NAMES[part]:
        # Tables are often flat where JSON is not: then the whole path is one name.
        value = row.get(plain(name))
        if value is None and "." in name:
            value = _nested(row, name)
        if value is not None:
            yield name, value


def _nested(row: Row, path: str) -> Any:
    outer, _, inner = path.partition(".")
    within = unfolded(row.get(plain(outer)))
    if not isinstance(within, dict):
        return None
    return plain_row(within).get(plain(inner))


def unfolded(value: Any) -> Any:
    """A list or object that a cell of CSV or a text of JSON holds as text; others as they are."""
    if not isinstance(value, str) or not value.lstrip().startswith(("[", "{")):
        return value
    # What wrote a table with a list in a cell wrote it as JSON, or as Python shows it.
    for read in (json.loads, ast.literal_eval):
        try:
            return read(value)
        except (ValueError, SyntaxError, RecursionError, MemoryError):
            continue
    return value


def scalar(value: object) -> str | None:
    """A text or number as text; None for anything else."""
    if not isinstance(value, (str, int, float)):
        return None
    # 1e3 is a float to JSON: as a target it is the whole number that it writes.
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return str(value).strip()


def text_of(value: object) -> str:
    """A text as it is, any other value as JSON writes it."""
    if isinstance(value, str):
        return value
    return json.dumps(value)
