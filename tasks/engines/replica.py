"""One server: a request to it, and what became of it."""

from __future__ import annotations

import asyncio
import contextlib
import json
import re
import ssl
import time
from collections.abc import Callable, Generator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, Literal, TypeVar

import httpx
from pydantic import ValidationError

from tasks.endpoints.keys import Key
from tasks.endpoints.statuses import (
    Refusal,
    leads_nowhere,
    may_pass,
    read_complaint,
    refuse,
    retry_after,
)
from tasks.endpoints.transfer import PLAIN, Received, receive, room_for
from warehouse.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how often replicas are asked; all times in seconds."""

    connect: float = 10.0
    read: float = 1800.0
    """Without a byte; a reply comes in one piece, so this bounds its generation."""
    total: float = 3600.0
    """One attempt, from connecting to the last byte."""
    attempts: int = 10
    """At one request, on whichever replicas."""
    backoff: float = 0.5
    """Before the second attempt on the same replica; doubles from then on, times 0.5 to 1.

    The factor is random, so that requests which failed together do not come back together.
    """
    longest: float = 60.0
    """No back-off is longer; a server's Retry-After may be."""
    silence: float = 120.0
    """After so long without any reply while requests wait, a replica is asked for one token."""
    probe: float = 120.0
    """What the replica has for that token.

    A frozen one is set aside then, and its requests go elsewhere.
    """
    strikes: int = 3
    """Failures in a row after which a replica is set aside until it generates a token."""
    at_once: int = 256
    """Requests in flight a replica, on average.

    More wait in this process, not as open connections.
    """


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One request, the same for every replica, and how its reply is read."""

    path: str
    body: Mapping[str, Any]
    read: Callable[[bytes], T]
    """What a reply's body says.

    ValueError when it cannot be trusted: it is asked for again then.
    """
    tokens: int
    """That its reply may be about: they bound how many bytes are read of it."""

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return json.dumps(self.body).encode()


FaultKind = Literal["busy", "trouble", "unreachable", "astray", "misread"]
"""Astray: an answer that is neither a reply nor a complaint, such as a redirect.

The last: a reply came and was paid for, but is not what was asked for.
"""


class Fault(Exception):
    """An attempt that gave nothing and may be repeated."""

    def __init__(self, what: str, kind: FaultKind, *, wait: float | None = None) -> None:
        super().__init__(what)
        self.kind: FaultKind = kind
        self.wait = wait
        """What the server wants us to wait."""

    @property
    def strike(self) -> bool:
        """Whether the replica did badly; one that says it is busy did not."""
        return self.kind != "busy"


@dataclass(slots=True, eq=False)
class Replica:
    """A server, what it did lately and the requests it has not answered yet."""

    url: str
    limits: Limits
    tls: ssl.SSLContext
    key: Key | None = None
    proven: bool = False
    """Whether it has given a good reply."""
    heard: float = 0.0
    """When its last good reply came, or it was asked after a time without requests."""
    strikes: int = 0
    aside: bool = False
    waiting: set[asyncio.Timeout] = field(default_factory=set[asyncio.Timeout])
    """The time limits of its requests in flight."""
    _clients: list[httpx.AsyncClient] = field(default_factory=list[httpx.AsyncClient])
    _idle: list[httpx.AsyncClient] = field(default_factory=list[httpx.AsyncClient])

    async def ask(self, call: Call[T], content: bytes) -> T:
        """What the reply says.

        Fault when there is none to use, UserError when the server calls the request wrong.
        """
        started = time.monotonic()
        try:
            async with asyncio.timeout(self.limits.total) as limit:
                with self._busy(limit):
                    return await self._post(call, content)
        except TimeoutError as error:
            seconds = time.monotonic() - started
            raise Fault(f"no reply in {seconds:.1f} s", "trouble") from error

    async def probe(self, call: Call[Any]) -> None:
        """Nothing when it answers as it should, and in time; Fault or UserError when not."""
        try:
            async with asyncio.timeout(self.limits.probe):
                await self._post(call, call.content)
        except TimeoutError as error:
            raise Fault(f"no token in {self.limits.probe:.0f} s", "trouble") from error

    async def generates(self, call: Call[Any]) -> bool:
        """Whether it answers the probe as it should, and in time."""
        try:
            await self.probe(call)
        except (Fault, UserError):
            return False
        return True

    def release(self) -> None:
        """End the wait of every request in flight."""
        for limit in list(self.waiting):
            if not limit.expired():
                limit.reschedule(0.0)

    async def close(self) -> None:
        """Close the connections."""
        await asyncio.gather(*(client.aclose() for client in self._clients))

    @contextlib.contextmanager
    def _busy(self, limit: asyncio.Timeout) -> Generator[None]:
        # Silence counts from the first request on: who was asked nothing had nothing to say.
        if not self.waiting:
            self.heard = time.monotonic()
        self.waiting.add(limit)
        try:
            yield
        finally:
            self.waiting.discard(limit)

    async def _post(self, call: Call[T], content: bytes) -> T:
        try:
            received = await self._receive(call, content)
            if received.status != 200:
                raise _problem(received, self.key)
            answer = call.read(received.content)
        except httpx.RequestError as error:
            kind = "unreachable" if isinstance(error, httpx.ConnectError) else "trouble"
            raise Fault(f"{type(error).__name__} {error}".strip(), kind) from error
        except (ValueError, RecursionError) as error:
            complaint = _first_complaint(error)
            hidden = self.key.hide(complaint) if self.key else complaint
            raise Fault(f"a reply that cannot be trusted: {hidden}", "misread") from error
        # One good reply clears what went before: the replica is as good as any other again.
        self.heard = time.monotonic()
        self.strikes = 0
        self.aside = False
        self.proven = True
        return answer

    async def _receive(self, call: Call[Any], content: bytes) -> Received:
        url = self.url + call.path
        largest = room_for(call.tokens)
        with self._client() as client:
            return await receive(client, "POST", url, content=content, largest=largest)

    @contextlib.contextmanager
    def _client(self) -> Generator[httpx.AsyncClient]:
        """A client with at most one connection.

        The time that httpx takes in a pool of connections grows with the square of its size.
        """
        client = self._idle.pop() if self._idle else self._new_client()
        try:
            yield client
        finally:
            self._idle.append(client)

    def _key_headers(self) -> dict[str, str]:
        return self.key.headers if self.key else {}

    def _new_client(self) -> httpx.AsyncClient:
        client = httpx.AsyncClient(
            verify=self.tls,
            timeout=httpx.Timeout(self.limits.read, connect=self.limits.connect, pool=None),
            # vLLM closes what was idle for 5 s: be first, or a request meets a closing connection.
            limits=httpx.Limits(max_connections=1, keepalive_expiry=2.0),
            headers={"Content-Type": "application/json", **PLAIN, **self._key_headers()},
        )
        self._clients.append(client)
        return client


def _problem(received: Received, key: Key | None) -> Fault | Refusal:
    """A fault when the server is in trouble, the user's error when it calls the request wrong."""
    complaint = read_complaint(received, key)
    if leads_nowhere(complaint):
        return Fault(complaint.said, "astray")
    if not may_pass(complaint):
        return refuse(received.url, complaint, key)
    said = complaint.said
    wait = retry_after(received.headers.get("Retry-After"))
    # Busy is no fault of the server's.
    return Fault(said, "busy" if complaint.status == 429 else "trouble", wait=wait)


def _first_complaint(error: ValueError | RecursionError) -> str:
    """In one line: a long reply may be wrong in hundreds of places."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False)[0]
        place = ".".join(map(str, first["loc"]))
        return f"{place}: {first['msg']}"
    return " ".join(str(error).split())[:300]


def roots(urls: Sequence[str]) -> list[str]:
    """The servers' addresses without `/v1`; UserError for what is no http address, or for none."""
    address = re.compile(r"https?://[^\s/:]+(:\d+)?(/\S*)?")
    if not urls or not all(address.fullmatch(url) for url in urls):
        raise UserError(
            f"engine: expected addresses such as http://127.0.0.1:8000/v1, got {list(urls)}; "
            "correct them"
        )
    return [url.rstrip("/").removesuffix("/v1") for url in urls]
