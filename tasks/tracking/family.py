"""What is published of a family on a benchmark: where its versions stand, and their figures."""

from __future__ import annotations

from typing import Any, NamedTuple

import polars as pl

from tasks.runs.outcomes import load_used_difficulty
from tasks.versions.version import Version, study_of
from warehouse.reader import Reader

_COLUMNS = {
    "policy_accuracy": "accuracy",
    "efficiency_factor": "factor",
    "policy_flops": "flops",
}
"""Column of view `version_history` by the trend's metric."""
_STANDINGS = """
    SELECT * FROM standings
    WHERE family = $family AND benchmark = $benchmark
    ORDER BY version
"""
# One set of questions: accuracies on another content of the benchmark do not compare.
_HISTORY = """
    SELECT * FROM version_history
    WHERE family = $family AND benchmark_fingerprint = $questions
        AND study = $study AND difficulty = $kind
    ORDER BY version, budget
"""


class Track(NamedTuple):
    """The model versions of one family on one benchmark."""

    family: str
    benchmark: str
    study: str
    standings: list[dict[str, Any]]
    """Rows of view `standings`, versions rising."""
    history: pl.DataFrame
    """Rows of view `version_history`: of the study, newest questions and used difficulty."""
    budgets: tuple[int, ...]
    """Headline budgets of the study."""

    def about(self) -> str:
        """Description of the registered policy: what it takes and gives, and who is champion."""
        champion = next((row for row in self.standings if row["standing"] == "champion"), None)
        text = (
            f"Bin and budget in (columns bin, budget), strategy key out; versions of {self.family}."
        )
        if champion is None:
            return text
        return f"{text}\n\nChampion: model version {champion['version']}, {champion['why']}."

    def points(self) -> dict[tuple[str, int], float]:
        """(metric, version) → value: the policy's figures at the headline budgets."""
        rows = self.history.filter(pl.col("budget").is_in(self.budgets)).to_dicts()
        points: dict[tuple[str, int], float] = {}
        for row in rows:
            for metric, column in _COLUMNS.items():
                # Unknown is not zero: a version whose FLOPs are not known has no point.
                if row[column] is not None:
                    # Zeros in front, because MLflow sorts its charts by name.
                    key = f"{metric}/N_{row['budget']:03d}"
                    points[key, row["version"]] = float(row[column])
        return points

    def note(self) -> str:
        """Markdown of the trend run's first screen."""
        versions = self.history.select("version", "model").unique().sort("version").rows()
        names = "\n".join(f"- version {number}: {model}" for number, model in versions)
        return (
            f"Policy of {self.family} on {self.benchmark} over its model versions: "
            "the step is the version, "
            f"accuracy is cross-validated, cost is FLOPs a question.\n\n{names}\n\n"
            f'`ttc sql "FROM version_history"` has every budget with its interval.'
        )


def track_of(store: Reader, version: Version) -> Track:
    """The family and benchmark that a version is of, as the warehouse knows them now."""
    standings = store.read(
        _STANDINGS,
        family=version.family,
        benchmark=version.benchmark,
    )
    history = store.read(
        _HISTORY,
        family=version.family,
        questions=version.benchmark_fingerprint,
        study=version.study,
        kind=load_used_difficulty(store, version.run_id),
    )
    budgets = study_of(store, version.run_id).headline_budgets
    return Track(
        version.family, version.benchmark, version.study, standings.to_dicts(), history, budgets
    )
