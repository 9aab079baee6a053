"""The policy as a grid bins × budgets for the terminal.

Cells hold the same as those of the report's figure; marks stand for its hatching.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

import polars as pl
from rich.console import Group, RenderableType
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from tasks.publication.cells import ShownCell, cell_name, loss_lines, policy_cells
from tasks.publication.first_lines import first_lines
from tasks.publication.headlines import beats_majority
from tasks.publication.recommendation import recommendation_lines
from tasks.publication.summary import RunSummary
from tasks.publication.terminal_curve import curve_lines
from tasks.publication.words import (
    detectable_text,
    model_short_name,
    plus_minus_text,
    rate_text,
    signed_text,
)
from tasks.strategies.names import short_names

UNDECIDED = "≈"
"""Marks a cell whose strategy cannot be told apart from the baseline (METHOD §7)."""
HELD = "="
"""Marks a cell that keeps last night's strategy although tonight alone would name another.

METHOD §7, hysteresis.
"""
COLUMNS = 5
"""Budgets side by side in 100 columns; more go into another grid below."""


def policy_text(summary: RunSummary, *, difficulty: str | None = None) -> Group:
    """The first lines, their curve, the policy grid, what is recommended, and a legend.

    As rich draws it, 100 columns at most. A cell names the strategy, its accuracy ± half the 95 %
    interval, and its gain over the baseline. `difficulty` is a kind that the run has; None: the one
    by which the policy is used, with whose table alone the lines and the curve stand.
    """
    kind = difficulty or summary.used_difficulty
    policy = policy_cells(summary, kind)
    names = short_names(cell.strategy for cell in policy)
    budgets = sorted({cell.budget for cell in policy})
    grids = [
        _grid(policy, budgets[i : i + COLUMNS], names=names)
        for i in range(0, len(budgets), COLUMNS)
    ]
    # Of the kind that is used: the other tables are there for comparison.
    is_used = kind == summary.used_difficulty
    advice = recommendation_lines(summary) if is_used else []
    opening = _opening(summary) if is_used else []
    return Group(
        _title(summary, kind),
        *opening,
        *grids,
        *map(Text, advice),
        _legend(summary, policy, names=names),
    )


def first_texts(summary: RunSummary) -> list[Text]:
    """The first lines, their labels bold."""
    texts: list[Text] = []
    for line in first_lines(summary):
        label, colon, rest = line.partition(":")
        texts.append(Text.assemble((label + colon, "bold"), rest))
    return texts


def _opening(summary: RunSummary) -> list[RenderableType]:
    """The first lines and the curve that shows them."""
    curve = Text("\n".join(curve_lines(summary)), no_wrap=True)
    return [*first_texts(summary), Padding(curve, (1, 0))]


def _title(summary: RunSummary, kind: str) -> Text:
    """Model, version and benchmark, and the difficulty that the bins are of."""
    run = summary.run
    model = model_short_name(run["model"])
    benchmark = run["benchmark"]
    words = f"{model} v{run['version']} on {benchmark}: policy by {kind} difficulty"
    return Text(words, style="bold")


def _grid(policy: list[ShownCell], budgets: list[int], *, names: dict[str, str]) -> Table:
    """One table of as many budgets as fit side by side, a row a bin.

    Lines between rows, because a cell has three lines of its own.
    """
    table = Table(show_lines=True, padding=(0, 1))
    table.add_column("bin", no_wrap=True)
    for budget in budgets:
        table.add_column(f"N = {budget}")
    by_place = {(cell.bin, cell.budget): cell for cell in policy}
    # Of all budgets, so that every grid has the same rows.
    rows = sorted({(cell.bin, cell.questions) for cell in policy})
    for bin_, questions in rows:
        head = Text(f"{bin_}\n{questions} q.")
        cells = [by_place.get((bin_, budget)) for budget in budgets]
        texts = [_cell_text(cell, names=names) for cell in cells]
        table.add_row(head, *texts)
    return table


def _cell_text(cell: ShownCell | None, *, names: dict[str, str]) -> Text:
    """Strategy with its marks, accuracy, gain: a line each; `–` for a cell that is not there."""
    if cell is None:
        return Text("–")
    name = cell_name(cell, names)
    if cell.is_recommended and not cell.decided:
        name += f" {UNDECIDED}"
    if cell.unheld:
        name += f" {HELD}"
    # Marks and signs say the same as the styles: a pipe or a log has no colours.
    name_style = "bold" if cell.decided else ""
    accuracy = plus_minus_text(cell.accuracy, cell.half)
    gain = "" if cell.gain is None else f"\n{signed_text(cell.gain)}"
    gain_style = "green" if (cell.gain or 0) > 0 else "dim"
    return Text.assemble(
        (name, name_style),
        f"\n{accuracy}",
        (gain, gain_style),
    )


def _legend(summary: RunSummary, policy: list[ShownCell], *, names: dict[str, str]) -> Text:
    """What the grid's marks mean, and the key behind every short name."""
    if not policy:
        return Text("no policy yet: the run is not complete", style="dim")
    lines = _mark_lines(summary, policy)
    lines += cap_lines(summary, {cell.strategy for cell in policy}, names)
    if summary.mdd is not None:
        lines.append(f"{detectable_text(summary.mdd)} over all questions")
    # A study file takes the key, so it is given in full.
    for key, short in names.items():
        if short != key:
            lines.append(f"{short} = {key}")
    if not beats_majority(policy):
        lines.append("No strategy beats majority here.")
    return Text("\n".join(lines), style="dim")


def cap_lines(summary: RunSummary, keys: Collection[str], names: Mapping[str, str]) -> list[str]:
    """How often thinking was cut, and completions were, of those of these strategies that cap it.

    Of all questions; no budget changes it.
    """
    rows = summary.overall.filter(
        pl.col("strategy").is_in(list(keys)),
        pl.col("forced_ends").is_not_null(),
        budget=summary.budgets[-1],
    )
    lines: list[str] = []
    for row in rows.sort("strategy").iter_rows(named=True):
        name = names.get(row["strategy"], row["strategy"])
        lines.append(
            f"{name}: thinking cut in {rate_text(row['forced_ends'])} of completions, "
            f"{rate_text(row['truncated'])} cut in their answer"
        )
    return lines


def _mark_lines(summary: RunSummary, policy: list[ShownCell]) -> list[str]:
    """How a cell is read, and a line for each mark that some cell has."""
    baseline = summary.baseline
    lines = [f"bin 1 easiest; accuracy ± half its 95 % interval; below it the gain over {baseline}"]
    if any(cell.is_recommended and not cell.decided for cell in policy):
        lines.append(
            f"{UNDECIDED} cannot be told apart from {baseline}: the cheapest near the best is named"
        )
    if any(cell.unheld for cell in policy):
        lines.append(
            f"{HELD} kept from the last run: what this one alone would name is not ahead of it"
        )
    return lines + loss_lines([cell.loss for cell in policy])
