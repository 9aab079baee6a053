"""The tokenizer of the bundled models: one token for each text of the benchmark's vocabulary."""

from __future__ import annotations

import re
from functools import cache

from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import PreTrainedTokenizerFast

from tasks.benchmarks.congruences import END, LETTERS, PAD, vocabulary

Ids = list[int]
"""Token ids of a text."""
BEGIN_THINKING = "<think>"
END_THINKING = "</think>"


@cache
def token_ids() -> dict[str, int]:
    """Token text → id; those of the model that thinks come after the family's."""
    found = [f", so {letter} = " for letter in LETTERS]
    words = [*vocabulary(), BEGIN_THINKING, END_THINKING, *found]
    return {text: number for number, text in enumerate(words)}


def encode(tokens: list[str]) -> Ids:
    """Ids of a list of token texts."""
    ids = token_ids()
    return [ids[token] for token in tokens]


def build_tokenizer(size: int) -> PreTrainedTokenizerFast:
    """A tokenizer of the first `size` tokens, as many as a model has embeddings.

    It reads the longest token at each place and writes tokens side by side.

    Nothing is added at either end and no space is normalised, so decode(encode(text)) == text.
    """
    words = {text: number for text, number in token_ids().items() if number < size}
    # A regular expression takes the first alternative that fits, not the longest.
    longest_first = sorted(words, key=len, reverse=True)
    pattern = Regex("|".join(re.escape(text) for text in longest_first))
    inner = Tokenizer(models.WordLevel(words, unk_token=PAD))
    split = pre_tokenizers.Split(pattern, behavior="isolated")
    inner.pre_tokenizer = split  # type: ignore[assignment]
    # Without a decoder the tokens would be joined with spaces between them.
    inner.decoder = decoders.Fuse()  # type: ignore[assignment]
    return PreTrainedTokenizerFast(
        tokenizer_object=inner, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
