"""Simulated benchmarks for claims of cells: numpy alone, nothing of the code that is judged.

A question of ability a is right with log-odds a at a budget of 1, and these rise with log2 of the
budget as the strategy says. In a null family all strategies rise alike. A pooled strategy is
measured by pool / budget draws of a question, a single one by one draw. Bins are fifths by the
share of 16 further draws.
"""

from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]

BUDGETS: Final = (1, 4, 8, 16, 32)
POOL: Final = BUDGETS[-1]
BINS: Final = 5
DIFFICULTY_DRAWS: Final = 16
BASELINE: Final = "weighted"
ABILITY: Final = {"mixed": (-0.8, 1.8), "easy": (2.5, 1.0)}
"""Mean and standard deviation of a question's log-odds."""


class Line(NamedTuple):
    """A strategy: how its log-odds rise with log2 of the budget, more on hard questions or less."""

    key: str
    tokens: float
    rise: float
    on_hard: float
    pooled: bool


class Family(NamedTuple):
    """What benchmarks are drawn from."""

    lines: tuple[Line, ...]
    ability: tuple[float, float]

    @property
    def cells(self) -> list[tuple[int, Line]]:
        """Budgets rising, strategies by name."""
        ordered = sorted(self.lines, key=lambda line: line.key)
        return [(budget, line) for budget in BUDGETS for line in ordered]


class Drawn(NamedTuple):
    """A benchmark: accuracies (questions, cells), the bin of each question, and where bins begin.

    `cuts` (bins + 1) are readings of difficulty, falling.
    """

    accuracy: Floats
    bins: Integers
    cuts: Floats
    ability: Floats
    """Of the questions; nobody who judges them knows it."""


class Population(NamedTuple):
    """Many questions by falling reading, and sums of the chances of all cells up to each."""

    reading: Floats
    sums: Floats

    def by_bin(self, cuts: Floats) -> Floats:
        """Expected accuracy on new questions whose readings lie between these: (bins, cells).

        Where bins begin depends on the questions of a benchmark, and so does what is true of them.
        """
        places = np.searchsorted(-self.reading, -cuts)
        counts = np.diff(places)[:, None]
        return np.diff(self.sums[places], axis=0) / counts


def family_of(*, strategies: int, draws: str, ability: str, gains: bool) -> Family:
    """`draws`: `single` all strategies run once; `pooled` the baseline and every other are not."""
    lines: list[Line] = []
    for place in range(strategies):
        # The second and the third are ahead where there are gains, most of the others behind.
        slope = (0.30, 0.12, 0.42, 0.36, 0.20, 0.28)[place % 6] if gains else 0.3
        bend = (0.0, -0.06, 0.12, -0.04, 0.05, 0.0)[place % 6] if gains else 0.0
        key = {0: BASELINE, 1: "majority"}.get(place, f"other{place:02}")
        tokens = (1.3, 1.0)[place] if place < 2 else 1.1 + 0.1 * place
        lines.append(Line(key, tokens, slope, bend, draws == "pooled" and place % 3 < 2))
    return Family(tuple(lines), ABILITY[ability])


def draw(family: Family, questions: int, *, seed: int) -> Drawn:
    """A benchmark of new questions."""
    rng = np.random.default_rng([seed, questions])
    ability = family.ability[0] + family.ability[1] * rng.standard_normal(questions)
    columns: list[Floats] = []
    for budget, line in family.cells:
        times = repeats(budget, line)
        right = rng.binomial(times, chance(line, budget, ability))
        columns.append(right / times)
    reading = readings(ability, rng)
    order = np.argsort(-reading)
    bins = np.empty(questions, dtype=np.int64)
    bins[order] = 1 + np.arange(questions) * BINS // questions
    firsts = np.flatnonzero(np.diff(bins[order])) + 1
    between = (reading[order[firsts]] + reading[order[firsts - 1]]) / 2
    cuts = np.concatenate([[np.inf], between, [-np.inf]])
    return Drawn(np.stack(columns, axis=1), bins, cuts, ability)


def population(family: Family, *, questions: int = 200_000, seed: int = 1) -> Population:
    """What is true of the questions that benchmarks are drawn from."""
    rng = np.random.default_rng(seed)
    ability = family.ability[0] + family.ability[1] * rng.standard_normal(questions)
    reading = readings(ability, rng)
    order = np.argsort(-reading)
    chances = [chance(line, budget, ability[order]) for budget, line in family.cells]
    sums = np.zeros((questions + 1, len(chances)))
    sums[1:] = np.cumsum(np.stack(chances, axis=1), axis=0)
    return Population(reading[order], sums)


def repeats(budget: int, line: Line) -> int:
    """Draws behind the figure of one question."""
    return POOL // budget if line.pooled else 1


def chance(line: Line, budget: int, ability: Floats) -> Floats:
    """Of a right answer on questions of these abilities."""
    rise = line.rise - line.on_hard * ability
    odds = np.exp(ability + np.log2(budget) * rise)
    return odds / (1 + odds)


def readings(ability: Floats, rng: np.random.Generator) -> Floats:
    """What difficulty is told by: right ones of a few draws, equal ones in random order."""
    right = 1 / (1 + np.exp(-ability))
    return rng.binomial(DIFFICULTY_DRAWS, right) + rng.random(ability.size)


def columns_of(family: Family, drawn: Drawn) -> dict[str, Any]:
    """The benchmark as columns: question_id, strategy, budget, accuracy, repeats, tokens."""
    count = len(drawn.bins)
    cells = family.cells
    names = np.array([f"q{place:05}" for place in range(count)])
    return {
        "question_id": np.repeat(names, len(cells)),
        "strategy": np.tile([line.key for _, line in cells], count),
        "budget": np.tile([budget for budget, _ in cells], count),
        "accuracy": drawn.accuracy.ravel(),
        "repeats": np.tile([repeats(budget, line) for budget, line in cells], count),
        "generated_tokens": np.tile([budget * line.tokens for budget, line in cells], count),
    }
