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
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from transformers import LlamaForCausalLM

from tasks.benchmarks.congruences import vocabulary
from tasks.statistics.kernels import compile_kernel
from tasks.training.attempts import (
    WINDOW,
    Revising,
    documents,
    review_of,
    revision_prompt,
    without_end,
)
from tasks.training.cards import Figures, count_parameters, plain, weights_digest, write_card
from tasks.training.chains import POSITIONS, measure_revision
from tasks.training.decoder import Decoder, decoder
from tasks.training.generator import AS_WANTED, load_generator, save_model
from tasks.training.learning import (
    Document,
    Pace,
    completion,
    cut_parts,
    next_token_loss,
    run_parts,
)
from tasks.training.rollouts import Asked, answer_of, ask, draw
from tasks.training.stopping import Stopping, Stopwatch, fit
from tasks.training.tokenizer import Ids
from warehouse.errors import UserError


class Pairing(NamedTuple):
    """How completions are drawn and paired."""

    draws: int = 64
    temperature: float = 1.2
    """Above 1, because wrong completions are wanted too (METHOD §5)."""
    per_question: int = 8
    """Most right completions of one question: easy ones have many."""


class Trajectory(NamedTuple):
    """One right completion and the wrong ones shown before it; `question` numbers the question."""

    question: int
    earlier: list[Ids]
    right: Ids

    def document(self, prompt: Ids) -> Document:
        """Its ids, with loss on the right completion, the review before it and its end only."""
        # Written as the model wrote them in its first phase: a review, then the attempt.
        opening = review_of(self.earlier[-1]) if self.earlier else []
        shown = revision_prompt(prompt, self.earlier)
        return completion(shown, [*opening, *self.right])


def draw_trajectories(
    weights: Decoder, asked: list[Asked], *, pairing: Pairing, seed: int
) -> tuple[list[Trajectory], dict[str, int]]:
    """Trajectories of every question, and how many draws and tokens they took."""
    generator = torch.Generator().manual_seed(seed)
    rng = random.Random(f"trajectories/{seed}")
    prompts = [question.prompt for question in asked]
    drawn = draw(
        weights, prompts, copies=pairing.draws, temperature=pairing.temperature, generator=generator
    )
    trajectories: list[Trajectory] = []
    for number, (question, texts) in enumerate(zip(asked, drawn, strict=True)):
        trajectories += pair(number, question.target, texts, rng, most=pairing.per_question)
    figures = {
        "questions": len(asked),
        "draws": sum(len(texts) for texts in drawn),
        "trajectories": len(trajectories),
        "generated_tokens": sum(len(text) for texts in drawn for text in texts),
    }
    return trajectories, figures


def pair(
    number: int, target: str, texts: list[Ids], rng: random.Random, *, most: int
) -> list[Trajectory]:
    """Up to `most` right completions, each behind 0 to 4 (evenly drawn) wrong ones, nearest last.

    Completions without an answer are dropped; there are fewer wrong ones where the question has
    fewer.
    """
    right: list[Ids] = []
    wrong: list[Ids] = []
    for text in texts:
        answer = answer_of(text)
        if answer is not None:
            (right if answer == target else wrong).append(text)
    chosen = rng.sample(right, min(most, len(right)))
    return [Trajectory(number, _draw_earlier(text, wrong, rng), text) for text in chosen]


def _draw_earlier(right: Ids, wrong: list[Ids], rng: random.Random) -> list[Ids]:
    """Wrong completions to stand before a right one; none where none are drawn or to be had."""
    count = min(rng.randint(0, WINDOW), len(wrong))
    if count == 0:
        return []
    # The nearest stands last, so that a revision is seen to mend what it follows (METHOD §5); of
    # equally near ones it is the earliest draw.
    wanted = spell(right)
    distances = [edit_distance(wanted, spell(text)) for text in wrong]
    nearest = distances.index(min(distances))
    others = wrong[:nearest] + wrong[nearest + 1 :]
    return [*rng.sample(others, count - 1), wrong[nearest]]


def spell(text: Ids) -> str:
    """A completion as people read it, without its end token."""
    words = vocabulary()
    return "".join(words[token] for token in without_end(text))


def edit_distance(left: str, right: str) -> int:
    """Fewest characters to insert, delete or replace to make one text the other."""
    return int(_distance(_code_points(left), _code_points(right)))


Letters = NDArray[np.int32]


def _code_points(text: str) -> Letters:
    # Compiled code reads arrays of numbers faster than text.
    return np.array([ord(letter) for letter in text], dtype=np.int32)


@compile_kernel
def _distance(left: Letters, right: Letters) -> int:
    # row[j]: distance of what was read of `left` to the first j letters of `right`.
    row = np.arange(len(right) + 1)
    for i in range(len(left)):
        # The value that row[j] had one letter of `left` earlier: a replacement starts from there.
        corner = row[0]
        row[0] = i + 1
        for j in range(len(right)):
            replaced = corner + (left[i] != right[j])
            inserted = row[j] + 1
            corner = row[j + 1]
            deleted = corner + 1
            row[j + 1] = min(replaced, inserted, deleted)
    return row[-1]


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
) -> Figures:
    """Figures of a revision model made from the generator in `generator` and saved in `out`."""
    recipe = recipe or RevisionRecipe()
    torch.manual_seed(seed)
    model = load_generator(generator)
    source = partial(documents, revising=recipe.revising)
    parts = cut_parts(recipe.tokens, recipe.parts, source)
    training = run_parts(model, parts, pace=recipe, seed=seed, states=states)
    tuned = tune(model, generator, tuning=recipe.tuning, seed=seed)
    save_model(model, out)
    weights = decoder(model, positions=POSITIONS)
    asked = ask("validation", measured_on, seed=2)
    figures: Figures = {
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


def tune(model: LlamaForCausalLM, generator: Path, *, tuning: Tuning, seed: int) -> Figures:
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
