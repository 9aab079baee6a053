"""A request and what comes back: no server decides how much memory or time a reply takes here."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NamedTuple

import httpx

LARGEST_PAGE = 16 * 2**20
"""Bytes of a list of models or of a short reply; the longest lists that are known have 1 MB."""
_LARGEST_COMPLAINT = 64 * 2**10
"""Bytes that are read of what is no reply: its first words are shown."""
_A_REPLY = 2**20
_A_TOKEN = 2**11
"""Bytes: twenty likeliest tokens with their log-probabilities take a kilobyte."""
PLAIN = {"Accept-Encoding": "identity"}
"""Asks for the bytes as they are: a kilobyte of gzip may hold a megabyte, read in one go."""


class Unreadable(ValueError):
    """A reply that is larger than what was asked for can be, or packed though nobody wanted it."""


class Received(NamedTuple):
    """What a server sent."""

    url: str
    status: int
    headers: httpx.Headers
    content: bytes
    """Of what is no reply (a status other than 200) the first bytes."""


def room_for(tokens: int) -> int:
    """Bytes that a reply about so many tokens may have."""
    return _A_REPLY + _A_TOKEN * tokens


async def receive(
    client: httpx.AsyncClient, method: str, url: str, *, content: bytes | None, largest: int
) -> Received:
    """What the server says to one request; Unreadable for a reply of more bytes than `largest`.

    The client is one that asks for PLAIN bytes. Raises httpx.RequestError as the client does.
    """
    said = bytearray()
    async with client.stream(method, url, content=content) as response:
        is_reply = response.status_code == 200
        packed = response.headers.get("Content-Encoding", "identity").lower()
        if is_reply and packed != "identity":
            raise Unreadable(f"expected a reply as it is, got one packed by {packed[:40]}")
        most = largest if is_reply else _LARGEST_COMPLAINT
        # Raw: httpx would unpack a piece of any size before it is counted.
        async for piece in response.aiter_raw():
            said += piece
            if len(said) > most:
                break
    if is_reply and len(said) > most:
        raise Unreadable(f"expected a reply of at most {most:,} bytes, got more")
    return Received(str(response.url), response.status_code, response.headers, bytes(said[:most]))


def ask_once(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    content: bytes | None = None,
    seconds: float,
) -> Received:
    """The same for who has no event loop: the whole reply within so many seconds.

    Raises httpx.RequestError for a server that is not there or too slow, Unreadable for too much.
    """

    async def ask() -> Received:
        timeout = httpx.Timeout(seconds, connect=min(seconds, 4.0))
        sent = {"Content-Type": "application/json", **PLAIN, **headers}
        async with httpx.AsyncClient(headers=sent, timeout=timeout) as client:
            return await _within(seconds, receive_page(client))

    async def receive_page(client: httpx.AsyncClient) -> Received:
        return await receive(client, method, url, content=content, largest=LARGEST_PAGE)

    # A thread of its own: whoever asks may stand in an event loop, which takes no second one.
    thread = ThreadPoolExecutor(1)
    try:
        return thread.submit(asyncio.run, ask()).result()
    finally:
        thread.shutdown(wait=False)


async def _within(seconds: float, asking: Any) -> Received:
    """Bounds the whole of it: a timeout of httpx is between two bytes."""
    try:
        async with asyncio.timeout(seconds):
            return await asking
    except TimeoutError as error:
        raise httpx.ReadTimeout(f"no whole reply in {seconds:g} s") from error
