"""A loopback server of a scripted model at /v1/completions, which misbehaves when it should.

Plain asyncio streams, since a reset or half a body is nothing that a web framework lets its user
do.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import json
import random
import socket
import struct
import time
from collections import Counter
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from typing import Any

from replies import all_of
from scripts import FORMAT, WHOLE, geometric
from spoiled_replies import ANSWERS, HEADERS, SPOILED, drip, pour

from tasks.engines.http_generator import HttpGenerator
from tasks.engines.replica import Limits
from tasks.engines.scripted import Law, ScriptedEngine
from tasks.models.formats import Format
from tasks.protocols import Draw, Sampling

MODEL = "scripted"
PROMPT = (63, 64, 65)
QUICK = Limits(backoff=0.002, longest=0.05, total=1.0, at_once=32)
FAULTS = ("busy", "error", "reset", "half", "short", "fewer", "other model", "hang")


@dataclass(slots=True)
class FaultyServer:
    """One replica. `faulty` is the share of requests that meet one of `faults`, each as often."""

    format: Format
    law: Law
    faulty: float = 0.0
    faults: tuple[str, ...] = FAULTS
    faulty_probes: bool = False
    """Whether requests for one token meet faults too."""
    retry_after: str = "0"
    seconds: float = 0.0
    """Waited before every reply."""
    frozen: bool = False
    """Connections are taken and /health is fine, but no token is ever generated."""
    requests: int = 0
    probes: int = 0
    """Requests for one token, among the requests."""
    open: int = 0
    """Requests that wait for their reply; most is the greatest number of them."""
    most: int = 0
    met: Counter[str] = field(default_factory=Counter[str])
    """How often each fault was met."""
    bomb: bytes = gzip.compress(b" ")
    """What it sends, as gzip, where that is its fault."""
    sent: int = 0
    """Bytes of replies without end."""
    drips: float = 0.0
    """Seconds between two bytes of a page that is no completion."""
    port: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(0))
    _server: Any = None

    async def __aenter__(self) -> FaultyServer:
        self._server = await asyncio.start_server(
            self._connected, "127.0.0.1", self.port, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop listening; what is under way ends when its client goes."""
        self._server.close()

    @property
    def asked(self) -> int:
        """Requests for draws, without those for one token."""
        return self.requests - self.probes

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(
            ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError
        ):
            while await self._one(reader, writer):
                pass
        writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        """Whether the connection lives on after one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        path = head.split()[1]
        lengths = [
            line.split(":")[1] for line in head.splitlines() if line.startswith("content-length:")
        ]
        content = await reader.readexactly(int(lengths[0])) if lengths else b""
        if path != "/v1/completions" and self.drips:
            return await drip(writer, self.drips)
        if path != "/v1/completions":
            return _send(writer, 200, {"data": [{"id": MODEL}]})
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            return await self._completion(json.loads(content), reader, writer)
        finally:
            self.open -= 1

    async def _completion(
        self, body: Any, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> bool:
        self.requests += 1
        is_probe = body["max_tokens"] == 1
        self.probes += is_probe
        if self.frozen:
            return await _client_gone(reader, None)
        if self.seconds and await _client_gone(reader, self.seconds):
            return False
        share = 0.0 if is_probe and not self.faulty_probes else self.faulty
        fault = self._random.choice(self.faults) if self._random.random() < share else ""
        self.met[fault] += 1
        return await self._misbehave(fault, await self._reply(body), reader=reader, writer=writer)

    async def _misbehave(
        self,
        fault: str,
        reply: dict[str, Any],
        *,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        content = json.dumps(reply).encode()
        if fault == "hang":
            return await _client_gone(reader, None)
        if fault == "reset":
            return _reset(writer)
        if fault == "half":  # fewer bytes than announced
            return _send(writer, 200, content[: len(content) // 2], length=len(content), on=False)
        if fault == "endless":
            return await pour(writer, self)
        if fault in SPOILED:
            reply = SPOILED[fault](reply)
            content = json.dumps(reply).encode()
        status, answer = {
            "busy": (429, {"error": {"message": "busy"}}),
            "error": (500, {"error": {"message": "an error on purpose"}}),
            "wrong": (400, {"error": {"message": "max_tokens is too large"}}),
            "shut": (401, {"error": {"message": "no key"}}),
            "strict": (400, {"error": {"message": "Unrecognized argument: return_token_ids"}}),
            "chat only": (404, {"detail": "Not Found"}),
            "texts": (200, reply | {"choices": [_text(choice) for choice in reply["choices"]]}),
            # As many bytes as announced, but of half a document.
            "short": (200, content[: len(content) // 2]),
            "fewer": (200, reply | {"choices": reply["choices"][1:]}),
            "other model": (200, reply | {"model": "another"}),
            "bomb": (200, self.bomb),
        }.get(fault, ANSWERS.get(fault, (200, content)))
        headers = {"Retry-After": self.retry_after} if fault in ("busy", "later than ever") else {}
        return _send(writer, status, answer, **headers, **HEADERS.get(fault, {}))

    async def _reply(self, body: Any) -> dict[str, Any]:
        sampling = Sampling(
            temperature=body["temperature"],
            top_p=1.0,
            top_k=0,
            max_tokens=body["max_tokens"],
            until="end",
        )
        engine = ScriptedEngine(self.format, self.law)
        answer = await all_of(
            engine.draw(
                body["prompt"], body.get("n", 1), sampling=sampling, seed=body.get("seed", 0)
            )
        )
        end = min(self.format.end_of_text)
        stops = set(body.get("stop_token_ids", ()))
        answer = answer._replace(draws=[_stop_at(draw, stops) for draw in answer.draws])
        return {
            "model": MODEL,
            "choices": [_choice(i, draw, end) for i, draw in enumerate(answer.draws)],
            "usage": {
                "prompt_tokens": len(body["prompt"]),
                "completion_tokens": sum(draw.tokens for draw in answer.draws),
                "prompt_tokens_details": {"cached_tokens": len(body["prompt"]) // 2},
            },
        }


def _stop_at(draw: Draw, stops: set[int]) -> Draw:
    """The draw as far as its first stop token, which a server knows nothing more about."""
    for place, token in enumerate(draw.token_ids, start=1):
        if token in stops:
            return Draw(draw.token_ids[:place], "", "step", place)
    return draw


def _choice(index: int, draw: Draw, end: int) -> dict[str, Any]:
    token_ids = [*draw.token_ids, end] if draw.stop == "end" else [*draw.token_ids]
    reason = "length" if draw.stop == "limit" else "stop"
    return {"index": index, "text": "", "finish_reason": reason, "token_ids": token_ids}


def _text(choice: dict[str, Any]) -> dict[str, Any]:
    """The choice as servers give it that know nothing of token ids."""
    return {key: value for key, value in choice.items() if key != "token_ids"}


def _send(
    writer: asyncio.StreamWriter,
    status: int,
    body: Any,
    *,
    length: int | None = None,
    on: bool = True,
    **headers: str,
) -> bool:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers |= {"Content-Length": str(len(content) if length is None else length)}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {status} .\r\n{lines}\r\n".encode() + content)
    return on


def _reset(writer: asyncio.StreamWriter) -> bool:
    """Close with a TCP reset instead of an end of stream."""
    sock: socket.socket = writer.get_extra_info("socket")
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
    return False


async def _client_gone(reader: asyncio.StreamReader, seconds: float | None) -> bool:
    """Whether the client closed its connection within so many seconds."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(reader.read(1), seconds)
        return True
    return False


class Asked:
    """An HTTP engine over servers of its own, and the same model asked directly."""

    def __init__(
        self, *servers: FaultyServer, limits: Limits = QUICK, outputs: int | None = None
    ) -> None:
        self.servers = servers
        self.direct = ScriptedEngine(FORMAT, servers[0].law)
        self._limits = limits
        self._outputs = outputs
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Asked:
        for server in self.servers:
            await self._stack.enter_async_context(server)
        self.engine = HttpGenerator(
            [server.url for server in self.servers],
            MODEL,
            FORMAT,
            limits=self._limits,
            outputs=self._outputs,
        )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.engine.close()
        await self._stack.aclose()

    async def right(self, count: int, *, n: int = 1, seed: int = 0) -> float:
        """Ask count times at once; the seconds it took, after checking every draw."""
        started = time.monotonic()
        seeds = [seed + 1000 * i for i in range(count)]
        replies = await asyncio.gather(
            *(all_of(self.engine.draw(PROMPT, n, sampling=WHOLE, seed=s)) for s in seeds)
        )
        seconds = time.monotonic() - started
        for reply, s in zip(replies, seeds, strict=True):
            alone = await all_of(self.direct.draw(PROMPT, n, sampling=WHOLE, seed=s))
            assert reply.draws == alone.draws
        return seconds


def server(law: Law | None = None, **how: Any) -> FaultyServer:
    return FaultyServer(FORMAT, law or geometric(), **how)


def closed_port() -> int:
    """A port of loopback where nobody listens."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return sock.getsockname()[1]
