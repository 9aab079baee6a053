"""Bounds on what a request may take of a server before anybody looks at it: bytes and seconds."""

from __future__ import annotations

import asyncio

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

LONGEST = 2**20
"""Bytes of a body: some 250,000 tokens of text, more than most models take."""
READ_SECONDS = 30.0
"""Within which a body must have come: who sends a byte a second is not waited for."""


class Refused(Exception):
    """A body that is not taken: the HTTP status and why."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status


class Bounded:
    """An application (ASGI) before another, which gets each request once all of its body is there.

    Status 413 for a body of more than LONGEST bytes, 408 for one that takes longer than
    READ_SECONDS to come.
    """

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        try:
            body = await _read(scope, receive)
        except Refused as refused:
            await _refuse(refused)(scope, receive, send)
            return
        await self.app(scope, _again(body, receive), send)


async def _read(scope: Scope, receive: Receive) -> bytes:
    """The whole body; Refused for one that is too long or too slow."""
    for name, value in scope["headers"]:
        # Refused by what is announced, before it is sent; what is not announced is counted.
        if name == b"content-length" and (not value.isdigit() or int(value) > LONGEST):
            raise _too_long()
    parts: list[bytes] = []
    length = 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            while True:
                message = await receive()
                part = message.get("body", b"")
                parts.append(part)
                length += len(part)
                if length > LONGEST:
                    raise _too_long()
                if not message.get("more_body", False):
                    return b"".join(parts)
    except TimeoutError as error:
        raise Refused(
            408, f"body: expected all of it within {READ_SECONDS:.0f} s; send it again"
        ) from error


def _too_long() -> Refused:
    return Refused(413, f"body: expected at most {LONGEST:,} bytes, got more; shorten the messages")


def _refuse(refused: Refused) -> JSONResponse:
    said = {"message": str(refused), "type": "invalid_request_error", "param": None, "code": None}
    # What is still on its way is not read: the next request would begin within it.
    return JSONResponse({"error": said}, refused.status, headers={"Connection": "close"})


def _again(body: bytes, receive: Receive) -> Receive:
    """What gives the body in one piece, then whatever comes after it: that the client is gone."""
    left = [body]

    async def give() -> Message:
        if left:
            return {"type": "http.request", "body": left.pop(), "more_body": False}
        return await receive()

    return give
