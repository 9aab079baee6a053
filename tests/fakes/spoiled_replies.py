"""What a hostile server answers: replies that are whole and wrong, and answers that are none."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Protocol

ANSWERS: dict[str, tuple[int, Any]] = {
    "later than ever": (503, {"error": {"message": "later"}}),
    "elsewhere": (307, b""),
    "empty": (204, b""),
    "not mine": (404, {"error": {"message": "the model does not exist"}}),
    "deep": (200, b"[" * 100_000),
    "deep complaint": (500, b'{"error":' + b"[" * 960 + b"]" * 960 + b"}"),
    "odd charset": (500, b"\x1f\x8b an error"),
}
"""Status and body."""
HEADERS = {
    "elsewhere": {"Location": "http://elsewhere/"},
    "bomb": {"Content-Encoding": "gzip"},
    "odd charset": {"Content-Type": "text/plain; charset=zlib"},
}
"""What it says beside that."""


def _with_ids(reply: dict[str, Any], token: int) -> dict[str, Any]:
    """The reply with another first token of its last choice."""
    *before, last = reply["choices"]
    changed = last | {"token_ids": [token, *last["token_ids"][1:]]}
    return reply | {"choices": [*before, changed]}


def _with_cached(reply: dict[str, Any], cached: int) -> dict[str, Any]:
    usage = reply["usage"] | {"prompt_tokens_details": {"cached_tokens": cached}}
    return reply | {"usage": usage}


SPOILED: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "no such token": lambda reply: _with_ids(reply, 128),
    "below zero": lambda reply: _with_ids(reply, -1),
    "huge token": lambda reply: _with_ids(reply, 2**70),
    "cached beyond": lambda reply: _with_cached(reply, 10**12),
    "cached below": lambda reply: _with_cached(reply, -1),
}
"""What is wrong with replies that are whole."""


class Counting(Protocol):
    """What counts the bytes that it sent."""

    sent: int


async def drip(writer: asyncio.StreamWriter, seconds: float) -> bool:
    """A page that comes byte by byte, so many seconds apart."""
    for byte in b"HTTP/1.1 200 .\r\nContent-Length: 1000\r\n\r\n" + b" " * 1000:
        writer.write(bytes([byte]))
        await writer.drain()
        await asyncio.sleep(seconds)
    return False


async def pour(writer: asyncio.StreamWriter, server: Counting) -> bool:
    """Blanks without end, which is what a document may begin with."""
    writer.write(b"HTTP/1.1 200 .\r\nContent-Length: 1000000000000\r\n\r\n")
    while True:
        writer.write(b" " * 2**16)
        await writer.drain()
        server.sent += 2**16
