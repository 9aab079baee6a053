"""Copies in other places: every table as Parquet, and what a backup is made of.

Those of a journal, of databases of SQLite and of folders are made while others write to them. They
are incremental: what is there already is not copied again, and nothing of it is removed.
"""

import shutil
import sqlite3
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import NamedTuple

import duckdb

from warehouse import sequence
from warehouse.errors import Gone, UserError, say
from warehouse.folder import sync_folder
from warehouse.places import Place, open_place
from warehouse.schema import tables
from warehouse.verification import is_sound

ROWS = 2048
"""Rows of a Parquet row group, which is in memory as a whole: a draw may have 32,000 tokens."""


class Copied(NamedTuple):
    """What was new, and what could not be copied."""

    objects: int
    bytes: int
    damaged: list[str]
    """Names of segments that are not whole: what a former copy has of them stays."""


def copy_journal(source: Place, target: Place) -> Copied:
    """All segments of `source` are in `target` when this returns, and their order with them.

    Whoever writes or compacts meanwhile takes nothing away from the copy: the order is read first
    and written last, so that it never speaks of a segment whose rows the copy lacks, and what was
    replaced before it could be read is looked for again under its new name.
    """
    order = _read_order(source)
    there = target.sizes()
    damaged: set[str] = set()
    objects = size = 0
    missed = True
    while missed:
        missed = False
        for name in sorted(_segments(source) - there.keys() - damaged):
            try:
                content = _read(source, name)
            except Gone:
                missed = True
                continue
            if content is None:
                damaged.add(name)
                continue
            target.create(name, content)
            there[name] = len(content)
            objects += 1
            size += len(content)
    for name, content in order.items():
        target.create(name, content)
    return Copied(objects, size, sorted(damaged))


def _segments(place: Place) -> set[str]:
    """Names of all objects but those of the order, and what is there for workers of a run only."""
    left_out = (f"{sequence.ROOM}/", sequence.FORMER, "extracts/", "damaged/")
    return {name for name in place.sizes() if not name.startswith(left_out)}


def _read_order(place: Place) -> dict[str, bytes]:
    """The log of the order by name, as it is at one moment, without what is damaged."""
    while True:
        found: dict[str, bytes] = {}
        try:
            for name in place.sizes(sequence.ROOM):
                content = place.read(name)
                if is_sound(name, content):
                    found[name] = content
            with suppress(Gone):
                found[sequence.FORMER] = place.read(sequence.FORMER)
        except Gone:
            # A whole order has taken its place since it was listed.
            continue
        return found


def _read(place: Place, name: str) -> bytes | None:
    """The object's bytes; None where they are not those that were written. Raises Gone."""
    content = place.read(name)
    if not is_sound(name, content):
        # Somebody may be copying it there.
        content = place.read_settled(name)
    return content if is_sound(name, content) else None


def copy_database(source: Path, target: Path) -> None:
    """A database of SQLite as it is at one moment, whoever writes to it; in place of a former copy.

    By SQLite's own backup: the file alone may be in the middle of a transaction.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    partial = target.with_name(f".{target.name}.partial")
    partial.unlink(missing_ok=True)
    with (
        closing(sqlite3.connect(f"{source.resolve().as_uri()}?mode=ro", uri=True)) as live,
        closing(sqlite3.connect(partial)) as copy,
    ):
        live.backup(copy)
    partial.rename(target)
    sync_folder(target.parent)


def copy_folder(source: Path, target: Path) -> int:
    """How many files of a folder were new or other than in the copy; each appears whole."""
    copied = 0
    for path in sorted(source.rglob("*")):
        if not path.is_file() or path.name.startswith("."):
            continue
        place = target / path.relative_to(source)
        # One that is gone was renewed meanwhile: the next copy has what took its place.
        with suppress(FileNotFoundError):
            if _is_same(path, place):
                continue
            place.parent.mkdir(parents=True, exist_ok=True)
            partial = place.with_name(f".{place.name}.partial")
            shutil.copy2(path, partial)
            partial.rename(place)
            copied += 1
    return copied


def _is_same(path: Path, place: Path) -> bool:
    """By size and time, which `copy2` brings along."""
    if not place.is_file():
        return False
    one, other = path.stat(), place.stat()
    return (one.st_size, one.st_mtime_ns) == (other.st_size, other.st_mtime_ns)


def prepare(folder: Path) -> Path:
    """The folder, made if absent; UserError for one that has something in it already."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UserError(
            f"Expected a new or an empty folder to export to, got {folder}, which has something in "
            "it: name another one, or remove it."
        )
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def export(connection: duckdb.DuckDBPyConnection, folder: Path) -> dict[str, int]:
    """Rows written to `<folder>/<table>.parquet`, by table; an empty table has a file too."""
    written: dict[str, int] = {}
    for table in tables():
        target = folder / f"{table}.parquet"
        partial = target.with_name(f".{target.name}.partial")
        # COPY takes no parameter: the path is quoted by hand.
        quoted = str(partial).replace("'", "''")
        options = f"FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {ROWS}"
        rows = connection.execute(f"COPY \"{table}\" TO '{quoted}' ({options})").fetchall()
        written[table] = int(rows[0][0])
        # Only then is there a file of that name: a table that is there is there as a whole.
        partial.rename(target)
    return written


if __name__ == "__main__":
    # For servers, whose databases are copied by their own means: infra/deploy/backup.
    done = copy_journal(open_place(sys.argv[1]), open_place(sys.argv[2]))
    say(f"journal: {done.objects} new objects, {done.bytes / 1e6:,.1f} MB")
    for left_out in done.damaged:
        say(f"journal: {left_out} is damaged and not copied")
