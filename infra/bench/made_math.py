"""A made-up benchmark like MATH-500 and model folders like Qwen's, for benches without network.

The tokenizer is byte-level BPE split as Qwen2's is, learnt from made-up solutions and padded to the
size of Qwen's vocabulary: what a token costs to look up and a tokenizer to load is as there, what
it writes is as long (about 3 characters). The weights are a few numbers: nobody asks them here.
"""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers

VOCABULARY = 151_643
"""Tokens of Qwen2's tokenizer without the special ones."""
SPECIAL = ("<|endoftext|>", "<|im_start|>", "<|im_end|>", "<extra_0>")
WORDS = r"[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
"""How Qwen2 splits a text before merges: digits one by one, line breaks with what they follow."""
CHAT = (
    "{% for m in messages %}"
    "{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
WRONG = 7
"""Wrong answers that a question has beside its target."""

_SAID = (
    "We multiply both sides by ${a}x + {b}$, so the left side becomes $\\frac{{{a}}}{{{b}}}$. ",
    "By the quadratic formula, $x = \\frac{{-{a} \\pm \\sqrt{{{b}}}}}{{2}}$ for every such $x$. ",
    "Since the triangle is isosceles, its base angles both measure ${a}^\\circ$. ",
    "Adding the equations gives ${a}y = {b}$, and hence the sum of the roots is ${b}$. ",
    "There are $\\binom{{{a}}}{{2}}$ ways to choose the first pair without any order. ",
    "Let us check the result by substituting $n = {a}$ back into the expression. ",
)


class Sizes(NamedTuple):
    """What a folder's config says of a model; the weights need not be as large."""

    layers: int = 2
    width: int = 8
    context: int = 32_768


def write_questions(path: Path, count: int, *, seed: int = 0) -> list[list[str]]:
    """Write a benchmark file; the answers to each question, its target first."""
    rng = random.Random(seed)
    answers: list[list[str]] = []
    rows: list[str] = []
    for number in range(count):
        several = _answers(rng)
        # The number comes early: prompts are told apart by their first tokens.
        text = f"In problem {number + 1000}, {_prose(rng, 3)}Find the value of $x$."
        row = {
            "problem": text,
            "answer": several[0],
            "level": 1 + number % 5,
            "unique_id": f"made/{number:05}",
        }
        rows.append(json.dumps(row))
        answers.append(several)
    path.write_text("\n".join(rows) + "\n", encoding="utf-8")
    return answers


def write_folder(folder: Path, *, architecture: str, version: int = 0, sizes: Sizes) -> Path:
    """Write a model folder that the product can read; another version has other weights."""
    folder.mkdir(parents=True, exist_ok=True)
    tokenizer_file(folder.parent / "tokenizer.json")
    (folder / "tokenizer.json").write_bytes((folder.parent / "tokenizer.json").read_bytes())
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}
    (folder / "tokenizer_config.json").write_text(json.dumps(described | {"chat_template": CHAT}))
    (folder / "config.json").write_text(json.dumps(config(architecture, sizes)))
    rng = np.random.default_rng(version)
    shape = (sizes.width, sizes.width)
    weights = {
        f"model.layers.{layer}.mlp.up_proj.weight": rng.normal(size=shape).astype(np.float32)
        for layer in range(sizes.layers)
    }
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    return folder


def config(architecture: str, sizes: Sizes) -> dict[str, Any]:
    """A config.json of Qwen2's kind."""
    return {
        "architectures": [architecture],
        "model_type": "qwen2",
        "hidden_size": sizes.width,
        "intermediate_size": sizes.width,
        "num_hidden_layers": sizes.layers,
        "num_attention_heads": 1,
        "num_key_value_heads": 1,
        "vocab_size": VOCABULARY + len(SPECIAL),
        "max_position_embeddings": sizes.context,
        "eos_token_id": VOCABULARY + SPECIAL.index("<|im_end|>"),
    }


def tokenizer_file(path: Path) -> Path:
    """The tokenizer, learnt and written where it is not there yet."""
    if path.is_file():
        return path
    tokenizer = Tokenizer(models.BPE())
    split = pre_tokenizers.Split(Regex(WORDS), behavior="isolated")
    letters = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, letters])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(vocab_size=2_000, initial_alphabet=alphabet, show_progress=False)
    tokenizer.train_from_iterator(_corpus(), trainer)
    padded = _padded(json.loads(tokenizer.to_str()))
    full = Tokenizer.from_str(json.dumps(padded))
    full.add_special_tokens([AddedToken(text, special=True) for text in SPECIAL])
    full.save(str(path))
    return path


def _padded(content: dict[str, Any]) -> dict[str, Any]:
    """A tokenizer's JSON with as many tokens as Qwen's; no merge leads to those that are added."""
    vocabulary: dict[str, int] = content["model"]["vocab"]
    for number in range(len(vocabulary), VOCABULARY):
        vocabulary[f"filler{number}"] = number
    return content


def solution(rng: random.Random, sentences: int) -> str:
    """So many sentences of a made-up solution, without a blank line."""
    return _prose(rng, sentences)


def _prose(rng: random.Random, sentences: int) -> str:
    said: list[str] = []
    for _ in range(sentences):
        numbers = {"a": rng.randrange(2, 100), "b": rng.randrange(2, 1000)}
        said.append(rng.choice(_SAID).format(**numbers))
    return "".join(said)


def _corpus() -> Iterator[str]:
    rng = random.Random(0)
    for _ in range(300):
        yield f"{_prose(rng, 4)}\n\nSo the answer is \\boxed{{{_answers(rng)[0]}}}."


def _answers(rng: random.Random) -> list[str]:
    """A target and wrong answers of its kind: integers are two of three, as in MATH-500."""
    kinds = (_integer, _integer, _integer, _integer, _fraction, _root, _pair)
    kind = rng.choice(kinds)
    several: dict[str, None] = {}
    while len(several) < 1 + WRONG:
        several[kind(rng)] = None
    return list(several)


def _integer(rng: random.Random) -> str:
    return str(rng.randrange(-50, 2000))


def _fraction(rng: random.Random) -> str:
    return f"\\frac{{{rng.randrange(1, 60)}}}{{{rng.choice((7, 11, 13))}}}"


def _root(rng: random.Random) -> str:
    return f"{rng.randrange(2, 30)}\\sqrt{{{rng.choice((2, 3, 5, 7))}}}"


def _pair(rng: random.Random) -> str:
    return f"({rng.randrange(-9, 10)}, {rng.randrange(-9, 10)})"
