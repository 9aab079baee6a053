"""How a model family writes: prompt, steps and answer marker, over its own tokenizer."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tasks.errors import UserError
from tasks.grading.extraction import extract_answer
from tasks.questions import Question


class Tokenizer(Protocol):
    """The part of a tokenizer that is used."""

    def encode(self, text: str) -> list[int]: ...
    def decode(self, token_ids: Sequence[int]) -> str: ...


@dataclass(frozen=True, slots=True)
class Format:
    """A table of tasks/formats.toml bound to a tokenizer."""

    tokenizer: Tokenizer
    render: Callable[[str], str]
    """Question text to prompt text."""
    separator: str
    marker: str
    step_ends: frozenset[int]
    """Token ids that contain the step separator: where one is generated, a step ends."""
    end_of_text: frozenset[int]

    def prompt(self, question: Question) -> tuple[int, ...]:
        """Token ids of the question's prompt."""
        return tuple(self.tokenizer.encode(self.render(question.text)))

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
    return Format(
        tokenizer=tokenizer,
        render=_renderer(table, folder),
        separator=separator,
        marker=str(table["answer_marker"]),
        step_ends=frozenset(i for i, piece in enumerate(pieces) if separator in piece) - end_of_text,
        end_of_text=end_of_text,
    )


def format_table(name: str) -> dict[str, Any]:
    """The raw table of a format; UserError lists the known ones."""
    tables = tomllib.loads(Path(__file__).with_name("formats.toml").read_text(encoding="utf-8"))
    if name not in tables:
        raise UserError(f"study: unknown generator.format {name!r}; known are {', '.join(sorted(tables))}")
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
        raise UserError(f"model: expected a readable {path}, got: {error}; fetch the tokenizer again") from error


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
        raise UserError(f"model: expected an end-of-text token in {folder}, its configs name none; add eos_token_id")
    return found


def _json(path: Path) -> dict[str, Any]:
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def _renderer(table: dict[str, Any], folder: Path) -> Callable[[str], str]:
    template = str(table["prompt"])
    if not table["chat"]:
        return lambda text: template.format(question=text)
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    if not tokenizer.chat_template:
        raise UserError(
            "study: this generator.format needs a chat template, the model's tokenizer has none; use another format"
        )

    def render(text: str) -> str:
        messages = [{"role": "user", "content": template.format(question=text)}]
        # Llama-3 templates write today's date unless given one: every prompt would be new every night.
        options = {"add_generation_prompt": True, "date_string": "01 Jan 2026"}
        return str(tokenizer.apply_chat_template(messages, tokenize=False, **options))

    return render


def step_token(folder: Path, tokenizer: Tokenizer) -> int:
    """Id of the token at which a folder's PRM scores: `step_token` in its config.json, else Qwen's `<extra_0>`."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    text = config.get("step_token", "<extra_0>")
    token_ids = tokenizer.encode(text)
    if len(token_ids) != 1:
        raise UserError(
            f"verifier: expected one step token {text!r} in {folder}, its tokenizer makes {len(token_ids)} of it; "
            'name the right one as "step_token" in config.json'
        )
    return token_ids[0]
