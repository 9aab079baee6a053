"""Dialogues as a model's own chat template writes them."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from tasks.models.template_process import ConfinedTemplate, TemplateFailure
from tasks.models.templates import chat_template, special_tokens
from warehouse.errors import UserError


class Message(NamedTuple):
    """One turn of a dialogue."""

    role: Literal["system", "user", "assistant"]
    content: str


NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
"""For a chat template that is told nothing but the dialogue."""

_SYSTEM_WORD, _USER_WORD = "systemword", "userword"
"""What a template is tried on: words that none of them writes by itself."""

Write = Callable[[Sequence[Message]], str]


@dataclass(frozen=True, slots=True)
class Chat:
    """The chat template of a model folder."""

    write: Write
    has_system: bool
    """Whether it writes a system's turn; where it does not, the system's text opens the user's."""

    def __call__(self, messages: Sequence[Message]) -> str:
        """Text of a dialogue; unless the assistant has the last word, its next turn is opened."""
        return self.write(messages if self.has_system else _without_system(messages))


def load_chat(
    folder: Path, key: str, *, today: date, options: Mapping[str, Any] = NO_OPTIONS
) -> Chat:
    """The chat template of a model folder; UserError, naming the study's key, when it has none.

    `today` is what templates write as today's date (Llama-3, gpt-oss): a prompt must not be another
    one tomorrow. `options` are what a study tells it besides, e.g. `enable_thinking`.
    """
    source = chat_template(folder)
    if not source:
        raise UserError(
            f"study: this {key} needs a chat template, the tokenizer in {folder} has none; "
            "use another one"
        )
    template = _load(source, folder, today)
    _check_options(template, options)
    write = _writer(template, folder, options)
    return Chat(write, _has_system(write))


def _load(source: str, folder: Path, today: date) -> ConfinedTemplate:
    tokens = tuple(special_tokens(folder).items())
    try:
        return _compile(source, today, tokens)
    except TemplateFailure as error:
        raise UserError(
            f"model: expected a chat template in {folder}, got one with a mistake: {error}; "
            "fetch it again, or correct it"
        ) from error


# A run loads a format for each of its stages; each template has a process.
@functools.lru_cache(maxsize=8)
def _compile(source: str, today: date, tokens: tuple[tuple[str, str], ...]) -> ConfinedTemplate:
    return ConfinedTemplate(source, today=today, tokens=dict(tokens))


def _check_options(template: ConfinedTemplate, options: Mapping[str, Any]) -> None:
    unknown = sorted(options.keys() - set(template.options))
    if unknown:
        known = ", ".join(template.options) or "none"
        raise UserError(
            f"study: generator.chat_template_kwargs: the model's chat template never asks for "
            f"{unknown[0]!r}; what it asks for: {known}; drop it, or name one of these"
        )


def _writer(template: ConfinedTemplate, folder: Path, options: Mapping[str, Any]) -> Write:
    """What writes dialogues, in the shape of a turn that the template reads."""

    def write(messages: Sequence[Message], *, in_parts: bool) -> str:
        turns = [_turn(message, in_parts=in_parts) for message in messages]
        opens = messages[-1].role != "assistant"
        try:
            return template.render(turns, opens=opens, options=options)
        except TemplateFailure as error:
            raise UserError(
                f"model: the chat template in {folder} cannot write a dialogue of "
                f"{' and '.join(message.role for message in messages)}: {error}; correct it, or "
                "tell it what it asks for in generator.chat_template_kwargs"
            ) from error

    in_parts = _reads_parts_alone(write, folder)
    return lambda messages: write(messages, in_parts=in_parts)


def _reads_parts_alone(write: Callable[..., str], folder: Path) -> bool:
    """Whether the content of a turn must be a list of parts, as templates of some models that see.

    UserError where a template leaves out what a user says: no question would reach the model.
    """
    asked = [Message("user", _USER_WORD)]
    first: UserError | None = None
    for in_parts in (False, True):
        try:
            if _USER_WORD in write(asked, in_parts=in_parts):
                return in_parts
        except UserError as error:
            first = first or error
    raise first or UserError(
        f"model: expected the chat template in {folder} to write what a user says, it leaves that "
        "out; fetch it again, or correct it"
    )


def _has_system(write: Write) -> bool:
    asked = [Message("system", _SYSTEM_WORD), Message("user", _USER_WORD)]
    try:
        text = write(asked)
    except UserError:
        # Gemma and early Mistral raise "System role not supported".
        return False
    return _SYSTEM_WORD in text and _USER_WORD in text


def _without_system(messages: Sequence[Message]) -> list[Message]:
    """The dialogue with the system's text before the user's first words, as Gemma 3 writes it."""
    system = [message.content for message in messages if message.role == "system"]
    first, *later = [message for message in messages if message.role != "system"]
    return [Message(first.role, "\n\n".join([*system, first.content])), *later]


def _turn(message: Message, *, in_parts: bool) -> dict[str, Any]:
    if not in_parts:
        return message._asdict()
    return {"role": message.role, "content": [{"type": "text", "text": message.content}]}
