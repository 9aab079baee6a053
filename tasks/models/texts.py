"""Text models: known by what they wrote alone, behind an endpoint or from a log."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence

from tasks.models.chat import Message
from tasks.models.format_tables import Named, format_name, format_table, selection_words
from tasks.models.formats import Format, markers_of, separator_of, thinking_of
from tasks.models.pieces import Writing
from tasks.models.prompts import dialogues_of
from tasks.models.steps import steps_of
from tasks.models.version import Model
from warehouse.errors import UserError

IMPORTED = "imported/"
"""How names of models and verifiers begin that are known from a log."""


class TextTokenizer:
    """A Tokenizer whose tokens are the bytes of UTF-8: prompts have keys without a vocabulary."""

    def encode(self, text: str) -> list[int]:
        """The bytes of a text."""
        return list(text.encode())

    def decode(self, token_ids: Sequence[int]) -> str:
        """The text of bytes."""
        return bytes(token_ids).decode(errors="replace")


def messages_of(prefix: Sequence[int]) -> list[Message]:
    """The dialogue of a text model's prompt."""
    turns = json.loads(bytes(prefix))
    return [Message(turn["role"], turn["content"]) for turn in turns]


def load_text_format(named: Named, *, kind: str = "math") -> Format:
    """A chat format for a model whose tokens nobody knows: its prompt is the dialogue as JSON.

    UserError for a format without chat: what such a model goes on from is a template's doing.
    """
    table = {**format_table(named), **selection_words(named)}
    if not table["chat"]:
        raise UserError(
            f"study: expected a chat format for a model behind an endpoint or from a log, got "
            f"generator.format {format_name(named)!r}; name one, e.g. 'chat'"
        )
    dialogues = dialogues_of(table, kind)
    thinking = thinking_of(table, "")
    writing = Writing({byte: bytes([byte]) for byte in range(256)}, {})
    return Format(
        tokenizer=TextTokenizer(),
        render=lambda question: _as_json(dialogues.ask(question)),
        revise=lambda question, attempts: _as_json(dialogues.revise(question, attempts)),
        select=lambda question, attempts: _as_json(dialogues.select(question, attempts)),
        markers=markers_of(table),
        steps=steps_of(writing, separator_of(table, thinking), never=frozenset()),
        end_of_text=frozenset(),
        thinking=thinking,
        thinks="thinking" in table,
        selection_marker=table["selection_marker"],
        stops=tuple(table.get("stop", ())),
        first_answer=bool(table.get("first_answer", False)),
        is_text=True,
    )


def _as_json(messages: list[Message]) -> str:
    turns = [message._asdict() for message in messages]
    return json.dumps(turns, ensure_ascii=False)


def text_model(name: str, identity: str) -> Model:
    """The text model of a name; another `identity` is another version of it."""
    digest = hashlib.sha256(f"{name}|{identity}".encode())
    return Model(
        name=name,
        folder=None,
        fingerprint=digest.hexdigest()[:16],
        parameters=None,
        context=None,
    )
