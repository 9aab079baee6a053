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
    # A role without a text asks nothing: such a row is refused as it stands.
    return all(map(_has_text, value))


def _has_text(message: object) -> bool:
    return isinstance(message, dict) and _first(message, _CONTENTS) is not None


def asked_in(messages: list[Message], place: str) -> str:
    """What is asked: all texts but a closing answer, with an empty line in between.

    UserError for a conversation that goes on after an answer: it is no single question.
    """
    asking = list(messages)
    # What closes a row of a fine-tuning file is the answer that is to be learnt.
    if _answers(asking[-1]):
        asking.pop()
    answers_between = [message for message in asking if _answers(message)]
    if not asking or answers_between:
        raise UserError(
            f"{place}: expected messages that ask one question, got a conversation of "
            f"{len(messages)} messages with answers in between; write what is asked as one text"
        )
    texts = [_text(message, place) for message in asking]
    return "\n\n".join(text for text in texts if text)


def answered_in(messages: list[Message], place: str) -> str | None:
    """The answer that closes a conversation; None where it ends with the question."""
    last = messages[-1]
    if not _answers(last):
        return None
    return _text(last, place)


def _answers(message: Message) -> bool:
    role = _first(message, _ROLES)
    return role in _ANSWERING


def _first(message: Message, names: tuple[str, ...]) -> Any:
    for name in names:
        value = message.get(name)
        if value is not None:
            return value
    return None


def _text(message: Message, place: str) -> str:
    """The message's text; of one in parts, all of them."""
    content = _first(message, _CONTENTS)
    texts: list[str] = []
    for part in content if isinstance(content, list) else [content]:
        text = part.get("text") if isinstance(part, dict) else part
        if not isinstance(text, str):
            raise UserError(
                f"{place}: expected messages of text, got {str(content)[:60]!r}; "
                "leave out questions with pictures or sounds"
            )
        texts.append(text)
    return "\n".join(texts).strip()
