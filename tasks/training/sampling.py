"""A batched sampler for small Llama models in plain torch, for training only.

Many copies of each prompt are drawn together: the prompt's keys and values are computed and read once for
all copies, prompts of one length share a batch (no padding), and a batch ends with its last copy. The
product's own generation goes through an engine; this one is here because training needs millions of
tokens, labels and nothing else.
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


class Sampling(NamedTuple):
    """How to draw: `copies` of each prompt, at `temperature` (0: the likeliest token), until a stop token."""

    copies: int
    stops: tuple[int, ...]
    temperature: float = 1.0
    max_tokens: int = 160
    rows: int = 1024


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
    """A Llama model's weights, laid out for decoding; `rotation`: (cos, sin), each (positions, head size)."""

    layers: list[LayerWeights]
    embedding: Tensor
    norm: Tensor
    rotation: tuple[Tensor, Tensor]
    heads: int
    epsilon: float


def decoder(
    model: LlamaForCausalLM, *, dtype: torch.dtype = torch.float32, positions: int = 512
) -> Decoder:
    """A decoder with a copy of the model's weights."""
    config = model.config
    state = {
        name: weight.detach().to(dtype, copy=True) for name, weight in model.state_dict().items()
    }
    return Decoder(
        [_layer(state, f"model.layers.{number}.") for number in range(config.num_hidden_layers)],
        state["model.embed_tokens.weight"],
        state["model.norm.weight"],
        _rotation(positions, config.hidden_size // config.num_attention_heads, dtype=dtype),
        config.num_attention_heads,
        config.rms_norm_eps,
    )


def _layer(state: dict[str, Tensor], prefix: str) -> LayerWeights:
    def join(*names: str) -> Tensor:
        return torch.cat([state[f"{prefix}{name}.weight"] for name in names])

    return LayerWeights(
        join("input_layernorm"),
        join("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        join("self_attn.o_proj"),
        join("post_attention_layernorm"),
        join("mlp.gate_proj", "mlp.up_proj"),
        join("mlp.down_proj"),
    )


def _rotation(positions: int, size: int, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    rates = ROTARY_BASE ** -(torch.arange(0, size, 2) / size)
    angles = torch.arange(positions)[:, None] * rates
    angles = torch.cat([angles, angles], -1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def sample(
    weights: Decoder, prompts: list[list[int]], *, sampling: Sampling, generator: torch.Generator
) -> list[list[list[int]]]:
    """Continuations of each prompt, `copies` a prompt, in the prompts' order; a stop token is included."""
    drawn: list[list[list[int]]] = [[] for _ in prompts]
    for chosen in _chunks(prompts, max(1, sampling.rows // sampling.copies)):
        ids = torch.tensor([prompts[index] for index in chosen])
        with torch.inference_mode():
            found = _Batch(weights, ids, sampling).run(generator)
        for index, texts in zip(chosen, found, strict=True):
            drawn[index] = texts
    return drawn


def _chunks(prompts: list[list[int]], size: int) -> Iterator[list[int]]:
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
        self.live = torch.arange(self.groups)
        self.shared: list[tuple[Tensor, Tensor]] = []
        self.own: list[tuple[Tensor, Tensor]] = []
        self.first = self._prefill(ids)
        self._make_room()

    def run(self, generator: torch.Generator) -> list[list[list[int]]]:
        """Token ids by group and copy."""
        copies, stops = self.sampling.copies, torch.tensor(self.sampling.stops)
        logits = self.first.repeat_interleave(copies, 0)
        done = torch.zeros(self.groups * copies, dtype=torch.bool)
        written = torch.full((self.groups, copies, self.sampling.max_tokens), -1)
        for step in range(self.sampling.max_tokens):
            token = _choose(logits, self.sampling.temperature, generator)
            written[self.live, :, step] = torch.where(done, -1, token).view(-1, copies)
            done |= torch.isin(token, stops)
            if done.all() or step + 1 == self.sampling.max_tokens:
                break
            keep = ~done.view(-1, copies).all(1)
            if keep.float().mean() < 0.75:
                done, token = self._drop(keep, done, token)
            logits = self._decode(token, step)
        return [[[t for t in row if t >= 0] for row in group] for group in written.tolist()]

    def _drop(self, keep: Tensor, done: Tensor, token: Tensor) -> tuple[Tensor, Tensor]:
        rows = keep.repeat_interleave(self.sampling.copies)
        self.live = self.live[keep]
        self.shared = [(key[keep], value[keep]) for key, value in self.shared]
        self.own = [(key[rows], value[rows]) for key, value in self.own]
        return done[rows], token[rows]

    def _make_room(self) -> None:
        rows, steps = self.groups * self.sampling.copies, self.sampling.max_tokens
        key = self.shared[0][0]
        shape = (rows, key.shape[1], steps, key.shape[3])
        self.own = [(key.new_empty(shape), key.new_empty(shape)) for _ in self.weights.layers]

    def _prefill(self, ids: Tensor) -> Tensor:
        hidden = self.weights.embedding[ids]
        for layer in self.weights.layers:
            query, key, value = self._project(layer, hidden, start=0)
            self.shared.append((key.contiguous(), value.contiguous()))
            mixed = functional.scaled_dot_product_attention(query, key, value, is_causal=True)
            hidden = self._finish(layer, hidden, mixed.transpose(1, 2).flatten(2))
        return self._logits(hidden[:, -1])

    def _decode(self, token: Tensor, step: int) -> Tensor:
        hidden = self.weights.embedding[token][:, None]
        for number, layer in enumerate(self.weights.layers):
            query, key, value = self._project(layer, hidden, start=self.length + step)
            keys, values = self.own[number]
            keys[:, :, step], values[:, :, step] = key[:, :, 0], value[:, :, 0]
            own = (keys[:, :, : step + 1], values[:, :, : step + 1])
            hidden = self._finish(layer, hidden, self._attend(query, self.shared[number], own))
        return self._logits(hidden[:, 0])

    def _attend(
        self, query: Tensor, shared: tuple[Tensor, Tensor], own: tuple[Tensor, Tensor]
    ) -> Tensor:
        rows, heads, _, size = query.shape
        copies = self.sampling.copies
        grouped = query.view(rows // copies, copies, heads, size).transpose(1, 2)
        scale = size**-0.5
        early = (grouped @ shared[0].transpose(2, 3)).transpose(1, 2).reshape(rows, heads, 1, -1)
        late = query @ own[0].transpose(2, 3)
        share = (torch.cat([early, late], -1) * scale).softmax(-1)
        ahead, behind = share.split([self.length, late.shape[-1]], -1)
        ahead = ahead.reshape(rows // copies, copies, heads, -1).transpose(1, 2)
        mixed = (ahead @ shared[1]).transpose(1, 2).reshape(rows, heads, 1, size) + behind @ own[1]
        return mixed.reshape(rows, 1, heads * size)

    def _project(
        self, layer: LayerWeights, hidden: Tensor, *, start: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        rows, length, width = hidden.shape
        normed = functional.rms_norm(hidden, (width,), layer.before_attention, self.weights.epsilon)
        joined = functional.linear(normed, layer.joined).view(
            rows, length, 3, self.weights.heads, -1
        )
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        cos, sin = (table[start : start + length] for table in self.weights.rotation)
        return _rotate(query, cos, sin), _rotate(key, cos, sin), value

    def _finish(self, layer: LayerWeights, hidden: Tensor, mixed: Tensor) -> Tensor:
        hidden = hidden + functional.linear(mixed, layer.out)
        normed = functional.rms_norm(
            hidden, hidden.shape[-1:], layer.before_inner, self.weights.epsilon
        )
        gate, up = functional.linear(normed, layer.gate_up).chunk(2, -1)
        return hidden + functional.linear(functional.silu(gate) * up, layer.down)

    def _logits(self, hidden: Tensor) -> Tensor:
        normed = functional.rms_norm(
            hidden, hidden.shape[-1:], self.weights.norm, self.weights.epsilon
        )
        return functional.linear(normed, self.weights.embedding).float()


def _rotate(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    left, right = states.chunk(2, -1)
    return states * cos + torch.cat([-right, left], -1) * sin


def _choose(logits: Tensor, temperature: float, generator: torch.Generator) -> Tensor:
    if temperature == 0:
        return logits.argmax(-1)
    noise = torch.empty_like(logits).exponential_(generator=generator)
    return ((logits / temperature).softmax(-1) / noise).argmax(-1)
