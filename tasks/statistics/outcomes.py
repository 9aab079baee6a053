"""The measured accuracies as one matrix: questions × cells, a cell being a strategy at a budget."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Floats, Integers
from warehouse.errors import UserError

SAME_COST = 1e-9
"""Relative difference below which two costs are the same: shared draws, summed in another order."""
SAME_ACCURACY = 1e-9
"""Accuracies closer than this are the same: one figure calculated in two ways."""

KEYS = ["question_id", "budget", "strategy"]
"""What an accuracy belongs to, in the order of the matrix: rows by the first, cells by the rest."""


class Cell(NamedTuple):
    """A strategy at a budget."""

    budget: int
    strategy: str


@dataclass(frozen=True, slots=True, eq=False)
class Grid:
    """Accuracy (questions, cells), costs (axes, questions, cells), and the bin of each question.

    Questions rise by id, cells by budget and then strategy.
    """

    questions: tuple[str, ...]
    bins: Integers
    cells: tuple[Cell, ...]
    accuracy: Floats
    costs: Floats

    @property
    def budgets(self) -> list[int]:
        """Every budget of some strategy, rising."""
        return sorted({cell.budget for cell in self.cells})

    def at(self, budget: int) -> list[int]:
        """Columns of the strategies that exist at this budget."""
        return [column for column, cell in enumerate(self.cells) if cell.budget == budget]

    def of(self, strategy: str) -> dict[int, int]:
        """Column of this strategy by budget, budgets rising."""
        return {
            cell.budget: column
            for column, cell in enumerate(self.cells)
            if cell.strategy == strategy
        }

    def by_cost(self, budget: int, rows: Integers) -> list[list[int]]:
        """Columns at this budget in groups of equal mean cost over `rows`, cheapest first.

        In a group by name.
        """
        means = self.costs[:, rows, :].mean(axis=1)
        groups: list[list[int]] = []
        # Costs are compared axis by axis, the first that differs decides.
        for column in sorted(self.at(budget), key=lambda one: tuple(means[:, one])):
            # With the first of a group and not with the last: many small steps must not add up.
            first = means[:, groups[-1][0]] if groups else None
            if first is not None and _cost_the_same(first, means[:, column]):
                groups[-1].append(column)
            else:
                groups.append([column])
        return [sorted(group, key=lambda one: self.cells[one].strategy) for group in groups]


def _cost_the_same(first: Floats, second: Floats) -> bool:
    """On every axis."""
    # Relative alone: an absolute tolerance would depend on the unit of the cost.
    return np.allclose(first, second, rtol=SAME_COST, atol=0)


def grid_of(outcomes: pl.DataFrame, bins: pl.DataFrame, *, costs: Sequence[str]) -> Grid:
    """The matrix of `outcomes` (question_id, strategy, budget, accuracy and the costs) and `bins`.

    Raises UserError when a question of either frame lacks a cell that another has, or its bin;
    ValueError for a row twice or an accuracy outside [0, 1].
    """
    ordered = _sort_known(outcomes, costs)
    everyone = pl.concat([outcomes["question_id"], bins["question_id"]]).n_unique()
    _check(ordered, everyone)
    cells = ordered.select(KEYS[1:]).unique().sort(KEYS[1:]).rows()
    questions = ordered["question_id"].unique().sort()
    # Complete and sorted by question, budget and strategy: the rows of the frame are the matrix.
    shape = (questions.len(), len(cells))
    return Grid(
        questions=tuple(questions.to_list()),
        bins=_bins_of(questions, bins),
        cells=tuple(Cell(*row) for row in cells),
        accuracy=_accuracy_of(ordered).reshape(shape),
        costs=_axes_of(ordered, costs, shape),
    )


def _sort_known(outcomes: pl.DataFrame, costs: Sequence[str]) -> pl.DataFrame:
    """What is known, in the order of the matrix."""
    # An accuracy that is NaN or NULL, or a cost that is NULL, is an outcome that is missing.
    return (
        outcomes.with_columns(pl.col("accuracy").fill_nan(None))
        .select(*KEYS, "accuracy", *costs)
        .drop_nulls()
        .sort(KEYS)
    )


def _accuracy_of(ordered: pl.DataFrame) -> Floats:
    # Sums of floating-point numbers may pass 0 or 1 by what `_check` lets through.
    clipped = ordered["accuracy"].clip(0, 1)
    return clipped.to_numpy().astype(np.float64)


def _axes_of(ordered: pl.DataFrame, costs: Sequence[str], shape: tuple[int, int]) -> Floats:
    """Costs: (axes, questions, cells)."""
    axes: list[Floats] = []
    for name in costs:
        cost = ordered[name].to_numpy()
        axes.append(cost.reshape(shape))
    return np.array(axes, dtype=np.float64)


def _bins_of(questions: pl.Series, bins: pl.DataFrame) -> Integers:
    """Bin of each of the questions, in their order."""
    joined = questions.to_frame().join(
        bins,
        on="question_id",
        how="left",
        maintain_order="left",
    )
    placed = joined["bin"]
    if placed.len() != questions.len():
        raise ValueError("expected one bin for each question, got a question twice in the bins")
    if placed.has_nulls():
        raise UserError(
            f"expected a bin for every question, {placed.null_count()} have none: bin them first"
        )
    return placed.to_numpy().astype(np.int64)


def _check(ordered: pl.DataFrame, everyone: int) -> None:
    """Refuse outcomes that do not fill a matrix of `everyone` questions."""
    keys = ordered.select(KEYS)
    if not ordered.height:
        raise UserError("expected outcomes of at least one question, got none: run the study first")
    if keys.is_duplicated().any():
        raise ValueError("expected one row for each question, strategy and budget, got one twice")
    if not ordered["accuracy"].is_between(-SAME_ACCURACY, 1 + SAME_ACCURACY).all():
        raise ValueError("expected every accuracy in [0, 1]: check the estimates")
    cells = keys.select("budget", "strategy").n_unique()
    missing = everyone * cells - ordered.height
    if missing:
        raise UserError(
            f"expected every strategy and budget on every question, {missing} of the accuracies "
            "are missing: run the study again to complete it"
        )
