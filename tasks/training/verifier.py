"""The bundled verifier's model: a small Qwen2 with a two-label head on every position.

Weights are laid out as the Qwen2 process reward models that engines serve: Llama's layers with zero
biases on q, k, v, and a head of names `score.0`, `score.2`. Label 1 is "this prefix leads to the
target".
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import LlamaConfig, LlamaForCausalLM, Qwen2Config, Qwen2Model

from tasks.benchmarks.congruences import PAD, STEP_END
from tasks.training.tokenizer import build_tokenizer, token_ids

_SHARED_SETTINGS = (
    "vocab_size",
    "hidden_size",
    "intermediate_size",
    "num_hidden_layers",
    "num_attention_heads",
    "num_key_value_heads",
    "max_position_embeddings",
    "rms_norm_eps",
    "pad_token_id",
    "eos_token_id",
    "bos_token_id",
)


class ProcessRewardModel(nn.Module):
    """Qwen2 backbone and the head Linear – ReLU – Linear on every position."""

    def __init__(self, config: Qwen2Config) -> None:
        super().__init__()
        self.config = config
        self.model = Qwen2Model(config)
        width = config.hidden_size
        # Named by their places here: `score.0` and `score.2` are what engines look for.
        inner = nn.Linear(width, width)
        outer = nn.Linear(width, 2)
        self.score = nn.Sequential(inner, nn.ReLU(), outer)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits (batch, length, 2) of ids (batch, length)."""
        hidden = self.model(input_ids=ids, use_cache=False).last_hidden_state
        return self.score(hidden)


def from_generator(generator: LlamaForCausalLM) -> ProcessRewardModel:
    """A verifier that begins with the generator's weights; q, k, v biases are zero."""
    verifier = ProcessRewardModel(_config_from(generator.config))
    # Not strict, because Llama has no biases; anything else that is missing would stay random.
    missing, unexpected = verifier.model.load_state_dict(generator.model.state_dict(), strict=False)
    if unexpected or any("proj.bias" not in name for name in missing):
        raise ValueError(f"expected only q, k, v biases to be new, got {missing}, {unexpected}")
    for name, parameter in verifier.model.named_parameters():
        if name.endswith("proj.bias"):
            nn.init.zeros_(parameter)
    return verifier


def _config_from(source: LlamaConfig) -> Qwen2Config:
    settings = dict[str, Any](
        **{name: getattr(source, name) for name in _SHARED_SETTINGS},
        rope_parameters=source.rope_parameters,
        use_sliding_window=False,
        # A verifier has no output layer over the vocabulary.
        tie_word_embeddings=False,
        num_labels=2,
        attn_implementation="eager",
        architectures=["Qwen2ForProcessRewardModel"],
    )
    return Qwen2Config(**settings)


def load_prm(folder: Path) -> ProcessRewardModel:
    """The verifier saved in a folder, for evaluation."""
    config = Qwen2Config.from_pretrained(folder)
    verifier = ProcessRewardModel(config)
    verifier.load_state_dict(load_file(folder / "model.safetensors"))
    return verifier.eval()


def step_scores(
    verifier: ProcessRewardModel, rows: list[tuple[list[int], list[int]]], *, size: int = 256
) -> list[list[float]]:
    """Probabilities of label 1 at the given places of each (ids, places), in the given order."""
    # Rows of like length together: less padding.
    lengths = [len(ids) for ids, _ in rows]
    order = sorted(range(len(rows)), key=lengths.__getitem__)
    scores: list[list[float]] = [[] for _ in rows]
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        padded = pad_ids([rows[index][0] for index in chosen])
        with torch.inference_mode():
            chances = verifier(padded).softmax(-1)[..., 1]
        for row, index in enumerate(chosen):
            _, places = rows[index]
            scores[index] = chances[row, places].tolist()
    return scores


def pad_ids(rows: list[list[int]]) -> Tensor:
    """Ids (rows, longest), padded on the right."""
    # No mask is needed: attention looks back only, so no place that is read sees the padding.
    longest = max(map(len, rows))
    padding = [token_ids()[PAD]] * longest
    padded = [(row + padding)[:longest] for row in rows]
    return torch.tensor(padded)


def save_prm(verifier: ProcessRewardModel, out: Path, *, step_token: str = STEP_END) -> None:
    """Write the folder that vLLM serves as a pooling model; scores are read at `step_token`."""
    out.mkdir(parents=True, exist_ok=True)
    settings = verifier.config.to_dict() | {
        "architectures": ["Qwen2ForProcessRewardModel"],
        "dtype": "float32",
        "step_token": step_token,
    }
    text = json.dumps(settings, indent=2, sort_keys=True)
    (out / "config.json").write_text(f"{text}\n")
    weights: dict[str, Tensor] = {}
    for name, value in verifier.state_dict().items():
        weights[name] = value.detach().contiguous()
    # transformers refuses weights whose file does not name its format.
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    build_tokenizer(verifier.config.vocab_size).save_pretrained(out)
