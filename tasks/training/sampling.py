"""A batched sampler for small Llama models in plain torch, for training only.

Many copies of each prompt are drawn together: the prompt's keys and values are computed and read
once for all copies, prompts of one length share a batch (no padding), and a batch ends with its
last copy. The product's own generation goes through an engine; this one is here because training
needs millions of tokens, labels and nothing else.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM

ROTARY_BASE = 10_000.0
STILL_LIVE = 0.75
"""Share of unfinished prompts below which a batch drops the finished ones."""


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


class LayerWeights(NamedTuple):
    """One layer's matrices, joined where they share an input."""

    before_attention: Tensor
    joined: Tensor
    out: Tensor
    before_inner: Tensor
    gate_up: Tensor
    down: Tensor


@dataclass(frozen=True, slots=True)
class Decoder:
    """A Llama model's weights, laid out for decoding."""

    layers: list[LayerWeights]
    embedding: Tensor
    norm: Tensor
    rotation: tuple[Tensor, Tensor]
    """(cos, sin), each (positions, head size)."""
    heads: int
    epsilon: float


def decoder(
    model: LlamaForCausalLM, *, dtype: torch.dtype = torch.float32, positions: int = 512
) -> Decoder:
    """A decoder with a copy of the model's weights."""
    config = model.config
    # Copied: training may go on with the model while draws of what it was are still wanted.
    state = {
        name: weight.detach().to(dtype, copy=True) for name, weight in model.state_dict().items()
    }
    head_size = config.hidden_size // config.num_attention_heads
    return Decoder(
        layers=[_layer(state, number) for number in range(config.num_hidden_layers)],
        embedding=state["model.embed_tokens.weight"],
        norm=state["model.norm.weight"],
        rotation=_rotation(positions, head_size, dtype=dtype),
        heads=config.num_attention_heads,
        epsilon=config.rms_norm_eps,
    )


def _layer(state: dict[str, Tensor], number: int) -> LayerWeights:
    def join(*names: str) -> Tensor:
        return torch.cat([state[f"model.layers.{number}.{name}.weight"] for name in names])

    return LayerWeights(
        before_attention=join("input_layernorm"),
        # The order in which `_Batch` takes the product apart.
        joined=join("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        out=join("self_attn.o_proj"),
        before_inner=join("post_attention_layernorm"),
        gate_up=join("mlp.gate_proj", "mlp.up_proj"),
        down=join("mlp.down_proj"),
    )


def _rotation(positions: int, size: int, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rotary position embeddings (arXiv 2104.09864), as transformers lays them out for Llama."""
    rates = ROTARY_BASE ** -(torch.arange(0, size, 2) / size)
    angles = torch.arange(positions)[:, None] * rates
    # Twice, because the pairs that turn together are places i and i + size / 2, not neighbours.
    angles = torch.cat([angles, angles], -1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def sample(
    weights: Decoder, prompts: list[list[int]], *, sampling: Sampling, generator: torch.Generator
) -> list[list[list[int]]]:
    """Continuations of each prompt, in the prompts' order, `copies` each; stop tokens included."""
    drawn: list[list[list[int]]] = [[] for _ in prompts]
    size = max(1, sampling.rows // sampling.copies)
    for chosen in _chunks(prompts, size):
        ids = torch.tensor([prompts[index] for index in chosen])
        with torch.inference_mode():
            texts = _Batch(weights, ids, sampling).run(generator)
        for index, copies in zip(chosen, texts, strict=True):
            drawn[index] = copies
    return drawn


def _chunks(prompts: list[list[int]], size: int) -> Iterator[list[int]]:
    """Indices of prompts of one length, at most `size` at a time, the shortest first."""
    by_length: dict[int, list[int]] = {}
    for index, prompt in enumerate(prompts):
        by_length.setdefault(len(prompt), []).append(index)
    for _, members in sorted(by_length.items()):
        for start in range(0, len(members), size):
            yield members[start : start + size]


class _Batch:
    """Prompts (groups, length) of one length, decoded together: rows are (group, copy)."""

    def __init__(self, weights: Decoder, ids: Tensor, sampling: Sampling) -> None:
        self.weights, self.sampling = weights, sampling
        self.groups, self.length = ids.shape
        # Numbers of the groups that are still decoded.
        self.live = torch.arange(self.groups)
        # Keys and values of each layer: of the prompt, a row a group; and of what each copy wrote.
        self.shared: list[tuple[Tensor, Tensor]] = []
        self.own: list[tuple[Tensor, Tensor]] = []
        self.first = self._prefill(ids)
        self._make_room()

    def run(self, generator: torch.Generator) -> list[list[list[int]]]:
        """Token ids by group and copy."""
        copies = self.sampling.copies
        stops = torch.tensor(self.sampling.stops)
        logits = self.first.repeat_interleave(copies, 0)
        done = torch.zeros(self.groups * copies, dtype=torch.bool)
        # −1 stands where a copy has ended.
        written = torch.full((self.groups, copies, self.sampling.max_tokens), -1)
        for step in range(self.sampling.max_tokens):
            # Ended rows draw too and are not written: so a row's numbers do not depend on when the
            # others end, as long as none is dropped.
            token = _choose(logits, self.sampling.temperature, generator)
            written[self.live, :, step] = torch.where(done, -1, token).view(-1, copies)
            done |= torch.isin(token, stops)
            if done.all() or step + 1 == self.sampling.max_tokens:
                break
            keep = ~done.view(-1, copies).all(1)
            # Dropping copies all keys and values: it pays only when enough groups have ended.
            if keep.float().mean() < STILL_LIVE:
                done, token = self._drop(keep, done, token)
            logits = self._decode(token, step)
        return [
            [[token for token in row if token >= 0] for row in group] for group in written.tolist()
        ]

    def _drop(self, keep: Tensor, done: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        # A group goes as a whole, because its copies read one prompt.
        rows = keep.repeat_interleave(self.sampling.copies)
        self.live = self.live[keep]
        self.shared = [(key[keep], value[keep]) for key, value in self.shared]
        self.own = [(key[rows], value[rows]) for key, value in self.own]
        return done[rows], token[rows]

    def _make_room(self) -> None:
        # All at once: growing by a token a step would copy everything at every step.
        rows = self.groups * self.sampling.copies
        key = self.shared[0][0]
        _, heads, _, size = key.shape
        shape = (rows, heads, self.sampling.max_tokens, size)
        self.own = [(key.new_empty(shape), key.new_empty(shape)) for _ in self.weights.layers]

    def _prefill(self, ids: Tensor) -> Tensor:
        """Logits (groups, vocabulary) after the prompts, whose keys and values are kept."""
        hidden = self.weights.embedding[ids]
        for layer in self.weights.layers:
            query, key, value = self._project(layer, hidden, start=0)
            self.shared.append((key.contiguous(), value.contiguous()))
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            hidden = self._finish(layer, hidden, mixed.transpose(1, 2).flatten(2))
        return self._logits(hidden[:, -1])

    def _decode(self, token: Tensor, step: int) -> Tensor:
        """Logits (rows, vocabulary) after one more token of each row."""
        hidden = self.weights.embedding[token][:, None]
        for number, layer in enumerate(self.weights.layers):
            query, key, value = self._project(layer, hidden, start=self.length + step)
            keys, values = self.own[number]
            keys[:, :, step], values[:, :, step] = key[:, :, 0], value[:, :, 0]
            own = (keys[:, :, : step + 1], values[:, :, : step + 1])
            mixed = self._attend(query, self.shared[number], own)
            hidden = self._finish(layer, hidden, mixed)
        return self._logits(hidden[:, 0])

    def _attend(
        self, query: Tensor, shared: tuple[Tensor, Tensor], own: tuple[Tensor, Tensor]
    ) -> Tensor:
        """What attention reads for one token of each row: (rows, 1, heads · size).

        A group's copies stand side by side against one prompt, (groups, heads, copies, …), so its
        keys and values are read once; against what each copy wrote itself they stand alone.
        """
        rows, heads, _, size = query.shape
        copies = self.sampling.copies
        groups = rows // copies
        shared_keys, shared_values = shared
        own_keys, own_values = own
        by_group = query.view(groups, copies, heads, size).transpose(1, 2)
        to_prompt = by_group @ shared_keys.transpose(2, 3)
        to_prompt = to_prompt.transpose(1, 2).reshape(rows, heads, 1, -1)
        to_own = query @ own_keys.transpose(2, 3)
        # One softmax over both parts.
        weights = (torch.cat([to_prompt, to_own], -1) * size**-0.5).softmax(-1)
        on_prompt, on_own = weights.split([self.length, to_own.shape[-1]], -1)
        on_prompt = on_prompt.reshape(groups, copies, heads, -1).transpose(1, 2)
        from_prompt = (on_prompt @ shared_values).transpose(1, 2).reshape(rows, heads, 1, size)
        mixed = from_prompt + on_own @ own_values
        return mixed.reshape(rows, 1, heads * size)

    def _project(
        self, layer: LayerWeights, hidden: Tensor, *, start: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key, value, each (rows, heads, length, size), of tokens from place `start` on."""
        rows, length, _ = hidden.shape
        normed = self._norm(hidden, layer.before_attention)
        joined = functional.linear(normed, layer.joined)
        joined = joined.view(rows, length, 3, self.weights.heads, -1)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        cos, sin = (table[start : start + length] for table in self.weights.rotation)
        return _rotate(query, cos, sin), _rotate(key, cos, sin), value

    def _finish(self, layer: LayerWeights, hidden: Tensor, mixed: Tensor) -> Tensor:
        """Hidden states after a layer, from those before it and what its attention read."""
        hidden = hidden + functional.linear(mixed, layer.out)
        normed = self._norm(hidden, layer.before_inner)
        gate, up = functional.linear(normed, layer.gate_up).chunk(2, -1)
        inner = functional.silu(gate) * up
        return hidden + functional.linear(inner, layer.down)

    def _logits(self, hidden: Tensor) -> Tensor:
        normed = self._norm(hidden, self.weights.norm)
        # The embedding is the output layer too: the bundled models tie them.
        return functional.linear(normed, self.weights.embedding).float()

    def _norm(self, hidden: Tensor, scale: Tensor) -> Tensor:
        return functional.rms_norm(hidden, hidden.shape[-1:], scale, self.weights.epsilon)


def _rotate(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = states.chunk(2, -1)
    return states * cos + torch.cat([-right, left], -1) * sin


def _choose(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    # Of exponential clocks whose rates are the chances, each is the first to ring with its chance:
    # the largest quotient is a draw.
    noise = torch.empty_like(logits).exponential_(generator=generator)
    chances = (logits / temperature).softmax(-1)
    return (chances / noise).argmax(-1)
