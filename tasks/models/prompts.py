"""Prompts: how a question, alone or with attempts at it, becomes a dialogue and its text."""

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
    select: Callable[[str, Sequence[str]], list[Message]]
    """Question text and attempts, one of which is to be named, to such turns."""


_NO_SYSTEM = (
    "the system text stands before the user's words: the model's chat template writes no turn of "
    "a system"
)


class Prompts(NamedTuple):
    """The prompts of a format, as text."""

    render: Callable[[str], str]
    """Question text to prompt text."""
    revise: Callable[[str, Sequence[str]], str]
    """Question text and earlier attempts to prompt text."""
    select: Callable[[str, Sequence[str]], str]
    """Question text and attempts, one of which is to be named, to prompt text."""
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

    def select(question: str, attempts: Sequence[str]) -> str:
        return chat(dialogues.select(question, attempts))

    return Prompts(render, revise, select, _NO_SYSTEM if moves_system else "")


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

    def select(question: str, attempts: Sequence[str]) -> list[Message]:
        return [*system, Message("user", words.select(question, attempts))]

    return Dialogues(ask, revise, select)


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

    def select(question: str, attempts: Sequence[str]) -> str:
        return start + words.select(question, attempts)

    return Prompts(render, revise, select)


def words_around(table: Mapping[str, Any], count: int, *, selecting: bool) -> str:
    """What a prompt says to a model that is shown so many attempts, besides question and texts."""
    blank = [""] * count
    if selecting:
        return _selection(table, "", blank)
    shown = _attempts(table, blank)
    return str(table["revision"]).format(prompt="", attempts=shown, number=count + 1)


def _selection(table: Mapping[str, Any], question: str, attempts: Sequence[str]) -> str:
    shown = _attempts(table, attempts)
    return str(table["selection"]).format(question=question, attempts=shown, count=len(attempts))


def _attempts(table: Mapping[str, Any], texts: Sequence[str]) -> str:
    """Attempts as they are shown, numbered from 1."""
    template = str(table["attempt"])
    shown = [template.format(number=number, text=text) for number, text in enumerate(texts, 1)]
    return "".join(shown)


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
        revision = str(table["revision"]).format(
            prompt=prompt(question),
            attempts=_attempts(table, attempts),
            number=len(attempts) + 1,
        )
        return shots + revision

    def select(question: str, attempts: Sequence[str]) -> str:
        # No worked questions before it: they show how to answer one, not how to compare.
        return _selection(table, _close(question, closing), attempts)

    return Prompts(render, revise, select)


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
