"""The large model: grown from a narrow one, then trained at full size."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tasks.benchmarks.congruences import Mix, Writing, draw_stages, solution
from tasks.models.folders.parameters import count_parameters
from tasks.models.version import BUNDLED
from tasks.training.cards import render
from tasks.training.generator import (
    GeneratorRecipe,
    Phase,
    load_generator,
    new_model,
    train_generator,
)
from tasks.training.large import LargeRecipe, Lesson, train_large, widen, with_multiples

NARROW = GeneratorRecipe(
    phases=(Phase(10_000, Mix((1,), (1, 0, 0)), Writing((0.9, 0.9, 0.9), (0.0, 0.0, 0.0)), 2),),
    hidden=32,
    heads=1,
    layers=2,
)
WIDE = replace(NARROW, hidden=96, heads=3, inner=300, stored="bfloat16")


def test_a_widened_model_says_what_the_narrow_one_says() -> None:
    torch.manual_seed(0)
    narrow, wide = new_model(NARROW), new_model(WIDE)
    for weight in narrow.parameters():
        weight.data.normal_(std=0.3)
    widen(narrow, wide)
    ids = torch.randint(2, 60, (3, 20))
    with torch.no_grad():
        ours, theirs = narrow(ids).logits, wide(ids).logits
    assert ours.std() > 0.1
    assert torch.allclose(ours, theirs, atol=0.02 * float(ours.abs().max()))


def test_every_weight_of_a_widened_model_can_learn() -> None:
    """What is new writes nothing at first; after one step of its writers all has a gradient."""
    torch.manual_seed(0)
    narrow, wide = new_model(NARROW), new_model(WIDE)
    widen(narrow, wide)
    ids = torch.randint(2, 60, (3, 20))
    optimizer = torch.optim.SGD(wide.parameters(), lr=0.1)
    for _ in range(2):
        optimizer.zero_grad()
        wide(ids, labels=ids).loss.backward()
        optimizer.step()
    matrices = [weight for weight in wide.parameters() if weight.ndim == 2]
    assert all(
        weight.grad is not None and bool((weight.grad != 0).any(dim=1).all())
        for weight in matrices[1:]
    )


@pytest.mark.parametrize("other", [replace(WIDE, heads=6), replace(WIDE, layers=3)])
def test_other_shapes_are_refused(other: GeneratorRecipe) -> None:
    with pytest.raises(ValueError, match="expected"):
        widen(new_model(NARROW), new_model(other))


@given(st.integers(0, 10_000))
def test_a_lesson_keeps_the_solution_and_takes_its_multiples_only(seed: int) -> None:
    rng = random.Random(seed)
    stages = draw_stages(rng, mix=Mix((2, 3, 4, 5), (1, 1, 4)))
    changed = with_multiples(stages, rng, multiples=(1, 6))
    assert solution(changed) == solution(stages)
    assert {stage.addend for stage in changed if stage.kind == 3} <= {1, 6}
    assert [stage for stage in changed if stage.kind < 3] == [
        stage for stage in stages if stage.kind < 3
    ]


def test_the_large_models_card_counts_every_stretch_and_stands_beside_the_generator(
    tmp_path: Path,
) -> None:
    torch.set_num_threads(1)
    train_generator(tmp_path / "generator", recipe=NARROW, measured_on=10)
    recipe = LargeRecipe(
        narrow=NARROW, lessons=(Lesson(6_000, (1,), 2),), together=NARROW.phases[0], wide=WIDE
    )
    train_large(
        tmp_path / "generator",
        tmp_path / "large",
        recipe=recipe,
        states=tmp_path / "states",
        measured_on=10,
    )
    card = json.loads((tmp_path / "large" / "card.json").read_text())
    assert (tmp_path / "large" / "CARD.md").read_text() == render(card)
    assert set(card["generator"]["greedy_by_level"]) == set(card["measured"]["greedy_by_level"])
    size = card["parameters_without_embeddings"]
    narrow = 2 * (4 * 32 * 32 + 3 * 32 * 256) + 5 * 32  # two layers of matrices, five norms
    seen = card["narrow"]["tokens_seen"] + card["lessons"]["tokens_seen"]
    assert card["lessons"]["tokens_seen"] >= 16_000
    assert card["training_flops"] == 6 * (size * card["tokens_seen"] + narrow * seen)
    assert load_generator(tmp_path / "large").config.hidden_size == 96


def test_the_bundled_large_model_is_clearly_better_than_the_generator() -> None:
    card = json.loads((BUNDLED / "congruences-large" / "card.json").read_text())
    large, generator = (
        card["measured"]["greedy_by_level"]["all"],
        card["generator"]["greedy_by_level"]["all"],
    )
    assert large["low"] > generator["high"]
    wide = count_parameters(BUNDLED / "congruences-large").active
    narrow = count_parameters(BUNDLED / "congruences-generator").active
    assert 13 < wide / narrow < 15
