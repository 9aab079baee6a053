"""Training of the large model: about 14 times the generator's parameters, on text of the same kind (METHOD §8).

A narrow model of the large one's depth learns first, where a token costs little: five layers can learn the
inverse of the third kind of stage, which the generator's three do not. All at once it is not learnt (only the
case that the earlier unknown is 0), so it comes in lessons: first 1 times the earlier unknown, then other
multiples of it, then all kinds again, or the others are forgotten. Widened, the model says the same, and goes on
learning at full size.
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

from tasks.benchmarks.congruences import (
    MODULUS,
    Mix,
    Stage,
    Writing,
    document,
    draw_stages,
    question_tokens,
    solution,
    split_of,
)
from tasks.training.cards import count_parameters, plain, write_card
from tasks.training.generator import (
    GeneratorRecipe,
    Phase,
    documents,
    measured,
    new_model,
    save_model,
    taught,
)
from tasks.training.learning import Document, Pace, Part, Training, completion, run_parts
from tasks.training.tokenizer import encode

ALWAYS_RIGHT = Writing((1.0, 1.0, 1.0), (0.0, 0.0, 0.0))
ALL_KINDS = Phase(
    15_000_000, Mix((1, 2, 3, 4), (1, 3, 5)), Writing((0.9, 0.9, 0.9), (0.0, 0.0, 0.0)), 15
)
AT_FULL_SIZE = Phase(600_000, ALL_KINDS.mix, ALL_KINDS.writing, 3)
TOGETHER = Phase(4_000_000, ALL_KINDS.mix, ALL_KINDS.writing, 4)
LESSON_MIX = Mix((2, 3, 4), (0, 1, 5))


class Lesson(NamedTuple):
    """A stretch of text whose stages of the third kind take only these multiples of the earlier unknown."""

    tokens: int
    multiples: tuple[int, ...]
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
) -> dict[str, object]:
    """Figures of the large model trained and saved in `out`, measured as stored beside the generator in `source`.

    `training_flops` is 6 · parameters · tokens, summed over all stretches.
    """
    recipe = recipe or LargeRecipe()
    torch.manual_seed(seed)
    narrow, wide = new_model(recipe.narrow), new_model(recipe.wide)
    first = taught(narrow, recipe=recipe.narrow, seed=seed, states=states and states / "narrow")
    second = _lessons(narrow, recipe, seed=seed + 1, states=states and states / "lessons")
    widen(narrow, wide)
    third = taught(wide, recipe=recipe.wide, seed=seed + 2, states=states and states / "wide")
    save_model(wide, out, dtype=getattr(torch, recipe.wide.stored))
    small, large = (
        count_parameters(model)["parameters_without_embeddings"] for model in (narrow, wide)
    )
    figures: dict[str, object] = {
        "seed": seed,
        "recipe": plain(recipe),
        **count_parameters(wide),
        **third.figures(),
        "training_flops": 6.0 * (small * (first.tokens + second.tokens) + large * third.tokens),
        "narrow": first.figures(),
        "lessons": second.figures(),
        "measured": measured(out, questions=measured_on, seed=seed),
        "generator": {
            "greedy_by_level": measured(source, questions=measured_on, seed=seed)["greedy_by_level"]
        },
    }
    write_card(out, "large", figures)
    return figures


def _lessons(
    model: LlamaForCausalLM, recipe: LargeRecipe, *, seed: int, states: Path | None
) -> Training:
    parts = [
        Part(lesson.tokens // lesson.parts, partial(lesson_documents, multiples=lesson.multiples))
        for lesson in recipe.lessons
        for _ in range(lesson.parts)
    ]
    together = recipe.together
    parts += [
        Part(together.tokens // together.parts, partial(documents, phase=together))
    ] * together.parts
    return run_parts(model, parts, pace=recipe.lesson_pace, seed=seed, states=states)


def lesson_documents(rng: random.Random, *, multiples: tuple[int, ...]) -> Iterator[Document]:
    """Endless documents of one training question and its right solution, mostly of the third kind of stage."""
    while True:
        stages = with_multiples(draw_stages(rng, mix=LESSON_MIX), rng, multiples=multiples)
        question = question_tokens(stages)
        if split_of("".join(question)) == "train":
            yield completion(encode(question), encode(document(stages, rng, writing=ALWAYS_RIGHT)))


def with_multiples(
    stages: list[Stage], rng: random.Random, *, multiples: tuple[int, ...]
) -> list[Stage]:
    """The stages with the same solution, those of the third kind with one of these multiples each."""
    values = solution(stages)
    return [
        stage
        if stage.earlier is None
        else _retargeted(stage, value, values[stage.earlier], rng.choice(multiples))
        for stage, value in zip(stages, values, strict=True)
    ]


def _retargeted(stage: Stage, value: int, earlier: int, multiple: int) -> Stage:
    return stage._replace(
        addend=multiple, target=(stage.coefficient * value + multiple * earlier) % MODULUS
    )


SPREAD = 0.02
"""Standard deviation of the new weights that read."""
WRITERS = ("o_proj", "down_proj", "embed_tokens")


def widen(narrow: LlamaForCausalLM, wide: LlamaForCausalLM) -> None:
    """Make `wide` say what `narrow` says; it has more and larger matrices, as many layers, heads of the same size.

    The narrow model's weights become a block of the wide one's; what is new reads at random and writes nothing.
    Raises ValueError for other shapes.
    """
    ours, theirs = narrow.config, wide.config
    if (
        ours.hidden_size // ours.num_attention_heads
        != theirs.hidden_size // theirs.num_attention_heads
    ):
        raise ValueError("expected heads of one size in both models")
    if ours.num_hidden_layers != theirs.num_hidden_layers:
        raise ValueError("expected as many layers in both models")
    scale = math.sqrt(
        ours.hidden_size / theirs.hidden_size
    )  # the norm is over more places, most of them zero
    old = narrow.state_dict()
    with torch.no_grad():
        for name, weight in wide.named_parameters():
            _fill(name, weight, old[name], scale=scale)


def _fill(name: str, weight: Tensor, old: Tensor, *, scale: float) -> None:
    if weight.ndim == 1:
        weight.fill_(scale)
        weight[: len(old)] = old * scale
        return
    weight.normal_(std=0.0 if any(writer in name for writer in WRITERS) else SPREAD)
    weight[: old.shape[0], : old.shape[1]] = old
