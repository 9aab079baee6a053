"""Prompts: how a question, and a question with earlier attempts, become the text of one."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, NamedTuple

from tasks.models.chat import Message, load_chat

TODAY = date(2026, 1, 1)
"""What prompts say of the date, every night."""


class Prompts(NamedTuple):
    """The two prompts of a format."""

    render: Callable[[str], str]
    """Question text to prompt text."""
    revise: Callable[[str, Sequence[str]], str]
    """Question text and earlier attempts to prompt text."""


def load_prompts(table: dict[str, Any], folder: Path, *, beginning: str) -> Prompts:
    """The prompts of a format's table over a model folder.

    `beginning` is the text of the token that begins every text of the model.
    """
    wrap = _wrapping(table, folder, beginning)
    closing = str(table["closing"])
    shots = _shots(table)

    def prompt(question: str) -> str:
        closed = _close(question, closing)
        return str(table["prompt"]).format(question=closed)

    def render(question: str) -> str:
        return wrap(shots + prompt(question))

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
        return wrap(shots + revision)

    return Prompts(render, revise)


def _shots(table: dict[str, Any]) -> str:
    """Worked questions that stand before every question: a base model goes on as they do."""
    closing = str(table["closing"])
    shots: list[str] = []
    for shot in table.get("shots", []):
        question = _close(str(shot["question"]), closing)
        asked = str(table["prompt"]).format(question=question)
        shots.append(str(table["shot"]).format(prompt=asked, answer=shot["answer"]))
    return "".join(shots)


def _close(question: str, closing: str) -> str:
    """The question with the end that all questions of the format have."""
    if question.endswith(closing):
        return question
    # Who types a question may leave out the end, or its white space.
    begun = question.rstrip().removesuffix(closing.strip())
    return begun.rstrip() + closing


def _wrapping(table: dict[str, Any], folder: Path, beginning: str) -> Callable[[str], str]:
    """What stands around a user's words: a chat's first turns, a first token, or nothing."""
    if not table["chat"]:
        # Bundled models were trained without a first token; what base models saw has it.
        start = beginning if table.get("begins", False) else ""
        return lambda text: start + text
    # Templates write today's date unless given one: every prompt would be new every night.
    chat = load_chat(folder, "generator.format", today=TODAY)
    # Without a table entry the template's own system prompt stands, if it has one.
    system: list[Message] = []
    if "system" in table:
        system.append(Message("system", str(table["system"])))
    return lambda text: chat([*system, Message("user", text)])
