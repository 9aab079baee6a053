"""What changed between two model versions: policy cells, accuracy and cost, and single questions."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import polars as pl

from tasks.runs.outcomes import load_bins, load_outcomes, load_used_difficulty
from tasks.statistics.comparisons import Tested, paired_difference
from tasks.statistics.multiplicity import SIGNIFICANCE, holm
from tasks.statistics.worth import PolicyWorth
from tasks.versions.comparison import Comparison, compare
from tasks.versions.version import Version, study_of, worth_of_run
from warehouse.reader import Reader


class ChangedCell(NamedTuple):
    """A cell of the policy that names another strategy than before."""

    bin: int
    budget: int
    before: str
    now: str
    gain: Tested | None
    """The strategy now over the one before, both on the newer version; None: that one was not measured on it."""
    p: float | None
    """Holm-adjusted over all changed cells; None: unknown."""

    @property
    def significant(self) -> bool:
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
    """The whole comparison; bins are each version's own, budgets the headline budgets of the newer run's study."""
    study = study_of(store, now.run_id)
    old, new = worth_of_run(store, before.run_id), worth_of_run(store, now.run_id)
    shared = [budget for budget in new.budgets if budget in old.budgets]
    budgets = [budget for budget in study.headline_budgets if budget in shared] or shared[-1:]
    compared = compare(new, old, budgets=budgets, seed=study.seed)
    pairs = _cells(store, before, now)
    changed = _tested(_changes(store, now, pairs, seed=study.seed))
    ranked = _ranked(old, new, budgets[-1])
    winners = [
        _mover(store, before, now, one, draws=draws)
        for one in ranked[::-1][:movers]
        if one.now > one.before
    ]
    losers = [
        _mover(store, before, now, one, draws=draws)
        for one in ranked[:movers]
        if one.now < one.before
    ]
    return Diff(before, now, compared, pairs.height, changed, budgets[-1], winners, losers)


def _cells(store: Reader, before: Version, now: Version) -> pl.DataFrame:
    """(bin, budget, before, now): the strategies of the cells that both policies have."""
    old, new = _table_of(store, before), _table_of(store, now)
    joined = old.rename({"strategy": "before"}).join(
        new.rename({"strategy": "now"}), on=["bin", "budget"]
    )
    return joined.sort("bin", "budget")


def _table_of(store: Reader, version: Version) -> pl.DataFrame:
    """(bin, budget, strategy): the policy of a version under the difficulty that it is used by."""
    return store.read(
        "SELECT bin, budget, strategy FROM policies WHERE run_id = $run_id AND difficulty = $kind",
        run_id=version.run_id,
        kind=load_used_difficulty(store, version.run_id),
    )


def _changes(store: Reader, now: Version, pairs: pl.DataFrame, *, seed: int) -> list[ChangedCell]:
    """The cells that name another strategy, each with its gain on the newer version's questions."""
    binned = load_bins(store, now.run_id, load_used_difficulty(store, now.run_id))
    # Sorted by question, so that both sides of a difference are the same questions in one order.
    placed = load_outcomes(store, now.run_id).join(binned, on="question_id").sort("question_id")
    changes: list[ChangedCell] = []
    for row in pairs.filter(pl.col("before") != pl.col("now")).iter_rows(named=True):
        cell = placed.filter(bin=row["bin"], budget=row["budget"])
        new = cell.filter(strategy=row["now"])["accuracy"].to_numpy()
        old = cell.filter(strategy=row["before"])["accuracy"].to_numpy()
        measured = new.size == old.size
        gain = paired_difference(new, old, seed=seed) if measured else None
        changes.append(ChangedCell(**row, gain=gain, p=None))
    return changes


def _tested(changed: list[ChangedCell]) -> list[ChangedCell]:
    adjusted = holm(
        np.array(
            [math.nan if cell.gain is None else cell.gain.p for cell in changed], dtype=np.float64
        )
    )
    return [
        cell._replace(p=None if math.isnan(p) else p)
        for cell, p in zip(changed, adjusted.tolist(), strict=True)
    ]


class _Placed(NamedTuple):
    question_id: str
    before: float
    now: float


def _ranked(old: PolicyWorth, new: PolicyWorth, budget: int) -> list[_Placed]:
    """Questions by how much their accuracy rose, the greatest loss first; equal ones by id."""
    columns = old.accuracy[:, old.at(budget)].tolist(), new.accuracy[:, new.at(budget)].tolist()
    rows = [_Placed(*row) for row in zip(new.questions, *columns, strict=True)]
    return sorted(rows, key=lambda row: (row.now - row.before, row.question_id))


def _mover(store: Reader, before: Version, now: Version, place: _Placed, *, draws: int) -> Mover:
    question, target = store.read(
        "SELECT question, target FROM questions WHERE benchmark_fingerprint = $b AND question_id = $q",
        b=now.benchmark_fingerprint,
        q=place.question_id,
    ).row(0)
    sql = """SELECT text, canonical, verdict, score FROM question_draws
        WHERE run_id = $r AND question_id = $q AND role = 'proposer' AND whole ORDER BY child LIMIT $n"""
    written = {
        name: store.read(sql, r=version.run_id, q=place.question_id, n=draws).to_dicts()
        for name, version in (("before", before), ("now", now))
    }
    return Mover(place.question_id, question, target, place.before, place.now, written)
