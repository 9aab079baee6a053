"""A policy table as it is used: which strategy for a question of a bin at a budget."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Self

import polars as pl

from tasks.publication.recommendation import recommendation_text
from tasks.runs.outcomes import load_used_difficulty
from tasks.runs.run import Run
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.statistics.intervals import wilson
from tasks.statistics.outcomes import MOSTLY
from tasks.strategies import Strategy
from tasks.strategies.names import short_names
from warehouse.errors import UserError
from warehouse.reader import Reader


class PolicyCell(NamedTuple):
    """A strategy at a budget, and its accuracy on so many questions."""

    strategy: Strategy
    budget: int
    accuracy: float
    questions: int
    lost: float | None = None
    """Share of its completions that were cut or gave no answer; None: it was not counted."""
    recommended: bool = True
    """False: most completions of every strategy were cut, and this one stands in."""

    def generations(self, probed: int) -> int:
        """Generations with the probe's, of which a strategy goes on that chooses from its pool.

        Any other makes its own beside them, and so does the larger model behind a small one.
        """
        return self.budget + max(probed - self.strategy.own_draws(self.budget), 0)


class Advice(NamedTuple):
    """What is recommended at one budget (METHOD §14)."""

    adapts: bool
    """False: one strategy for all questions is."""
    text: str
    """The same in words."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The table (bin × budget) → strategy of a run, and the best single strategy at each budget."""

    cells: Mapping[int, Sequence[PolicyCell]]
    """By bin; budgets rise."""
    fixed: Sequence[PolicyCell]
    """The most accurate on all questions; budgets rise."""
    advice: Mapping[int, Advice] = field(default_factory=dict[int, Advice])
    """By budget; empty for a run from before it was decided, whose table is used as it is."""

    @classmethod
    def of(
        cls,
        table: pl.DataFrame,
        fixed: pl.DataFrame,
        strategy: Callable[[str], Strategy],
        *,
        advice: Mapping[int, Advice],
    ) -> Self:
        """From rows (bin and the fields of a cell), and the same without bin.

        `strategy` gives that of a key.
        """
        columns = PolicyCell._fields
        cells: dict[int, list[PolicyCell]] = {}
        for bin_, key, *row in table.sort("bin", "budget").select("bin", *columns).iter_rows():
            cells.setdefault(bin_, []).append(PolicyCell(strategy(key), *row))
        singles = fixed.sort("budget").select(columns).iter_rows()
        return cls(cells, [PolicyCell(strategy(key), *row) for key, *row in singles], advice)

    @property
    def budgets(self) -> list[int]:
        """Budgets at which the strategies were measured."""
        return sorted({cell.budget for row in self.cells.values() for cell in row})

    def within(self, bin_: int, budget: int, *, probed: int) -> PolicyCell:
        """The cell of the largest measured budget that, with the probe's draws, fits `budget`.

        A bin that the table lacks stands for the nearest one that it has, the easier of two.
        """
        nearest = min(self.cells, key=lambda known: (abs(known - bin_), known))
        fitting = [cell for cell in self.cells[nearest] if cell.generations(probed) <= budget]
        return fitting[-1]

    def unbinned(self, budget: int) -> PolicyCell:
        """The best single strategy at the largest measured budget within `budget`."""
        return [cell for cell in self.fixed if cell.budget <= budget][-1]

    def advised(self, budget: int) -> Advice | None:
        """What is recommended at the largest measured budget within `budget`, if it is known."""
        return self.advice.get(self.unbinned(budget).budget)

    def pays(self, budget: int, *, probed: int) -> bool:
        """Whether a probe of so many draws, then the bin's strategy on the rest, is worth it.

        Not where one strategy for all is recommended, nor where that on the whole budget is ahead
        of the rest's by more than its own interval.
        """
        # What the probe leaves must still buy the smallest budget that anything was measured at.
        if budget - probed < self.budgets[0]:
            return False
        advised = self.advised(budget)
        if advised is not None and not advised.adapts:
            return False
        reached = [self.within(bin_, budget, probed=probed) for bin_ in self.cells]
        # A probe's cuts need not fill the bins equally: each counts by its questions.
        right = sum(cell.accuracy * cell.questions for cell in reached)
        questions = sum(cell.questions for cell in reached)
        alone = self.unbinned(budget)
        # Against the lower end: a single strategy that is ahead by chance does not stop the probe.
        return right / questions >= wilson(alone.accuracy, None, alone.questions).lo


# What was cut comes last, however cheap. Ties at a budget go to the cheaper strategy, then to the
# earlier name, whatever order rows come in. Nine digits: a mean of the same accuracies differs in
# the last bits by the order of its sum. What the curve names is that; runs from before have none.
_FIXED = """
    SELECT budget, strategy, avg(outcomes.accuracy) AS accuracy, count(*) AS questions,
        avg(no_answer) AS lost, avg(truncated) <= $mostly AS recommended
    FROM run_outcomes AS outcomes
    LEFT JOIN (FROM curves WHERE difficulty = $difficulty) AS curves USING (run_id, budget)
    WHERE run_id = $run_id GROUP BY budget, strategy
    QUALIFY row_number() OVER (
        PARTITION BY budget
        ORDER BY coalesce(any_value(fixed) = strategy, false) DESC, avg(truncated) > $mostly,
            round(avg(outcomes.accuracy), 9) DESC, avg(flops), strategy
    ) = 1"""
_TABLE = """
    SELECT bin, budget, strategy, accuracy, questions, greatest(truncated, no_answer) AS lost,
        coalesce(recommended, true) AS recommended
    FROM policies WHERE run_id = $run_id AND difficulty = $difficulty"""

_ADVICE = """
    SELECT budget, fixed, ahead, ahead_lo, ahead_hi, adapts
    FROM curves WHERE run_id = $run_id AND difficulty = $difficulty AND adapts IS NOT NULL"""


def load_policy(reader: Reader, run: Run) -> tuple[str, Policy]:
    """The kind of difficulty by which a run's policy is used, and that policy.

    UserError where questions cannot be placed by that kind before they are answered.
    """
    difficulty = load_used_difficulty(reader, run.run_id)
    table = reader.read(_TABLE, run_id=run.run_id, difficulty=difficulty)
    if not len(table) or not DIFFICULTIES[difficulty].serves:
        serving = " or ".join(kind for kind, one in DIFFICULTIES.items() if one.serves)
        raise UserError(
            f"run {run.run_id}: expected a policy by a difficulty that a new question has "
            f"({serving}), got {difficulty if len(table) else 'none'}; run the study again"
        )
    fixed = reader.read(_FIXED, run_id=run.run_id, difficulty=difficulty, mostly=MOSTLY)
    advice = _load_advice(reader, run, difficulty)
    return difficulty, Policy.of(table, fixed, run.study.strategy, advice=advice)


def _load_advice(reader: Reader, run: Run, difficulty: str) -> dict[int, Advice]:
    rows = reader.read(_ADVICE, run_id=run.run_id, difficulty=difficulty)
    keys = [run.study.strategy(one).key for one in run.study.strategies]
    names = short_names(keys)
    return {
        row["budget"]: Advice(row["adapts"], recommendation_text(row, names))
        for row in rows.to_dicts()
    }


_NEWEST = {
    "champion": "SELECT run_id FROM champions ORDER BY promoted_at DESC, run_id DESC LIMIT 1",
    "latest": "SELECT run_id FROM latest_policy ORDER BY completed_at DESC, run_id DESC LIMIT 1",
}


def policy_run(reader: Reader, which: str | None) -> str:
    """Id of the run whose policy is meant: `champion` (the one promoted last), `latest` or an id.

    None: the champion if there is one, else the latest. UserError when there is none.
    """
    if which not in (None, *_NEWEST):
        return which
    for name in [which] if which else _NEWEST:
        rows = reader.read(_NEWEST[name])
        if len(rows):
            return str(rows.item())
    advice = (
        "promote one with `ttc policy promote`" if which == "champion" else "start with `ttc demo`"
    )
    raise UserError(
        f"policy: expected a {which or 'complete'} run in the warehouse, found none; {advice}"
    )
