"""Training of the bundled process reward model (METHOD §3): the generator with a two-label head.

Soft labels from rollouts of the generator, binary cross-entropy at the step tokens, AdamW, early stopping
on held-out questions.
"""

from __future__ import annotations

import copy
import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn
from transformers import LlamaForCausalLM

from tasks.training.cards import plain, write_card
from tasks.training.measures import measure_prm
from tasks.training.rollouts import Labelled, Rollouts, ask, label_steps
from tasks.training.sampling import decoder
from tasks.training.verifier import ProcessRewardModel, from_generator, pad_ids, save_prm


@dataclass(frozen=True, slots=True)
class PrmRecipe:
    """Everything that sets the trained weights, generator and seed aside."""

    questions: int = 600
    held_out: int = 75
    rollouts: Rollouts = field(default_factory=Rollouts)
    batch: int = 64
    rate: float = 1.5e-3
    weight_decay: float = 0.01
    epochs: int = 8
    checks_per_epoch: int = 2
    patience: int = 4


class Check(NamedTuple):
    """Held-out loss and the state that had it."""

    loss: float
    step: int
    weights: dict[str, Tensor]


def weighted_loss(verifier: ProcessRewardModel, batch: list[Labelled]) -> tuple[Tensor, float]:
    """Mean binary cross-entropy over drawn steps, and the number of drawn steps."""
    logits = verifier(pad_ids([row.ids for row in batch]))
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
    verifier: ProcessRewardModel,
    rows: list[Labelled],
    held_out: list[Labelled],
    *,
    recipe: PrmRecipe,
    seed: int,
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
            _update(
                verifier,
                optimizer,
                batch,
                rate=recipe.rate * min(1.0, (steps + 1) / 50, (total - steps) / total),
            )
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


def _update(
    verifier: ProcessRewardModel, optimizer: torch.optim.Optimizer, batch: list[Labelled], *, rate: float
) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss, _ = weighted_loss(verifier, batch)
    loss.backward()
    nn.utils.clip_grad_norm_(verifier.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)


def train_prm(
    generator: Path, out: Path, *, seed: int = 0, recipe: PrmRecipe | None = None, measured_on: int = 100
) -> dict[str, object]:
    """Figures of a verifier trained on rollouts of the generator in `generator` and saved in `out`."""
    recipe = recipe or PrmRecipe()
    torch.manual_seed(seed)
    started, cpu = time.time(), time.process_time()
    model = LlamaForCausalLM.from_pretrained(generator, dtype=torch.float32, attn_implementation="eager")
    weights = decoder(model)
    asked = ask("train", recipe.questions + recipe.held_out, seed=seed + 1)
    rows, counts = label_steps(weights, asked, rollouts=recipe.rollouts, seed=seed)
    print(counts, f"{time.time() - started:.0f} s", flush=True)
    held_out = [row for row in rows if row.question >= recipe.questions]
    rows = [row for row in rows if row.question < recipe.questions]
    verifier = from_generator(model)
    fitted = fit(verifier, rows, held_out, recipe=recipe, seed=seed)
    save_prm(verifier, out)
    figures: dict[str, object] = {
        "seed": seed,
        "recipe": plain(recipe),
        "parameters": sum(p.numel() for p in verifier.parameters()),
        **counts,
        **fitted,
        "wall_seconds": round(time.time() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    fresh, _ = label_steps(weights, ask("validation", measured_on, seed=1), rollouts=recipe.rollouts, seed=seed + 1)
    figures["measured"] = measure_prm(verifier, fresh)
    write_card(out, "prm", figures)
    return figures
