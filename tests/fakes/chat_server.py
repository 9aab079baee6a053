"""A loopback server that speaks chat completions and nothing else, with the manners of many.

Real HTTP over asyncio streams, in a thread of its own: probes are asked from plain functions.
"""

from __future__ import annotations

import asyncio
import json
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

NAME = "tiny-chat"
KEY = "sk-test-4711-never-to-be-written"


def a_number(_messages: list[dict[str, str]], rng: random.Random) -> str:
    """An answer in a box that is 7 four times of five."""
    digit = 7 if rng.random() < 0.8 else rng.randrange(10)
    return f"The words are counted.\n\nThe answer is \\boxed{{{digit}}}."


@dataclass(slots=True)
class ChatServer:
    """One server; whoever uses it as a context may ask it."""

    manner: str = "plain"
    """Which of the ways of servers it has; `_answer` lists them."""
    says: Callable[[list[dict[str, str]], random.Random], str] = a_number
    key: str | None = None
    seconds: float = 0.0
    lasts: int | None = None
    """Chat replies after which it closes every connection."""
    version: str = "1"
    requests: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    """Bodies of all chat requests."""
    paid: int = 0
    """Chat requests that were answered with tokens."""
    choices: int = 0
    tokens: int = 0
    """Prompt and generated, as a bill would have them."""
    open: int = 0
    most: int = 0
    port: int = 0
    _random: random.Random = field(default_factory=lambda: random.Random(0))
    _loop: Any = None
    _stop: Any = None
    _ready: threading.Event = field(default_factory=threading.Event)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1"

    def __enter__(self) -> ChatServer:
        threading.Thread(target=lambda: asyncio.run(self._serve()), daemon=True).start()
        assert self._ready.wait(10)
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._stop.set)

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._stop = asyncio.Event()
        server = await asyncio.start_server(self._connected, "127.0.0.1", self.port)
        self.port = server.sockets[0].getsockname()[1]
        self._ready.set()
        await self._stop.wait()
        server.close()

    async def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while await self._one(reader, writer):
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def _one(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = dict(line.split(": ", 1) for line in head.splitlines()[1:] if ": " in line)
        headers = {name.lower(): value for name, value in lines.items()}
        content = await reader.readexactly(int(headers.get("content-length", 0)))
        path = head.split()[1]
        if path.endswith("/models"):
            return _send(writer, *self._models(headers))
        self.open += 1
        self.most = max(self.most, self.open)
        try:
            if self.lasts is not None and self.paid >= self.lasts:
                return False
            body = json.loads(content)
            if self.seconds:
                await asyncio.sleep(self.seconds)
            status, answer, more = self._chat(path, headers, body)
            return _send(writer, status, answer, **more)
        finally:
            self.open -= 1

    def _models(self, headers: dict[str, str]) -> tuple[int, Any]:
        if self.manner == "no list":
            return 404, {"error": {"message": "no such page"}}
        if self._shut_out(headers):
            return 401, _error("Incorrect API key provided: " + headers.get("authorization", ""))
        # As vLLM does: made anew at every look.
        card = {"id": NAME, "created": time.time(), "owned_by": "tests", "root": self.version}
        return 200, {"data": [card | ({"id": "other"} if self.manner == "other name" else {})]}

    def _shut_out(self, headers: dict[str, str]) -> bool:
        return self.key is not None and headers.get("authorization") != f"Bearer {self.key}"

    def _chat(
        self, path: str, headers: dict[str, str], body: dict[str, Any]
    ) -> tuple[int, Any, dict[str, str]]:
        self.requests.append(body)
        if self._shut_out(headers):
            said = f"Incorrect API key provided: {headers.get('authorization')}"
            return 401, _error(said), {}
        if path != "/v1/chat/completions":
            return 404, _error("no such page"), {}
        problem = self._problem(body)
        if problem:
            return problem
        return 200, self._answer(body), {}

    def _problem(self, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]] | None:
        """What it answers instead of a reply."""
        asked = len(self.requests)
        always: dict[str, tuple[int, Any, dict[str, str]]] = {
            "forbidden": (403, _error("this key may not use the model"), {}),
            "no credit": (429, _error("over your quota", code="insufficient_quota"), {}),
        }
        now_and_then: dict[str, tuple[int, Any, dict[str, str]]] = {
            "busy": (429, _error("slow down"), {"Retry-After": "0.05"}),
            "broken": (500, _error("out of order"), {}),
        }
        if self.manner == "strict":
            return self._strict(body)
        if self.manner == "filtered" and asked > 1:
            return 400, _error("the prompt was filtered", code="content_filter"), {}
        return always.get(self.manner) or (
            now_and_then.get(self.manner) if asked % 3 == 1 else None
        )

    def _strict(self, body: dict[str, Any]) -> tuple[int, Any, dict[str, str]] | None:
        """As OpenAI's reasoning models: one name of the limit, no field that it does not know."""
        if "max_tokens" in body:
            said = "'max_tokens' is not supported with this model. Use 'max_completion_tokens'."
            return 400, _error(f"Unsupported parameter: {said}", param="max_tokens"), {}
        if body.get("temperature", 1) != 1:
            said = "Unsupported value: 'temperature' does not support 0.0 with this model."
            return 400, _error(said, param="temperature"), {}
        known = {"model", "messages", "max_completion_tokens", "temperature", "top_p"}
        for name in sorted(set(body) - known):
            said = f"Unrecognized request argument supplied: {name}"
            return 400, _error(said, param=None), {}
        return None

    def _answer(self, body: dict[str, Any]) -> Any:
        self.paid += 1
        manner = self.manner
        if manner == "page":
            return b"<html>Welcome</html>"
        if manner == "completions":
            return {"choices": [{"text": "7", "index": 0, "finish_reason": "stop"}]}
        count = 1 if manner == "ignores n" else body.get("n", 1)
        limit = body.get("max_tokens", body.get("max_completion_tokens"))
        choices = [self._choice(index, body, limit) for index in range(count)]
        # One token a word, and one that ends it.
        generated = sum(choice.pop("tokens") for choice in choices)
        prompt = sum(len(turn["content"].split()) for turn in body["messages"])
        self.choices += count
        self.tokens += prompt + generated
        # Backwards: the order is the index's.
        reply: dict[str, Any] = {"model": f"{NAME}-{self.version}", "choices": choices[::-1]}
        if manner == "no usage":
            return reply
        usage: dict[str, Any] = {"prompt_tokens": prompt, "completion_tokens": generated}
        if manner == "reasoning":
            thought = 4 * count
            usage["completion_tokens_details"] = {"reasoning_tokens": thought}
            usage["prompt_tokens_details"] = {"cached_tokens": prompt // 2}
        return reply | {"usage": usage}

    def _choice(self, index: int, body: dict[str, Any], limit: int) -> dict[str, Any]:
        greedy = body.get("temperature", 1) == 0
        rng = random.Random(0) if greedy else self._random
        text = self.says(body["messages"], rng)
        words = text.split(" ")
        cut = len(words) >= limit
        message: dict[str, Any] = {"role": "assistant", "content": " ".join(words[:limit])}
        reason = "length" if cut else "stop"
        tokens = limit if cut else len(words) + 1
        if self.manner == "reasoning":
            message["reasoning_content"] = "Let me count them."
            tokens += 4
        if self.manner == "refuses":
            message |= {"content": None, "refusal": "I cannot help with that."}
        if self.manner == "calls":
            message["content"] = None
            reason = "tool_calls"
        return {"index": index, "message": message, "finish_reason": reason, "tokens": tokens}


def _error(message: str, **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": "invalid_request_error", **more}}


def _send(writer: asyncio.StreamWriter, status: int, body: Any, **headers: str) -> bool:
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    headers |= {"Content-Length": str(len(content))}
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    writer.write(f"HTTP/1.1 {status} .\r\n{lines}\r\n".encode() + content)
    return True
