"""A Prefect server that is gone or fails: which errors are its own, and the sentence on them."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

from tasks.tracking.bounded import TooSlow, within
from warehouse.disks.trouble import chain_of
from warehouse.errors import ServerAway

_CLOSED = (401, 403, 429)
"""Statuses below 500 that are not the request's fault."""
PATIENCE_SECONDS = 180.0
"""How long a request may take, however often it is repeated."""


@functools.cache
def bound_waits() -> None:
    """From now on this process waits so long for an answer of Prefect's server, and no longer."""
    import httpx
    from prefect.client.base import PrefectHttpxSyncClient

    unbounded = PrefectHttpxSyncClient.send

    def send(
        self: PrefectHttpxSyncClient, request: httpx.Request, *args: Any, **options: Any
    ) -> Any:
        try:
            return within(PATIENCE_SECONDS, lambda: unbounded(self, request, *args, **options))
        except TooSlow as error:
            # Not the kind that Prefect's client repeats.
            raise httpx.TimeoutException(str(error), request=request) from error

    PrefectHttpxSyncClient.send = send


def server_away(error: BaseException) -> ServerAway | None:
    """The sentence, where an error or one that it came from is that of the server of Prefect.

    None where it is another one's.
    """
    # Commands that ask no server start faster without it.
    httpx: Any = sys.modules.get("httpx")
    if httpx is None:
        return None
    named = os.environ.get("PREFECT_API_URL", "").rstrip("/")
    for one in chain_of(error):
        if not isinstance(one, httpx.HTTPError):
            continue
        if named and _address(one).startswith(named):
            return _sentence(f"the server at {named}", "see that it is up and lets you in", one)
        if any(_address(one).startswith(api) for api in _own()):
            return _sentence(
                "the server that this command had started for itself",
                "see in `dmesg` whether the system ended it for want of memory",
                one,
            )
    return None


def _own() -> list[str]:
    """Addresses of the servers that Prefect has started for this process alone."""
    module: Any = sys.modules.get("prefect.server.api.server")
    if module is None:
        return []
    started = module.SubprocessASGIServer._instances.values()
    return [one.api_url for one in started if one.port is not None]


def _sentence(server: str, mend: str, error: Any) -> ServerAway | None:
    reason = _reason(error)
    if reason is None:
        return None
    return ServerAway(
        f"prefect: expected {server} to answer, got {reason}; {mend}, then run the same command "
        "again: nothing that was stored is lost"
    )


def _address(error: Any) -> str:
    """What was asked; nothing where the error does not know."""
    try:
        return str(error.request.url)
    except RuntimeError:
        return ""


def _reason(error: Any) -> str | None:
    """What came instead of an answer, in a few words; None where we asked for what is not right."""
    response = getattr(error, "response", None)
    if response is not None:
        status = response.status_code
        return f"status {status}" if status >= 500 or status in _CLOSED else None
    return " ".join(str(error).split()) or type(error).__name__
