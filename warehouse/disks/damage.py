"""What is said of a database's file that cannot be read, and of a disk that cannot be written."""

from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path

import duckdb

from warehouse.disks.trouble import number_in, trouble
from warehouse.errors import UserError

DAMAGE = (
    duckdb.IOException,
    duckdb.FatalException,
    duckdb.InternalError,
    duckdb.SerializationException,
)
"""Kinds of error that say of a file or its log that it cannot be read."""


_CUT = ("replaying WAL", "Could not read enough bytes")
"""What is said, in errors of any kind, where a file is shorter than its log or its head says."""


_BLOCKS = """
SELECT total_blocks * block_size FROM pragma_database_size()
WHERE database_name = current_database()
"""
"""Bytes that a database's head says it has."""


def is_damage(error: duckdb.Error) -> bool:
    """Whether the file and not the query is at fault."""
    # A wrong checksum comes as a bare Error, of which every other error is a subclass.
    if type(error) is duckdb.Error or isinstance(error, DAMAGE):
        return True
    return any(words in str(error) for words in _CUT)


def suspicion(path: Path) -> Path:
    """A note that lies beside a database in which damage was met while it was open."""
    return path.with_name(f"{path.name}.suspect")


def first_line(error: duckdb.Error) -> str:
    """The error without what DuckDB adds to it."""
    return str(error).splitlines()[0]


def refuse_disk(error: duckdb.Error, path: Path) -> None:
    """DiskTrouble where the disk and not the file is at fault.

    DuckDB says so with the same kind of error; building anew would only need more disk.
    """
    number = number_in(str(error))
    if number is not None:
        raise trouble(number, path) from error


def damage_of(path: Path) -> str | None:
    """Why a database cannot be read; None for one that can, is not there, or is being written."""
    if suspicion(path).exists():
        return suspicion(path).read_text().strip()
    if not path.exists():
        return None
    try:
        with duckdb.connect(path, read_only=True) as connection:
            sizes = connection.execute(_BLOCKS).fetchall()
    except duckdb.Error as error:
        if "Conflicting lock" in str(error) or not is_damage(error):
            return None
        return str(error).splitlines()[0]
    have = path.stat().st_size
    if sizes and have < sizes[0][0]:
        return f"{have:,} bytes, where its head speaks of {sizes[0][0]:,}"
    return None


@contextmanager
def note_damage(*paths: Path) -> Generator[None]:
    """Turns damage met in open databases into a sentence, and has the next opening rebuild them.

    The error does not say which of several it was met in.
    """
    try:
        yield
    except duckdb.Error as error:
        refuse_disk(error, paths[0])
        if not is_damage(error):
            raise
        for path in paths:
            suspicion(path).write_text(first_line(error))
        raise UserError(
            f"The database {paths[0]} is damaged ({first_line(error)}): run again, and it is "
            "rebuilt from the journal, which has everything."
        ) from error
