"""Prompts: how a question, and a question with earlier attempts, become a dialogue and its text."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from tasks.models.chat import Message, load_chat
from warehouse.errors import UserError

TODAY = date(2026, 1, 1)
"""What prompts say of the date, every night."""


class Dialogues(NamedTuple):
    """What a chat format says to a model, before any template writes it down."""

    ask: Callable[[str], list[Message]]
    """Question text to the turns up to the model's own: a system's, if there is one, and a
    user's."""
    revise: Callable[[str, Sequence[str]], list[Message]]
    """Question text and earlier attempts to such turns."""


_NO_SYSTEM = (
    "the system text stands before the user's words: the model's chat template writes no turn of "
    "a system"
)


class Prompts(NamedTuple):
    """The two prompts of a format, as text."""

    render: Callable[[str], str]
    """Question text to prompt text."""
    revise: Callable[[str, Sequence[str]], str]
    """Question text and earlier attempts to prompt text."""
    note: str = ""
    """What is otherwise than the format says, for whoever plans a run."""


def load_prompts(
    table: Mapping[str, Any],
    folder: Path,
    *,
    kind: str,
    beginning: str,
    options: Mapping[str, Any],
) -> Prompts:
    """The prompts of a format's table over a model folder.

    `beginning` is the text of the token that begins every text of the model, `options` what a study
    says to its chat template.
    """
    if not table["chat"]:
        return _plain_prompts(table, kind, beginning, options)
    # Templates write today's date unless given one: every prompt would be new every night.
    chat = load_chat(folder, "generator.format", today=TODAY, options=options)
    dialogues = dialogues_of(table, kind)
    moves_system = bool(table.get("system")) and not chat.has_system

    def render(question: str) -> str:
        return chat(dialogues.ask(question))

    def revise(question: str, attempts: Sequence[str]) -> str:
        return chat(dialogues.revise(question, attempts))

    return Prompts(render, revise, _NO_SYSTEM if moves_system else "")


def dialogues_of(table: Mapping[str, Any], kind: str) -> Dialogues:
    """The dialogues of a chat format's table for questions whose answers are of a kind."""
    words = _words(table, kind)
    # Without a table entry the template's own system prompt stands, if it has one.
    system: list[Message] = []
    if table.get("system"):
        system.append(Message("system", str(table["system"])))

    def ask(question: str) -> list[Message]:
        return [*system, Message("user", words.render(question))]

    def revise(question: str, attempts: Sequence[str]) -> list[Message]:
        return [*system, Message("user", words.revise(question, attempts))]

    return Dialogues(ask, revise)


def _plain_prompts(
    table: Mapping[str, Any], kind: str, beginning: str, options: Mapping[str, Any]
) -> Prompts:
    """The prompts of a format without a template: a first token if it has one, and the words."""
    if options:
        raise UserError(
            f"study: generator.chat_template_kwargs {sorted(options)} go to a chat template, "
            "generator.format uses none; drop them, or name a chat format"
        )
    words = _words(table, kind)
    # Bundled models were trained without a first token; what base models saw has it.
    start = beginning if table.get("begins", False) else ""

    def render(question: str) -> str:
        return start + words.render(question)

    def revise(question: str, attempts: Sequence[str]) -> str:
        return start + words.revise(question, attempts)

    return Prompts(render, revise)


def _words(table: Mapping[str, Any], kind: str) -> Prompts:
    """What a user says, or what a base model goes on from."""
    closing = str(table.get("closing", ""))
    shots = _shots(table)
    ask = _ask(table, kind)

    def prompt(question: str) -> str:
        closed = _close(question, closing)
        return str(table["prompt"]).format(question=closed, ask=ask)

    def render(question: str) -> str:
        return shots + prompt(question)

    def revise(question: str, attempts: Sequence[str]) -> str:
        shown = [
            str(table["attempt"]).format(number=number, text=text)
            for number, text in enumerate(attempts, start=1)
        ]
        revision = str(table["revision"]).format(
            prompt=prompt(question),
            attempts="".join(shown),
            number=len(attempts) + 1,
        )
        return shots + revision

    return Prompts(render, revise)


def _ask(table: Mapping[str, Any], kind: str) -> str:
    """How a format asks for answers of a kind; nothing where it asks for all alike."""
    asks: Mapping[str, str] = table.get("asks", {})
    if not asks:
        return ""
    if kind not in asks:
        raise UserError(
            f"study: expected generator.format to ask for answers of kind {kind!r}, it asks for "
            f"{', '.join(sorted(asks))}; add asks.{kind} to its table, or name another format"
        )
    return asks[kind]


def _shots(table: Mapping[str, Any]) -> str:
    """Worked questions that stand before every question: a base model goes on as they do."""
    closing = str(table.get("closing", ""))
    shots: list[str] = []
    for shot in table.get("shots", []):
        question = _close(str(shot["question"]), closing)
        asked = str(table["prompt"]).format(question=question, ask="")
        shots.append(str(table["shot"]).format(prompt=asked, answer=shot["answer"]))
    return "".join(shots)


def _close(question: str, closing: str) -> str:
    """The question with the end that all questions of the format have."""
    if question.endswith(closing):
        return question
    # Who types a question may leave out the end, or its white space.
    begun = question.rstrip().removesuffix(closing.strip())
    return begun.rstrip() + closing
