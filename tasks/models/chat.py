"""Dialogues as a model's own chat template writes them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from pathlib import Path
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from warehouse.errors import UserError


class Message(NamedTuple):
    """One turn of a dialogue."""

    role: Literal["system", "user", "assistant"]
    content: str


Chat = Callable[[Sequence[Message]], str]
"""Text of a dialogue; unless the assistant has the last word, its next turn is opened."""


NO_OPTIONS: Mapping[str, Any] = MappingProxyType({})
"""For a chat template that is told nothing but the dialogue."""


def load_chat(
    folder: Path, key: str, *, today: date, options: Mapping[str, Any] = NO_OPTIONS
) -> Chat:
    """The chat template of a model folder; UserError, naming the study's key, when it has none.

    `today` is what templates write as today's date (Llama-3, gpt-oss): a prompt must not be another
    one tomorrow.
    """
    from transformers import AutoTokenizer

    # The code of a repository is never run.
    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise UserError(
            f"study: this {key} needs a chat template, the tokenizer in {folder} has none; "
            "use another one"
        )

    def chat(messages: Sequence[Message]) -> str:
        turns = [message._asdict() for message in messages]
        text = tokenizer.apply_chat_template(
            turns,
            tokenize=False,
            add_generation_prompt=messages[-1].role != "assistant",
            date_string=today.strftime("%d %b %Y"),
            # Some ask the clock themselves, by this name.
            strftime_now=today.strftime,
            **options,
        )
        return str(text)

    return chat
