"""Steps that are paragraphs, over tokenizers with one token for a blank line and with two."""

from __future__ import annotations

import dataclasses
import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from scripts import FORMAT, Characters, Letters
from step_tokenizers import save, words
from transformers import LlamaConfig, LlamaForCausalLM

from tasks.engines.scripted import Law
from tasks.models.formats import Format
from tasks.models.pieces import Writing, read_writing
from tasks.models.steps import Separator, steps_of
from tasks.models.tokenizers import load_tokenizer

BLANK = Separator("\n\n", blanks=" \t\r")
END = frozenset({0})
MERGED = 1
"""Id of the one token that is a blank line."""


class Paragraphs(Characters):
    """Single characters, and one token for two line breaks."""

    def encode(self, text: str) -> list[int]:
        return super().encode(text.replace("\n\n", chr(MERGED)))

    def decode(self, token_ids: Sequence[int]) -> str:
        return super().decode(token_ids).replace(chr(MERGED), "\n\n")


def _written(*, merged: bool) -> Writing:
    letters = Letters()
    if merged:
        letters[MERGED] = b"\n\n"
    return Writing(letters, {})


TWO_TOKENS = dataclasses.replace(FORMAT, steps=steps_of(_written(merged=False), BLANK, never=END))
ONE_TOKEN = dataclasses.replace(
    FORMAT,
    tokenizer=Paragraphs(),
    steps=steps_of(_written(merged=True), BLANK, never=END),
)


def lines_and_paragraphs(form: Format, stop: float = 0.3) -> Law:
    """Lines of one letter, each ending its line, its paragraph or, with `stop`, the completion.

    By text alone: the same words under every tokenizer.
    """

    def law(prefix: tuple[int, ...], rng: random.Random) -> str:
        letter = rng.choice("abcd")
        # More likely to end after an `a`: what a verifier prefers matters to where a search goes.
        ends = stop + 0.4 * form.tokenizer.decode(prefix).rstrip().endswith("a")
        if rng.random() < ends:
            return f"Answer: {letter}<end>"
        return letter + rng.choice(["\n", "\n\n"])

    return law


def letter_by_letter(form: Format, stop: float = 0.3) -> Law:
    """The same law, which goes on after any letter: for who asks again in the middle of a step."""
    lines = lines_and_paragraphs(form, stop)

    def law(prefix: tuple[int, ...], rng: random.Random) -> str:
        text = form.tokenizer.decode(prefix)
        if text[-1:] in ("a", "b", "c", "d"):
            return "\n"
        if text.endswith("\n") and not text.endswith("\n\n") and rng.random() < 0.5:
            return "\n"
        written = lines(prefix, rng)
        return written if written.endswith("<end>") else written.rstrip()

    return law


def tiny_generator(folder: Path) -> Path:
    """A random Llama that writes letters and line breaks, a blank line being two tokens."""
    tokenizer = words(merged=False)
    save(tokenizer, folder)
    config = LlamaConfig(**_sizes(tokenizer.get_vocab_size()))
    model = LlamaForCausalLM(config)
    _incline(model, tokenizer.token_to_id("\n"), tokenizer.token_to_id("<end>"))
    settings = config.to_dict() | {"architectures": ["LlamaForCausalLM"], "dtype": "float32"}
    (folder / "config.json").write_text(json.dumps(settings))
    weights = {name: value.detach().contiguous() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def tiny_format(folder: Path) -> Format:
    """How it writes: paragraphs."""
    tokenizer = load_tokenizer(folder)
    end = frozenset({tokenizer.encode("<end>")[0]})
    steps = steps_of(read_writing(tokenizer), BLANK, never=end)
    return dataclasses.replace(FORMAT, tokenizer=tokenizer, steps=steps, end_of_text=end)


def _sizes(vocabulary: int) -> dict[str, Any]:
    return {
        "vocab_size": vocabulary,
        "hidden_size": 64,
        "intermediate_size": 128,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 1,
        "head_dim": 32,
        "max_position_embeddings": 512,
        "tie_word_embeddings": False,
        "bos_token_id": None,
        "eos_token_id": 0,
    }


def _incline(model: Any, line_break: int, end: int) -> None:
    """Random weights under which every third token is a line break and few are the end."""
    drawn = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.ndim == 2:
                # Layers move a token's own vector by little.
                value.normal_(0, 0.02 if "layers" in name else 0.2, generator=drawn)
        # One coordinate is the same everywhere; by it the head knows what is common.
        model.model.embed_tokens.weight[:, 0] = 2.0
        head = model.lm_head.weight
        head[:, 0] = 0.0
        # The end is as likely after any token.
        head[end] = 0.0
        head[line_break, 0] = 0.6
