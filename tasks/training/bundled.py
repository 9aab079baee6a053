"""All bundled models, from nothing, in the order in which one needs the other."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from tasks.training.cards import TITLES, Figures, plain, weights_digest
from tasks.training.generator import HALF, GeneratorRecipe, train_generator
from tasks.training.large import LargeRecipe, train_large
from tasks.training.orm import OrmRecipe, train_orm
from tasks.training.prm import PrmRecipe, train_prm
from tasks.training.revision import RevisionRecipe, train_revision
from tasks.training.thinking.member import ThinkingRecipe, train_thinking

RecipeFrom = LargeRecipe | PrmRecipe | RevisionRecipe | OrmRecipe | ThinkingRecipe
"""A recipe that begins with another member."""
Recipe = GeneratorRecipe | RecipeFrom


class Member(NamedTuple):
    """One bundled model."""

    source: str | None
    """The member it is made from; None for one made from nothing."""
    recipe: Recipe
    seed: int = 0
    """The seed of the model that is bundled."""


MEMBERS: dict[str, Member] = {
    "generator": Member(None, GeneratorRecipe()),
    "prm": Member("generator", PrmRecipe()),
    # Another seed than the generator's: with the same one it would see the same first documents.
    "half": Member(None, HALF, seed=1),
    "revision": Member("generator", RevisionRecipe()),
    "orm": Member("revision", OrmRecipe()),
    "large": Member("generator", LargeRecipe()),
    "thinking": Member("generator", ThinkingRecipe()),
}
"""Every member, in the order in which they are trained."""


def train_member(
    kind: str, folder: Path, *, states: Path, out: Path | None = None, seed: int | None = None
) -> None:
    """Train one member into `out`, by default its place in `folder`, where its sources lie.

    Killed, it goes on from the states in `states` when run again; they are removed in the end.
    """
    member = MEMBERS[kind]
    recipe = member.recipe
    if seed is None:
        seed = member.seed
    source = _place(member.source, folder)
    # The name holds all that sets the weights: states of another recipe are never taken up.
    digest = _digest(recipe, seed=seed, source=source)
    own_states = states / f"{kind}-{digest}"
    place = out or folder / TITLES[kind]
    if isinstance(recipe, GeneratorRecipe):
        train_generator(place, seed=seed, recipe=recipe, states=own_states, name=kind)
    elif source is None:
        raise ValueError(
            f"{kind}: expected a member to be made from, got none; name one in MEMBERS"
        )
    else:
        _train_from(source, place, recipe=recipe, seed=seed, states=own_states)
    shutil.rmtree(own_states, ignore_errors=True)


def _train_from(source: Path, place: Path, *, recipe: RecipeFrom, seed: int, states: Path) -> None:
    match recipe:
        case LargeRecipe():
            train_large(source, place, seed=seed, recipe=recipe, states=states)
        case RevisionRecipe():
            train_revision(source, place, seed=seed, recipe=recipe, states=states)
        case ThinkingRecipe():
            train_thinking(source, place, seed=seed, recipe=recipe, states=states)
        # The verifiers train for some ten minutes: they have no states and begin anew.
        case PrmRecipe():
            train_prm(source, place, seed=seed, recipe=recipe)
        case OrmRecipe():
            train_orm(source, place, seed=seed, recipe=recipe)


def train_bundled(
    folder: Path, *, states: Path, seed: int | None = None, say: Callable[[str], object] = print
) -> None:
    """Train every member that `folder` does not hold yet; killed, it goes on when run again.

    A `seed` is added to each member's own.
    """
    for kind, member in MEMBERS.items():
        place = folder / TITLES[kind]
        wanted = member.seed + (seed or 0)
        source = _place(member.source, folder)
        if is_trained(place, recipe=member.recipe, seed=wanted, source=source):
            say(f"{TITLES[kind]}: held already")
            continue
        say(f"{TITLES[kind]}: training")
        train_member(kind, folder, seed=wanted, states=states)


def is_trained(place: Path, *, recipe: Recipe, seed: int, source: Path | None) -> bool:
    """Is there a card of this recipe and seed, made from the weights that now lie in `source`.

    The card is written last, so a folder with one holds a whole model.
    """
    try:
        text = (place / "card.json").read_text()
        card: Figures = json.loads(text)
    except (OSError, ValueError):
        return False
    # Through JSON and back: there tuples are lists, as they are in the card that was read.
    wanted = json.loads(json.dumps(plain(recipe)))
    if card.get("seed") != seed or card.get("recipe") != wanted:
        return False
    if source is None:
        return True
    # A card that does not say what it was made from is believed.
    return card.get("made_from") in (None, weights_digest(source))


def _digest(recipe: Recipe, *, seed: int, source: Path | None) -> str:
    weights = None if source is None else weights_digest(source)
    facts = json.dumps([plain(recipe), seed, weights])
    return hashlib.sha256(facts.encode()).hexdigest()[:16]


def _place(kind: str | None, folder: Path) -> Path | None:
    if kind is None:
        return None
    return folder / TITLES[kind]
