"""How often a mean accuracy's interval holds the truth where few questions are of another kind.

`PYTHONPATH=. python infra/bench/rare.py [--benchmarks N]`

All questions but a share are right nearly always, those never (or at an even chance). Draws are a
pool of 64 each. `plain` is Wilson's interval with n raised by the variance that was seen alone,
`ours` what the product says.
"""

from __future__ import annotations

import argparse
from itertools import product
from typing import NamedTuple

import numpy as np
from rich.console import Console
from rich.table import Table

from tasks.statistics.arrays import Floats
from tasks.statistics.intervals import Z, mean_accuracy, score_end

POOL = 64
ALMOST = 0.995
"""Chance of the questions that are nearly always right."""


class Kind(NamedTuple):
    """Benchmarks of one kind: a share of their questions is right by another chance."""

    share: float
    chance: float
    questions: int

    @property
    def truth(self) -> float:
        """Accuracy on all questions that there are."""
        return self.share * self.chance + (1 - self.share) * ALMOST

    def draw(self, rng: np.random.Generator) -> Floats:
        """Accuracies of the questions of one benchmark."""
        is_other = rng.random(self.questions) < self.share
        chances = np.where(is_other, self.chance, ALMOST)
        return rng.binomial(POOL, chances) / POOL


KINDS = [Kind(*one) for one in product((0.01, 0.03, 0.1), (0.0, 0.5), (40, 100, 200))]


def held(kind: Kind, benchmarks: int, *, seed: int = 0) -> tuple[float, float]:
    """Share of benchmarks whose interval holds the truth: the plain one, and ours."""
    rng = np.random.default_rng(seed)
    plain = ours = 0
    for _ in range(benchmarks):
        values = kind.draw(rng)
        mean, variance = float(values.mean()), float(values.var(ddof=1))
        size = kind.questions * max(1.0, mean * (1 - mean) / variance if variance else 1.0)
        plain += score_end(mean, size, -Z) <= kind.truth <= score_end(mean, size, Z)
        found = mean_accuracy(values, None)
        ours += found.lo <= kind.truth <= found.hi
    return plain / benchmarks, ours / benchmarks


def main() -> None:
    """A row for each kind."""
    parser = argparse.ArgumentParser(
        description="Intervals where few questions are of another kind."
    )
    parser.add_argument("--benchmarks", type=int, default=2000)
    wanted = parser.parse_args().benchmarks
    table = Table("share", "right by", "questions", "plain", "ours", title="held the truth, %")
    for kind in KINDS:
        shares = [f"{100 * one:.1f}" for one in held(kind, wanted)]
        table.add_row(f"{kind.share:.0%}", f"{kind.chance}", f"{kind.questions}", *shares)
    Console(width=100).print(table)


if __name__ == "__main__":
    main()
