"""Errors as OpenAI's clients read them."""

from __future__ import annotations

from typing import NamedTuple

from fastapi import Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from warehouse.errors import UserError


def refuse(_: Request, error: Exception) -> JSONResponse:
    """The error as OpenAI's clients read it."""
    refusal = refusal_of(error)
    return JSONResponse({"error": refusal.body()}, refusal.status)


class Refusal(NamedTuple):
    status: int
    message: str
    place: str | None = None
    """The field of the request that is wrong; None: it is not about one."""

    def body(self) -> dict[str, str | None]:
        """What OpenAI's clients read under `error`."""
        status, message, place = self
        kind = "server_error" if status >= 500 else "invalid_request_error"
        # The one code that clients look at: a wrong path is a 404 too, and has none.
        code = "model_not_found" if status == 404 and message.startswith("model:") else None
        return {"message": message, "type": kind, "param": place, "code": code}


def refusal_of(error: Exception) -> Refusal:
    """What to say of an error, and whose fault it is."""
    if isinstance(error, UserError):
        return Refusal(400, str(error))
    if isinstance(error, RequestValidationError):
        first = error.errors()[0]
        # The first part of the place is always `body`.
        parts = first["loc"][1:]
        place = ".".join(map(str, parts)) or None
        return Refusal(400, f"{place or 'body'}: {first['msg']}", place)
    if isinstance(error, HTTPException):
        return Refusal(error.status_code, error.detail)
    # Whatever else it is, its text may name paths and addresses of this machine.
    return Refusal(500, "the question could not be answered; the server's log says why")
