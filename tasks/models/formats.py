"""How a model family writes: prompt, steps and answer marker, over its own tokenizer."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, Protocol

from tasks.benchmarks.question import Question
from tasks.grading.extraction import extract_answer
from warehouse.errors import UserError


class Tokenizer(Protocol):
    """The part of a tokenizer that is used."""

    def encode(self, text: str) -> list[int]: ...
    def decode(self, token_ids: Sequence[int]) -> str: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A table of tasks/models/formats.toml bound to a tokenizer."""

    tokenizer: Tokenizer
    render: Callable[[str], str]
    """Question text to prompt text."""
    revise: Callable[[str, Sequence[str]], str]
    """Question text and earlier attempts to prompt text."""
    separator: str
    marker: str
    step_ends: frozenset[int]
    """Token ids that contain the step separator: where one is generated, a step ends."""
    end_of_text: frozenset[int]

    def prompt(self, question: Question) -> tuple[int, ...]:
        """Token ids of the question's prompt."""
        return tuple(self.tokenizer.encode(self.render(question.text)))

    def revision(self, question: Question, attempts: Sequence[str]) -> str:
        """Text of the prompt that asks for one more attempt; without earlier ones, of the plain prompt."""
        return self.revise(question.text, attempts) if attempts else self.render(question.text)

    def split(self, token_ids: Sequence[int]) -> tuple[list[int], list[str]]:
        """Token offsets of the step ends and the steps' texts.

        A piece of white space alone is no step: it belongs to the one before, so that no
        verifier is ever shown an empty trailing step.
        """
        cuts = [i + 1 for i, token in enumerate(token_ids) if token in self.step_ends]
        if not cuts or cuts[-1] < len(token_ids):
            cuts.append(len(token_ids))
        ends: list[int] = []
        texts: list[str] = []
        start = 0
        for cut in cuts:
            piece = self.tokenizer.decode(token_ids[start:cut])
            if piece.strip():
                ends.append(cut)
                texts.append(piece)
            elif texts:
                ends[-1], texts[-1] = cut, texts[-1] + piece
            start = cut
        return ends, texts

    def answer(self, text: str) -> str | None:
        """The completion's answer as written; None without the marker."""
        return extract_answer(text, marker=self.marker)


def load_format(name: str, folder: Path) -> Format:
    """The named format over the tokenizer in a model folder."""
    table = format_table(name)
    tokenizer = load_tokenizer(folder)
    separator = str(table["step_separator"])
    end_of_text = _end_of_text(tokenizer, folder)
    pieces = [tokenizer.decode([i]) for i in range(tokenizer.size)]
    render, revise = _renderers(table, folder)
    return Format(
        tokenizer=tokenizer,
        render=render,
        revise=revise,
        separator=separator,
        marker=str(table["answer_marker"]),
        step_ends=frozenset(i for i, piece in enumerate(pieces) if separator in piece)
        - end_of_text,
        end_of_text=end_of_text,
    )


def format_table(name: str) -> dict[str, Any]:
    """The raw table of a format; UserError lists the known ones."""
    tables = tomllib.loads(Path(__file__).with_name("formats.toml").read_text(encoding="utf-8"))
    if name not in tables:
        raise UserError(
            f"study: unknown generator.format {name!r}; known are {', '.join(sorted(tables))}"
        )
    return tables[name]


class FileTokenizer:
    """The tokenizer.json of a folder, adding and dropping nothing.

    Read without transformers, which for `model_type: qwen2` builds a pre-tokenizer of its own
    and loses spaces and newlines.
    """

    def __init__(self, path: Path) -> None:
        from tokenizers import Tokenizer as Fast

        self._fast = Fast.from_file(str(path))
        self.size: int = self._fast.get_vocab_size()

    def encode(self, text: str) -> list[int]:
        return list(self._fast.encode(text, add_special_tokens=False).ids)

    def decode(self, token_ids: Sequence[int]) -> str:
        return str(self._fast.decode(list(token_ids), skip_special_tokens=False))

    def id_of(self, token: str) -> int | None:
        return self._fast.token_to_id(token)


def load_tokenizer(folder: Path) -> FileTokenizer:
    """The tokenizer in a model folder; UserError when there is none that can be read."""
    path = folder / "tokenizer.json"
    try:
        return FileTokenizer(path)
    except Exception as error:
        raise UserError(
            f"model: expected a readable {path}, got: {error}; fetch the tokenizer again"
        ) from error


def _end_of_text(tokenizer: FileTokenizer, folder: Path) -> frozenset[int]:
    """Every id that ends a completion: the tokenizer's own and those of the (generation) config."""
    ids: set[int | None] = set()
    for name in ("config.json", "generation_config.json"):
        value = _json(folder / name).get("eos_token_id")
        ids |= set(value) if isinstance(value, list) else {value}
    token = _json(folder / "tokenizer_config.json").get("eos_token")
    if token:
        ids.add(tokenizer.id_of(token["content"] if isinstance(token, dict) else token))
    found = frozenset(i for i in ids if i is not None)
    if not found:
        raise UserError(
            f"model: expected an end-of-text token in {folder}, its configs name none; add eos_token_id"
        )
    return found


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _renderers(
    table: dict[str, Any], folder: Path
) -> tuple[Callable[[str], str], Callable[[str, Sequence[str]], str]]:
    """How a question, and a question with earlier attempts, become the text of a prompt."""
    wrap = _wrapping(table, folder)
    attempt, revision, closing = (str(table[name]) for name in ("attempt", "revision", "closing"))

    def prompted(question: str) -> str:
        return str(table["prompt"]).format(question=_closed(question, closing))

    def revise(question: str, attempts: Sequence[str]) -> str:
        shown = "".join(
            attempt.format(number=i, text=text) for i, text in enumerate(attempts, start=1)
        )
        return wrap(
            revision.format(prompt=prompted(question), attempts=shown, number=len(attempts) + 1)
        )

    return (lambda question: wrap(prompted(question))), revise


def _closed(question: str, closing: str) -> str:
    """The question with the end that this family's questions have: who types one may leave it out."""
    if question.endswith(closing):
        return question
    return question.rstrip().removesuffix(closing.strip()).rstrip() + closing


def _wrapping(table: dict[str, Any], folder: Path) -> Callable[[str], str]:
    """What stands around a user's words: a chat's first turns, or nothing."""
    if not table["chat"]:
        return lambda text: text
    # Llama-3 templates write today's date unless given one: every prompt would be new every night.
    chat = load_chat(folder, "generator.format", date="01 Jan 2026")
    opening = [Message("system", str(table["system"]))] if "system" in table else []
    return lambda text: chat([*opening, Message("user", text)])


class Message(NamedTuple):
    """One turn of a dialogue."""

    role: Literal["system", "user", "assistant"]
    content: str


Chat = Callable[[Sequence[Message]], str]
"""Text of a dialogue; unless the assistant has the last word, its next turn is opened."""


def load_chat(folder: Path, key: str, *, date: str) -> Chat:
    """The chat template of a model folder; UserError, naming the study's key, when it has none.

    `date` is what Llama-3 templates write as today's.
    """
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder, trust_remote_code=False)
    if not tokenizer.chat_template:
        raise UserError(
            f"study: this {key} needs a chat template, the tokenizer in {folder} has none; use another one"
        )

    def chat(messages: Sequence[Message]) -> str:
        turns = [message._asdict() for message in messages]
        options = {
            "tokenize": False,
            "add_generation_prompt": messages[-1].role != "assistant",
            "date_string": date,
        }
        return str(tokenizer.apply_chat_template(turns, **options))

    return chat


def beginning(folder: Path) -> str:
    """Text of the token that begins every text of a model, empty when it has none."""
    token = _json(folder / "tokenizer_config.json").get("bos_token")
    return str(token["content"] if isinstance(token, dict) else token or "")


def step_token(folder: Path, tokenizer: Tokenizer, text: str = "<extra_0>") -> int:
    """Id of the token at which a folder's verifier scores: `step_token` in its config.json, else the given text."""
    text = str(_json(folder / "config.json").get("step_token", text))
    return token_id(tokenizer, text, f'name the right one as "step_token" in {folder}/config.json')


def token_id(tokenizer: Tokenizer, text: str, advice: str) -> int:
    """Id of a text that is one token; UserError with the advice when it is not."""
    token_ids = tokenizer.encode(text)
    if len(token_ids) != 1:
        raise UserError(
            f"verifier: expected {text!r} to be one token, the model's tokenizer makes {len(token_ids)} of it; {advice}"
        )
    return token_ids[0]
