"""Questions that are written as a conversation: a list of messages, each with a role and a text."""

from __future__ import annotations

from typing import Any, TypeGuard

from warehouse.errors import UserError

_ROLES = ("role", "from")
_CONTENTS = ("content", "value")
_ANSWERING = ("assistant", "gpt", "model")
"""What the role of who answers is called."""

Message = dict[str, Any]


def is_conversation(value: object) -> TypeGuard[list[Message]]:
    """Whether a value is a list of messages that each say who speaks and what."""
    if not isinstance(value, list) or not value:
        return False
    return all(isinstance(one, dict) and _first(one, _CONTENTS) is not None for one in value)


def asked_in(messages: list[Message], place: str) -> str:
    """What is asked: all texts but a closing answer, with an empty line in between.

    UserError for a conversation that goes on after an answer: it is no single question.
    """
    last = messages[-1]
    asking = messages[:-1] if _answers(last) else messages
    if not asking or any(map(_answers, asking)):
        raise UserError(
            f"{place}: expected messages that ask one question, got a conversation of "
            f"{len(messages)} messages with answers in between; write what is asked as one text"
        )
    texts = [_text(message, place) for message in asking]
    return "\n\n".join(text for text in texts if text)


def answered_in(messages: list[Message], place: str) -> str | None:
    """The answer that closes a conversation; None where it ends with the question."""
    last = messages[-1]
    return _text(last, place) if _answers(last) else None


def _answers(message: Message) -> bool:
    return _first(message, _ROLES) in _ANSWERING


def _first(message: Message, names: tuple[str, ...]) -> Any:
    return next((message[name] for name in names if message.get(name) is not None), None)


def _text(message: Message, place: str) -> str:
    """The message's text; of one in parts, all of them."""
    content = _first(message, _CONTENTS)
    parts = content if isinstance(content, list) else [content]
    written = [part.get("text") if isinstance(part, dict) else part for part in parts]
    texts = [text for text in written if isinstance(text, str)]
    if len(texts) < len(parts):
        raise UserError(
            f"{place}: expected messages of text, got {str(content)[:60]!r}; "
            "leave out questions with pictures or sounds"
        )
    return "\n".join(texts).strip()
