"""How values travel between a program and its tests: as data, never as objects.

A program's reply is read by those who judge it. Whatever the program sends, reading it builds plain
values of Python's own types and nothing else: no code of the program's, no class of its own whose
`__eq__` could call itself equal. Both ends read and write one JSON text a line.
"""

from __future__ import annotations

import json
from collections import deque
from collections.abc import Callable, Iterable
from decimal import Decimal
from fractions import Fraction
from typing import Any, BinaryIO, cast

LONGEST = 16 << 20
"""Bytes of one line; more is refused by who reads it."""

Wire = Any
"""What JSON can say."""


class Unsendable(Exception):
    """A value that is not data; the text names its type."""


class TooLong(Exception):
    """The other end wrote a line of more than `LONGEST` bytes."""


def send(pipe: BinaryIO, message: Wire) -> None:
    """Write one message."""
    pipe.write(json.dumps(message).encode() + b"\n")
    pipe.flush()


def receive(pipe: BinaryIO) -> Wire | None:
    """The next message, None when the other end is gone; ValueError for what is no JSON text."""
    line = pipe.readline(LONGEST + 1)
    if len(line) > LONGEST:
        raise TooLong
    return json.loads(line) if line.endswith(b"\n") else None


def pack(value: object, keep: Callable[[object], Wire] | None = None) -> Wire:
    """The value as JSON can say it; what is no data goes through `keep`, or is Unsendable.

    Of a subclass the plain type is sent: a Counter as a dict, a named tuple as a tuple. Members of
    sets come in the order of their texts, so that equal sets are equal texts.
    """
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str):
        return str(value)
    for name, is_of, write in _WRITERS:
        if isinstance(value, is_of):
            return {name: write(value)}
    return _pack_members(value, keep)


def _pack_members(value: object, keep: Callable[[object], Wire] | None) -> Wire:
    if isinstance(value, dict):
        return {"dict": [[pack(key, keep), pack(held, keep)] for key, held in value.items()]}
    for name, kind in _SEQUENCES.items():
        if isinstance(value, kind):
            several = cast("Iterable[object]", value)
            members = [pack(member, keep) for member in several]
            return {name: sorted(members, key=json.dumps) if "set" in name else members}
    if keep is None:
        raise Unsendable(type(value).__name__)
    return keep(value)


def unpack(message: Wire, find: Callable[[Wire], object]) -> Any:
    """The value that `pack` said; `find` gives what was kept.

    ValueError or TypeError for anything that `pack` does not say.
    """
    if message is None or isinstance(message, (bool, str)):
        return message
    ((name, content),) = message.items()
    if name in _READERS:
        return _READERS[name](content)
    if name == "dict":
        return {unpack(key, find): unpack(held, find) for key, held in content}
    if name in _SEQUENCES:
        return _SEQUENCES[name](unpack(member, find) for member in content)
    return find(message)


def _write_float(value: float) -> str:
    # Zero has two signs, which are equal.
    return "0.0" if value == 0 else repr(float(value))


def _read_int(text: str) -> int:
    return int(text, 16)


def _write_range(value: range) -> str:
    return f"{value.start} {value.stop} {value.step}"


def _read_range(text: str) -> range:
    return range(*map(int, text.split()))


_SEQUENCES: dict[str, type] = {
    "list": list,
    "tuple": tuple,
    "set": set,
    "frozenset": frozenset,
    "deque": deque,
}
# Decimal digits of a large whole number take quadratic time, and Python refuses them: hexadecimal.
_WRITERS: tuple[tuple[str, type, Callable[[Any], str]], ...] = (
    ("int", int, hex),
    ("float", float, _write_float),
    ("complex", complex, repr),
    ("bytes", bytes, bytes.hex),
    ("bytearray", bytearray, bytearray.hex),
    ("decimal", Decimal, str),
    ("fraction", Fraction, str),
    ("range", range, _write_range),
)
_READERS: dict[str, Callable[[str], object]] = {
    "int": _read_int,
    "float": float,
    "complex": complex,
    "bytes": bytes.fromhex,
    "bytearray": bytearray.fromhex,
    "decimal": Decimal,
    "fraction": Fraction,
    "range": _read_range,
}
