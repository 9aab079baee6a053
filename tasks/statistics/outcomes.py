"""The measured accuracies as one matrix: questions × cells, a cell being a strategy at a budget."""

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple, Self

import numpy as np
import polars as pl

from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.intervals import groups_of
from tasks.statistics.repeats import apparent_repeats
from warehouse.errors import UserError

SAME_COST = 1e-9
"""Relative difference below which two costs are the same: shared draws, summed in another order."""
SAME_ACCURACY = 1e-9
"""Accuracies closer than this are the same: one figure calculated in two ways."""

MOSTLY = 0.5
"""Share of a cell's completions from which on, when they were cut, it is not recommended."""
MANY = 0.1
"""Share from which on a cell is marked, when they were cut or gave no answer."""

KEYS = ["question_id", "budget", "strategy"]
"""What an accuracy belongs to, in the order of the matrix: rows by the first, cells by the rest."""


class Cell(NamedTuple):
    """A strategy at a budget."""

    budget: int
    strategy: str


class Lost(NamedTuple):
    """Shares of completions (questions, cells)."""

    truncated: Floats
    """Cut before they ended."""
    no_answer: Floats
    """Without an answer, those that were cut included."""


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
    lost: Lost
    preference: Floats
    """By what cells are chosen: accuracy, but below all others where most completions were cut.

    What is cut is cheap, so that a choice by accuracy and cost alone would name it.
    """
    repeats: Floats
    """Independent draws behind a question's figure of each cell (cells,).

    A pool's draws over the budget, 1 for what is run once.
    """
    groups: Integers | None = None
    """Which questions belong together, a number a group; None: each stands alone."""

    @property
    def units(self) -> int:
        """How many were drawn independently: groups, or questions that stand alone."""
        return len(self.questions) if self.groups is None else len(np.unique(self.groups))

    def only(self, rows: Integers) -> Self:
        """Some of the questions."""
        return dataclasses.replace(
            self,
            questions=tuple(self.questions[row] for row in rows),
            bins=self.bins[rows],
            accuracy=self.accuracy[rows],
            costs=self.costs[:, rows],
            lost=Lost(*(share[rows] for share in self.lost)),
            preference=self.preference[rows],
            groups=None if self.groups is None else self.groups[rows],
        )

    def candidates(self, rows: Integers) -> Integers:
        """Columns of the cells that a bin of these rows may be given, rising.

        Those of which not most completions were cut; all where nothing else is left.
        """
        is_cut = mostly_cut(self.lost.truncated[rows])
        left = np.flatnonzero(~is_cut | is_cut.all())
        return left.astype(np.int64)

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


def grid_of(
    outcomes: pl.DataFrame,
    bins: pl.DataFrame,
    *,
    costs: Sequence[str],
    baseline: str | None = None,
) -> Grid:
    """The matrix of `outcomes` (question_id, strategy, budget, accuracy and the costs) and `bins`.

    Outcomes may have `truncated` and `no_answer` too (see `Lost`); without them nothing was lost.
    They may have `repeats`, the draws behind each figure; where it is NULL or lacks, they are told
    from the figures (`apparent_repeats`). Where most completions of every strategy were cut, the
    baseline is preferred to the others. `bins` may have `question_group`: questions that share one
    belong together, NULL belongs to nothing.

    Raises UserError when a question of either frame lacks a cell that another has, or its bin;
    ValueError for a row twice or an accuracy outside [0, 1].
    """
    shares = [name for name in Lost._fields if name in outcomes.columns]
    ordered = _sort_known(outcomes, [*costs, *shares])
    everyone = pl.concat([outcomes["question_id"], bins["question_id"]]).n_unique()
    _check(ordered, everyone)
    named = ordered.select(KEYS[1:]).unique().sort(KEYS[1:]).rows()
    cells = tuple(Cell(*row) for row in named)
    questions = ordered["question_id"].unique().sort()
    # Complete and sorted by question, budget and strategy: the rows of the frame are the matrix.
    shape = (questions.len(), len(cells))
    placed = _bins_of(questions, bins)
    accuracy = _accuracy_of(ordered).reshape(shape)
    lost = _lost_of(ordered, shape)
    repeats = _repeats_of(ordered, accuracy)
    penalty = _penalty(lost.truncated, placed, cells, baseline=baseline)
    return Grid(
        questions=tuple(questions.to_list()),
        bins=placed,
        cells=cells,
        accuracy=accuracy,
        costs=_axes_of(ordered, costs, shape),
        lost=lost,
        preference=accuracy - penalty,
        repeats=repeats,
        groups=groups_of(questions, bins),
    )


def _repeats_of(ordered: pl.DataFrame, accuracy: Floats) -> Floats:
    """Draws behind the figures of each cell: the fewest of its questions."""
    apparent = apparent_repeats(accuracy)
    if "repeats" not in ordered.columns:
        return apparent
    stored = ordered["repeats"].cast(pl.Float64).fill_null(np.nan).to_numpy()
    # NaN where that of some question is unknown.
    fewest = stored.reshape(accuracy.shape).min(axis=0)
    return np.where(np.isnan(fewest), apparent, fewest)


def _lost_of(ordered: pl.DataFrame, shape: tuple[int, int]) -> Lost:
    shares: list[Floats] = []
    for name in Lost._fields:
        known = name in ordered.columns
        share = ordered[name].to_numpy().astype(np.float64) if known else np.zeros(shape)
        shares.append(share.reshape(shape))
    return Lost(*shares)


def _penalty(
    truncated: Floats, bins: Integers, cells: Sequence[Cell], *, baseline: str | None
) -> Floats:
    """What to take from an accuracy so that cells of cut completions come last; 0 for others.

    No accuracy is above 1: less 3 it is below any other, less 1.5 still above those.
    """
    budgets = np.array([cell.budget for cell in cells])
    is_baseline = np.array([cell.strategy == baseline for cell in cells])
    penalty = np.zeros_like(truncated)
    for one in np.unique(bins):
        inside = bins == one
        is_cut = mostly_cut(truncated[inside])
        # Budgets at which nothing is left to choose.
        open_budgets = np.unique(budgets[~is_cut])
        is_left = ~np.isin(budgets, open_budgets)
        penalty[inside] = np.where(is_cut, np.where(is_baseline & is_left, 1.5, 3.0), 0.0)
    return penalty


def in_one_bin(grid: Grid, *, baseline: str) -> Grid:
    """The same questions as one bin, in which what was mostly cut there is preferred to nothing."""
    bins = np.ones_like(grid.bins)
    penalty = _penalty(grid.lost.truncated, bins, grid.cells, baseline=baseline)
    return dataclasses.replace(grid, bins=bins, preference=grid.accuracy - penalty)


def mostly_cut(truncated: Floats) -> Flags:
    """Which cells had most completions of a bin cut, by their shares (questions, cells)."""
    return truncated.mean(axis=0) > MOSTLY


def _sort_known(outcomes: pl.DataFrame, costs: Sequence[str]) -> pl.DataFrame:
    """What is known, in the order of the matrix."""
    # An accuracy that is NaN or NULL, or a cost that is NULL, is an outcome that is missing.
    needed = [*KEYS, "accuracy", *costs]
    extra = [name for name in ("repeats",) if name in outcomes.columns]
    return (
        outcomes.with_columns(pl.col("accuracy").fill_nan(None))
        .select(*needed, *extra)
        .drop_nulls(needed)
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
