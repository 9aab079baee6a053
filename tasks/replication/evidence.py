"""What the replication report rests on: one run, and policies of parts of its strategies."""

from __future__ import annotations

import json
from functools import cache
from typing import NamedTuple

import polars as pl

from tasks.evaluation.fit_policy import estimation
from tasks.publication.summary import RunSummary, load_summary
from tasks.runs.outcomes import load_bins, load_outcomes
from tasks.statistics.difficulty import used_difficulty
from tasks.statistics.outcomes import Grid, grid_of
from tasks.statistics.policy import PolicyFit, fit_policy
from tasks.strategies import parse
from tasks.study.study import Study, study_from
from warehouse.errors import UserError
from warehouse.reader import Reader

COSTS = ("flops",)
BINNINGS = ("oracle", "predicted", "probe")
"""Kinds of difficulty that the report shows, where the run has them."""
SEARCH = ("best_of_n", "weighted", "beam_search", "lookahead")
"""The strategies among which the paper's compute-optimal search chooses (§5.3)."""
PARALLEL = "revisions(s=1)/hierarchical"
"""The revision model's attempts all in parallel: what the paper compares revisions with (§6.2)."""


class Evidence(NamedTuple):
    """One complete run of the replication, read once."""

    summary: RunSummary
    outcomes: pl.DataFrame
    """question_id, strategy, budget, accuracy, flops; coverage left out."""
    bins: dict[str, pl.DataFrame]
    """question_id and bin by kind of difficulty, in the order of BINNINGS."""
    search: dict[str, PolicyFit]
    """Compute-optimal search by kind of difficulty."""
    revising: dict[str, PolicyFit]
    """Compute-optimal revisions; empty for a study without."""
    seed: int

    @property
    def budgets(self) -> list[int]:
        """Measured budgets, rising."""
        return self.summary.budgets

    @property
    def used_difficulty(self) -> str:
        """The kind of difficulty by which the run's policy is used."""
        return used_difficulty(self.bins)

    @property
    def strategies(self) -> list[str]:
        """Keys of the measured strategies, by name."""
        return sorted(self.outcomes["strategy"].unique())

    def grid(
        self, names: list[str], difficulty: str = "oracle", budgets: list[int] | None = None
    ) -> Grid:
        """Accuracy of these strategies, at all their budgets or at some."""
        rows = self.outcomes.filter(pl.col("strategy").is_in(names))
        if budgets is not None:
            rows = rows.filter(pl.col("budget").is_in(budgets))
        return grid_of(rows, self.bins[difficulty], costs=COSTS)


def load_evidence(store: Reader, run_id: str) -> Evidence:
    """The evidence of a complete run; UserError where it has no outcomes or no bins."""
    summary = load_summary(store, run_id)
    outcomes = load_outcomes(store, run_id)
    bins = _load_all_bins(store, run_id)
    if not bins or not len(outcomes):
        raise UserError(
            f"replicate: run {run_id} has no outcomes in bins; run the study to its end first"
        )
    study = study_from(json.loads(summary.run["study_json"]))
    names = sorted(outcomes["strategy"].unique())
    # The paper chooses among searches and among revisions apart: two policies, each with the
    # baseline of its own figure.
    search = search_strategies(names)
    revising = revision_strategies(names)
    return Evidence(
        summary=summary,
        outcomes=outcomes,
        bins=bins,
        search=_fits(study, outcomes, bins, search, "weighted"),
        revising=_fits(study, outcomes, bins, revising, PARALLEL),
        seed=study.seed,
    )


def _load_all_bins(store: Reader, run_id: str) -> dict[str, pl.DataFrame]:
    """Bins by the kinds of difficulty that the run has."""
    by_kind: dict[str, pl.DataFrame] = {}
    for kind in BINNINGS:
        rows = load_bins(store, run_id, kind)
        if rows.height:
            by_kind[kind] = rows
    return by_kind


def search_strategies(keys: list[str]) -> list[str]:
    """Those of the keys that search or choose among parallel draws with the verifier."""
    return [key for key in keys if parse(key).name in SEARCH]


def revision_strategies(keys: list[str], selector: str = "hierarchical") -> list[str]:
    """Those of the keys that revise in chains, by how many attempts a chain has."""
    revising: list[str] = []
    for key in keys:
        strategy = parse(key)
        if strategy.chain and strategy.selector == selector:
            revising.append(key)
    return sorted(revising, key=chain_length)


@cache
def chain_length(key: str) -> int:
    """Attempts in sequence of a strategy that makes chains, as in `revisions(s=4)`; else 0."""
    return parse(key).chain or 0


def _fits(
    study: Study,
    outcomes: pl.DataFrame,
    bins: dict[str, pl.DataFrame],
    names: list[str],
    baseline: str,
) -> dict[str, PolicyFit]:
    """The policy among these strategies by kind of difficulty; none without the baseline."""
    if baseline not in names:
        return {}
    rows = outcomes.filter(pl.col("strategy").is_in(names))
    fits: dict[str, PolicyFit] = {}
    for kind, binned in bins.items():
        fits[kind] = fit_policy(
            rows,
            binned,
            costs_order=COSTS,
            baseline=baseline,
            seed=study.seed,
            # Net factors count what it costs to know the bin.
            estimation=estimation(study, kind),
        )
    return fits
