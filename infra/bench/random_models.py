"""Model folders of real shapes with random weights, whose completions end as a real model's do.

A random model writes every token about as often as any other: it would end no step and no
completion. So one dimension of what it carries is the same everywhere, and the output matrix turns
it into a larger logit for two tokens: a blank line every 40 tokens, the end of text every 480, by
chance. How large follows from one forward pass. What a token costs is as with real weights.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import Qwen2Config, Qwen2ForCausalLM, Qwen2Model

from infra.bench.made_math import CHAT, SPECIAL, VOCABULARY, tokenizer_file

CARRIED = 10.0
"""What dimension 0 of every embedding is; all others have a standard deviation of 1."""


class Shape(NamedTuple):
    """Sizes of a Qwen2 model."""

    layers: int
    width: int
    inner: int
    heads: int
    kv_heads: int
    context: int = 8_192


QWEN_1_5B = Shape(layers=28, width=1_536, inner=8_960, heads=12, kv_heads=2)
TINY = Shape(layers=2, width=128, inner=256, heads=2, kv_heads=1)


class Lengths(NamedTuple):
    """Mean tokens of a step and of a completion, and the token that ends a step."""

    step: int
    completion: int
    separator: int


END = VOCABULARY + SPECIAL.index("<|im_end|>")


def write_generator(folder: Path, shape: Shape, lengths: Lengths, *, seed: int = 0) -> Path:
    """A folder with a language model that writes steps and completions of these lengths."""
    config = _config(shape)
    # Created where it is filled: 1.5 B random numbers take a second on a GPU, a minute on CPU.
    with torch.device(_device()):
        model = Qwen2ForCausalLM(config).to(torch.bfloat16).eval()
    _fill(model, seed)
    model.model.embed_tokens.weight.data[:, 0] = CARRIED
    _calibrate(model, lengths)
    _save(folder, model, config, "Qwen2ForCausalLM")
    return folder


def write_verifier(folder: Path, shape: Shape, *, seed: int = 1) -> Path:
    """A folder with a process reward model: the same body, and a head of two labels."""
    config = _config(shape)
    with torch.device(_device()):
        model = _Headed(config).to(torch.bfloat16).eval()
    _fill(model, seed)
    _save(folder, model, config, "Qwen2ForProcessRewardModel")
    return folder


class _Headed(nn.Module):
    """A Qwen2 body under the names of the published process reward models."""

    def __init__(self, config: Qwen2Config) -> None:
        super().__init__()
        width = config.hidden_size
        self.model = Qwen2Model(config)
        self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))


def _device() -> str:
    return "cuda" if torch.cuda.is_available() else "cpu"


def _config(shape: Shape) -> Qwen2Config:
    return Qwen2Config(
        vocab_size=VOCABULARY + len(SPECIAL),
        hidden_size=shape.width,
        intermediate_size=shape.inner,
        num_hidden_layers=shape.layers,
        num_attention_heads=shape.heads,
        num_key_value_heads=shape.kv_heads,
        max_position_embeddings=shape.context,
        # Apart, or the embeddings could not be alike in the dimension that the output tells by.
        tie_word_embeddings=False,
        eos_token_id=END,
        bos_token_id=None,
        pad_token_id=None,
    )


@torch.no_grad()
def _fill(model: nn.Module, seed: int) -> None:
    generator = torch.Generator(_device()).manual_seed(seed)
    for name, value in model.named_parameters():
        # Gains of norms stay 1 and biases 0, as a model starts.
        if value.ndim == 2:
            std = 1.0 if "embed_tokens" in name else 0.02
            value.normal_(0, std, generator=generator)


@torch.no_grad()
def _calibrate(model: Qwen2ForCausalLM, lengths: Lengths) -> None:
    """Set the two logits by what the model carries and how likely all others are together."""
    tokens = torch.arange(64, device=model.device).reshape(1, 64) * 97 + 1_000
    state: Tensor = model.model(input_ids=tokens).last_hidden_state[0, 8:]
    others = model.lm_head(state).float()
    carried = float(state[:, 0].float().mean())
    everything = float(others.logsumexp(dim=-1).mean())
    wanted = {lengths.separator: 1 / lengths.step, END: 1 / lengths.completion}
    rest = 1 - sum(wanted.values())
    weights = model.lm_head.weight.data
    for token, share in wanted.items():
        weights[token] = 0
        weights[token, 0] = (everything + math.log(share / rest)) / carried


def _save(folder: Path, model: nn.Module, config: Qwen2Config, architecture: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    said: dict[str, Any] = config.to_dict()
    said |= {"architectures": [architecture], "dtype": "bfloat16", "torch_dtype": "bfloat16"}
    (folder / "config.json").write_text(json.dumps(said), encoding="utf-8")
    described = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|im_end|>"}
    text = json.dumps(described | {"chat_template": CHAT})
    (folder / "tokenizer_config.json").write_text(text, encoding="utf-8")
    shared = tokenizer_file(folder.parent / "tokenizer.json")
    (folder / "tokenizer.json").write_bytes(shared.read_bytes())
