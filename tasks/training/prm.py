"""Training of the bundled process reward model (METHOD §3): the generator with a two-label head.

Soft labels from rollouts of the generator, binary cross-entropy at the step tokens, AdamW, early stopping
on held-out questions.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from tasks.training.cards import count_parameters, plain, weights_digest, write_card
from tasks.training.generator import load_generator
from tasks.training.measures import measure_prm
from tasks.training.rollouts import Labelled, Rollouts, ask, label_steps
from tasks.training.sampling import decoder
from tasks.training.stopping import Stopping, fit
from tasks.training.verifier import ProcessRewardModel, from_generator, pad_ids, save_prm


@dataclass(frozen=True, slots=True, kw_only=True)
class PrmRecipe(Stopping):
    """Everything that sets the trained weights, generator and seed aside."""

    questions: int = 600
    held_out: int = 75
    rollouts: Rollouts = field(default_factory=Rollouts)


def weighted_loss(verifier: ProcessRewardModel, batch: list[Labelled]) -> tuple[Tensor, float]:
    """Mean binary cross-entropy over drawn steps, and the number of drawn steps."""
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.is_grad_enabled()):
        logits = verifier(pad_ids([row.ids for row in batch]))
    rows = torch.tensor([number for number, row in enumerate(batch) for _ in row.ends])
    places = torch.tensor([end for row in batch for end in row.ends])
    labels = torch.tensor([label for row in batch for label in row.labels])
    weights = torch.tensor([float(row.draws) for row in batch for _ in row.ends])
    found = logits[rows, places].float()
    losses = nn.functional.binary_cross_entropy_with_logits(
        found[:, 1] - found[:, 0], labels, reduction="none"
    )
    return (losses * weights).sum() / weights.sum(), float(weights.sum())


def train_prm(
    generator: Path,
    out: Path,
    *,
    seed: int = 0,
    recipe: PrmRecipe | None = None,
    measured_on: int = 100,
) -> dict[str, object]:
    """Figures of a verifier trained on rollouts of the generator in `generator` and saved in `out`."""
    recipe = recipe or PrmRecipe()
    torch.manual_seed(seed)
    started, cpu = time.time(), time.process_time()
    model = load_generator(generator)
    weights = decoder(model)
    asked = ask("train", recipe.questions + recipe.held_out, seed=seed + 1)
    rows, counts = label_steps(weights, asked, rollouts=recipe.rollouts, seed=seed)
    print(counts, f"{time.time() - started:.0f} s", flush=True)
    held_out = [row for row in rows if row.question >= recipe.questions]
    rows = [row for row in rows if row.question < recipe.questions]
    verifier = from_generator(model)
    fitted = fit(
        verifier,
        rows,
        held_out,
        loss=lambda batch: weighted_loss(verifier, batch),
        stopping=recipe,
        rng=random.Random(f"prm/{seed}"),
    )
    save_prm(verifier, out)
    figures: dict[str, object] = {
        "seed": seed,
        "recipe": plain(recipe),
        "made_from": weights_digest(generator),
        **count_parameters(verifier),
        **counts,
        **fitted,
        "wall_seconds": round(time.time() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    fresh, _ = label_steps(
        weights, ask("validation", measured_on, seed=1), rollouts=recipe.rollouts, seed=seed + 1
    )
    figures["measured"] = measure_prm(verifier, fresh)
    write_card(out, "prm", figures)
    return figures
