"""A policy's cells as every screen shows them: what they hold, and what they are called."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import polars as pl

from tasks.publication.summary import RunSummary
from tasks.statistics.outcomes import MANY

LOSSY = "✂"
"""Marks a strategy of which more than a tenth of the completions were cut or gave no answer."""
NOTHING = "none"
"""Stands where most completions of every strategy were cut: nothing is recommended."""


def loses_much(truncated: float | None, no_answer: float | None) -> bool:
    """Whether more than a tenth of a cell's completions were cut or gave no answer."""
    return max(truncated or 0.0, no_answer or 0.0) > MANY


class Loss(NamedTuple):
    """What a strategy lost in a cell of a policy, as tables know it."""

    truncated: float | None
    """Share of its completions that were cut; None: a run from before it was counted."""
    no_answer: float | None
    """Share of them without an answer, cut ones included; None likewise."""
    recommended: bool | None
    """False: most completions of every strategy were cut, and the baseline stands in (§7)."""

    @property
    def is_stand_in(self) -> bool:
        """Whether the strategy stands where none is recommended."""
        return self.recommended is False

    @property
    def is_marked(self) -> bool:
        """Whether a recommended strategy lost much."""
        return not self.is_stand_in and loses_much(self.truncated, self.no_answer)


class ShownCell(NamedTuple):
    """One cell of the policy grid, in the words of the screen."""

    bin: int
    """1 is the easiest."""
    budget: int
    """Generations allowed on a question."""
    strategy: str
    """The key, which every table of the warehouse knows."""
    accuracy: float
    """Of the strategy named, corrected for having been chosen (METHOD §7)."""
    half: float
    """Half the width of the accuracy's interval."""
    gain: float | None
    """Over the baseline in the same bin at the same budget; None: no baseline."""
    over_majority: float | None
    """Gain over majority; None: no majority."""
    over_majority_p: float | None
    """Its p-value, adjusted over the table; None: the pick is majority, or it was not computed."""
    decided: bool
    """Whether the strategy can be told apart from the baseline, or there is no other (§7)."""
    questions: int
    """Questions in the bin."""
    unheld: str | None
    """What the run alone would name, where last night's strategy was kept; None: the same."""
    truncated: float | None
    """Share of its completions that were cut; None: a run from before it was counted."""
    no_answer: float | None
    """Share of them without an answer, cut ones included; None likewise."""
    recommended: bool | None
    """False: most completions of every strategy were cut, and the baseline stands in (§7)."""

    @property
    def loss(self) -> Loss:
        """What the mark on its name is from."""
        return Loss(self.truncated, self.no_answer, self.recommended)

    @property
    def is_recommended(self) -> bool:
        """Whether the strategy is named for its accuracy and cost."""
        return not self.loss.is_stand_in

    @property
    def loses_much(self) -> bool:
        """Whether more than a tenth of its completions were cut or gave no answer."""
        return loses_much(self.truncated, self.no_answer)


def policy_cells(summary: RunSummary, difficulty: str) -> list[ShownCell]:
    """The policy's cells under one kind of difficulty, by bin and budget."""
    rows = summary.policy.filter(pl.col("difficulty") == difficulty).sort("bin", "budget")
    # Columns of one name are fields of one name; the interval becomes half its width.
    columns = [name for name in ShownCell._fields if name != "half"]
    return [
        ShownCell(**{name: row[name] for name in columns}, half=(row["hi"] - row["lo"]) / 2)
        for row in rows.iter_rows(named=True)
    ]


def cell_name(cell: ShownCell, names: Mapping[str, str]) -> str:
    """The strategy's short name with its mark, or that nothing is recommended and what stands in.

    `names` are short names by key; a key without one is its own.
    """
    return marked_name(names.get(cell.strategy, cell.strategy), cell.loss)


def marked_name(name: str, loss: Loss) -> str:
    """A strategy's name with the mark of what it lost where it stands."""
    if loss.is_stand_in:
        return f"{NOTHING} ({name})"
    return f"{name} {LOSSY}" if loss.is_marked else name


def loss_lines(losses: Sequence[Loss]) -> list[str]:
    """What the marks of lost completions mean, a line for each that some cell has."""
    lines: list[str] = []
    if any(loss.is_marked for loss in losses):
        lines.append(
            f"{LOSSY} more than {MANY:.0%} of its completions there were cut or gave no answer"
        )
    if any(loss.is_stand_in for loss in losses):
        lines.append(
            f"{NOTHING} most completions of every strategy were cut: nothing is recommended, the "
            "one in brackets is used; raise the study's token limits"
        )
    return lines


def changed_losses(row: Mapping[str, Any]) -> tuple[Loss, Loss]:
    """What was lost before and what is now, of a row of view `policy_changes`."""
    before = [row[f"{name}_before"] for name in Loss._fields]
    now = [row[f"{name}_now"] for name in Loss._fields]
    return Loss(*before), Loss(*now)
