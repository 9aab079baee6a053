"""How often intervals hold the truth where questions belong together, resampled so or one by one.

`PYTHONPATH=. python infra/bench/clusters.py [--benchmarks N] [--json PATH]`

Questions come in groups (a passage, a template) that share most of their difficulty and of what a
strategy or a model version gains on them. Judged are the product's intervals with groups, and the
same without them, for

- accuracy: of one strategy (Wilson), and difference: of two strategies (paired);
- curve: of the policy, cross-validated; folds never split a group;
- gate: the gain of a version over another of the same worth, over all budgets.

The truth of accuracy, difference and gate follows from the law; that of the curve is the mean over
all benchmarks, which cross-validation estimates without bias.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tasks.statistics.comparisons import paired_difference
from tasks.statistics.curves import fold_of
from tasks.statistics.difficulty import bins
from tasks.statistics.intervals import design_effect, wilson
from tasks.statistics.outcomes import Grid, grid_of
from tasks.statistics.policy import fit_policy
from tasks.statistics.worth import worth_of
from tasks.versions.comparison import compare

Floats = NDArray[np.float64]

BUDGETS: Final = (1, 4, 16)
LINES: Final = {"majority": 0.15, "weighted": 0.3, "beam": 0.35}
"""How the log-odds of a right answer rise with log2 of the budget."""
WIDTH: Final = {"group": 1.4, "question": 0.7, "taste": 0.4}
"""Standard deviations of log-odds: of groups, of questions in them, of what a group gains."""
NEW_GROUPS: Final = 200_000


class Shape(NamedTuple):
    """How many groups of how many questions."""

    groups: int
    size: int


class Drawn(NamedTuple):
    """A benchmark: its outcomes, readings of difficulty, and the group of every question."""

    outcomes: pl.DataFrame
    value: Floats
    group: Floats

    def grid(self, *, grouped: bool) -> Grid:
        """The matrix, with the groups or without."""
        return grid_of(self.outcomes, self.bins(grouped=grouped), costs=("generated_tokens",))

    def bins(self, *, grouped: bool) -> pl.DataFrame:
        """Bins by the readings, with the groups or without."""
        names = _names(len(self.value))
        placed = bins(pl.DataFrame({"question_id": names, "value": self.value}))
        if not grouped:
            return placed
        groups = pl.DataFrame({"question_id": names, "question_group": self.group.astype(str)})
        return placed.join(groups, on="question_id")


def _names(count: int) -> list[str]:
    return [f"q{place:05}" for place in range(count)]


def chances(ability: Floats, taste: Floats) -> Floats:
    """Of a right answer (questions, strategies × budgets); `taste` (questions, strategies)."""
    columns: list[Floats] = []
    for place, rise in enumerate(LINES.values()):
        for budget in BUDGETS:
            odds = ability + (rise + taste[:, place]) * np.log2(budget)
            columns.append(1.0 / (1.0 + np.exp(-odds)))
    return np.stack(columns, axis=1)


def draw(shape: Shape, ability: Floats, rng: np.random.Generator) -> Drawn:
    """A version measured on questions of these abilities, with tastes and draws of its own."""
    group = np.repeat(np.arange(shape.groups, dtype=np.float64), shape.size)
    taste = rng.normal(0.0, WIDTH["taste"], (shape.groups, len(LINES)))
    expected = chances(ability, np.repeat(taste, shape.size, axis=0))
    right = rng.binomial(4, expected) / 4
    value = rng.binomial(16, 1.0 / (1.0 + np.exp(-ability))) / 16
    names = _names(len(ability))
    cells = [(key, budget) for key in LINES for budget in BUDGETS]
    outcomes = pl.DataFrame(
        {
            "question_id": np.repeat(names, len(cells)),
            "strategy": [key for key, _ in cells] * len(names),
            "budget": [budget for _, budget in cells] * len(names),
            "accuracy": right.ravel(),
            "repeats": [4.0] * right.size,
            "generated_tokens": [float(budget) for _, budget in cells] * len(names),
        }
    )
    return Drawn(outcomes, value, group)


def abilities(shape: Shape, rng: np.random.Generator) -> Floats:
    """Log-odds of the questions, most of which their groups decide."""
    groups = rng.normal(-0.5, WIDTH["group"], shape.groups)
    alone = rng.normal(0.0, WIDTH["question"], shape.groups * shape.size)
    return np.repeat(groups, shape.size) + alone


def truth() -> Floats:
    """Expected accuracy of every cell."""
    rng = np.random.default_rng(1)
    shape = Shape(NEW_GROUPS, 1)
    taste = rng.normal(0.0, WIDTH["taste"], (NEW_GROUPS, len(LINES)))
    return chances(abilities(shape, rng), taste).mean(axis=0)


class Interval(NamedTuple):
    """The ends of an interval, and what is in the middle."""

    value: float
    lo: float
    hi: float


def intervals(shape: Shape, *, seed: int, grouped: bool, resamples: int) -> dict[str, Interval]:
    """What is said of one benchmark."""
    rng = np.random.default_rng(seed)
    ability = abilities(shape, rng)
    before = draw(shape, ability, rng)
    now = draw(shape, ability, rng)
    old = before.grid(grouped=grouped)
    new = now.grid(grouped=grouped)
    column = {(cell.strategy, cell.budget): at for at, cell in enumerate(old.cells)}
    one = old.accuracy[:, column["weighted", 16]]
    other = old.accuracy[:, column["majority", 16]]
    design = design_effect(one, old.groups)
    alone = wilson(float(one.mean()), float(one.var(ddof=1)), len(one), design=design)
    gap = paired_difference(one, other, seed=seed, groups=old.groups, resamples=resamples)
    fitted = fit_policy(
        before.outcomes, before.bins(grouped=grouped), seed=seed, resamples=resamples
    )
    curve = fitted.curve.row(-1, named=True)
    worths = [worth_of(grid, fold_of(grid, seed=0)) for grid in (new, old)]
    gate = compare(worths[:1], worths[1:], budgets=BUDGETS, seed=seed, resamples=resamples).overall
    assert gate is not None
    return {
        "accuracy": Interval(*alone),
        "difference": Interval(*gap.estimate),
        "curve": Interval(curve["accuracy"], curve["lo"], curve["hi"]),
        "gate": Interval(*gate.estimate),
    }


def coverage(shape: Shape, *, benchmarks: int, resamples: int = 300) -> list[dict[str, Any]]:
    """Shares in percent of intervals that hold the truth, with groups and without."""
    known = truth()
    cells = [(key, budget) for key in LINES for budget in BUDGETS]
    weighted = float(known[cells.index(("weighted", 16))])
    majority = float(known[cells.index(("majority", 16))])
    true = {"accuracy": weighted, "difference": weighted - majority, "gate": 0.0}
    rows: list[dict[str, Any]] = []
    for grouped in (True, False):
        found = [
            intervals(shape, seed=seed, grouped=grouped, resamples=resamples)
            for seed in range(benchmarks)
        ]
        true["curve"] = float(np.mean([one["curve"].value for one in found]))
        row: dict[str, Any] = {**shape._asdict(), "resampled": "groups" if grouped else "questions"}
        for name in ("accuracy", "difference", "curve", "gate"):
            held = [one[name].lo <= true[name] <= one[name].hi for one in found]
            row[name] = round(100 * float(np.mean(held)), 1)
        rows.append(row)
    return rows


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="Intervals of questions that belong together.")
    parser.add_argument("--benchmarks", type=int, default=400, metavar="N")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    options = parser.parse_args()
    report: list[dict[str, Any]] = []
    for asked in (Shape(40, 10), Shape(80, 5)):
        report += coverage(asked, benchmarks=options.benchmarks)
        print(*map(json.dumps, report[-2:]), sep="\n", flush=True)
    if options.json:
        options.json.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")
