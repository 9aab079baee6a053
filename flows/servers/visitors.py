"""Whose requests a server on this machine answers: those that call it by its name, from its pages.

A page of another site can make a browser send requests here. They carry its Origin, or after DNS
rebinding its name as the Host; who turns both away is out of its reach.
"""

from __future__ import annotations

import ipaddress
import json
import socket
from collections.abc import Iterable

import psutil
from starlette.types import ASGIApp, Receive, Scope, Send

_LOOPBACK = ("127.0.0.1", "localhost", "[::1]")
_PORT = 80
"""The port that a browser leaves out of Host and Origin."""
_FORBIDDEN = 403
_POLICY = 1008
"""Close code of a websocket that is refused (RFC 6455 §7.4.1)."""


def own_hosts(host: str, port: int, further: str = "") -> frozenset[str]:
    """Every `name:port` by which a server that listens on `host` may be called.

    `further`: names with commas between them, each with a port of its own or without, e.g. those
    of a proxy.
    """
    names = {_bracketed(host), *_LOOPBACK}
    if _is_everywhere(host):
        names |= _names_of_machine()
    called = {f"{name}:{port}" for name in names}
    if port == _PORT:
        called |= names
    for name in filter(None, map(str.strip, further.split(","))):
        # As it stands too: a proxy has a port of its own, or the usual one.
        called |= {name, f"{name}:{port}"}
    return frozenset(name.lower() for name in called)


def own_origins(hosts: Iterable[str]) -> str:
    """Origins of the pages of such hosts, with commas, as servers take them."""
    return ",".join(f"http://{host}" for host in sorted(hosts))


def _is_everywhere(host: str) -> bool:
    """Whether a server that listens on `host` listens on every address of the machine."""
    try:
        return ipaddress.ip_address(host).is_unspecified
    except ValueError:
        # A name.
        return False


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host


def _names_of_machine() -> set[str]:
    """What others may call a machine that listens everywhere: its names and its addresses."""
    names = {socket.gethostname(), socket.getfqdn()}
    for addresses in psutil.net_if_addrs().values():
        for one in addresses:
            # Of IPv6 the zone is not part of what a browser sends; the rest are hardware addresses.
            address = one.address.partition("%")[0]
            if one.family in (socket.AF_INET, socket.AF_INET6):
                names.add(_bracketed(str(ipaddress.ip_address(address))))
    return names


class OwnOnly:
    """An application (ASGI) before another: strangers get 403, of HTTP and of websockets.

    A stranger is whose Host is none of `hosts`, or who has an Origin that is no page of them.
    """

    def __init__(self, app: ASGIApp, hosts: Iterable[str]) -> None:
        self.app = app
        self.hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal = None if scope["type"] == "lifespan" else self._refusal(scope)
        if refusal is None:
            await self.app(scope, receive, send)
        elif scope["type"] == "websocket":
            await send({"type": "websocket.close", "code": _POLICY, "reason": "forbidden"})
        else:
            await _forbid(send, refusal)

    def _refusal(self, scope: Scope) -> str | None:
        """What is wrong with who asks; None: nothing."""
        named = _values(scope, b"host")
        # Two would leave it open which of them whoever stands behind believes.
        if len(named) != 1 or named[0] not in self.hosts:
            return f"Host: expected {min(self.hosts)} or another name of this server"
        for origin in _values(scope, b"origin"):
            scheme, _, page = origin.partition("://")
            if scheme not in ("http", "https") or page not in self.hosts:
                return "Origin: expected none, or a page of this server"
        return None


def _values(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1").lower() for key, value in scope["headers"] if key == name]


async def _forbid(send: Send, refusal: str) -> None:
    error = {"message": refusal, "type": "invalid_request_error", "param": None, "code": None}
    body = json.dumps({"error": error}).encode()
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    await send({"type": "http.response.start", "status": _FORBIDDEN, "headers": headers})
    await send({"type": "http.response.body", "body": body})
