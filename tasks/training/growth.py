"""A wider model that begins as a narrower one (after Net2Net, arXiv 1511.05641, and bert2BERT, arXiv 2110.07143)."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

SPREAD = 0.02
"""Standard deviation of the new weights that read."""
WRITERS = ("o_proj", "down_proj", "embed_tokens")


def widen(narrow: LlamaForCausalLM, wide: LlamaForCausalLM) -> None:
    """Make `wide` say what `narrow` says; it has more and larger matrices, as many layers, heads of the same size.

    The narrow model's weights become a block of the wide one's; what is new reads at random and writes nothing.
    Raises ValueError for other shapes.
    """
    ours, theirs = narrow.config, wide.config
    if ours.hidden_size // ours.num_attention_heads != theirs.hidden_size // theirs.num_attention_heads:
        raise ValueError("expected heads of one size in both models")
    if ours.num_hidden_layers != theirs.num_hidden_layers:
        raise ValueError("expected as many layers in both models")
    scale = math.sqrt(ours.hidden_size / theirs.hidden_size)  # the norm is over more places, most of them zero
    old = narrow.state_dict()
    with torch.no_grad():
        for name, weight in wide.named_parameters():
            _fill(name, weight, old[name], scale=scale)


def _fill(name: str, weight: Tensor, old: Tensor, *, scale: float) -> None:
    if weight.ndim == 1:
        weight.fill_(scale)
        weight[: len(old)] = old * scale
        return
    weight.normal_(std=0.0 if any(writer in name for writer in WRITERS) else SPREAD)
    weight[: old.shape[0], : old.shape[1]] = old
