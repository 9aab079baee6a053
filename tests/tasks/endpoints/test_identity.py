"""Which version of a model an endpoint serves, and what is refused when it is asked."""

import dataclasses
import time

import pytest
from chat_server import KEY, NAME, ChatServer

from tasks.endpoints.identity import probe
from tasks.study.endpoints import Cap, Endpoint, Price
from warehouse.errors import UserError


def endpoint_of(server, **changes):
    return dataclasses.replace(Endpoint(NAME, server.url), **changes)


def test_the_same_server_is_the_same_version_and_costs_one_request_of_few_tokens():
    with ChatServer() as server:
        first = probe(endpoint_of(server))
        assert server.paid == 1 and server.requests[0]["max_tokens"] == 16
        assert server.requests[0]["temperature"] == 0
        assert probe(endpoint_of(server)) == first
        # How it is asked and paid for decides no draw.
        changes = {"price": Price(1.0), "cap": Cap(tokens=9), "concurrency": 2}
        assert probe(endpoint_of(server, **changes)) == first


def test_another_reply_card_address_name_or_field_is_another_version():
    with ChatServer() as server, ChatServer() as elsewhere:
        versions = [
            probe(endpoint_of(server)),
            probe(endpoint_of(elsewhere)),
            probe(endpoint_of(server, extra={"reasoning_effort": "low"})),
        ]
        server.version = "2"
        versions.append(probe(endpoint_of(server)))
        server.version = "1"
        server.says = lambda _messages, _rng: "Another model speaks."
        versions.append(probe(endpoint_of(server)))
    assert len(set(versions)) == 5


def test_a_server_without_list_or_that_takes_no_temperature_has_a_version_too():
    for manner in ("no list", "strict", "ignores n", "no usage", "reasoning"):
        with ChatServer(manner) as server:
            assert probe(endpoint_of(server)) == probe(endpoint_of(server))
            assert server.paid == 2


@pytest.mark.parametrize(
    ("manner", "said", "paid"),
    [
        ("forbidden", "does not allow this request: HTTP 403", 0),
        ("no credit", "has no credit left", 0),
        ("other name", "to serve 'tiny-chat', it lists 1 others, such as other", 0),
        ("page", "expected a chat completion from .*got another reply", 1),
        ("completions", "expected a chat completion from .*got another reply", 1),
    ],
)
def test_each_refusal_takes_seconds_and_one_paid_request_at_most(manner, said, paid):
    started = time.monotonic()
    with ChatServer(manner) as server, pytest.raises(UserError, match=said):
        probe(endpoint_of(server))
    assert server.paid == paid and time.monotonic() - started < 5


def test_a_key_that_is_missing_or_wrong_is_told_as_what_it_is(monkeypatch):
    with ChatServer(key=KEY) as server:
        with pytest.raises(UserError, match="does not accept a request without a key"):
            probe(endpoint_of(server))
        with pytest.raises(UserError, match="environment variable TINY_KEY, it is not set"):
            probe(endpoint_of(server, api_key_env="TINY_KEY"))
        monkeypatch.setenv("TINY_KEY", "sk-wrong-0815")
        with pytest.raises(UserError, match="does not accept the key in TINY_KEY") as told:
            probe(endpoint_of(server, api_key_env="TINY_KEY"))
        monkeypatch.setenv("TINY_KEY", KEY)
        assert probe(endpoint_of(server, api_key_env="TINY_KEY"))
    assert "sk-wrong-0815" not in str(told.value) and server.paid == 1


def test_nobody_there_is_told_in_seconds():
    started = time.monotonic()
    with pytest.raises(UserError, match=r"speaks chat completions at http://127.0.0.1:9, got"):
        probe(Endpoint(NAME, "http://127.0.0.1:9/v1"))
    assert time.monotonic() - started < 5
