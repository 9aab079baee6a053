"""Levels of the benchmark "congruences": of which kinds of stage its questions are made."""

from __future__ import annotations

import random
from typing import NamedTuple

from tasks.benchmarks.congruences import Stage, draw_kinds


class Level(NamedTuple):
    """What a question of one level is made of: sorted lists of kinds, one list drawn evenly."""

    kinds: tuple[tuple[int, ...], ...]


# Up to level 3 guesses are mostly right, and where a check errs it errs convincingly: many votes
# are surest, and who looks for the best mark is misled. From level 4 on guesses are rarely right
# and checks can be trusted: there search and revisions pay, and at level 5 search alone.
LEVELS: dict[int, Level] = {
    1: Level(((1, 1, 1, 1),)),
    2: Level(((1, 1, 1, 1), (1, 1, 1, 2))),
    3: Level(((1, 1, 1, 2),)),
    4: Level(((2, 2, 2),)),
    5: Level(((2, 3, 3, 3),)),
}
"""Of the questions by which models are judged."""
LESSONS: dict[int, Level] = {
    1: Level(((1, 1, 1), (1, 1, 1, 1))),
    2: Level(((1, 2), (1, 1, 2))),
    3: Level(((2, 2), (1, 2, 2))),
    4: Level(((2, 2, 2), (2, 2, 2, 2))),
    5: Level(((2, 2, 2, 3),)),
}
"""Of those from which models learn and by which they are chosen: other ones, as it is in life."""


def draw_level(rng: random.Random, *, level: Level) -> list[Stage]:
    """A chain of one level, its kinds in random order, the first never of kind 3."""
    kinds = list(rng.choice(level.kinds))
    rng.shuffle(kinds)
    while kinds[0] == 3:
        rng.shuffle(kinds)
    return draw_kinds(kinds, rng)
