"""Which version of a model an endpoint serves: what its list and one greedy reply say."""

from __future__ import annotations

import difflib
import hashlib
import json
import time
from typing import Any, cast

import httpx

from tasks.endpoints.dialect import CHAT, Dialect
from tasks.endpoints.keys import Key, load_key
from tasks.endpoints.replies import ChatReply, cut_before, read_chat
from tasks.endpoints.statuses import Complaint, may_pass, read_complaint, refuse, retry_after
from tasks.endpoints.transfer import Received, Unreadable, ask_once
from tasks.protocols import Sampling
from tasks.study.endpoints import Endpoint
from warehouse.errors import UserError

_GREEDY = Sampling(temperature=0.0, top_p=1.0, top_k=0, max_tokens=16, until="end")
_ASKED = "Name a number between 100 and 999, its square, and a word that rhymes with it."
_TOLD = ("id", "root", "parent", "max_model_len", "owned_by", "meta")
"""What a server's list says of the model itself; dates, prices and rights change on their own."""
_ATTEMPTS = 4
_PATIENCE = 30.0


def probe(endpoint: Endpoint) -> str:
    """16 hex digits of url, name, extra fields, the server's card and one greedy reply.

    One paid request of a few tokens. UserError for a server that is not there, wants another key or
    does not know the model.
    """
    key = load_key(endpoint.api_key_env)
    card = _card(endpoint, key)
    model, said = _greedy(endpoint, key)
    parts = [endpoint.root, endpoint.served_name, endpoint.extra, card, model, said]
    content = json.dumps(parts, sort_keys=True)
    return hashlib.sha256(content.encode()).hexdigest()[:16]


def _card(endpoint: Endpoint, key: Key | None) -> dict[str, Any]:
    """What /v1/models says of the model; nothing where the server has no such list."""
    # Nobody there, or nobody who answers, is told in seconds.
    received = _send("GET", f"{endpoint.root}/v1/models", endpoint, key, seconds=4.5)
    if received.status in (401, 403):
        raise refuse(endpoint.root, read_complaint(received, key), key)
    cards = _cards(received) if received.status == 200 else []
    if not cards:
        return {}
    name = endpoint.served_name
    # Ollama leaves out a tag, Gemini puts the kind of thing before a name.
    for card in cards:
        listed = str(card.get("id"))
        if listed in (name, f"{name}:latest") or listed.endswith(f"/{name}"):
            return {field: card[field] for field in _TOLD if field in card}
    names = [str(card.get("id")) for card in cards]
    near = difflib.get_close_matches(name, names, n=5, cutoff=0.0)
    raise UserError(
        f"engine: expected {endpoint.root} to serve {name!r}, it lists {len(names)} others, "
        f"such as {', '.join(near)}; name one of these in the endpoint"
    )


def _cards(received: Received) -> list[dict[str, Any]]:
    try:
        data: Any = json.loads(received.content)["data"]
    except (ValueError, KeyError, TypeError, RecursionError):
        return []
    rows = cast("list[Any]", data) if isinstance(data, list) else []
    return [card for card in rows if isinstance(card, dict)]


def _greedy(endpoint: Endpoint, key: Key | None) -> tuple[str, list[str]]:
    """Who answers, and what it says at temperature 0; nothing where it takes no temperature."""
    dialect = Dialect(endpoint)
    messages = [{"role": "user", "content": _ASKED}]
    for attempt in range(1, 12):
        body = dialect.body(messages, 1, sampling=_GREEDY, seed=0)
        received = _send("POST", endpoint.root + CHAT, endpoint, key, body=body)
        if received.status == 200:
            reply = _read(received.content, endpoint, key)
            (said,) = reply.said
            # Without its temperature a reply is another one every time.
            is_greedy = "temperature" in body
            return reply.model, [said.thinking, said.content] if is_greedy else []
        complaint = read_complaint(received, key)
        if may_pass(complaint) and attempt < _ATTEMPTS:
            asked = retry_after(received.headers.get("Retry-After"))
            time.sleep(min(_PATIENCE, float(attempt) if asked is None else asked))
        elif complaint.status == 400 and cut_before(complaint):
            return "", []
        elif not _adapt(dialect, complaint, body):
            raise dialect.blame(refuse(endpoint.root, complaint, key), body)
    raise AssertionError("every field is left out once at most")


def _adapt(dialect: Dialect, complaint: Complaint, body: dict[str, Any]) -> bool:
    """Whether the request may be asked without a field; greedy, its temperature is one more."""
    if dialect.adapt(complaint, body):
        return True
    is_its = complaint.status in (400, 422) and complaint.names("temperature")
    if not is_its or "temperature" not in body:
        return False
    dialect.left_out.add("temperature")
    return True


def _read(content: bytes, endpoint: Endpoint, key: Key | None) -> ChatReply:
    try:
        return read_chat(content, 1)
    except ValueError as error:
        words = " ".join(str(error).split())[:200]
        complaint = key.hide(words) if key else words
        raise UserError(
            f"engine: expected a chat completion from {endpoint.root}{CHAT}, got another reply: "
            f"{complaint}; correct the url of the endpoint"
        ) from error


def _send(
    method: str,
    url: str,
    endpoint: Endpoint,
    key: Key | None,
    *,
    body: Any = None,
    seconds: float = 120.0,
) -> Received:
    content = None if body is None else json.dumps(body).encode()
    headers = key.headers if key else {}
    try:
        return ask_once(method, url, headers=headers, content=content, seconds=seconds)
    except (httpx.HTTPError, Unreadable) as error:
        raise UserError(
            f"engine: expected a server that speaks chat completions at {endpoint.root}, got "
            f"{type(error).__name__}: {error}; start it, or correct the url of the endpoint"
        ) from error
