"""How often what answers a requirement meets it on new questions as often as its interval says.

`PYTHONPATH=. python infra/bench/requirements.py [--families N] [--json PATH]`

Benchmarks are drawn by `infra.bench.claims_families`, which shares no code with what is judged.
Texts are of unlike length: tokens of a question vary, more where it is hard. A requirement is an
accuracy (reached by some cells, by few, by none), tokens a question, or both. Of every answer:

- held: whether the rate on a population of new questions of the cells that it names lies in its
  interval (95 % is meant).
- right: of answers that say `reached`, how many truly do; of those that say `cannot be reached`,
  how many families have no single cell that does.
- adapts: how many are answered by bins.
"""

from __future__ import annotations

import argparse
import json
from itertools import product
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from infra.bench.claims_families import (
    BASELINE,
    Drawn,
    Family,
    Floats,
    chance,
    columns_of,
    draw,
    family_of,
    readings,
)
from tasks.statistics.requirement import Answer, answer_of

NEW_QUESTIONS = 40_000
WANTED = (None, 0.5, 0.7, 0.95)
LIMITS = (None, 12.0)
"""Tokens a question; a completion has 1 to 2 on average."""


class Judged(NamedTuple):
    """One family: what was asked, what was answered, and what is true of it."""

    wanted: float | None
    limit: float | None
    answer: Answer
    true: float
    """Rate on new questions of the cells that are recommended."""
    best: float
    """That of the best single cell."""

    @property
    def is_held(self) -> bool:
        """Whether the interval holds the truth."""
        met = self.answer.recommended.met
        return met.lo <= self.true <= met.hi


def lengths(ability: Floats, rng: np.random.Generator) -> Floats:
    """Tokens of a completion of each question, in units of the strategy's own."""
    return np.exp(-0.1 * ability + 0.3 * rng.standard_normal(ability.size))


class World(NamedTuple):
    """New questions of a family: readings of difficulty, chances of cells, lengths."""

    reading: Floats
    chances: Floats
    length: Floats
    tokens: Floats
    """Of each cell, for a length of 1."""

    def met(self, limit: float | None) -> Floats:
        """Chance that the requirement is met (questions, cells)."""
        if limit is None:
            return self.chances
        return self.chances * (self.length[:, None] * self.tokens <= limit)


def world_of(family: Family) -> World:
    """Many questions that no benchmark has."""
    rng = np.random.default_rng(7)
    ability = family.ability[0] + family.ability[1] * rng.standard_normal(NEW_QUESTIONS)
    chances = np.stack([chance(line, budget, ability) for budget, line in family.cells], axis=1)
    tokens = np.array([budget * line.tokens for budget, line in family.cells])
    return World(readings(ability, rng), chances, lengths(ability, rng), tokens)


def judge(
    family: Family,
    world: World,
    questions: int,
    *,
    seed: int,
    wanted: float | None,
    limit: float | None,
    resamples: int = 400,
) -> Judged:
    """One benchmark asked one requirement."""
    drawn = draw(family, questions, seed=seed)
    answer = answer_of(
        _outcomes(family, drawn, limit, seed=seed),
        _bins(drawn),
        wanted=wanted,
        baseline=BASELINE,
        seed=seed,
        resamples=resamples,
    )
    met = world.met(limit)
    place = {(budget, line.key): at for at, (budget, line) in enumerate(family.cells)}
    cells = answer.recommended.cells
    columns = np.array([place[one.cell.budget, one.cell.strategy] for one in cells])
    inside = np.searchsorted(-drawn.cuts[1:-1], -world.reading) if len(cells) > 1 else 0
    true = met[np.arange(len(met)), columns[inside]].mean()
    return Judged(wanted, limit, answer, float(true), float(met.mean(axis=0).max()))


def _bins(drawn: Drawn) -> pl.DataFrame:
    names = [f"q{place:05}" for place in range(len(drawn.bins))]
    return pl.DataFrame({"question_id": names, "bin": drawn.bins})


def _outcomes(family: Family, drawn: Drawn, limit: float | None, *, seed: int) -> pl.DataFrame:
    """What a run would have measured."""
    rng = np.random.default_rng([seed, 5])
    each = np.repeat(lengths(drawn.ability, rng), len(family.cells))
    frame = pl.DataFrame(columns_of(family, drawn))
    cost = frame["generated_tokens"] * pl.Series(each)
    within = pl.lit(True) if limit is None else pl.Series(cost <= limit)
    return frame.with_columns(cost=cost, cost_alone=cost).with_columns(
        met=pl.when(within).then("accuracy").otherwise(0.0),
        met_alone=pl.when(within).then("accuracy").otherwise(0.0),
    )


def measured(families: int, *, resamples: int = 400) -> list[Judged]:
    """So many families of eight kinds, each asked one requirement in turn."""
    kinds = list(product(("pooled", "single"), ("mixed", "easy"), (3, 6)))
    asked = [pair for pair in product(WANTED, LIMITS) if pair != (None, None)]
    known = [
        family_of(strategies=count, draws=draws, ability=ability, gains=True)
        for draws, ability, count in kinds
    ]
    worlds = [world_of(family) for family in known]
    found: list[Judged] = []
    for seed in range(families):
        # Kinds and requirements are of coprime number, so that all pairs come up.
        at = seed % len(known)
        wanted, limit = asked[seed % len(asked)]
        questions = (100, 200)[seed // len(known) % 2]
        judged = judge(
            known[at],
            worlds[at],
            questions,
            seed=seed,
            wanted=wanted,
            limit=limit,
            resamples=resamples,
        )
        found.append(judged)
    return found


def summary(found: list[Judged]) -> dict[str, Any]:
    """Shares in percent, and of how many."""
    said = {
        name: [one for one in found if one.answer.conclusion == name]
        for name in ("reached", "cannot be told", "cannot be reached")
    }
    reached = [one.true >= (one.wanted or 0.0) for one in said["reached"]]
    out_of_reach = [one.best < (one.wanted or 0.0) for one in said["cannot be reached"]]
    return {
        "families": len(found),
        "held": _percent([one.is_held for one in found]),
        "adapts": _percent([one.answer.adapts for one in found]),
        **{name: len(those) for name, those in said.items()},
        "reached, truly": _percent(reached),
        "cannot be reached, truly": _percent(out_of_reach),
    }


def _percent(flags: list[bool]) -> float | None:
    return round(100 * float(np.mean(flags)), 1) if flags else None


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Requirements, answered and held out.")
    parser.add_argument("--families", type=int, default=200, metavar="N")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    report = summary(measured(options.families))
    print(json.dumps(report, indent=2))
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
