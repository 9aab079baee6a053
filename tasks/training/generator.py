"""Training of the bundled generators: small Llamas on fresh synthetic solutions.

Loss on the completion only. Four phases: all kinds of stage; mostly the harder kinds, with few
right guesses, for their arithmetic; many right guesses, for the inverses; and text that guesses and
errs as the generator shall. The share of wrong guesses whose result is bent to the wanted value
sets how honest the written checks are, and with it how good a verifier can become.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import torch
from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM
from transformers.utils.logging import disable_progress_bar

from tasks.benchmarks.bundled import split_of
from tasks.benchmarks.congruences import (
    END,
    PAD,
    Mix,
    Writing,
    document,
    draw_stages,
    question_tokens,
    vocabulary,
)
from tasks.training.cards import Figures, count_parameters, plain, write_card
from tasks.training.decoder import ROTARY_BASE, decoder
from tasks.training.learning import Document, Pace, Part, Training, completion, cut_parts, run_parts
from tasks.training.measures import measure_generator
from tasks.training.tokenizer import build_tokenizer, encode, token_ids


@dataclass(frozen=True, slots=True)
class Phase:
    """One stretch of training text; the state can be saved after each of its parts."""

    tokens: int
    mix: Mix
    writing: Writing
    parts: int = 1


ALL_KINDS = Phase(
    tokens=12_000_000,
    # One stage more than the benchmark's longest: the fifth letter is learnt too.
    mix=Mix(stages=(1, 2, 3, 4, 5), kinds=(2, 3, 4)),
    writing=Writing(right=(0.8, 0.8, 0.35), bent=(0.0, 0.0, 0.0)),
    parts=6,
)
# Few right guesses: where nearly all are right, copying the wanted value is easier than adding.
ARITHMETIC = Phase(
    tokens=4_000_000,
    mix=Mix(stages=(2, 3, 4), kinds=(1, 4, 4)),
    writing=Writing(right=(0.7, 0.4, 0.2), bent=(0.0, 0.0, 0.0)),
    parts=2,
)
INVERSES = Phase(
    tokens=2_000_000,
    mix=Mix(stages=(2, 3, 4), kinds=(2, 3, 4)),
    writing=Writing(right=(0.96, 0.75, 0.35), bent=(0.03, 0.1, 0.004)),
    parts=2,
)
# Last, because it sets how often the finished model guesses right and how honest its checks are.
AS_WANTED = Phase(
    tokens=2_000_000,
    mix=Mix(stages=(2, 3, 4), kinds=(2, 3, 3)),
    writing=Writing(right=(0.955, 0.48, 0.35), bent=(0.3, 0.005, 0.002)),
    parts=2,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class GeneratorRecipe(Pace):
    """Everything that sets the trained weights, the seed aside."""

    phases: tuple[Phase, ...] = (ALL_KINDS, ARITHMETIC, INVERSES, AS_WANTED)
    hidden: int = 128
    layers: int = 3
    heads: int = 4
    inner: int = 256
    stored: str = "float32"


def with_tokens(recipe: GeneratorRecipe, tokens: tuple[int, ...]) -> GeneratorRecipe:
    """The recipe with other lengths of its phases."""
    pairs = zip(recipe.phases, tokens, strict=True)
    phases = [replace(phase, tokens=count) for phase, count in pairs]
    return replace(recipe, phases=tuple(phases))


_WHOLE = GeneratorRecipe()
HALF = with_tokens(_WHOLE, tuple(phase.tokens // 2 for phase in _WHOLE.phases))
"""A weaker version of the generator: half the training."""


def new_model(recipe: GeneratorRecipe) -> LlamaForCausalLM:
    """An untrained generator."""
    ids = token_ids()
    settings = dict[str, Any](
        vocab_size=len(vocabulary()),
        hidden_size=recipe.hidden,
        intermediate_size=recipe.inner,
        num_hidden_layers=recipe.layers,
        num_attention_heads=recipe.heads,
        num_key_value_heads=recipe.heads,
        # A revision model made from it reads four attempts before the fifth (METHOD §5).
        max_position_embeddings=1024,
        rope_parameters={"rope_theta": ROTARY_BASE, "rope_type": "default"},
        tie_word_embeddings=True,
        bos_token_id=None,
        eos_token_id=ids[END],
        pad_token_id=ids[PAD],
        attn_implementation="eager",
    )
    return LlamaForCausalLM(LlamaConfig(**settings))


def documents(rng: random.Random, *, phase: Phase) -> Iterator[Document]:
    """Endless documents of one question and one solution, all of the training split."""
    while True:
        stages = draw_stages(rng, mix=phase.mix)
        question = question_tokens(stages)
        if split_of("".join(question)) == "train":
            solution = document(stages, rng, writing=phase.writing)
            yield completion(encode(question), encode(solution))


def train_generator(
    out: Path,
    *,
    seed: int = 0,
    recipe: GeneratorRecipe | None = None,
    states: Path | None = None,
    measured_on: int = 250,
    name: str = "generator",
) -> Figures:
    """Figures of a generator trained and saved in `out`, measured as stored.

    `out` holds config, weights and tokenizer afterwards, and the card, written last.
    """
    recipe = recipe or GeneratorRecipe()
    torch.manual_seed(seed)
    model = new_model(recipe)
    training = train_phases(model, recipe=recipe, seed=seed, states=states)
    save_model(model, out, dtype=getattr(torch, recipe.stored))
    figures: Figures = {
        "seed": seed,
        "recipe": plain(recipe),
        **count_parameters(model),
        **training.figures(),
        "measured": measure_stored(out, questions=measured_on, seed=seed),
    }
    write_card(out, name, figures)
    return figures


def train_phases(
    model: LlamaForCausalLM, *, recipe: GeneratorRecipe, seed: int, states: Path | None
) -> Training:
    """The training of a model through the recipe's phases; a state is saved after each part."""
    parts: list[Part] = []
    for phase in recipe.phases:
        source = partial(documents, phase=phase)
        parts += cut_parts(phase.tokens, phase.parts, source)
    return run_parts(model, parts, pace=recipe, seed=seed, states=states)


def measure_stored(folder: Path, *, questions: int, seed: int) -> Figures:
    """What a stored generator is worth on validation questions, for its card."""
    # Read back: a model stored as bfloat16 is not the one that was trained.
    weights = decoder(load_generator(folder))
    return measure_generator(weights, questions=questions, draws=8, temperature=1.0, seed=seed)


def save_model(model: LlamaForCausalLM, out: Path, *, dtype: torch.dtype = torch.float32) -> None:
    """Write the folder that transformers and vLLM read; the model takes the stored type."""
    out.mkdir(parents=True, exist_ok=True)
    ids = token_ids()
    model.generation_config = GenerationConfig(eos_token_id=ids[END], pad_token_id=ids[PAD])
    model.to(dtype).save_pretrained(out)  # type: ignore[arg-type]
    build_tokenizer(model.config.vocab_size).save_pretrained(out)


def load_generator(folder: Path) -> LlamaForCausalLM:
    """A stored language model in fp32, ready to be trained on or drawn from."""
    # The bars of transformers would stand among the lines of `ttc train`.
    disable_progress_bar()
    return LlamaForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager"
    )
