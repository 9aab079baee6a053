"""Training of the revision model's verifier: an ORM that sees the earlier attempts (METHOD §5).

The revision model with a two-label head, read at the end token of an attempt that stands behind its full
prompt. Labels are the correctness of attempts that the revision model itself wrote, chain by chain.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import torch

from tasks.benchmarks.congruences import END
from tasks.training.attempts import revision_prompt
from tasks.training.cards import count_parameters, plain, weights_digest, write_card
from tasks.training.chains import POSITIONS, Chains, draw_chains
from tasks.training.generator import load_generator
from tasks.training.prm import weighted_loss
from tasks.training.rollouts import Asked, Labelled, ask
from tasks.training.sampling import decoder
from tasks.training.selection import measure_orm
from tasks.training.stopping import Stopping, fit
from tasks.training.verifier import from_generator, save_prm, step_scores


class Drawn(NamedTuple):
    """How many chains a question, and how long."""

    chains: int = 2
    attempts: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class OrmRecipe(Stopping):
    """Everything that sets the trained weights, revision model and seed aside."""

    questions: int = 400
    held_out: int = 60
    drawn: Drawn = field(default_factory=Drawn)
    batch: int = 32
    rate: float = 1e-3
    epochs: int = 2
    checks_per_epoch: int = 4
    patience: int = 4


def read_attempt(prompt: list[int], chain: list[list[int]], place: int) -> list[int]:
    """Ids that the ORM reads for attempt `place` (from 0) of a chain: prompt, attempt and its end token."""
    return revision_prompt(prompt, chain[:place]) + chain[place]


def label_chains(asked: list[Asked], drawn: Chains) -> list[Labelled]:
    """A row for every attempt that has an answer, labelled with its correctness."""
    rows: list[Labelled] = []
    for number, chains in enumerate(drawn.texts):
        for which, chain in enumerate(chains):
            for place in range(len(chain)):
                if drawn.finished[number, which, place]:
                    ids = read_attempt(asked[number].prompt, chain, place)
                    label = float(drawn.correct[number, which, place])
                    rows.append(Labelled(number, ids, [len(ids) - 1], [label], 1))
    return rows


def train_orm(
    revision: Path,
    out: Path,
    *,
    seed: int = 0,
    recipe: OrmRecipe | None = None,
    measured_on: int = 250,
) -> dict[str, object]:
    """Figures of a verifier trained on chains of the revision model in `revision` and saved in `out`."""
    recipe = recipe or OrmRecipe()
    torch.manual_seed(seed)
    started, cpu = time.time(), time.process_time()
    model = load_generator(revision)
    weights = decoder(model, positions=POSITIONS)
    asked = ask("train", recipe.questions + recipe.held_out, seed=seed + 3)
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_chains(weights, asked, **recipe.drawn._asdict(), generator=generator)
    rows = label_chains(asked, drawn)
    print(len(rows), "attempts", f"{time.time() - started:.0f} s", flush=True)
    verifier = from_generator(model)
    fitted = fit(
        verifier,
        [row for row in rows if row.question < recipe.questions],
        [row for row in rows if row.question >= recipe.questions],
        loss=lambda batch: weighted_loss(verifier, batch),
        stopping=recipe,
        rng=random.Random(f"orm/{seed}"),
    )
    save_prm(verifier, out, step_token=END)
    figures: dict[str, object] = {
        "seed": seed,
        "recipe": plain(recipe),
        "made_from": weights_digest(revision),
        **count_parameters(verifier),
        "questions": len(asked),
        "attempts": len(rows),
        "right_share": round(sum(row.labels[0] for row in rows) / len(rows), 4),
        "generated_tokens": sum(
            len(text) for chains in drawn.texts for chain in chains for text in chain
        ),
        **fitted,
        "wall_seconds": round(time.time() - started, 1),
        "cpu_seconds": round(time.process_time() - cpu, 1),
    }
    fresh = ask("validation", measured_on, seed=3)
    tested = draw_chains(weights, fresh, chains=4, attempts=8, generator=generator)
    labelled = label_chains(fresh, tested)
    scores = step_scores(verifier, [(row.ids, row.ends) for row in labelled], size=64)
    figures["measured"] = measure_orm(fresh, tested, [found[0] for found in scores], seed=seed)
    write_card(out, "orm", figures)
    return figures
