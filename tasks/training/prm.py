"""Training of the bundled process reward model (METHOD §3): the generator with a two-label head.

The head stands at the step tokens; label 1 is "this prefix leads to the target". Weights are laid out as
the Qwen2 process reward models that engines serve: Llama's layers with zero biases on q, k, v.
"""

from __future__ import annotations

import copy
import json
import random
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from transformers import LlamaForCausalLM, Qwen2Config, Qwen2Model

from tasks.benchmarks.congruences import PAD
from tasks.training.rollouts import Labelled, Rollouts, ask, label_steps
from tasks.training.sampling import decoder
from tasks.training.tokenizer import build_tokenizer, token_ids


@dataclass(frozen=True, slots=True)
class PrmRecipe:
    """Everything that sets the trained weights, generator and seed aside."""

    questions: int = 1200
    held_out: int = 200
    rollouts: Rollouts = Rollouts()
    batch: int = 64
    rate: float = 1.5e-3
    weight_decay: float = 0.01
    epochs: int = 8
    checks_per_epoch: int = 2
    patience: int = 4


class ProcessRewardModel(nn.Module):
    """Qwen2 backbone and the head Linear – ReLU – Linear on every position: logits (batch, length, 2)."""

    def __init__(self, config: Qwen2Config) -> None:
        super().__init__()
        self.config = config
        self.model = Qwen2Model(config)
        width = config.hidden_size
        self.score = nn.Sequential(nn.Linear(width, width), nn.ReLU(), nn.Linear(width, 2))

    def forward(self, ids: Tensor) -> Tensor:
        hidden = self.model(input_ids=ids, use_cache=False).last_hidden_state
        return self.score(hidden)


class Check(NamedTuple):
    """Held-out loss and the state that had it."""

    loss: float
    step: int
    weights: dict[str, Tensor]


def from_generator(generator: LlamaForCausalLM) -> ProcessRewardModel:
    """A verifier that begins with the generator's weights; q, k, v biases are zero."""
    source = generator.config
    config = Qwen2Config(
        **{name: getattr(source, name) for name in _SHARED_SETTINGS},
        rope_parameters=source.rope_parameters,
        use_sliding_window=False,
        tie_word_embeddings=False,
        num_labels=2,
        attn_implementation="eager",
        architectures=["Qwen2ForProcessRewardModel"],
    )
    verifier = ProcessRewardModel(config)
    missing, unexpected = verifier.model.load_state_dict(generator.model.state_dict(), strict=False)
    if unexpected or any("proj.bias" not in name for name in missing):
        raise ValueError(f"expected only q, k, v biases to be new, got {missing}, {unexpected}")
    for name, parameter in verifier.model.named_parameters():
        if name.endswith("proj.bias"):
            nn.init.zeros_(parameter)
    return verifier


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


def load_prm(folder: Path) -> ProcessRewardModel:
    """The verifier saved in a folder, for evaluation."""
    config = Qwen2Config.from_pretrained(folder)
    verifier = ProcessRewardModel(config)
    verifier.load_state_dict(load_file(folder / "model.safetensors"))
    return verifier.eval()


def step_scores(verifier: ProcessRewardModel, rows: list[tuple[list[int], list[int]]], *, size: int = 256) -> list[list[float]]:
    """Probabilities of label 1 at the given places of each (ids, places), in the given order."""
    order = sorted(range(len(rows)), key=lambda index: len(rows[index][0]))
    scores: list[list[float]] = [[] for _ in rows]
    for start in range(0, len(order), size):
        chosen = order[start : start + size]
        with torch.inference_mode():
            chances = verifier(_pad([rows[index][0] for index in chosen])).softmax(-1)[..., 1]
        for row, index in enumerate(chosen):
            scores[index] = chances[row, rows[index][1]].tolist()
    return scores


def _pad(rows: list[list[int]]) -> Tensor:
    longest = max(map(len, rows))
    pad = token_ids()[PAD]
    return torch.tensor([row + [pad] * (longest - len(row)) for row in rows])


def weighted_loss(verifier: ProcessRewardModel, batch: list[Labelled]) -> tuple[Tensor, float]:
    """Mean binary cross-entropy over drawn steps, and the number of drawn steps."""
    logits = verifier(_pad([row.ids for row in batch]))
    rows = torch.tensor([number for number, row in enumerate(batch) for _ in row.ends])
    places = torch.tensor([end for row in batch for end in row.ends])
    labels = torch.tensor([label for row in batch for label in row.labels])
    weights = torch.tensor([float(row.draws) for row in batch for _ in row.ends])
    found = logits[rows, places].float()
    losses = nn.functional.binary_cross_entropy_with_logits(found[:, 1] - found[:, 0], labels, reduction="none")
    return (losses * weights).sum() / weights.sum(), float(weights.sum())


def held_out_loss(verifier: ProcessRewardModel, rows: list[Labelled]) -> float:
    """Mean loss over all drawn steps of `rows`."""
    total = count = 0.0
    with torch.inference_mode():
        for batch in _batches(rows, 256):
            loss, weight = weighted_loss(verifier, batch)
            total, count = total + loss.item() * weight, count + weight
    return total / count


def _batches(rows: list[Labelled], size: int, rng: random.Random | None = None) -> list[list[Labelled]]:
    rows = rows if rng is None else rng.sample(rows, len(rows))
    window = 16 * size
    batches: list[list[Labelled]] = []
    for start in range(0, len(rows), window):
        near = sorted(rows[start : start + window], key=lambda row: len(row.ids))
        batches += [near[at : at + size] for at in range(0, len(near), size)]
    if rng is not None:
        rng.shuffle(batches)
    return batches


def fit(
    verifier: ProcessRewardModel, rows: list[Labelled], held_out: list[Labelled], *, recipe: PrmRecipe, seed: int
) -> dict[str, float]:
    """Train with early stopping on held-out questions; the best weights stay in `verifier`."""
    rng = random.Random(f"prm/{seed}")
    optimizer = torch.optim.AdamW(verifier.parameters(), lr=recipe.rate, weight_decay=recipe.weight_decay)
    per_epoch = -(-len(rows) // recipe.batch)
    total, every = recipe.epochs * per_epoch, max(1, per_epoch // recipe.checks_per_epoch)
    best = Check(held_out_loss(verifier, held_out), 0, copy.deepcopy(verifier.state_dict()))
    steps = worse = 0
    while steps < total and worse < recipe.patience:
        for batch in _batches(rows, recipe.batch, rng):
            _update(verifier, optimizer, batch, rate=recipe.rate * min(1.0, (steps + 1) / 50, (total - steps) / total))
            steps += 1
            if steps % every:
                continue
            loss = held_out_loss(verifier, held_out)
            print(f"step {steps} of {total}: held-out loss {loss:.4f}", flush=True)
            worse = 0 if loss < best.loss else worse + 1
            if loss < best.loss:
                best = Check(loss, steps, copy.deepcopy(verifier.state_dict()))
            if worse >= recipe.patience:
                break
    verifier.load_state_dict(best.weights)
    return {"held_out_loss": best.loss, "best_step": best.step, "steps": steps}


def _update(verifier: ProcessRewardModel, optimizer: torch.optim.Optimizer, batch: list[Labelled], *, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = weighted_loss(verifier, batch)
    loss.backward()
    nn.utils.clip_grad_norm_(verifier.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def train_prm(
    generator: Path, out: Path, *, seed: int = 0, recipe: PrmRecipe | None = None
) -> dict[str, object]:
    """Figures of a verifier trained on rollouts of the generator in `generator` and saved in `out`."""
    recipe = recipe or PrmRecipe()
    torch.manual_seed(seed)
    started, cpu = time.time(), time.process_time()
    model = LlamaForCausalLM.from_pretrained(generator, dtype=torch.float32, attn_implementation="eager")
    asked = ask("train", recipe.questions + recipe.held_out, seed=seed + 1)
    rows, figures = label_steps(decoder(model), asked, rollouts=recipe.rollouts, seed=seed)
    print(figures, f"{time.time() - started:.0f} s", flush=True)
    held_out = [row for row in rows if row.question >= recipe.questions]
    rows = [row for row in rows if row.question < recipe.questions]
    verifier = from_generator(model)
    fitted = fit(verifier, rows, held_out, recipe=recipe, seed=seed)
    save_prm(verifier, out)
    return {
        "seed": seed,
        "recipe": asdict(recipe),
        "parameters": sum(p.numel() for p in verifier.parameters()),
        **figures,
        **fitted,
        "wall_seconds": round(time.time() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }


def save_prm(verifier: ProcessRewardModel, out: Path) -> None:
    """Write the folder that vLLM serves as a pooling model."""
    out.mkdir(parents=True, exist_ok=True)
    settings = verifier.config.to_dict() | {"architectures": ["Qwen2ForProcessRewardModel"], "dtype": "float32"}
    (out / "config.json").write_text(json.dumps(settings, indent=2, sort_keys=True) + "\n")
    weights = {name: value.detach().contiguous() for name, value in verifier.state_dict().items()}
    save_file(weights, out / "model.safetensors", metadata={"format": "pt"})
    build_tokenizer().save_pretrained(out)
