"""Training of the large model: about 14 times the generator's parameters (METHOD §8).

A narrow model of the large one's depth learns first, where a token costs little: five layers can
learn the inverse of the third kind of stage, which the generator's three do not. All at once it is
not learnt (only the case that the earlier unknown is 0), so it comes in lessons: first 1 times the
earlier unknown, then other multiples of it, then all kinds again, or the others are forgotten.
Widened, the model says the same, and goes on learning at full size.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from transformers import LlamaForCausalLM

from tasks.benchmarks.bundled import split_of
from tasks.benchmarks.congruences import (
    MODULUS,
    Mix,
    Stage,
    Writing,
    document,
    draw_stages,
    question_tokens,
    solution,
)
from tasks.training.cards import Figures, count_parameters, plain, write_card
from tasks.training.generator import (
    GeneratorRecipe,
    Phase,
    documents,
    measure_stored,
    new_model,
    save_model,
    train_phases,
)
from tasks.training.learning import Document, Pace, Part, Training, completion, cut_parts, run_parts
from tasks.training.tokenizer import encode

ALWAYS_RIGHT = Writing(right=(1.0, 1.0, 1.0), bent=(0.0, 0.0, 0.0))
ALL_KINDS = Phase(
    tokens=15_000_000,
    mix=Mix(stages=(1, 2, 3, 4), kinds=(1, 3, 5)),
    writing=Writing(right=(0.9, 0.9, 0.9), bent=(0.0, 0.0, 0.0)),
    parts=15,
)
AT_FULL_SIZE = Phase(600_000, ALL_KINDS.mix, ALL_KINDS.writing, parts=3)
TOGETHER = Phase(4_000_000, ALL_KINDS.mix, ALL_KINDS.writing, parts=4)
# No stage of the first kind after the first: a lesson is about the third.
LESSON_MIX = Mix(stages=(2, 3, 4), kinds=(0, 1, 5))


class Lesson(NamedTuple):
    """A stretch of text whose stages of the third kind take these multiples only."""

    tokens: int
    multiples: tuple[int, ...]
    """Of the earlier unknown."""
    parts: int


LESSONS = (
    Lesson(5_000_000, (1,), 5),
    Lesson(2_000_000, (1, 6), 2),
    Lesson(3_000_000, (1, 2, 6), 3),
    Lesson(8_000_000, (1, 2, 3, 4, 5, 6), 8),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeRecipe:
    """The three stretches of the training; the wide model has the layers of the narrow one."""

    narrow: GeneratorRecipe = field(
        default_factory=lambda: GeneratorRecipe(layers=5, phases=(ALL_KINDS,))
    )
    lessons: tuple[Lesson, ...] = LESSONS
    together: Phase = TOGETHER
    lesson_pace: Pace = field(default_factory=lambda: Pace(decay_share=0.25))
    wide: GeneratorRecipe = field(
        default_factory=lambda: GeneratorRecipe(
            layers=5,
            hidden=384,
            heads=12,
            inner=704,
            stored="bfloat16",
            muon_rate=0.003,
            adam_rate=5e-4,
            phases=(AT_FULL_SIZE,),
        )
    )


def train_large(
    source: Path,
    out: Path,
    *,
    seed: int = 0,
    recipe: LargeRecipe | None = None,
    states: Path | None = None,
    measured_on: int = 1000,
) -> Figures:
    """Figures of the large model trained and saved in `out`, and of the generator in `source`.

    Both are measured as stored. `training_flops` is 6 · parameters · tokens over all stretches.
    """
    recipe = recipe or LargeRecipe()
    torch.manual_seed(seed)
    stretches = _train(recipe, seed=seed, states=states)
    save_model(stretches.wide.model, out, dtype=getattr(torch, recipe.wide.stored))
    # The exchange compares with one greedy completion of the large model (METHOD §8): so does the
    # card, on the same questions.
    beside = measure_stored(source, questions=measured_on, seed=seed)
    figures: Figures = {
        "seed": seed,
        "recipe": plain(recipe),
        **count_parameters(stretches.wide.model),
        **stretches.wide.figures(),
        "training_flops": _training_flops(stretches),
        "narrow": stretches.narrow.figures(),
        "lessons": stretches.lessons.figures(),
        "measured": measure_stored(out, questions=measured_on, seed=seed),
        "generator": {"greedy_by_level": beside["greedy_by_level"]},
    }
    write_card(out, "large", figures)
    return figures


class Stretches(NamedTuple):
    """The trainings of the three stretches: narrow, lessons of the narrow one, wide."""

    narrow: Training
    lessons: Training
    wide: Training


def _train(recipe: LargeRecipe, *, seed: int, states: Path | None) -> Stretches:
    # Both models are made before either learns: their first weights come from one random state.
    narrow = new_model(recipe.narrow)
    wide = new_model(recipe.wide)

    def folder(name: str) -> Path | None:
        return None if states is None else states / name

    first = train_phases(narrow, recipe=recipe.narrow, seed=seed, states=folder("narrow"))
    # Other seeds: the text of a part is drawn by seed and part number.
    second = _train_lessons(narrow, recipe, seed=seed + 1, states=folder("lessons"))
    widen(narrow, wide)
    third = train_phases(wide, recipe=recipe.wide, seed=seed + 2, states=folder("wide"))
    return Stretches(first, second, third)


def _training_flops(stretches: Stretches) -> float:
    # 6·P·D, forward and backward (METHOD §8); P without embeddings, as in every cost (METHOD §9).
    products = [
        count_parameters(training.model)["parameters_without_embeddings"] * training.tokens
        for training in stretches
    ]
    return 6.0 * sum(products)


def _train_lessons(
    model: LlamaForCausalLM, recipe: LargeRecipe, *, seed: int, states: Path | None
) -> Training:
    parts: list[Part] = []
    for lesson in recipe.lessons:
        source = partial(lesson_documents, multiples=lesson.multiples)
        parts += cut_parts(lesson.tokens, lesson.parts, source)
    together = recipe.together
    source = partial(documents, phase=together)
    parts += cut_parts(together.tokens, together.parts, source)
    return run_parts(model, parts, pace=recipe.lesson_pace, seed=seed, states=states)


def lesson_documents(rng: random.Random, *, multiples: tuple[int, ...]) -> Iterator[Document]:
    """Endless documents of one training question and its right solution, mostly of kind 3."""
    while True:
        drawn = draw_stages(rng, mix=LESSON_MIX)
        stages = with_multiples(drawn, rng, multiples=multiples)
        question = question_tokens(stages)
        if split_of("".join(question)) == "train":
            solved = document(stages, rng, writing=ALWAYS_RIGHT)
            yield completion(encode(question), encode(solved))


def with_multiples(
    stages: list[Stage], rng: random.Random, *, multiples: tuple[int, ...]
) -> list[Stage]:
    """The same stages with the same solution, those of kind 3 with one of these multiples each."""
    values = solution(stages)
    changed: list[Stage] = []
    for stage, value in zip(stages, values, strict=True):
        if stage.earlier is None:
            changed.append(stage)
        else:
            earlier = values[stage.earlier]
            changed.append(_retarget(stage, value, earlier, rng.choice(multiples)))
    return changed


def _retarget(stage: Stage, value: int, earlier: int, multiple: int) -> Stage:
    # The target moves with the multiple: so the same digit solves the stage as before.
    target = (stage.coefficient * value + multiple * earlier) % MODULUS
    return stage._replace(addend=multiple, target=target)


SPREAD = 0.02
"""Standard deviation of the new weights that read."""
WRITERS = ("o_proj", "down_proj", "embed_tokens")
"""Matrices whose result goes into the residual stream."""


def widen(narrow: LlamaForCausalLM, wide: LlamaForCausalLM) -> None:
    """Make `wide` say what `narrow` says; it is wider, with as many layers and heads of one size.

    The narrow model's weights become a block of the wide one's; what is new reads at random and
    writes nothing. Raises ValueError for other shapes.
    """
    ours = narrow.config
    theirs = wide.config
    our_head = ours.hidden_size // ours.num_attention_heads
    if our_head != theirs.hidden_size // theirs.num_attention_heads:
        raise ValueError("expected heads of one size in both models")
    if ours.num_hidden_layers != theirs.num_hidden_layers:
        raise ValueError("expected as many layers in both models")
    # The root mean square is over more places, most of them zero, so it is smaller by this factor:
    # the norms' weights take it back.
    scale = math.sqrt(ours.hidden_size / theirs.hidden_size)
    old = narrow.state_dict()
    with torch.no_grad():
        for name, weight in wide.named_parameters():
            _fill(name, weight, old[name], scale=scale)


def _fill(name: str, weight: Tensor, old: Tensor, *, scale: float) -> None:
    # A norm's weights.
    if weight.ndim == 1:
        weight.fill_(scale)
        weight[: len(old)] = old * scale
        return
    # Writing nothing, the new block changes no output; reading at random, it gets a gradient.
    writes = any(writer in name for writer in WRITERS)
    weight.normal_(std=0.0 if writes else SPREAD)
    rows, columns = old.shape
    weight[:rows, :columns] = old
