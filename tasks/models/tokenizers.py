"""The tokenizer of a model folder: its tokens as texts, and which of them end a completion."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from tasks.models.folders.configs import read_json, refuse_pointer, text_config
from tasks.models.folders.kept import digest
from tasks.models.pieces import Writing, read_writing
from tasks.models.templates import special_tokens
from warehouse.errors import UserError

_TURN_ENDS = (
    "<|im_end|>",  # ChatML: Qwen, SmolLM, Hermes, InternLM
    "<|eot_id|>",  # Llama 3
    "<|eot|>",  # Llama 4
    "<end_of_turn>",  # Gemma 2 and 3
    "<turn|>",  # Gemma 4
    "<|END_OF_TURN_TOKEN|>",  # Cohere
    "<|end_of_turn|>",  # OpenChat
    "<|return|>",  # gpt-oss; its <|end|> ends a channel alone
    "<|call|>",
)
"""Tokens with which models of their families end a turn, whatever a folder's configs say."""
_TEXTS = 512
_LONG = 20_000
"""Characters from which a text takes more than some 20 ms to encode."""


class Tokenizer(Protocol):
    """The part of a tokenizer that is used."""

    def encode(self, text: str) -> list[int]:
        """Token ids of the text alone: no token is added at its beginning or end."""
        ...

    def decode(self, token_ids: Sequence[int]) -> str:
        """Text of the tokens, special ones included."""
        ...


class FileTokenizer:
    """The tokenizer.json of a folder, adding and dropping nothing.

    Read without transformers, which for `model_type: qwen2` builds a pre-tokenizer of its own
    and loses spaces and newlines.
    """

    def __init__(self, path: Path) -> None:
        # Imported late: whoever only reads the warehouse needs no tokenizer.
        from tokenizers import Tokenizer as Fast

        self._fast = Fast.from_file(str(path))

    @functools.cached_property
    def writing(self) -> Writing:
        """What each of its tokens writes; UserError where that cannot be read token by token."""
        return read_writing(self)

    def encode(self, text: str) -> list[int]:
        """Token ids of the text alone."""
        if len(text) < _LONG:
            return list(self._fast.encode(text, add_special_tokens=False).ids)
        # `encode` of a single text keeps all other threads of this process waiting.
        (alone,) = self._fast.encode_batch([text], add_special_tokens=False)
        return list(alone.ids)

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


@dataclass(frozen=True, slots=True)
class _File:
    """A file that is known by its content, wherever it lies."""

    path: Path = field(compare=False)
    digest: bytes


# Two: those of a generator and a verifier. A vocabulary of 150,000 tokens takes 2 s and 60 MB to
# read, and every stage of a run reads it.
@functools.lru_cache(maxsize=2)
def _read(file: _File) -> FileTokenizer:
    return FileTokenizer(file.path)


def load_tokenizer(folder: Path) -> FileTokenizer:
    """The tokenizer in a model folder; UserError when there is none that can be read.

    The same content is read once by a process.
    """
    path = folder / "tokenizer.json"
    if not path.is_file():
        raise UserError(f"model: expected a tokenizer.json in {folder}, got {_instead_of(folder)}")
    refuse_pointer(path, path.read_bytes()[:64])
    try:
        return _read(_File(path, digest(path)))
    except Exception as error:  # tokenizers raises nothing more special
        raise UserError(
            f"model: expected a readable {path}, got: {error}; fetch the tokenizer again"
        ) from error


def _instead_of(folder: Path) -> str:
    """What a folder without tokenizer.json has in its place, and what to do with it."""
    convert = (
        "convert it once, by AutoTokenizer.from_pretrained(folder).save_pretrained(folder) of "
        "Transformers, which writes tokenizer.json"
    )
    for pattern in ("*tekken.json", "*tokenizer.model*", "*.tiktoken", "tiktoken.model"):
        found = next(iter(sorted(folder.glob(pattern))), None)
        if found and "tekken" in found.name:
            return (
                f"{found.name}, which mistral-common alone reads; take tokenizer.json from the "
                "model's repository in the layout of Transformers"
            )
        if found:
            return f"{found.name} alone; {convert}"
    if (folder / "vocab.json").is_file():
        return f"vocab.json and merges.txt alone; {convert}"
    return "none; fetch the tokenizer again"


def encoder(tokenizer: Tokenizer) -> Callable[[str], tuple[int, ...]]:
    """What encodes a text once, of the last hundreds.

    For verifiers, which are shown a question and its steps again with every new step.
    """

    @functools.lru_cache(maxsize=_TEXTS)
    def encode(text: str) -> tuple[int, ...]:
        return tuple(tokenizer.encode(text))

    return encode


def end_of_text(tokenizer: FileTokenizer, folder: Path, *, chat: bool) -> frozenset[int]:
    """Every id that ends a completion; UserError where a folder names none.

    Those of the configs, the tokenizer's own, and for a chat those that end a turn.
    """
    # One model's files may disagree: some name the end of a turn, others the end of a text.
    ids = set(_ids_of_configs(folder))
    texts = [special_tokens(folder).get("eos_token", "")]
    if chat:
        texts += _TURN_ENDS
    ids |= {token for token in map(tokenizer.id_of, texts) if token is not None}
    if not ids:
        raise UserError(
            f"model: expected an end-of-text token in {folder}, its configs name none; "
            "add eos_token_id to its generation_config.json"
        )
    return frozenset(ids)


def _ids_of_configs(folder: Path) -> Iterator[int]:
    config = read_json(folder / "config.json")
    generation = read_json(folder / "generation_config.json")
    for named in (config, text_config(config), generation):
        value: Any = named.get("eos_token_id")
        ids = value if isinstance(value, list) else [value]
        for token in ids:
            # A bool is an int to Python.
            if token is not None and type(token) is not int:
                raise UserError(
                    f"model: expected eos_token_id in {folder} to be a whole number or a list of "
                    f"them, got {value!r}; correct it"
                )
            # Some write -1 for none.
            if token is not None and token >= 0:
                yield token


def beginning(folder: Path) -> str:
    """Text of the token that begins every text of a model, empty when it has none."""
    return special_tokens(folder).get("bos_token", "")


def step_token(folder: Path, tokenizer: Tokenizer, text: str = "<extra_0>") -> int:
    """Id of the token at which a folder's verifier scores.

    `step_token` in its config.json names it, else it is the given text.
    """
    text = str(read_json(folder / "config.json").get("step_token", text))
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
