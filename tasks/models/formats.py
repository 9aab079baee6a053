"""How a model writes: prompt, thinking, steps and answer, over its own tokenizer."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tasks.benchmarks.question import Question
from tasks.grading.extraction import end_of_first_answer
from tasks.models.chat import NO_OPTIONS
from tasks.models.format_tables import Named, format_table
from tasks.models.pieces import read_writing
from tasks.models.prompts import load_prompts
from tasks.models.steps import Separator, Steps, steps_of
from tasks.models.stops import cut_at_stop
from tasks.models.thinking import (
    NO_THINKING,
    Thinking,
    begins_thinking,
    choose_marks,
    known_marks,
)
from tasks.protocols import Draw
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
    """A format's table (tasks/models/format_tables.py) bound to a tokenizer."""

    tokenizer: Tokenizer
    render: Callable[[str], str]
    """Question text to prompt text."""
    revise: Callable[[str, Sequence[str]], str]
    """Question text and earlier attempts to prompt text."""
    markers: tuple[str, ...]
    """What an answer follows, in order."""
    steps: Steps
    end_of_text: frozenset[int]
    thinking: Thinking = NO_THINKING
    thinks: bool = False
    """Whether its models think first, so that most of a completion is thinking."""
    stops: tuple[str, ...] = ()
    """Texts at which a completion is over, besides the tokens that end it."""
    first_answer: bool = False
    """Whether a completion is over with its first answer: what follows it is invented."""

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
        """What a completion says after its thinking, where its answer is; None while it thinks."""
        said = self.thinking.final(text)
        if said is None or not self.first_answer:
            return said
        return said[: end_of_first_answer(said, self.markers)]

    def cut(self, draw: Draw, prefix: Sequence[int]) -> Draw:
        """The draw after a prefix of token ids, up to the first text that ends a completion."""
        return cut_at_stop(draw, prefix, stops=self.stops, writing=self.steps.writing)


def load_format(
    named: Named,
    folder: Path,
    *,
    kind: str = "math",
    options: Mapping[str, Any] = NO_OPTIONS,
) -> Format:
    """A format over the tokenizer in a model folder, for questions with answers of a kind.

    `options` is what a study says to the model's chat template.
    """
    table = format_table(named)
    tokenizer = load_tokenizer(folder)
    end_of_text = _end_of_text(tokenizer, folder)
    prompts = load_prompts(table, folder, kind=kind, beginning=beginning(folder), options=options)
    thinking = thinking_of(table, prompts.render("?"))
    separator = separator_of(table, thinking)
    return Format(
        tokenizer=tokenizer,
        render=prompts.render,
        revise=prompts.revise,
        markers=markers_of(table),
        steps=steps_of(read_writing(tokenizer), separator, never=end_of_text),
        end_of_text=end_of_text,
        thinking=thinking,
        thinks="thinking" in table or thinking.is_begun,
        stops=tuple(table.get("stop", ())),
        first_answer=bool(table.get("first_answer", False)),
    )


def markers_of(table: Mapping[str, Any]) -> tuple[str, ...]:
    """The answer marker of a table, or several in order."""
    named = table["answer_marker"]
    return tuple(named) if isinstance(named, list) else (str(named),)


def thinking_of(table: Mapping[str, Any], prompt: str) -> Thinking:
    """The thinking that completions of some prompt may hold; a prompt may begin it."""
    # Chat models may think whatever their format says, and no answer is read out of that.
    families = list(known_marks()) if table["chat"] else []
    marks = choose_marks(table.get("thinking", families))
    return Thinking(marks, begins_thinking(prompt, marks))


def separator_of(table: Mapping[str, Any], thinking: Thinking) -> Separator:
    """What stands between the steps of a table's texts; marks of thinking alone are no step."""
    silent = tuple(mark for marks in thinking.marks for mark in marks)
    return Separator(
        silent=silent,
        text=str(table["step_separator"]),
        blanks=str(table.get("step_blanks", "")),
        heading=str(table.get("step_heading", "")),
    )


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
