"""Training of the bundled model that thinks, from the generator's weights.

One phase of fresh synthetic traces. The generator knows stages, guesses and checks; what is new is
to try again after a failed check, to keep what was found, and to answer wherever thinking ends.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from tasks.benchmarks.congruences import Mix
from tasks.training.cards import Figures, count_parameters, plain, weights_digest, write_card
from tasks.training.decoder import decoder
from tasks.training.generator import load_generator, save_model
from tasks.training.learning import Pace, cut_parts, run_parts
from tasks.training.rollouts import ask
from tasks.training.thinking.caps import POSITIONS, measure_thinking
from tasks.training.thinking.traces import Traces, documents
from tasks.training.tokenizer import token_ids

SPREAD = 0.1
"""Standard deviation of new embeddings: that of the generator's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ThinkingRecipe(Pace):
    """Everything that sets the trained weights, generator and seed aside."""

    tokens: int = 5_000_000
    parts: int = 10
    traces: Traces = field(
        # Few sure guesses: thinking pays where a guess mostly fails.
        default_factory=lambda: Traces(Mix((2, 3, 4), (2, 3, 3)), known=(0.6, 0.3, 0.1))
    )
    batch: int = 16
    decay_share: float = 0.5
    muon_rate: float = 0.005
    adam_rate: float = 1e-3


def train_thinking(
    generator: Path,
    out: Path,
    *,
    seed: int = 0,
    recipe: ThinkingRecipe | None = None,
    states: Path | None = None,
    measured_on: int = 300,
) -> Figures:
    """Figures of a model that thinks, made from the generator in `generator` and saved in `out`."""
    recipe = recipe or ThinkingRecipe()
    torch.manual_seed(seed)
    model = load_generator(generator)
    add_tokens(model)
    source = partial(documents, traces=recipe.traces)
    parts = cut_parts(recipe.tokens, recipe.parts, source)
    training = run_parts(model, parts, pace=recipe, seed=seed, states=states)
    save_model(model, out)
    weights = decoder(model, positions=POSITIONS)
    asked = ask("validation", measured_on, seed=3)
    figures: Figures = {
        "seed": seed,
        "recipe": plain(recipe),
        "made_from": weights_digest(generator),
        **count_parameters(model),
        **training.figures(),
        "measured": measure_thinking(weights, asked=asked, seed=seed),
    }
    write_card(out, "thinking", figures)
    return figures


def add_tokens(model: LlamaForCausalLM) -> None:
    """Give a model of the family's vocabulary the tokens of thinking, with random embeddings."""
    old = model.config.vocab_size
    embedding = model.resize_token_embeddings(len(token_ids()), mean_resizing=False)
    with torch.no_grad():
        embedding.weight[old:].normal_(std=SPREAD)
