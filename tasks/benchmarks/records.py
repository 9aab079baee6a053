"""The rows of a file by its content: JSON Lines, JSON, CSV and the like, Parquet."""

from __future__ import annotations

import csv
import decimal
import io
import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from tasks.benchmarks.contents import WANTED, decode, read_content
from tasks.benchmarks.names import NAMES, plain
from warehouse.errors import UserError

_DELIMITERS = (",", "\t", ";", "|")
_LONGEST_CELL = 2**30
"""Characters of one cell of a table; Python's own limit would refuse long worked solutions."""


class Record(NamedTuple):
    """One row as it is written."""

    place: str
    """What it is called in what is refused: `file:line`, or `file, row n`."""
    number: int
    """Of a file of lines the line's, else the row's, from 1."""
    values: dict[str, Any]


def read_records(path: Path) -> Iterator[Record]:
    """The rows of a file, in its order; UserError names the line or row that is broken."""
    content = read_content(path)
    begun = content.lstrip()[:4]
    if begun == b"PAR1":
        return _of_parquet(path, content)
    if begun.startswith(b"["):
        return _of_list(path, _parse_whole(path, content))
    if begun.startswith(b"{"):
        return _of_objects(path, content)
    return _of_table(path, decode(path, content))


def rows_of(table: Any, path: Path | str) -> Iterator[Record]:
    """The rows of an Arrow table; what it lacks is None, as in JSON."""
    for number, values in enumerate(table.to_pylist(), start=1):
        yield Record(f"{path}, row {number}", number, _as_json(values))


def _of_parquet(path: Path, content: bytes) -> Iterator[Record]:
    try:
        table = pq.read_table(pa.BufferReader(content))
    except (pa.ArrowException, OSError) as error:
        raise UserError(
            f"{path}: expected a whole Parquet file, got a broken one ({error}); fetch it again"
        ) from error
    return rows_of(table, path)


def _as_json(value: Any) -> Any:
    """A value of Arrow as JSON would have it."""
    if isinstance(value, dict):
        return {name: _as_json(inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple)):
        return [_as_json(inner) for inner in value]
    # Columns of pandas write what is missing as NaN.
    if isinstance(value, float) and math.isnan(value):
        return None
    if isinstance(value, decimal.Decimal):
        return format(value.normalize(), "f")
    if value is None or isinstance(value, (str, int, float)):
        return value
    # Bytes are pictures and the like; they, and times, are no part of a question.
    return None if isinstance(value, bytes) else str(value)


def _of_objects(path: Path, content: bytes) -> Iterator[Record]:
    """Lines of objects; or one object that holds the rows in its only list of objects."""
    # Bytes, so that only line ends count as such: texts may hold other separators of Unicode.
    numbered = enumerate(content.splitlines(), start=1)
    lines = [(number, line) for number, line in numbered if line.strip()]
    _, first = lines[0]
    # Of an object over several lines the first is none; nor is a line that is broken.
    if len(lines) == 1 or not first.rstrip().endswith(b"}"):
        rows = _held_rows(path, content, is_one_line=len(lines) == 1)
        if rows is not None:
            return _of_list(path, rows)
    return (_of_line(path, number, line) for number, line in lines)


def _held_rows(path: Path, content: bytes, *, is_one_line: bool) -> list[Any] | None:
    """The only list of objects in a file that is one object; None for a file of lines."""
    whole = _try_whole(content)
    if whole is None:
        return None
    held = _held_lists(whole)
    if len(held) == 1:
        (rows,) = held.values()
        return rows
    # One row by itself is a benchmark of one question.
    if is_one_line and not held:
        return None
    names = ", ".join(sorted(held)) or "none"
    raise UserError(
        f"{path}: expected {WANTED}, got one JSON object with lists of rows: {names}; "
        "write the rows that are meant as one list"
    )


def _of_line(path: Path, number: int, line: bytes) -> Record:
    place = f"{path}:{number}"
    value = _parse(line, place)
    return Record(place, number, _object(value, place, line))


def _try_whole(content: bytes) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        return None


def _held_lists(whole: Any) -> dict[str, list[Any]]:
    """Lists of objects in an object that is not a question itself, by name."""
    if not isinstance(whole, dict):
        return {}
    questions = set(map(plain, NAMES["question"]))
    if any(plain(name) in questions for name in whole):
        return {}
    return {name: value for name, value in whole.items() if _are_rows(value)}


def _are_rows(value: Any) -> bool:
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(row, dict) for row in value)


def _of_list(path: Path, rows: Any) -> Iterator[Record]:
    for number, row in enumerate(rows, start=1):
        place = f"{path}, row {number}"
        written = str(row).encode()
        yield Record(place, number, _object(row, place, written))


def _parse_whole(path: Path, content: bytes) -> Any:
    try:
        return _parse(content, str(path))
    except UserError as error:
        cause = error.__cause__
        line = f":{cause.lineno}" if isinstance(cause, json.JSONDecodeError) else ""
        raise UserError(
            f"{path}{line}: expected one JSON array of objects, or one object a line, "
            f"got {content[:60]!r} ({cause}); correct it"
        ) from cause


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is no JSON")


def _parse(text: bytes, place: str) -> Any:
    try:
        value = json.loads(text.decode("utf-8"), parse_constant=_refuse_constant)
        # Half of a pair of surrogates is no character: it can be written nowhere.
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{place}: expected a JSON object, got {text[:60]!r} ({error}); "
            "correct or remove the line"
        ) from error
    return value


def _object(value: Any, place: str, written: bytes) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(
            f"{place}: expected a JSON object, got {written[:60]!r}; correct or remove the line"
        )
    return value


def _of_table(path: Path, text: str) -> Iterator[Record]:
    """Rows under a line of names, divided by whichever sign divides that line most often."""
    if not text.strip():
        return
    csv.field_size_limit(_LONGEST_CELL)
    # Of several that divide it equally often the first counts.
    sign = max(_DELIMITERS, key=lambda sign: len(_head(path, text, sign)))
    names = _head(path, text, sign)
    _check_head(path, names, text)
    cells = _cells(path, text, sign)
    # The head, which is no row.
    next(cells)
    for number, (line, values) in enumerate(cells, start=1):
        place = f"{path}:{line}"
        if len(values) != len(names):
            raise UserError(
                f"{place}: expected {len(names)} cells, as there are columns, got {len(values)}; "
                "put cells with separators or line breaks in quotes"
            )
        cells_by_name = zip(names, values, strict=True)
        # An empty cell is one that is not there.
        filled = {name: value for name, value in cells_by_name if value.strip()}
        yield Record(place, number, filled)


def _head(path: Path, text: str, sign: str) -> list[str]:
    _, names = next(_cells(path, text, sign))
    return [name.strip() for name in names]


def _check_head(path: Path, names: list[str], text: str) -> None:
    named = [name for name in names if name]
    if len(names) < 2:
        raise UserError(
            f"{path}: expected {WANTED}, got {text.strip()[:60]!r}; write it as one of these"
        )
    if len(set(named)) < len(named):
        raise UserError(f"{path}:1: expected different columns, got {names}; rename one")


def _cells(path: Path, text: str, sign: str) -> Iterator[tuple[int, list[str]]]:
    """(line at which it begins, cells) of every row that is not blank."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=sign, strict=True)
    begun = 1
    try:
        for values in reader:
            if values:
                yield begun, values
            begun = reader.line_num + 1
    except csv.Error as error:
        raise UserError(
            f"{path}:{begun}: expected a row of a table, got {error}; close its quotes"
        ) from error
