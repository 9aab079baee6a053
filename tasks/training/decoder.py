"""Small Llama models in plain torch, laid out for drawing many tokens at once (`sampling`)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional
from transformers import LlamaForCausalLM

ROTARY_BASE = 10_000.0


class LayerWeights(NamedTuple):
    """One layer's matrices, joined where they share an input."""

    before_attention: Tensor
    """Scale of the norm before the attention, (width,)."""
    joined: Tensor
    """Query, key and value in one, (3 · width, width)."""
    out: Tensor
    """What the heads read, back into the hidden state, (width, width)."""
    before_inner: Tensor
    """Scale of the norm before the inner layer, (width,)."""
    gate_up: Tensor
    """Gate and values of the inner layer in one, (2 · inner, width)."""
    down: Tensor
    """Back from the inner layer, (width, inner)."""


@dataclass(frozen=True, slots=True)
class Decoder:
    """A Llama model's weights, laid out for decoding."""

    layers: list[LayerWeights]
    embedding: Tensor
    """(vocabulary, width)."""
    norm: Tensor
    """Scale of the norm before the output, (width,)."""
    rotation: tuple[Tensor, Tensor]
    """(cos, sin), each (positions, head size)."""
    heads: int
    epsilon: float

    def project(
        self, layer: LayerWeights, hidden: Tensor, *, start: int
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Query, key, value, each (rows, heads, length, size), of tokens from place `start` on."""
        rows, length, _ = hidden.shape
        normed = self._norm(hidden, layer.before_attention)
        joined = functional.linear(normed, layer.joined)
        joined = joined.view(rows, length, 3, self.heads, -1)
        query, key, value = joined.permute(2, 0, 3, 1, 4)
        places = slice(start, start + length)
        cos, sin = (table[places] for table in self.rotation)
        return _rotate(query, cos, sin), _rotate(key, cos, sin), value

    def finish(self, layer: LayerWeights, hidden: Tensor, mixed: Tensor) -> Tensor:
        """Hidden states after a layer, from those before it and what its attention read."""
        hidden = hidden + functional.linear(mixed, layer.out)
        normed = self._norm(hidden, layer.before_inner)
        both = functional.linear(normed, layer.gate_up)
        gate, up = both.chunk(2, -1)
        inner = functional.silu(gate) * up
        return hidden + functional.linear(inner, layer.down)

    def logits(self, hidden: Tensor) -> Tensor:
        """Logits (…, vocabulary) of the last layer's hidden states (…, width)."""
        normed = self._norm(hidden, self.norm)
        # The embedding is the output layer too: the bundled models tie them.
        return functional.linear(normed, self.embedding).float()

    def _norm(self, hidden: Tensor, scale: Tensor) -> Tensor:
        width = hidden.shape[-1:]
        return functional.rms_norm(hidden, width, scale, self.epsilon)


def decoder(
    model: LlamaForCausalLM, *, dtype: torch.dtype = torch.float32, positions: int = 512
) -> Decoder:
    """A decoder with a copy of the model's weights."""
    config = model.config
    # Copied: training may go on with the model while draws of what it was are still wanted.
    state: dict[str, Tensor] = {}
    for name, weight in model.state_dict().items():
        state[name] = weight.detach().to(dtype, copy=True)
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
    prefix = f"model.layers.{number}."

    def join(*names: str) -> Tensor:
        return torch.cat([state[f"{prefix}{name}.weight"] for name in names])

    return LayerWeights(
        before_attention=join("input_layernorm"),
        # The order in which `project` takes the product apart.
        joined=join("self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"),
        out=join("self_attn.o_proj"),
        before_inner=join("post_attention_layernorm"),
        gate_up=join("mlp.gate_proj", "mlp.up_proj"),
        down=join("mlp.down_proj"),
    )


def _rotation(positions: int, size: int, *, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Rotary position embeddings (arXiv 2104.09864), as transformers lays them out for Llama."""
    exponents = torch.arange(0, size, 2) / size
    rates = ROTARY_BASE**-exponents
    angles = torch.arange(positions)[:, None] * rates
    # Twice, because the pairs that turn together are places i and i + size / 2, not neighbours.
    angles = torch.cat([angles, angles], -1)
    return angles.cos().to(dtype), angles.sin().to(dtype)


def _rotate(states: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """States (…, length, size) turned by the angles of their places."""
    left, right = states.chunk(2, -1)
    turned = torch.cat([-right, left], -1)
    return states * cos + turned * sin
