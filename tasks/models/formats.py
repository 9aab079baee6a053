"""How a model writes: prompt, steps and answer marker, over its own tokenizer."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tasks.benchmarks.question import Question
from tasks.models.chat import Message, load_chat
from tasks.models.pieces import read_writing
from tasks.models.steps import Separator, Steps, steps_of
from warehouse.errors import UserError


class Tokenizer(Protocol):
    """The part of a tokenizer that is used."""

    def encode(self, text: str) -> list[int]:
        """Token ids of the text alone: no token is added at its beginning or end."""
        ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of the tokens, special ones included."""
        ...


@dataclass(frozen=True, slots=True)
class Format:
    """A table of tasks/models/formats.toml bound to a tokenizer."""

    tokenizer: Tokenizer
    render: Callable[[str], str]
    """Question text to prompt text."""
    revise: Callable[[str, Sequence[str]], str]
    """Question text and earlier attempts to prompt text."""
    markers: tuple[str, ...]
    """What an answer follows, in order."""
    steps: Steps
    end_of_text: frozenset[int]

    def prompt(self, question: Question) -> tuple[int, ...]:
        """Token ids of the question's prompt."""
        text = self.render(question.text)
        return tuple(self.tokenizer.encode(text))

    def revision(self, question: Question, attempts: Sequence[str]) -> str:
        """Text of the prompt that asks for one more attempt; of the plain one for the first."""
        if not attempts:
            return self.render(question.text)
        return self.revise(question.text, attempts)

    def final(self, text: str) -> str | None:
        """The completion without its thinking; None while it still thinks."""
        return text


def load_format(name: str, folder: Path) -> Format:
    """The named format over the tokenizer in a model folder."""
    table = format_table(name)
    tokenizer = load_tokenizer(folder)
    end_of_text = _end_of_text(tokenizer, folder)
    render, revise = _renderers(table, folder)
    return Format(
        tokenizer=tokenizer,
        render=render,
        revise=revise,
        markers=(str(table["answer_marker"]),),
        steps=steps_of(read_writing(tokenizer), _separator(table), never=end_of_text),
        end_of_text=end_of_text,
    )


def _separator(table: dict[str, Any]) -> Separator:
    return Separator(
        text=str(table["step_separator"]),
        blanks=str(table.get("step_blanks", "")),
        heading=str(table.get("step_heading", "")),
    )


def format_table(name: str) -> dict[str, Any]:
    """The raw table of a format; UserError lists the known ones."""
    file = Path(__file__).with_name("formats.toml")
    tables = tomllib.loads(file.read_text(encoding="utf-8"))
    if name not in tables:
        known = ", ".join(sorted(tables))
        raise UserError(f"study: unknown generator.format {name!r}; known are {known}")
    return tables[name]


class FileTokenizer:
    """The tokenizer.json of a folder, adding and dropping nothing.

    Read without transformers, which for `model_type: qwen2` builds a pre-tokenizer of its own
    and loses spaces and newlines.
    """

    def __init__(self, path: Path) -> None:
        # Imported late: whoever only reads the warehouse needs no tokenizer.
        from tokenizers import Tokenizer as Fast

        self._fast = Fast.from_file(str(path))

    def encode(self, text: str) -> list[int]:
        """Token ids of the text alone."""
        return list(self._fast.encode(text, add_special_tokens=False).ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of the tokens, special ones included."""
        return str(self._fast.decode(list(token_ids), skip_special_tokens=False))

    def names(self) -> dict[int, str]:
        """How the vocabulary spells each token, added ones included, by id."""
        vocabulary = self._fast.get_vocab(with_added_tokens=True)
        return {token: name for name, token in vocabulary.items()}

    def decode_each(self, sequences: Sequence[Sequence[int]]) -> list[str]:
        """Text of every sequence of token ids, special ones included."""
        return self._fast.decode_batch(
            [list(token_ids) for token_ids in sequences], skip_special_tokens=False
        )

    def id_of(self, token: str) -> int | None:
        """Id of a token by its text; None for a text that is not one token of the vocabulary."""
        return self._fast.token_to_id(token)


def load_tokenizer(folder: Path) -> FileTokenizer:
    """The tokenizer in a model folder; UserError when there is none that can be read."""
    path = folder / "tokenizer.json"
    try:
        return FileTokenizer(path)
    except Exception as error:  # tokenizers raises nothing more special
        raise UserError(
            f"model: expected a readable {path}, got: {error}; fetch the tokenizer again"
        ) from error


def _end_of_text(tokenizer: FileTokenizer, folder: Path) -> frozenset[int]:
    """Every id that ends a completion: the tokenizer's own and those of the (generation) config."""
    # One model's files may disagree: some name the end of a turn, others the end of a text.
    ids: set[int | None] = set()
    for name in ("config.json", "generation_config.json"):
        value = _json(folder / name).get("eos_token_id")
        ids |= set(value) if isinstance(value, list) else {value}
    named = _special_token(folder, "eos_token")
    if named:
        ids.add(tokenizer.id_of(named))
    end_of_text = frozenset(token for token in ids if token is not None)
    if not end_of_text:
        raise UserError(
            f"model: expected an end-of-text token in {folder}, its configs name none; "
            "add eos_token_id"
        )
    return end_of_text


def _special_token(folder: Path, key: str) -> str:
    """Text of a special token in the tokenizer's config, empty when it names none."""
    token = _json(folder / "tokenizer_config.json").get(key)
    # Saved by transformers it is a table, with the text as its content.
    if isinstance(token, dict):
        return str(token["content"])
    return str(token or "")


def _json(path: Path) -> dict[str, Any]:
    """What the file holds; nothing when it is not there, for no model has them all."""
    if not path.is_file():
        return {}
    return json.loads(path.read_text(encoding="utf-8"))


def _renderers(
    table: dict[str, Any], folder: Path
) -> tuple[Callable[[str], str], Callable[[str, Sequence[str]], str]]:
    """How a question, and a question with earlier attempts, become the text of a prompt."""
    wrap = _wrapping(table, folder)
    closing = str(table["closing"])

    def prompt(question: str) -> str:
        closed = _close(question, closing)
        return str(table["prompt"]).format(question=closed)

    def render(question: str) -> str:
        return wrap(prompt(question))

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
        return wrap(revision)

    return render, revise


def _close(question: str, closing: str) -> str:
    """The question with the end that all questions of the format have."""
    if question.endswith(closing):
        return question
    # Who types a question may leave out the end, or its white space.
    begun = question.rstrip().removesuffix(closing.strip())
    return begun.rstrip() + closing


def _wrapping(table: dict[str, Any], folder: Path) -> Callable[[str], str]:
    """What stands around a user's words: a chat's first turns, or nothing."""
    if not table["chat"]:
        return lambda text: text
    # Llama-3 templates write today's date unless given one: every prompt would be new every night.
    chat = load_chat(folder, "generator.format", date="01 Jan 2026")
    # Without a table entry the template's own system prompt stands, if it has one.
    system: list[Message] = []
    if "system" in table:
        system.append(Message("system", str(table["system"])))
    return lambda text: chat([*system, Message("user", text)])


def beginning(folder: Path) -> str:
    """Text of the token that begins every text of a model, empty when it has none."""
    return _special_token(folder, "bos_token")


def step_token(folder: Path, tokenizer: Tokenizer, text: str = "<extra_0>") -> int:
    """Id of the token at which a folder's verifier scores.

    `step_token` in its config.json names it, else it is the given text.
    """
    text = str(_json(folder / "config.json").get("step_token", text))
    return token_id(tokenizer, text, f'name the right one as "step_token" in {folder}/config.json')


def token_id(tokenizer: Tokenizer, text: str, advice: str) -> int:
    """Id of a text that is one token; UserError with the advice when it is not."""
    token_ids = tokenizer.encode(text)
    if len(token_ids) != 1:
        raise UserError(
            f"verifier: expected {text!r} to be one token, the model's tokenizer makes "
            f"{len(token_ids)} of it; {advice}"
        )
    return token_ids[0]
