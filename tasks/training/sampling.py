"""A batched sampler for small Llama models, for training only.

Many copies of each prompt are drawn together: the prompt's keys and values are computed and read
once for all copies, prompts of one length share a batch (no padding), and a batch ends with its
last copy. The product's own generation goes through an engine; this one is here because training
needs millions of tokens, labels and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional

from tasks.training.decoder import Decoder
from tasks.training.tokenizer import Ids

Texts = list[list[Ids]]
"""Several texts of each of some prompts."""

STILL_LIVE = 0.75
"""Share of unfinished prompts below which a batch drops the finished ones."""
NO_TOKEN = -1
"""Stands where a copy has ended."""


class Sampling(NamedTuple):
    """How to draw continuations."""

    copies: int
    """Continuations of each prompt."""
    stops: tuple[int, ...]
    """Tokens that end one."""
    temperature: float = 1.0
    """0: the likeliest token."""
    max_tokens: int = 160
    rows: int = 1024
    """Most continuations in one batch, unless a prompt has more copies."""


class Cache(NamedTuple):
    """Keys and values of one layer, each (rows, heads, tokens, size)."""

    keys: Tensor
    values: Tensor

    def take(self, rows: Tensor) -> Cache:
        """Those of the rows that a mask keeps."""
        keys = self.keys[rows]
        values = self.values[rows]
        return Cache(keys, values)

    def begin(self, tokens: int) -> Cache:
        """Those of the first tokens."""
        # Views: nothing is copied.
        keys = self.keys[:, :, :tokens]
        values = self.values[:, :, :tokens]
        return Cache(keys, values)

    def write(self, place: int, key: Tensor, value: Tensor) -> None:
        """Put in those of one token, each (rows, heads, 1, size)."""
        self.keys[:, :, place] = key[:, :, 0]
        self.values[:, :, place] = value[:, :, 0]


def sample(
    weights: Decoder, prompts: list[Ids], *, sampling: Sampling, generator: torch.Generator
) -> Texts:
    """Continuations of each prompt, in the prompts' order, `copies` each; stop tokens included."""
    drawn: Texts = [[] for _ in prompts]
    size = max(1, sampling.rows // sampling.copies)
    for chosen in _chunks(prompts, size):
        ids = torch.tensor([prompts[index] for index in chosen])
        with torch.inference_mode():
            texts = _Batch(weights, ids, sampling).run(generator)
        for index, copies in zip(chosen, texts, strict=True):
            drawn[index] = copies
    return drawn


def _chunks(prompts: list[Ids], size: int) -> Iterator[list[int]]:
    """Indices of prompts of one length, at most `size` at a time, the shortest first.

    The order is part of what a seed means: all chunks draw from one generator.
    """
    by_length: dict[int, list[int]] = {}
    for index, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(index)
    for _, members in sorted(by_length.items()):
        for start in range(0, len(members), size):
            yield members[start : start + size]


class _Batch:
    """Prompts (groups, length) of one length, decoded together: rows are (group, copy)."""

    def __init__(self, weights: Decoder, ids: Tensor, sampling: Sampling) -> None:
        self.weights = weights
        self.sampling = sampling
        self.copies = sampling.copies
        self.groups, self.length = ids.shape
        # Numbers of the groups that are still decoded.
        self.live = torch.arange(self.groups)
        # A cache a layer: of the prompts, a row a group; and of what each copy wrote.
        self.shared: list[Cache] = []
        self.own: list[Cache] = []
        # Logits after the prompts: all copies of a prompt draw their first token from one row.
        self.first = self._prefill(ids)
        self._make_room()

    def run(self, generator: torch.Generator) -> Texts:
        """Token ids by group and copy."""
        copies = self.copies
        limit = self.sampling.max_tokens
        stops = torch.tensor(self.sampling.stops)
        logits = self.first.repeat_interleave(copies, 0)
        done = torch.zeros(self.groups * copies, dtype=torch.bool)
        written = torch.full((self.groups, copies, limit), NO_TOKEN)
        for step in range(limit):
            # Ended rows draw too and are not written: so a row's numbers do not depend on when the
            # others end, as long as none is dropped.
            token = _choose(logits, self.sampling.temperature, generator)
            shown = torch.where(done, NO_TOKEN, token)
            written[self.live, :, step] = shown.view(-1, copies)
            done |= torch.isin(token, stops)
            if done.all() or step + 1 == limit:
                break
            by_group = done.view(-1, copies)
            keep = ~by_group.all(1)
            # Dropping copies all keys and values: it pays only when enough groups have ended.
            if keep.float().mean() < STILL_LIVE:
                done, token = self._drop(keep, done, token)
            logits = self._decode(token, step)
        return [_without_gaps(group) for group in written.tolist()]

    def _drop(self, keep: Tensor, done: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        """`done` and `token` of the groups that a mask keeps; all else is forgotten."""
        # A group goes as a whole, because its copies read one prompt.
        rows = keep.repeat_interleave(self.copies)
        self.live = self.live[keep]
        self.shared = [cache.take(keep) for cache in self.shared]
        self.own = [cache.take(rows) for cache in self.own]
        return done[rows], token[rows]

    def _make_room(self) -> None:
        # All at once: growing by a token a step would copy everything at every step.
        rows = self.groups * self.copies
        key = self.shared[0].keys
        _, heads, _, size = key.shape
        shape = (rows, heads, self.sampling.max_tokens, size)
        for _ in self.weights.layers:
            keys = key.new_empty(shape)
            values = key.new_empty(shape)
            self.own.append(Cache(keys, values))

    def _prefill(self, ids: Tensor) -> Tensor:
        """Logits (groups, vocabulary) after the prompts, whose keys and values are kept."""
        hidden = self.weights.embedding[ids]
        for layer in self.weights.layers:
            query, key, value = self.weights.project(layer, hidden, start=0)
            # Laid out anew once, because every later step multiplies by them.
            cache = Cache(key.contiguous(), value.contiguous())
            self.shared.append(cache)
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            mixed = mixed.transpose(1, 2).flatten(2)
            hidden = self.weights.finish(layer, hidden, mixed)
        return self.weights.logits(hidden[:, -1])

    def _decode(self, token: Tensor, step: int) -> Tensor:
        """Logits (rows, vocabulary) after one more token of each row."""
        place = self.length + step
        hidden = self.weights.embedding[token][:, None]
        for number, layer in enumerate(self.weights.layers):
            query, key, value = self.weights.project(layer, hidden, start=place)
            own = self.own[number]
            own.write(step, key, value)
            mixed = self._attend(query, self.shared[number], own.begin(step + 1))
            hidden = self.weights.finish(layer, hidden, mixed)
        return self.weights.logits(hidden[:, 0])

    def _attend(self, query: Tensor, shared: Cache, own: Cache) -> Tensor:
        """What attention reads for one token of each row: (rows, 1, heads · size).

        A group's copies stand side by side against one prompt, (groups, heads, copies, …), so its
        keys and values are read once; against what each copy wrote itself they stand alone.
        """
        rows, heads, _, size = query.shape
        to_prompt = self._by_group(query) @ shared.keys.transpose(2, 3)
        to_own = query @ own.keys.transpose(2, 3)
        # One softmax over both parts, as if a copy had a prompt of its own.
        scores = torch.cat([self._by_row(to_prompt), to_own], -1)
        scores = scores * size**-0.5
        parts = [self.length, to_own.shape[-1]]
        on_prompt, on_own = scores.softmax(-1).split(parts, -1)
        from_prompt = self._by_group(on_prompt) @ shared.values
        from_own = on_own @ own.values
        mixed = self._by_row(from_prompt) + from_own
        return mixed.reshape(rows, 1, heads * size)

    def _by_group(self, states: Tensor) -> Tensor:
        """(rows, heads, 1, …) as (groups, heads, copies, …)."""
        rows, heads, _, size = states.shape
        grouped = states.reshape(rows // self.copies, self.copies, heads, size)
        return grouped.transpose(1, 2)

    def _by_row(self, states: Tensor) -> Tensor:
        """(groups, heads, copies, …) as (rows, heads, 1, …)."""
        groups, heads, copies, size = states.shape
        return states.transpose(1, 2).reshape(groups * copies, heads, 1, size)


def _without_gaps(rows: list[Ids]) -> list[Ids]:
    return [[token for token in row if token != NO_TOKEN] for row in rows]


def _choose(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    """A token for each row of logits."""
    if temperature == 0:
        return logits.argmax(-1)
    # Of exponential clocks whose rates are the chances, each is the first to ring with its chance:
    # the largest quotient is a draw.
    noise = torch.empty_like(logits).exponential_(generator=generator)
    chances = (logits / temperature).softmax(-1)
    return (chances / noise).argmax(-1)
