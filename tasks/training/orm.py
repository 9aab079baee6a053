"""Training of the revision model's verifier: an ORM that sees the earlier attempts (METHOD §5).

The revision model with a two-label head, read at the end token of an attempt that stands behind its
full prompt. Labels are the correctness of attempts that the revision model itself wrote, chain by
chain.
"""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from tasks.benchmarks.congruences import END
from tasks.training.attempts import revision_prompt
from tasks.training.cards import Figures, count_parameters, plain, weights_digest, write_card
from tasks.training.chains import POSITIONS, Chains, draw_chains
from tasks.training.decoder import decoder
from tasks.training.generator import load_generator
from tasks.training.prm import fit_verifier
from tasks.training.rollouts import Asked, Labelled, ask
from tasks.training.selection import measure_orm
from tasks.training.stopping import Stopping, Stopwatch
from tasks.training.verifier import (
    ProcessRewardModel,
    from_generator,
    save_prm,
    step_scores,
)


class ChainDraws(NamedTuple):
    """How many chains a question, and how long."""

    chains: int = 2
    attempts: int = 6


@dataclass(frozen=True, slots=True, kw_only=True)
class OrmRecipe(Stopping):
    """Everything that sets the trained weights, revision model and seed aside."""

    questions: int = 400
    held_out: int = 60
    drawn: ChainDraws = field(default_factory=ChainDraws)
    batch: int = 32
    rate: float = 1e-3
    epochs: int = 2
    checks_per_epoch: int = 4
    patience: int = 4


def read_attempt(prompt: list[int], chain: list[list[int]], place: int) -> list[int]:
    """Ids that the ORM reads for attempt `place` (from 0) of a chain: prompt, attempt, its end."""
    return revision_prompt(prompt, chain[:place]) + chain[place]


def label_chains(asked: list[Asked], drawn: Chains) -> list[Labelled]:
    """A row for every attempt that has an answer, labelled with its correctness."""
    rows: list[Labelled] = []
    # By question, chain, attempt: `scored_chains` hands the scores back in this order.
    for number, chain_number, place in np.argwhere(drawn.finished).tolist():
        chain = drawn.texts[number][chain_number]
        ids = read_attempt(asked[number].prompt, chain, place)
        label = float(drawn.correct[number, chain_number, place])
        # Equal attempts are not merged as completions are, so each counts once.
        last = len(ids) - 1
        rows.append(Labelled(number, ids, [last], [label], draws=1))
    return rows


def train_orm(
    revision: Path,
    out: Path,
    *,
    seed: int = 0,
    recipe: OrmRecipe | None = None,
    measured_on: int = 250,
) -> Figures:
    """Figures of a verifier trained on chains of the model in `revision` and saved in `out`."""
    recipe = recipe or OrmRecipe()
    torch.manual_seed(seed)
    watch = Stopwatch()
    model = load_generator(revision)
    weights = decoder(model, positions=POSITIONS)
    asked = ask("train", recipe.questions + recipe.held_out, seed=seed + 3)
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_chains(weights, asked, **recipe.drawn._asdict(), generator=generator)
    rows = label_chains(asked, drawn)
    print(len(rows), "attempts", f"{watch.wall():.0f} s", flush=True)
    verifier = from_generator(model)
    rng = random.Random(f"orm/{seed}")
    fitted = fit_verifier(verifier, rows, first_held_out=recipe.questions, stopping=recipe, rng=rng)
    # Its score is read at the end of a whole attempt, never at a step.
    save_prm(verifier, out, step_token=END)
    figures: Figures = {
        "seed": seed,
        "recipe": plain(recipe),
        "made_from": weights_digest(revision),
        **count_parameters(verifier),
        **_count(drawn, rows),
        **fitted,
        **watch.figures(),
    }
    # Fresh chains of fresh questions, from where the generator stands after the training chains.
    fresh = ask("validation", measured_on, seed=3)
    tested = draw_chains(weights, fresh, chains=4, attempts=8, generator=generator)
    scores = _score_attempts(verifier, fresh, tested)
    figures["measured"] = measure_orm(fresh, tested, scores, seed=seed)
    write_card(out, "orm", figures)
    return figures


def _count(drawn: Chains, rows: list[Labelled]) -> dict[str, float]:
    """What the training chains were, and how many of their attempts with an answer were right."""
    right = sum(row.labels[0] for row in rows)
    every = [text for chains in drawn.texts for chain in chains for text in chain]
    return {
        "questions": len(drawn.texts),
        "attempts": len(rows),
        "right_share": round(right / len(rows), 4),
        "generated_tokens": sum(map(len, every)),
    }


def _score_attempts(verifier: ProcessRewardModel, asked: list[Asked], drawn: Chains) -> list[float]:
    """Scores of the attempts that have an answer, in the order of `label_chains`."""
    places = [(row.ids, row.ends) for row in label_chains(asked, drawn)]
    # A prompt with four attempts is long, hence fewer rows at a time than for single completions.
    return [scores[0] for scores in step_scores(verifier, places, size=64)]
