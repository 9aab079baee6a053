"""The converter of GGUF files: weights of rotated heads, tokenizer, configuration."""

from __future__ import annotations

import importlib.util
import json
from types import ModuleType

import numpy as np
import pytest

from tasks.settings import INFRA


@pytest.fixture(scope="module")
def gguf() -> ModuleType:
    """infra/bench/gguf_folder.py as a module."""
    spec = importlib.util.spec_from_file_location("gguf", INFRA / "bench" / "gguf_folder.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("heads", [1, 3, 9])
def test_heads_rotate_as_they_did_before_the_file_was_made(gguf: ModuleType, heads: int) -> None:
    width = 8
    matrix = np.arange(heads * width * 5, dtype=np.float32).reshape(heads * width, 5)
    # As llama.cpp writes it: row 2i of a head is the i-th of its first half, row 2i + 1 of its
    # second half.
    rows = [
        matrix[head * width + place // 2 + (place % 2) * width // 2]
        for head in range(heads)
        for place in range(width)
    ]
    assert np.array_equal(gguf.halves_together(np.stack(rows), heads), matrix)


def values() -> dict[str, object]:
    alphabet = [chr(code) for code in range(33, 127)]
    tokens = ["<|im_start|>", "<|im_end|>", *alphabet, "Ġ", "Ċ", "Ġa", "12"]
    return {
        "tokenizer.ggml.tokens": tokens,
        "tokenizer.ggml.token_type": [3, 3, *[1] * (len(tokens) - 2)],
        "tokenizer.ggml.merges": ["Ġ a", "1 2"],
        "tokenizer.ggml.bos_token_id": 0,
        "tokenizer.ggml.eos_token_id": 1,
        "tokenizer.ggml.unknown_token_id": 0,
        "tokenizer.chat_template": "{{ messages }}",
        "llama.context_length": 64,
    }


def test_texts_become_tokens_and_the_same_texts_again(gguf: ModuleType) -> None:
    made = gguf.tokenizer(values())
    text = "<|im_start|>a 12 a\n<|im_end|>"
    encoded = made.encode(text)
    # A digit for itself, though the vocabulary has both together.
    assert encoded.tokens == ["<|im_start|>", "a", "Ġ", "1", "2", "Ġa", "Ċ", "<|im_end|>"]
    assert made.decode(encoded.ids, skip_special_tokens=False) == text


def test_the_end_of_text_and_the_template_are_the_files_own(gguf: ModuleType) -> None:
    described = json.loads(json.dumps(gguf.described(values())))
    assert described["eos_token"] == "<|im_end|>"
    assert described["chat_template"] == "{{ messages }}"
