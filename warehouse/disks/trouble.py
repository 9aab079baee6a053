"""Disks that refuse: which errors are theirs, and the one sentence that is said of them."""

import errno
import os
import shutil
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

from warehouse.errors import DiskTrouble

_FULL = "make space, or set TTC_HOME to a folder on another disk"
_CLOSED = "make it writable, or set TTC_HOME to another folder"
_MANY = "raise the limit on open files (`ulimit -n`), or close other programs"
ADVICE = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EFBIG: _FULL,
    errno.EROFS: _CLOSED,
    errno.EACCES: _CLOSED,
    errno.EPERM: _CLOSED,
    errno.EIO: "see what the system says of the disk (`dmesg`), or set TTC_HOME to another one",
    errno.EMFILE: _MANY,
    errno.ENFILE: _MANY,
}
"""What to do about errors that are the disk's or the system's and not the program's."""

_OWN_WORDS = {
    "fsync failed": errno.EIO,
    "database or disk is full": errno.ENOSPC,
    "disk i/o error": errno.EIO,
    "readonly database": errno.EROFS,
}
"""What DuckDB and SQLite say instead of the system's words."""

_SPEAKING = ("duckdb", "_duckdb", "sqlite3", "sqlalchemy", "polars")
"""Libraries that put the system's words into errors of their own kinds."""


def number_in(text: str) -> int | None:
    """The number of the disk's error that a message speaks of; None: it speaks of none."""
    said = text.lower()
    for number in ADVICE:
        if os.strerror(number).lower() in said:
            return number
    for words, number in _OWN_WORDS.items():
        if words in said:
            return number
    return None


def trouble(number: int, place: str | Path) -> DiskTrouble:
    """The sentence on an error of the disk that was met at a file or a folder."""
    return DiskTrouble(
        f"disk: expected to read or write {place}, got {os.strerror(number)!r} "
        f"({_free(Path(place))}); {ADVICE[number]}, then run again: nothing that was stored is lost"
    )


def trouble_of(error: BaseException, home: Path) -> DiskTrouble | None:
    """The same, where an error or one that it came from is the disk's; else None.

    `home` is named where the error does not say which file it was.
    """
    for one in chain_of(error):
        if isinstance(one, DiskTrouble):
            return one
        number = _number_of(one)
        if number is not None:
            place = getattr(one, "filename", None)
            return trouble(number, home if place is None else str(place))
    return None


@contextmanager
def name_file(path: Path) -> Generator[None]:
    """Errors of the disk name the file: those of a write or an fsync do not."""
    try:
        yield
    except OSError as error:
        if error.errno is None or error.filename is not None:
            raise
        raise OSError(error.errno, error.strerror, str(path)) from error


def _number_of(error: BaseException) -> int | None:
    if isinstance(error, OSError):
        return error.errno if error.errno in ADVICE else None
    library = type(error).__module__.partition(".")[0]
    return number_in(str(error)) if library in _SPEAKING else None


def chain_of(error: BaseException) -> Iterator[BaseException]:
    """The error, those of its group, and those that it came from, the nearest first."""
    left: list[BaseException | None] = [error]
    seen: set[int] = set()
    while left:
        one = left.pop(0)
        if one is None or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        if isinstance(one, BaseExceptionGroup):
            left.extend(one.exceptions)
        left += [one.__cause__, one.__context__]


def _free(place: Path) -> str:
    """How much is free where a file lies or would lie."""
    for folder in (place, *place.parents):
        try:
            free = shutil.disk_usage(folder).free
        except OSError:
            # Not there yet, or the disk says nothing any more.
            continue
        return f"{free / 1e6:,.0f} MB free"
    return "what is free cannot be told"


def was_stopped(error: BaseException) -> bool:
    """Whether a signal that ends a command did it, and nothing is wrong.

    DuckDB swallows it where it meets it in a query, and raises an error of its own.
    """
    return any(
        isinstance(one, KeyboardInterrupt)
        or (isinstance(one, RuntimeError) and str(one) == "Query interrupted")
        for one in chain_of(error)
    )
