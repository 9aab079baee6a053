"""Tables of a run's policy that MLflow's runs page lines up between model versions."""

from __future__ import annotations

import polars as pl

from tasks.publication.cells import ShownCell, cell_name, policy_cells
from tasks.publication.summary import RunSummary
from tasks.publication.words import plus_minus_text
from tasks.strategies.names import short_names

NO_BREAK_SPACE = "\u00a0"
_NO_BREAK_HYPHEN = "\u2011"
_PADDING = 20
"""No-break spaces behind a line, so many that two lines do not fit beside each other."""


def comparable_tables(summary: RunSummary) -> dict[str, dict[str, list[str]]]:
    """File name → columns; the first column is a unique key, the second the text.

    MLflow puts rows of the same key side by side, a column a run.
    `policy.json` has a row a budget, for the eye; `policy_cells.json` a row a cell, as in
    `bin 1 · N=16`. Tables of a difficulty that is not the used one carry its name.
    """
    tables: dict[str, dict[str, list[str]]] = {}
    for place, kind in enumerate(summary.difficulties):
        suffix = difficulty_suffix(place, kind)
        tables[f"policy{suffix}.json"] = _by_budget(summary, kind)
        tables[f"policy_cells{suffix}.json"] = _by_cell(summary, kind)
    return tables


def difficulty_suffix(place: int, kind: str) -> str:
    """What a name carries of a difficulty: nothing for the used one, which is the first."""
    # Runs that are used by different kinds have the same names, so they line up.
    return "" if place == 0 else f"_{kind}"


def _by_budget(summary: RunSummary, difficulty: str) -> dict[str, list[str]]:
    """A row a budget: a line a bin, and below them the policy over all questions."""
    averages = _averages(summary, difficulty)
    names = short_names(summary.strategies)
    lines: dict[int, list[str]] = {}
    for cell in policy_cells(summary, difficulty):
        line = f"bin {cell.bin} {_cell_text(names, cell)}"
        lines.setdefault(cell.budget, []).append(line)
    # The largest budget first: it is the one that the headlines are about.
    budgets = sorted(lines, reverse=True)
    texts: list[str] = []
    for budget in budgets:
        average = [averages[budget]] if budget in averages else []
        padded = [_on_its_own_line(line) for line in lines[budget] + average]
        texts.append("\n".join(padded))
    return {
        "budget": [f"N={budget}" for budget in budgets],
        "policy": texts,
    }


def _averages(summary: RunSummary, difficulty: str) -> dict[int, str]:
    """The policy's accuracy over all questions in words, by budget."""
    curve = summary.curve.filter(pl.col("difficulty") == difficulty)
    texts: dict[int, str] = {}
    for row in curve.iter_rows(named=True):
        half = (row["hi"] - row["lo"]) / 2
        accuracy = plus_minus_text(row["accuracy"], half)
        texts[row["budget"]] = f"all questions {accuracy}"
    return texts


def _on_its_own_line(words: str) -> str:
    """The words, unbroken and padded."""
    # MLflow's table joins the lines of a cell and wraps them again at spaces and hyphens.
    unbroken = words.replace(" ", NO_BREAK_SPACE).replace("-", _NO_BREAK_HYPHEN)
    return unbroken + NO_BREAK_SPACE * _PADDING


def _by_cell(summary: RunSummary, difficulty: str) -> dict[str, list[str]]:
    """A row a cell, so that two versions can be compared cell by cell."""
    names = short_names(summary.strategies)
    cells = policy_cells(summary, difficulty)
    # Budgets falling as in the other table, bins rising.
    cells.sort(key=lambda cell: (-cell.budget, cell.bin))
    return {
        "cell": [f"bin {cell.bin} · N={cell.budget}" for cell in cells],
        "policy": [_cell_text(names, cell) for cell in cells],
    }


def _cell_text(names: dict[str, str], cell: ShownCell) -> str:
    """`beam m=4 0.62 ± .03`, with ≈ where the cell is undecided."""
    name = cell_name(cell, names)
    mark = "" if cell.decided or not cell.is_recommended else " ≈"
    accuracy = plus_minus_text(cell.accuracy, cell.half)
    return f"{name}{mark} {accuracy}"
