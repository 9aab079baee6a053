"""Particle filtering with a process reward model (METHOD §5; Puri et al., arXiv 2502.01618)."""

from __future__ import annotations

import math
import random
from collections.abc import Sequence

from tasks.draws.nodes import Node
from tasks.strategies.forms import STEPWISE, Form
from tasks.strategies.tools import Tools, children_of_each, split_ended

SMALLEST = 1e-6
"""Scores are kept this far from 0 and 1, where odds are 0 or infinite."""


async def particle_filter(root: Node, budget: int, *, tools: Tools) -> list[Node]:
    """`budget` completions, one a particle: promising particles displace others step by step.

    Weights are the odds of the scores. Open particles are resampled, systematically, only when
    their effective number falls below half of them, so that a verifier that knows nothing changes
    nothing. A copy of a particle goes on with draws of its own; an ended particle is neither copied
    nor displaced. Resampling is seeded by the question and the budget.
    """
    rng = random.Random(f"{root.key}|{budget}")
    ended: list[Node] = []
    particles = split_ended(await tools.next_steps(root, budget), ended)
    for _ in range(tools.rounds):
        if not particles:
            break
        scores = await tools.scores(particles)
        counts = copies(scores, rng.random())
        grown = await children_of_each(tools, list(zip(particles, counts, strict=True)))
        particles = split_ended([child for siblings in grown for child in siblings], ended)
    tools.leave(len(particles))
    return ended


def copies(scores: Sequence[float | None], start: float) -> list[int]:
    """How often each particle goes on; as many in all as there are.

    `start` in [0, 1) places the systematic resampling. A missing score weighs nothing, unless all
    are missing.
    """
    weights = [0.0 if score is None else _odds(score) for score in scores]
    total = sum(weights)
    squares = sum(weight**2 for weight in weights)
    # The effective number of particles is total² / squares.
    if not total or total**2 >= len(weights) / 2 * squares:
        return [1] * len(weights)
    last = max(place for place, weight in enumerate(weights) if weight)
    counts: list[int] = []
    passed = 0.0
    taken = 0
    for place, weight in enumerate(weights):
        passed += weight / total * len(weights)
        # Points start, start + 1, …: those below the running sum are this particle's. The last
        # with a weight takes what is left, or rounding of the sum would lose a particle.
        reached = len(weights) if place >= last else max(taken, math.ceil(passed - start))
        counts.append(reached - taken)
        taken = reached
    return counts


def _odds(score: float) -> float:
    bounded = min(max(score, SMALLEST), 1 - SMALLEST)
    return bounded / (1 - bounded)


PARTICLE_FILTER = Form(
    kind="search",
    selectors=STEPWISE,
    example="particle_filter",
    short="particles",
    run=particle_filter,
    least=lambda _: 2,  # one particle displaces nobody
)
