"""Whether servers are there and have the model of the study, before anything is started or paid;
and why one cannot give exact draws, by its answer to the first request for a token.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import httpx
from pydantic import BaseModel

from tasks.endpoints.keys import Key
from tasks.endpoints.statuses import Refusal, read_complaint, refuse
from tasks.endpoints.transfer import ask_once
from tasks.engines.replica import Call, roots
from tasks.models.tokenizers import load_tokenizer
from tasks.models.version import Model, fingerprint
from warehouse.errors import UserError

_TEXT = "Solve 3x + 12 = 30.\n\nStep 1: \\boxed{x = 6}, 数 é\t(100,000)"
"""Digits, blanks, breaks, marks and letters that tokenizers split in ways of their own."""


class _Card(BaseModel):
    id: str
    root: str | None = None
    max_model_len: int | None = None


class _Cards(BaseModel):
    data: list[_Card]


class _Tokens(BaseModel):
    tokens: list[int]


class ServedCard(BaseModel):
    """What a server says of a model that it has."""

    url: str
    root: str | None
    """The folder or id that it was started with."""
    context: int | None
    """Tokens of its context; None: not told."""


def check_served(
    urls: Sequence[str], model: str, *, key: Key | None = None, seconds: float = 4.0
) -> list[ServedCard]:
    """What each server says of the model of that name; UserError names the first without it.

    To be called before the first token of a run; later on, single replicas may fail.
    """
    return [_look_up(url, model, key, seconds) for url in roots(urls)]


def _look_up(url: str, model: str, key: Key | None, seconds: float) -> ServedCard:
    headers = key.headers if key else {}
    try:
        received = ask_once("GET", f"{url}/v1/models", headers=headers, seconds=seconds)
        complaint = read_complaint(received, key)
        if received.status in (401, 403):
            raise refuse(url, complaint, key)
        if received.status != 200:
            raise ValueError(complaint.said)
        cards = _Cards.model_validate_json(received.content).data
    except (httpx.HTTPError, ValueError) as error:
        raise UserError(
            f"engine: expected an OpenAI-compatible server at {url}, "
            f"got {_shown(error)}; start it or take it out of the study"
        ) from error
    for card in cards:
        if card.id == model:
            return ServedCard(url=url, root=card.root, context=card.max_model_len)
    names = ", ".join(card.id for card in cards)
    raise UserError(
        f"engine: expected {url} to serve {model!r}, it serves {names}; "
        "name one of these in the study, or start the server with --served-model-name"
    )


def _shown(error: Exception) -> str:
    """In one line: what is wrong with a long reply may be as long."""
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def check_same(served: ServedCard, name: str, model: Model, *, key: Key | None = None) -> None:
    """UserError for a server that has another model than the study's folder.

    Seen are the files that it was started with, where they lie on this machine too, and how it
    splits a text. A server that tells neither is believed.
    """
    root = Path(served.root) if served.root else None
    if root and _lies_here(root) and root.resolve() != model.files:
        _check_files(served.url, root, model)
    _check_tokens(served.url, name, model, key)


def _lies_here(root: Path) -> bool:
    return root.is_absolute() and root.is_dir()


def _check_files(url: str, root: Path, model: Model) -> None:
    # Without their use: what is compared is what lies there.
    if fingerprint(root, "") != fingerprint(model.files, ""):
        raise UserError(
            f"engine: expected {url} to serve the files of {model.name} ({model.files}), it "
            f"serves those of {root}, which are others; start it with that folder, or name its "
            "folder in the study"
        )


def _check_tokens(url: str, name: str, model: Model, key: Key | None) -> None:
    theirs = _tokenize(url, name, key)
    own = load_tokenizer(model.files).encode(_TEXT)
    if theirs is not None and theirs != own:
        raise UserError(
            f"engine: expected {url} to split texts as the tokenizer in {model.files} does, it "
            f"makes {len(theirs)} tokens of {len(own)} or other ones; start it with that model, or "
            "name the folder of the model that it has"
        )


def _tokenize(url: str, name: str, key: Key | None) -> list[int] | None:
    """The tokens that a server makes of the text; None where it cannot be asked for them."""
    body = {"model": name, "prompt": _TEXT, "add_special_tokens": False}
    headers = key.headers if key else {}
    content = json.dumps(body).encode()
    try:
        page = f"{url}/tokenize"
        received = ask_once("POST", page, headers=headers, content=content, seconds=4.0)
        if received.status != 200:
            return None
        return _Tokens.model_validate_json(received.content).tokens
    except (httpx.HTTPError, ValueError):
        return None


def explain(url: str, probe: Call[Any], refusal: Refusal) -> UserError:
    """The refusal of a token, with what this server lacks where that is why."""
    complaint = refusal.complaint
    said = f"got {complaint.said}"
    # No such page, or none for this: a server that speaks chat alone.
    if complaint.status in (404, 405):
        return misfit(url, probe, said)
    named = [field for field in probe.body if complaint.names(field)]
    if complaint.status not in (400, 422) or not named:
        return refusal
    return misfit(url, probe, f"and its field {named[0]!r}, {said}")


def misfit(url: str, probe: Call[Any], why: str) -> UserError:
    """The sentence for a server that answers, but not as exact draws need."""
    return UserError(
        f"engine: expected {url} to answer {probe.path} {why}; serve the model with `vllm serve`, "
        "or ask this server for chat completions by an [[endpoints]] table"
    )
