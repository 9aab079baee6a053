"""A policy table as it is used: which strategy for a question of a bin at a budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import polars as pl

from tasks.statistics.intervals import wilson
from tasks.strategies import Strategy, parse


class PolicyCell(NamedTuple):
    """A strategy at a budget, and its accuracy on so many questions."""

    strategy: Strategy
    budget: int
    accuracy: float
    questions: int

    def generations(self, probed: int) -> int:
        """Generations with the probe's: a pool strategy chooses among those, any other makes its own."""
        return max(self.budget, probed) if self.strategy.kind == "pool" else self.budget + probed


@dataclass(frozen=True, slots=True)
class Policy:
    """The table (bin × budget) → strategy of one run, and the best single strategy at each budget."""

    cells: Mapping[int, Sequence[PolicyCell]]
    """By bin; budgets rise."""
    fixed: Sequence[PolicyCell]
    """The most accurate on all questions; budgets rise."""

    @classmethod
    def of(cls, table: pl.DataFrame, fixed: pl.DataFrame) -> Self:
        """From rows (bin, budget, strategy, accuracy, questions), and the same without bin."""
        columns = ("strategy", "budget", "accuracy", "questions")
        cells: dict[int, list[PolicyCell]] = {}
        for bin_, strategy, *rest in (
            table.sort("bin", "budget").select("bin", *columns).iter_rows()
        ):
            cells.setdefault(bin_, []).append(PolicyCell(parse(strategy), *rest))
        rows = fixed.sort("budget").select(columns).iter_rows()
        return cls(cells, [PolicyCell(parse(strategy), *rest) for strategy, *rest in rows])

    @property
    def budgets(self) -> list[int]:
        """Budgets at which the strategies were measured."""
        return sorted({cell.budget for row in self.cells.values() for cell in row})

    def within(self, bin_: int, budget: int, *, probed: int) -> PolicyCell:
        """The cell of the largest measured budget that, with the probe's draws, stays within `budget`.

        A bin that the table lacks stands for the nearest one that it has, the easier of two.
        """
        nearest = min(self.cells, key=lambda known: (abs(known - bin_), known))
        return [cell for cell in self.cells[nearest] if cell.generations(probed) <= budget][-1]

    def unbinned(self, budget: int) -> PolicyCell:
        """The best single strategy at the largest measured budget within `budget`."""
        return [cell for cell in self.fixed if cell.budget <= budget][-1]

    def pays(self, budget: int, *, probed: int) -> bool:
        """Whether to draw a probe of so many draws first and spend what is left on the bin's strategy.

        Not where the best single strategy on the whole budget is ahead of that by more than its own interval.
        """
        if budget - probed < self.budgets[0]:
            return False
        reached = [self.within(bin_, budget, probed=probed) for bin_ in self.cells]
        right = sum(cell.accuracy * cell.questions for cell in reached)
        alone = self.unbinned(budget)
        return (
            right / sum(cell.questions for cell in reached)
            >= wilson(alone.accuracy, None, alone.questions).lo
        )
