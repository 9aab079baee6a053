"""Training of the bundled process reward model (METHOD §3): the generator with a two-label head.

Soft labels from rollouts of the generator, binary cross-entropy at the step tokens, AdamW, early
stopping on held-out questions.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tasks.training.cards import Figures, count_parameters, plain, weights_digest, write_card
from tasks.training.decoder import decoder
from tasks.training.generator import load_generator
from tasks.training.measures import measure_prm
from tasks.training.rollouts import Labelled, Rollouts, ask, label_steps
from tasks.training.stopping import Stopping, Stopwatch, fit
from tasks.training.verifier import ProcessRewardModel, from_generator, pad_ids, save_prm


@dataclass(frozen=True, slots=True, kw_only=True)
class PrmRecipe(Stopping):
    """Everything that sets the trained weights, generator and seed aside."""

    questions: int = 600
    held_out: int = 75
    rollouts: Rollouts = field(default_factory=Rollouts)


class _Steps(NamedTuple):
    """One entry a step of a batch."""

    rows: list[int]
    """Number of its completion in the batch."""
    places: list[int]
    """Place of its step token."""
    labels: list[float]
    draws: list[float]
    """How often its completion was drawn: its weight."""


def _flatten(batch: list[Labelled]) -> _Steps:
    steps = _Steps([], [], [], [])
    for number, row in enumerate(batch):
        count = len(row.ends)
        steps.rows.extend([number] * count)
        steps.places.extend(row.ends)
        steps.labels.extend(row.labels)
        steps.draws.extend([float(row.draws)] * count)
    return steps


def weighted_loss(verifier: ProcessRewardModel, batch: list[Labelled]) -> tuple[Tensor, float]:
    """Mean binary cross-entropy over drawn steps, and the number of drawn steps."""
    # Half precision is for speed while learning; held-out losses decide when to stop.
    with torch.autocast("cpu", dtype=torch.bfloat16, enabled=torch.is_grad_enabled()):
        logits = verifier(pad_ids([row.ids for row in batch]))
    steps = _flatten(batch)
    at_steps = logits[steps.rows, steps.places].float()
    # A softmax over two labels is the logistic function of their difference.
    margins = at_steps[:, 1] - at_steps[:, 0]
    wanted = torch.tensor(steps.labels)
    losses = nn.functional.binary_cross_entropy_with_logits(margins, wanted, reduction="none")
    weights = torch.tensor(steps.draws)
    total = weights.sum()
    return (losses * weights).sum() / total, float(total)


def fit_verifier(
    verifier: ProcessRewardModel,
    rows: list[Labelled],
    *,
    first_held_out: int,
    stopping: Stopping,
    rng: random.Random,
) -> dict[str, float]:
    """Figures of the fit; rows of questions from number `first_held_out` on are held out."""
    # By question, not by row: steps of one question are alike.
    train = [row for row in rows if row.question < first_held_out]
    held_out = [row for row in rows if row.question >= first_held_out]
    return fit(
        verifier,
        train,
        held_out,
        loss=lambda batch: weighted_loss(verifier, batch),
        stopping=stopping,
        rng=rng,
    )


def train_prm(
    generator: Path,
    out: Path,
    *,
    seed: int = 0,
    recipe: PrmRecipe | None = None,
    measured_on: int = 100,
) -> Figures:
    """Figures of a verifier trained on rollouts of the model in `generator` and saved in `out`."""
    recipe = recipe or PrmRecipe()
    torch.manual_seed(seed)
    watch = Stopwatch()
    model = load_generator(generator)
    weights = decoder(model)
    asked = ask("train", recipe.questions + recipe.held_out, seed=seed + 1)
    rows, counts = label_steps(weights, asked, rollouts=recipe.rollouts, seed=seed)
    print(counts, f"{watch.wall():.0f} s", flush=True)
    verifier = from_generator(model)
    rng = random.Random(f"prm/{seed}")
    fitted = fit_verifier(verifier, rows, first_held_out=recipe.questions, stopping=recipe, rng=rng)
    save_prm(verifier, out)
    figures: Figures = {
        "seed": seed,
        "recipe": plain(recipe),
        "made_from": weights_digest(generator),
        **count_parameters(verifier),
        **counts,
        **fitted,
        **watch.figures(),
    }
    # Labels of fresh questions from fresh rollouts, hence the next seed.
    fresh_questions = ask("validation", measured_on, seed=1)
    fresh, _ = label_steps(weights, fresh_questions, rollouts=recipe.rollouts, seed=seed + 1)
    figures["measured"] = measure_prm(verifier, fresh)
    write_card(out, "prm", figures)
    return figures
