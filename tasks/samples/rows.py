"""Rows of sample logs, JSON Lines, Parquet or Arrow, and a count of what is no row."""

from __future__ import annotations

import gzip
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, Any, NamedTuple

import polars as pl

from tasks.samples.log import Refusal
from warehouse.errors import UserError

_TABLES = {
    b"PAR1": pl.read_parquet,
    b"ARROW1": pl.read_ipc,
    # What the `datasets` package writes: a stream of Arrow messages.
    b"\xff\xff\xff\xff": pl.read_ipc_stream,
}
"""First bytes of tables, and what reads them."""
_GZIP = b"\x1f\x8b"
_WIDE = (b"\xff\xfe", b"\xfe\xff")
_LOOKED_THROUGH = 100
"""Lines of a file in which its first whole rows are looked for."""

NO_JSON = "no JSON object stands in the line"
CUT_LINE = "the last line is cut off in the middle"


Values = dict[str, Any]
"""What stands in a row or in a part of one, by name."""


class Row(NamedTuple):
    """One row and where it stands, `file:line`."""

    place: str
    values: Values


class Start(NamedTuple):
    """What the format of a file is known by."""

    path: Path
    row: Values
    """One of its first whole rows; empty where it has none."""


class Refusals:
    """What was not taken, counted by reason, each with the place of the first."""

    def __init__(self) -> None:
        self._counts: dict[str, int] = {}
        self._examples: dict[str, str] = {}

    def add(self, reason: str, place: str, count: int = 1) -> None:
        """Counts so many more for that reason."""
        self._counts[reason] = self._counts.get(reason, 0) + count
        self._examples.setdefault(reason, place)

    def take(self, others: Refusals) -> None:
        """Counts all of the others too."""
        for refusal in others.listed():
            self.add(refusal.reason, refusal.example, refusal.count)

    def listed(self) -> list[Refusal]:
        """One entry a reason, in the order in which they came up."""
        return [
            Refusal(reason, count, self._examples[reason]) for reason, count in self._counts.items()
        ]


def read_rows(path: Path, refusals: Refusals) -> Iterator[Row]:
    """Every row of a file, JSON Lines (also gzipped), Parquet or Arrow.

    A line that is no JSON object is counted in `refusals`; UserError names a table that cannot be
    read at all, and a text in UTF-16.
    """
    start = first_bytes(path)
    for magic, read in _TABLES.items():
        if start.startswith(magic):
            yield from _table_rows(path, read)
            return
    if is_wide(start):
        raise UserError(
            f"{path}: expected lines in UTF-8, got a text in UTF-16; write it in UTF-8: "
            f"iconv -f UTF-16 -t UTF-8 {path.name}"
        )
    with _open(path, start) as file:
        yield from _lines(path, file, refusals)


def first_row(path: Path) -> Values:
    """The first whole row of a file; empty where there is none."""
    return next(iter(first_rows(path, 1)), {})


def first_rows(path: Path, count: int) -> list[Values]:
    """So many whole rows from the start of a file, by which its format is known.

    UserError where the file cannot be read.
    """
    start = first_bytes(path)
    for magic, read in _TABLES.items():
        if start.startswith(magic):
            return [row.values for row in _table_rows(path, read, count=count)]
    if start.startswith(b"PK") or is_wide(start):
        return []
    rows: list[Values] = []
    try:
        with _open(path, start) as file:
            for _, line in zip(range(_LOOKED_THROUGH), file, strict=False):
                values = _object(line)
                if values is not None:
                    rows.append(values)
                if len(rows) == count:
                    break
    except (OSError, EOFError) as error:
        # Of half a gzip file what came before its end can be known.
        if rows:
            return rows
        raise UserError(
            f"{path}: expected a file that can be read, got {error}; fetch it again"
        ) from error
    return rows


def first_bytes(path: Path, count: int = 8) -> bytes:
    """The beginning of a file."""
    with path.open("rb") as file:
        return file.read(count)


def is_wide(start: bytes) -> bool:
    """Whether a file that begins so is a text in UTF-16: by its mark, or every other byte is 0."""
    return start.startswith(_WIDE) or b"\0\0" in (start[0:4:2], start[1:4:2])


def _open(path: Path, start: bytes) -> gzip.GzipFile | IO[bytes]:
    if start.startswith(_GZIP):
        return gzip.open(path, "rb")
    return path.open("rb")


def _lines(path: Path, file: Iterable[bytes], refusals: Refusals) -> Iterator[Row]:
    number = 0
    try:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            values = _object(line)
            if values is not None:
                yield Row(f"{path}:{number}", values)
                continue
            # Whoever is stopped while writing leaves half a line, and no end of line behind it.
            whole = line.endswith(b"\n")
            refusals.add(NO_JSON if whole else CUT_LINE, f"{path}:{number}")
    except (OSError, EOFError):
        # Half a gzip file: what came before its end was read.
        refusals.add(CUT_LINE, f"{path}:{number + 1}")


def _object(line: bytes) -> Values | None:
    try:
        # Of bytes the parser would guess the encoding, a line at a time.
        text = line.removeprefix(b"\xef\xbb\xbf").decode("utf-8", "surrogatepass")
        values = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return values if isinstance(values, dict) else None


def _table_rows(path: Path, read: Any, count: int | None = None) -> Iterator[Row]:
    try:
        table: pl.DataFrame = read(path, n_rows=count)
    except (pl.exceptions.PolarsError, OSError, RuntimeError) as error:
        first_line = str(error).splitlines()[0]
        raise UserError(
            f"{path}: expected a whole table, got {first_line}; fetch or write it again"
        ) from error
    for number, values in enumerate(table.iter_rows(named=True), start=1):
        yield Row(f"{path}:{number}", values)
