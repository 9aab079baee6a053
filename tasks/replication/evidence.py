"""What the replication report rests on: one run's summary, outcomes, bins, and policies of parts of its strategies."""

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
"""The revision model's attempts all in parallel: what the paper's revisions are compared with (§6.2)."""


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
        return self.summary.budgets

    @property
    def used_difficulty(self) -> str:
        """The kind of difficulty by which the run's policy is used."""
        return used_difficulty(self.bins)

    @property
    def strategies(self) -> list[str]:
        return sorted(self.outcomes["strategy"].unique())

    def grid(
        self, names: list[str], difficulty: str = "oracle", budgets: list[int] | None = None
    ) -> Grid:
        """Accuracy of these strategies, at all their budgets or at some; under `none` every question is in one bin."""
        rows = self.outcomes.filter(pl.col("strategy").is_in(names))
        if budgets is not None:
            rows = rows.filter(pl.col("budget").is_in(budgets))
        bins = self.bins["oracle" if difficulty == "none" else difficulty]
        return grid_of(
            rows, bins.with_columns(bin=pl.lit(1)) if difficulty == "none" else bins, costs=COSTS
        )


def load_evidence(store: Reader, run_id: str) -> Evidence:
    """The evidence of a complete run; UserError where the warehouse has no outcomes or bins of it."""
    summary = load_summary(store, run_id)
    outcomes = load_outcomes(store, run_id)
    bins = {kind: rows for kind in BINNINGS if len(rows := load_bins(store, run_id, kind))}
    if not bins or not len(outcomes):
        raise UserError(
            f"replicate: run {run_id} has no outcomes in bins; run the study to its end first"
        )
    study, names = (
        study_from(json.loads(summary.run["study_json"])),
        sorted(outcomes["strategy"].unique()),
    )
    return Evidence(
        summary,
        outcomes,
        bins,
        _fits(study, outcomes, bins, search_strategies(names), "weighted"),
        _fits(study, outcomes, bins, revision_strategies(names), PARALLEL),
        study.seed,
    )


def search_strategies(keys: list[str]) -> list[str]:
    """Those of the keys that search or choose among parallel draws with the verifier."""
    return [key for key in keys if parse(key).name in SEARCH]


def revision_strategies(keys: list[str], selector: str = "hierarchical") -> list[str]:
    """Those of the keys that revise in chains, by how many attempts a chain has."""
    return sorted(
        (key for key in keys if parse(key).chain and parse(key).selector == selector),
        key=chain_length,
    )


@cache
def chain_length(key: str) -> int:
    """Attempts in sequence of a strategy that makes chains, such as `revisions(s=4)`; 0 of any other."""
    return parse(key).chain or 0


def _fits(
    study: Study,
    outcomes: pl.DataFrame,
    bins: dict[str, pl.DataFrame],
    names: list[str],
    baseline: str,
) -> dict[str, PolicyFit]:
    """The policy among these strategies by kind of difficulty, its cost counted; none without the baseline."""
    if baseline not in names:
        return {}
    rows = outcomes.filter(pl.col("strategy").is_in(names))
    return {
        kind: fit_policy(
            rows,
            binned,
            costs_order=COSTS,
            baseline=baseline,
            seed=study.seed,
            estimation=estimation(study, kind),
        )
        for kind, binned in bins.items()
    }
