"""Distilling: a generator learns the completions that its own search found (METHOD §11.3).

Starts from the weights of the version that wrote them, loss on the completion only. Passes and
rates were chosen by accuracy on validation questions.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch
from transformers import LlamaForCausalLM

from tasks.benchmarks.congruences import END
from tasks.training.cards import Figures, count_parameters, plain, weights_digest, write_card
from tasks.training.decoder import decoder
from tasks.training.generator import load_generator, save_model
from tasks.training.harvest import Learnt
from tasks.training.learning import Document, Pace, Part, Training, completion, run_parts
from tasks.training.measures import measure_generator
from tasks.training.rollouts import draw
from tasks.training.tokenizer import token_ids


@dataclass(frozen=True, slots=True, kw_only=True)
class DistillRecipe(Pace):
    """Everything that sets the trained weights, seed, version before and text aside."""

    passes: int = 4
    batch: int = 16
    warmup: int = 10
    # The model can write already: the rate falls from the start.
    decay_share: float = 1.0
    muon_rate: float = 3e-3
    adam_rate: float = 5e-4
    bf16: bool = False


def train_distilled(
    parent: Path,
    out: Path,
    *,
    texts: Sequence[Learnt],
    facts: Figures,
    recipe: DistillRecipe,
    seed: int = 0,
    measured_on: int = 250,
) -> Figures:
    """Figures of the next version, made from the model in `parent` and saved in `out`.

    `facts` go on its card, which is written last: a folder with a card is a whole model.
    """
    torch.manual_seed(seed)
    model = load_generator(parent)
    training = _train(model, texts, recipe=recipe, seed=seed)
    save_model(model, out)
    figures: Figures = {
        # `write_card` names `ttc train distilled`, a command that is not there.
        "rebuild": "ttc distill",
        "made_from": weights_digest(parent),
        **facts,
        "seed": seed,
        "recipe": plain(recipe),
        **count_parameters(model),
        **training.figures(),
        "measured": measure_generator(
            decoder(model), questions=measured_on, draws=8, temperature=1.0, seed=seed
        ),
    }
    write_card(out, "distilled", figures)
    return figures


def _train(
    model: LlamaForCausalLM, texts: Sequence[Learnt], *, recipe: DistillRecipe, seed: int
) -> Training:
    end = token_ids()[END]
    written = [completion(list(text.prompt), [*text.completion, end]) for text in texts]
    # One more token a document, the end: so does the training count what it has learnt from.
    tokens = recipe.passes * sum(len(document.ids) + 1 for document in written)
    part = Part(tokens, partial(documents, written=written))
    return run_parts(model, [part], pace=recipe, seed=seed, states=None)


def documents(rng: random.Random, *, written: Sequence[Document]) -> Iterator[Document]:
    """All documents in random order, again and again."""
    while True:
        yield from rng.sample(written, len(written))


def greedy(folder: Path, prompts: Sequence[Sequence[int]]) -> list[list[int]]:
    """The likeliest completion of each prompt, token by token, its end token left out."""
    weights = decoder(load_generator(folder))
    asked = [list(prompt) for prompt in prompts]
    # At temperature 0 the generator is never asked for a number.
    drawn = draw(weights, asked, copies=1, temperature=0.0, generator=torch.Generator())
    end = token_ids()[END]
    return [[token for token in texts[0] if token != end] for texts in drawn]
