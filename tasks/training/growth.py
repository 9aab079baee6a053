"""A larger model that begins as a smaller one (after Net2Net, arXiv 1511.05641, and bert2BERT, arXiv 2110.07143).

The smaller model's weights are a block of the larger one's; whatever is new reads at random and writes
nothing, so that at first both say the same. New layers lie below the old ones: what they find out, the old
ones can use.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

SPREAD = 0.02
"""Standard deviation of the new weights that read."""
WRITERS = ("o_proj", "down_proj")


def grow(small: LlamaForCausalLM, large: LlamaForCausalLM) -> None:
    """Make `large` say what `small` says; both have heads of one size. Raises ValueError for other shapes."""
    ours, theirs = small.config, large.config
    if ours.hidden_size // ours.num_attention_heads != theirs.hidden_size // theirs.num_attention_heads:
        raise ValueError("expected heads of one size in both models")
    new_layers = theirs.num_hidden_layers - ours.num_hidden_layers
    scale = math.sqrt(ours.hidden_size / theirs.hidden_size)  # the norm is over more places, most of them zero
    old = {_moved(name, new_layers): weight for name, weight in small.state_dict().items()}
    with torch.no_grad():
        for name, weight in large.named_parameters():
            _fill(name, weight, old.get(name), scale=scale)


def _moved(name: str, by: int) -> str:
    parts = name.split(".")
    if "layers" in parts:
        place = parts.index("layers") + 1
        parts[place] = str(int(parts[place]) + by)
    return ".".join(parts)


def _fill(name: str, weight: Tensor, old: Tensor | None, *, scale: float) -> None:
    if weight.ndim == 1:
        weight.fill_(scale)
        if old is not None:
            weight[: len(old)] = old * scale
        return
    silent = "embed" in name or any(writer in name for writer in WRITERS)
    weight.normal_(std=0.0 if silent else SPREAD)
    if old is not None:
        weight[: old.shape[0], : old.shape[1]] = old
