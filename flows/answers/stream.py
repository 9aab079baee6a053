"""An answer as server-sent events, in the form of OpenAI's streams.

A policy's answer is chosen when all is drawn, so it comes as one chunk; what is drawn meanwhile is
told in comments, which clients skip and which keep the connection alive.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any

from tasks.draws.sampler import NewDraw
from tasks.serving.controller import Solved

PROGRESS_SECONDS = 1.0
"""Between two comments."""
DONE = "data: [DONE]\n\n"


class Drawn:
    """Counts what has been drawn for one answer so far."""

    def __init__(self) -> None:
        self.draws = 0
        self.tokens = 0
        self.began = time.monotonic()

    def count(self, new: NewDraw) -> None:
        """One more draw."""
        self.draws += 1
        self.tokens += new.draw.tokens

    def comment(self) -> str:
        """`: 12 draws, 431 tokens after 3 s`: a line that a client of events skips."""
        seconds = time.monotonic() - self.began
        return f": {self.draws} draws, {self.tokens} tokens after {seconds:.0f} s\n\n"


async def within_reach(answer: asyncio.Task[Solved]) -> None:
    """Wait a moment for what is refused at once; its error is raised while a status can be sent."""
    try:
        await asyncio.wait({answer}, timeout=PROGRESS_SECONDS)
    except asyncio.CancelledError:
        # Who asked is gone: nobody waits for the answer.
        answer.cancel()
        raise
    if answer.done():
        answer.result()


async def events(
    answer: asyncio.Task[Solved],
    drawn: Drawn,
    *,
    reply: Callable[[Solved], Mapping[str, Any]],
    error: Callable[[Exception], Mapping[str, Any]],
    usage: bool,
) -> AsyncGenerator[str]:
    """The events of an answer that is under way, to the last one, `[DONE]`.

    `reply` gives the body that a client without a stream would get, `error` that of a failure;
    with `usage` a last chunk has the tokens and no choice. A client that leaves ends the answer.
    """
    try:
        yield drawn.comment()
        while not answer.done():
            await asyncio.wait({answer}, timeout=PROGRESS_SECONDS)
            yield drawn.comment()
        try:
            body = reply(answer.result())
        except Exception as failure:
            # The status is sent already: clients look for an error in the data.
            yield _event(error(failure))
        else:
            for chunk in _chunks(body, usage=usage):
                yield _event(chunk)
        yield DONE
    finally:
        answer.cancel()
        with contextlib.suppress(asyncio.CancelledError, Exception):
            await answer


def _event(data: Mapping[str, Any]) -> str:
    return f"data: {json.dumps(data)}\n\n"


def _chunks(body: Mapping[str, Any], *, usage: bool) -> list[dict[str, Any]]:
    """Role, answer with its cost, end, and the tokens where they are wanted."""
    (choice,) = body["choices"]
    is_chat = body["object"] == "chat.completion"
    head = {name: body[name] for name in ("id", "created", "model")}
    head["object"] = "chat.completion.chunk" if is_chat else "text_completion"
    # OpenAI's chunks have the field in all or in none: where it is wanted, null until the last.
    empty = {"usage": None} if usage else {}

    def chunk(said: Mapping[str, Any], finish: str | None, **more: Any) -> dict[str, Any]:
        piece = {"index": 0, **said, "logprobs": None, "finish_reason": finish}
        return {**head, "choices": [piece], **empty, **more}

    if is_chat:
        text = choice["message"]["content"]
        chunks = [
            chunk({"delta": {"role": "assistant", "content": ""}}, None),
            chunk({"delta": {"content": text}}, None, ttc=body["ttc"]),
            chunk({"delta": {}}, "stop"),
        ]
    else:
        chunks = [chunk({"text": choice["text"]}, "stop", ttc=body["ttc"])]
    if usage:
        chunks.append({**head, "choices": [], "usage": body["usage"]})
    return chunks
