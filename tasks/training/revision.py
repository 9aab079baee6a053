"""Training of the bundled revision model (METHOD §5, Revision model).

Two phases, from the generator's weights. First documents of several attempts, so that the model
learns what a revision looks like: it reviews the latest attempt, keeps what was marked right and
guesses the rest anew. Then the method's own: right completions of the generator, each behind zero
to four wrong ones of the same question. Weights after the first phase are saved part by part; the
second is redone when interrupted.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from tasks.training.attempts import Revising, documents
from tasks.training.cards import count_parameters, plain, weights_digest, write_card
from tasks.training.chains import POSITIONS, measure_revision
from tasks.training.generator import AS_WANTED, load_generator, save_model
from tasks.training.learning import Document, Pace, Part, next_token_loss, run_parts
from tasks.training.rollouts import ask
from tasks.training.sampling import decoder
from tasks.training.stopping import Stopping, Stopwatch, fit
from tasks.training.trajectories import Pairing, draw_trajectories
from warehouse.errors import UserError


@dataclass(frozen=True, slots=True, kw_only=True)
class Tuning(Stopping):
    """The second phase: trajectories of the generator's own draws."""

    questions: int = 320
    held_out: int = 60
    pairing: Pairing = field(default_factory=Pairing)
    batch: int = 32
    rate: float = 1e-4
    weight_decay: float = 0.0
    epochs: int = 1
    checks_per_epoch: int = 8
    patience: int = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class RevisionRecipe(Pace):
    """Everything that sets the trained weights, generator and seed aside."""

    tokens: int = 4_000_000
    parts: int = 8
    revising: Revising = field(
        default_factory=lambda: Revising(AS_WANTED.mix, AS_WANTED.writing, plain=0.25)
    )
    tuning: Tuning = field(default_factory=Tuning)
    batch: int = 16
    decay_share: float = 1 / 3
    muon_rate: float = 0.005
    adam_rate: float = 1e-3


def train_revision(
    generator: Path,
    out: Path,
    *,
    seed: int = 0,
    recipe: RevisionRecipe | None = None,
    states: Path | None = None,
    measured_on: int = 300,
) -> dict[str, object]:
    """Figures of a revision model made from the generator in `generator` and saved in `out`."""
    recipe = recipe or RevisionRecipe()
    torch.manual_seed(seed)
    model = load_generator(generator)
    part = Part(recipe.tokens // recipe.parts, partial(documents, revising=recipe.revising))
    training = run_parts(model, [part] * recipe.parts, pace=recipe, seed=seed, states=states)
    tuned = tune(model, generator, tuning=recipe.tuning, seed=seed)
    save_model(model, out)
    weights = decoder(model, positions=POSITIONS)
    asked = ask("validation", measured_on, seed=2)
    figures: dict[str, object] = {
        "seed": seed,
        "recipe": plain(recipe),
        "made_from": weights_digest(generator),
        **count_parameters(model),
        **training.figures(),
        "tuning": tuned,
        "measured": measure_revision(weights, asked=asked, seed=seed),
    }
    write_card(out, "revision", figures)
    return figures


def tune(
    model: LlamaForCausalLM, generator: Path, *, tuning: Tuning, seed: int
) -> dict[str, object]:
    """Figures of the second phase; the model is changed in place."""
    watch = Stopwatch()
    asked = ask("train", tuning.questions + tuning.held_out, seed=seed + 2)
    # The completions are the generator's, whose weights the first phase did not touch.
    weights = decoder(load_generator(generator))
    trajectories, counts = draw_trajectories(weights, asked, pairing=tuning.pairing, seed=seed)
    print(counts, f"{watch.wall():.0f} s", flush=True)
    train: list[Document] = []
    held_out: list[Document] = []
    for trajectory in trajectories:
        document = trajectory.document(asked[trajectory.question].prompt)
        (train if trajectory.question < tuning.questions else held_out).append(document)
    if not train or not held_out:
        raise UserError(
            f"revision: expected right completions of {generator}, got none; train it longer first"
        )
    fitted = fit(
        model,
        train,
        held_out,
        loss=lambda batch: next_token_loss(model, batch, bf16=False),
        stopping=tuning,
        rng=random.Random(f"revision/{seed}"),
    )
    return {**counts, **fitted, **watch.figures()}
