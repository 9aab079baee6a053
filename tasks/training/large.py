"""Training of the large model: about 14 times the generator's parameters, on text of the same kind (METHOD §8).

A narrow model of the large one's depth learns first, where a token costs little: five layers learn the inverse
of the third kind of stage, which the generator's three do not. Widened, it says the same, and goes on learning.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

import torch

from tasks.benchmarks.congruences import Mix, Writing
from tasks.training.cards import count_parameters, plain, write_card
from tasks.training.generator import GeneratorRecipe, Phase, measured, new_model, save_model, taught
from tasks.training.growth import widen

HONEST = (0.0, 0.0, 0.0)
ALL_KINDS = Phase(9_000_000, Mix((1, 2, 3, 4), (1, 3, 5)), Writing((0.9, 0.9, 0.9), HONEST), 9)
THIRD_KIND = Phase(60_000_000, Mix((2, 3, 4), (1, 2, 6)), Writing((0.98, 0.98, 0.98), HONEST), 60)
AT_FULL_SIZE = Phase(600_000, ALL_KINDS.mix, ALL_KINDS.writing, 3)


@dataclass(frozen=True, slots=True, kw_only=True)
class LargeRecipe:
    """Both halves of the training; the wide model has the layers of the narrow one."""

    narrow: GeneratorRecipe = field(default_factory=lambda: GeneratorRecipe(layers=5, phases=(ALL_KINDS, THIRD_KIND)))
    wide: GeneratorRecipe = field(
        default_factory=lambda: GeneratorRecipe(
            layers=5, hidden=384, heads=12, inner=704, stored="bfloat16", muon_rate=0.003, adam_rate=5e-4,
            phases=(AT_FULL_SIZE,),
        )
    )  # fmt: skip


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

    `training_flops` is 6 · parameters · tokens, summed over both halves.
    """
    recipe = recipe or LargeRecipe()
    torch.manual_seed(seed)
    narrow, wide = new_model(recipe.narrow), new_model(recipe.wide)
    first = taught(narrow, recipe=recipe.narrow, seed=seed, states=states and states / "narrow")
    widen(narrow, wide)
    second = taught(wide, recipe=recipe.wide, seed=seed + 1, states=states and states / "wide")
    save_model(wide, out, dtype=getattr(torch, recipe.wide.stored))
    sizes = [count_parameters(model)["parameters_without_embeddings"] for model in (narrow, wide)]
    figures: dict[str, object] = {
        "seed": seed,
        "recipe": plain(recipe),
        **count_parameters(wide),
        **second.figures(),
        "training_flops": 6.0 * (sizes[0] * first.tokens + sizes[1] * second.tokens),
        "narrow": first.figures(),
        "measured": measured(out, questions=measured_on, seed=seed),
        "generator": {"greedy_by_level": measured(source, questions=measured_on, seed=seed)["greedy_by_level"]},
    }
    write_card(out, "large", figures)
    return figures
