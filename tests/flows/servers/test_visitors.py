"""Who is turned away by a server of ours: other Hosts, other origins, whatever their spelling."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from starlette.websockets import WebSocket

from flows.servers.visitors import OwnOnly, own_hosts, own_origins

OWN = "127.0.0.1:4200"


async def _answer(_: object) -> PlainTextResponse:
    return PlainTextResponse("inside")


async def _talk(socket: WebSocket) -> None:
    await socket.accept()


INSIDE = Starlette(
    routes=[Route("/", _answer, methods=["GET", "POST"]), WebSocketRoute("/talk", _talk)]
)


def asked(headers: list[tuple[str, str]], *, further: str = "") -> httpx.Response:
    """The reply to a POST whose headers are these alone."""
    app = OwnOnly(INSIDE, own_hosts("127.0.0.1", 4200, further))

    async def ask() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport) as client:
            return await client.post(f"http://{OWN}/", headers=headers)

    return asyncio.run(ask())


@pytest.mark.parametrize("host", [OWN, "localhost:4200", "LOCALHOST:4200", "[::1]:4200"])
def test_a_server_answers_to_its_own_names(host: str) -> None:
    assert asked([("Host", host)]).text == "inside"
    assert asked([("Host", host), ("Origin", f"http://{host}")]).text == "inside"


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:4200",
        "127.0.0.1",
        "127.0.0.1:5000",
        "127.0.0.1:4200.evil.example",
        "10.evil.example:4200",
        "",
    ],
)
def test_another_host_is_refused_as_after_dns_rebinding(host: str) -> None:
    refused = asked([("Host", host)])
    assert refused.status_code == 403 and refused.text != "inside"


def test_two_hosts_are_refused_though_one_is_own() -> None:
    assert asked([("Host", OWN), ("Host", "evil.example")]).status_code == 403


@pytest.mark.parametrize(
    "origin",
    [
        "http://evil.example",
        "http://127.0.0.1:8888",
        "http://127.0.0.1:4200.evil.example",
        "null",
        "file://",
        "127.0.0.1:4200",
        "",
    ],
)
def test_a_page_of_another_site_is_refused_before_anything_is_done(origin: str) -> None:
    refused = asked([("Host", OWN), ("Origin", origin)])
    assert refused.status_code == 403
    assert refused.json()["error"]["message"].startswith("Origin:")


def test_names_of_a_proxy_are_own_where_the_settings_say_so() -> None:
    further = "ttc.example.com, other.lan:8443"
    assert asked([("Host", "ttc.example.com")], further=further).text == "inside"
    proxied = [("Host", "ttc.example.com"), ("Origin", "https://ttc.example.com")]
    assert asked(proxied, further=further).text == "inside"
    assert asked([("Host", "other.lan:8443")], further=further).text == "inside"
    assert asked([("Host", "evil.example")], further=further).status_code == 403


def test_a_websocket_of_a_stranger_is_closed_before_it_is_accepted() -> None:
    async def opened(host: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = []

        async def receive() -> dict[str, Any]:
            return {"type": "websocket.connect"}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "websocket", "path": "/talk", "headers": [(b"host", host.encode())]}
        await OwnOnly(INSIDE, own_hosts("127.0.0.1", 4200))(scope, receive, send)
        return sent

    assert [one["type"] for one in asyncio.run(opened(OWN))] == ["websocket.accept"]
    assert [one["type"] for one in asyncio.run(opened("evil.example"))] == ["websocket.close"]


def test_a_server_for_every_address_answers_to_those_of_the_machine_and_no_others() -> None:
    import socket

    everywhere = own_hosts("0.0.0.0", 4200)
    assert f"{socket.gethostname()}:4200".lower() in everywhere
    assert own_hosts("127.0.0.1", 4200) < everywhere
    assert not any("*" in name or name.startswith("0.0.0.0.") for name in everywhere)


def test_origins_are_the_pages_of_the_hosts() -> None:
    assert own_origins(["b:1", "a:1"]) == "http://a:1,http://b:1"
