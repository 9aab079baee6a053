"""What changed between two model versions: policy cells, accuracy and cost, single questions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.publication.cells import Loss
from tasks.runs.outcomes import load_bins, load_outcomes, load_used_difficulty
from tasks.statistics.comparisons import SIGNIFICANCE, Difference, holm, paired_difference
from tasks.statistics.intervals import groups_of
from tasks.statistics.worth import PolicyWorth
from tasks.versions.comparison import Comparison, compare
from tasks.versions.version import Version, study_of, worths_of_runs
from warehouse.reader import Reader


class ChangedCell(NamedTuple):
    """A cell of the policy that names another strategy than before."""

    bin: int
    budget: int
    before: str
    now: str
    lost_before: Loss
    """What the strategy of the version before lost there, by which its name is marked."""
    lost_now: Loss
    gain: Difference | None
    """The strategy now over the one before, both on the newer version; None: not measured there."""
    p: float | None
    """Holm-adjusted over all changed cells; None: unknown."""

    @property
    def significant(self) -> bool:
        """Whether the change is beyond chance after correction; False where p is unknown."""
        return self.p is not None and self.p <= SIGNIFICANCE


class Mover(NamedTuple):
    """A question that one version answers better than the other."""

    question_id: str
    question: str
    target: str
    before: float
    """Accuracy of the earlier version's policy on it."""
    now: float
    draws: dict[str, list[dict[str, Any]]]
    """`before` and `now` → a few completions: text, canonical answer, verdict, score."""


class Diff(NamedTuple):
    """Two model versions, each under its own policy, on the same questions."""

    before: Version
    now: Version
    compared: list[Comparison]
    cells: int
    """Cells that both policies have."""
    changed: list[ChangedCell]
    budget: int
    """At which the questions are compared: the largest headline budget of both."""
    winners: list[Mover]
    losers: list[Mover]


def difference(
    store: Reader, before: Version, now: Version, *, movers: int = 3, draws: int = 2
) -> Diff:
    """What changed from one version to the other, with a few questions that moved most either way.

    Bins are each version's own, budgets the headline budgets of the newer run's study.
    """
    study = study_of(store, now.run_id)
    old, new = worths_of_runs(store, before.run_id, now.run_id)
    budgets = _shared_budgets(study.headline_budgets, old, new)
    # First of all: it refuses runs that are not of the same questions.
    compared = compare([new], [old], budgets=budgets, seed=study.seed).budgets
    pairs = _pair_cells(store, before, now)
    changed = _adjust(_changed_cells(store, now, pairs, seed=study.seed))
    losses, gains = _rank_moves(old, new, budgets[-1])

    def show(moves: list[_Move]) -> list[Mover]:
        return [_mover(store, before, now, one, draws=draws) for one in moves[:movers]]

    winners = show(gains)
    losers = show(losses)
    return Diff(before, now, compared, pairs.height, changed, budgets[-1], winners, losers)


def _shared_budgets(headline: Sequence[int], old: PolicyWorth, new: PolicyWorth) -> list[int]:
    """Headline budgets that both have; where there is none, the largest budget of both."""
    shared = [budget for budget in new.budgets if budget in old.budgets]
    return [budget for budget in headline if budget in shared] or shared[-1:]


def _pair_cells(store: Reader, before: Version, now: Version) -> pl.DataFrame:
    """(bin, budget, before, lost_before, now, lost_now): the cells that both policies have."""
    old = _table_of(store, before).rename({"strategy": "before", "lost": "lost_before"})
    new = _table_of(store, now).rename({"strategy": "now", "lost": "lost_now"})
    return old.join(new, on=["bin", "budget"]).sort("bin", "budget")


def _table_of(store: Reader, version: Version) -> pl.DataFrame:
    """(bin, budget, strategy, lost): the policy of a version under its used difficulty."""
    rows = store.read(
        """
        SELECT bin, budget, strategy, truncated, no_answer, recommended
        FROM policies WHERE run_id = $run_id AND difficulty = $kind
        """,
        run_id=version.run_id,
        kind=load_used_difficulty(store, version.run_id),
    )
    return rows.select("bin", "budget", "strategy", lost=pl.struct(Loss._fields))


def _changed_cells(
    store: Reader, now: Version, pairs: pl.DataFrame, *, seed: int
) -> list[ChangedCell]:
    """The cells that name another strategy, each with its gain on the newer version's questions."""
    binned = load_bins(store, now.run_id, load_used_difficulty(store, now.run_id))
    # Sorted by question, so that both sides of a difference are the same questions in one order.
    placed = load_outcomes(store, now.run_id).join(binned, on="question_id").sort("question_id")
    changes: list[ChangedCell] = []
    for row in pairs.filter(pl.col("before") != pl.col("now")).iter_rows(named=True):
        cell = placed.filter(bin=row["bin"], budget=row["budget"])
        measured_now = cell.filter(strategy=row["now"])
        new = measured_now["accuracy"].to_numpy()
        old = cell.filter(strategy=row["before"])["accuracy"].to_numpy()
        # The newer run may lack a strategy that the older study asked for: nothing to pair then.
        measured = new.size == old.size
        groups = groups_of(measured_now["question_id"], binned)
        gain = paired_difference(new, old, seed=seed, groups=groups) if measured else None
        changes.append(
            ChangedCell(
                bin=row["bin"],
                budget=row["budget"],
                before=row["before"],
                now=row["now"],
                lost_before=Loss(**row["lost_before"]),
                lost_now=Loss(**row["lost_now"]),
                gain=gain,
                # Known when all changed cells are tested.
                p=None,
            )
        )
    return changes


def _adjust(changed: list[ChangedCell]) -> list[ChangedCell]:
    """The cells with their p-values Holm-adjusted over those that could be tested."""
    # NaN stands for a cell without a test: `holm` does not count it and leaves it where it is.
    untested = math.nan
    raw = [untested if cell.gain is None else cell.gain.p for cell in changed]
    adjusted = holm(np.array(raw, dtype=np.float64)).tolist()
    return [
        cell._replace(p=None if math.isnan(p) else p)
        for cell, p in zip(changed, adjusted, strict=True)
    ]


class _Move(NamedTuple):
    """A question's accuracy under each version's policy."""

    question_id: str
    before: float
    now: float

    @property
    def gain(self) -> float:
        """Accuracy won by the newer version; below 0: lost."""
        return self.now - self.before


def _rank_moves(old: PolicyWorth, new: PolicyWorth, budget: int) -> tuple[list[_Move], list[_Move]]:
    """(questions that lost, questions that gained), the greatest change first."""
    before = old.accuracy[:, old.at(budget)].tolist()
    now = new.accuracy[:, new.at(budget)].tolist()
    moves = [_Move(*row) for row in zip(new.questions, before, now, strict=True)]
    # Equal ones by id, so that the same two runs always show the same questions.
    moves.sort(key=lambda one: (one.gain, one.question_id))
    losses = [one for one in moves if one.gain < 0]
    gains = [one for one in reversed(moves) if one.gain > 0]
    return losses, gains


def _mover(store: Reader, before: Version, now: Version, move: _Move, *, draws: int) -> Mover:
    """A question that moved, with its text and the first completions of either version."""
    question, target = store.read(
        "SELECT question, target FROM questions "
        "WHERE benchmark_fingerprint = $benchmark AND question_id = $question",
        benchmark=now.benchmark_fingerprint,
        question=move.question_id,
    ).row(0)
    completions = {
        "before": _completions(store, before, move.question_id, count=draws),
        "now": _completions(store, now, move.question_id, count=draws),
    }
    return Mover(move.question_id, question, target, move.before, move.now, completions)


def _completions(
    store: Reader, version: Version, question_id: str, *, count: int
) -> list[dict[str, Any]]:
    """The first completions of the pool: text, canonical answer, verdict, score."""
    return store.read(
        "SELECT text, canonical, verdict, score FROM question_draws JOIN runs USING (run_id) "
        "WHERE run_id = $run AND question_id = $question AND role = 'proposer' AND whole "
        # Draws at other temperatures are of other pools; a log need not tell its own.
        "AND coalesce(temperature = (study_json->'$.generator.temperature')::DOUBLE, true) "
        "ORDER BY child LIMIT $count",
        run=version.run_id,
        question=question_id,
        count=count,
    ).to_dicts()
