"""What is published of one run: read once from the warehouse views, shown by all screens."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import polars as pl

from tasks.statistics.difficulty import DIFFICULTIES, used_difficulty
from tasks.statistics.intervals import Estimate
from tasks.statistics.power import detectable_by_bin, minimum_detectable
from warehouse.errors import UserError
from warehouse.reader import Reader
from warehouse.snapshot import still

COVERAGE = "pass"
"""The strategy key under which outcomes hold pass@N: what a perfect selector would reach."""


class RunSummary(NamedTuple):
    """One run as its publication shows it."""

    run: dict[str, Any]
    """The row of table `runs`, with `version`: the model version's number in its family, from 1."""
    prefect_run_id: str | None
    """None: the run was started without Prefect."""
    accuracy: pl.DataFrame
    """strategy, budget, difficulty, bin, questions, accuracy, lo, hi, no_answer, truncated,
    out_of_rounds, forced_ends, flops (mean of a question; NULL: unknown).

    Bin and difficulty are NULL in the rows over all questions.
    """
    curve: pl.DataFrame
    """difficulty, budget, accuracy, lo, hi, generations, fixed, fixed_accuracy, fixed_lo, fixed_hi,
    ahead, ahead_lo, ahead_hi, adapts: cross-validated (METHOD §7).

    The generations include those that told the difficulty. From `fixed` on: one strategy for all
    beside it, and which of both is recommended (METHOD §14); NULL: a run from before.
    """
    policy: pl.DataFrame
    """The row of table `policies` for every cell, without the run."""
    efficiency: pl.DataFrame
    """difficulty, baseline, budget, factor, lo, hi, beyond, net_factor, net_lo, net_hi.

    The last three are net of what the difficulty cost.
    """
    costs: pl.DataFrame
    """The rows of view `cost_by_role`, without the run."""
    failures: pl.DataFrame
    """reason, calls: verifier calls that gave no score."""
    steps: pl.DataFrame
    """The row of view `run_steps`, without the run: lengths of steps, and limits that they met."""
    thinking: pl.DataFrame
    """completions, still_thinking: how many never stopped thinking."""
    missing: pl.DataFrame
    """strategy, budget, missing: cells that lack questions."""
    changes: pl.DataFrame
    """The cells of view `policy_changes`.

    No rows unless this is the latest run of a later version.
    """
    cost_curves: pl.DataFrame
    """difficulty, axis, level, at_most, accuracy, lo, hi, cost, baseline_budget,
    baseline_accuracy, gain, gain_lo, gain_hi, factor, factor_lo, factor_hi, beyond.

    The policy when a question may cost so much along an axis; `level` is the doubling.
    """
    cost_policies: pl.DataFrame
    """difficulty, axis, level, bin, at_most, strategy, budget, accuracy, lo, hi, cost.

    What the policy names there.
    """
    fleet: pl.DataFrame
    """The rows of table `allocations`, without the run: one budget, spent unevenly over bins."""
    exchange: pl.DataFrame
    """The rows of view `exchange_by_bin`, without the run: the policy against a larger model.

    Often none.
    """
    mdd: Estimate | None = None
    """Minimum detectable difference of the benchmark, in accuracy; None: not computed."""
    mdd_of_bins: Sequence[tuple[int, Estimate]] = ()
    """The same on each bin of the used difficulty, easiest first."""

    @property
    def run_id(self) -> str:
        """The warehouse's id of the run."""
        return str(self.run["run_id"])

    @property
    def frames(self) -> dict[str, pl.DataFrame]:
        """Its frames by field name."""
        return {name: getattr(self, name) for name in FRAMES}

    @property
    def baseline(self) -> str:
        """Strategy key that gains and efficiency factors refer to."""
        referred = self.efficiency["baseline"].to_list()
        if referred:
            return str(referred[0])
        # A run that is not complete has no factors, but its study says what they will refer to.
        return str(json.loads(self.run["study_json"]).get("baseline", "weighted"))

    @property
    def budgets(self) -> list[int]:
        """Budgets that were measured, rising."""
        return sorted(self.overall["budget"].unique().to_list())

    @property
    def overall(self) -> pl.DataFrame:
        """Accuracy over all questions, one row a strategy × budget, in that order."""
        return self.accuracy.filter(pl.col("bin").is_null()).sort("strategy", "budget")

    @property
    def strategies(self) -> list[str]:
        """Strategy keys, coverage left out."""
        keys = self.overall["strategy"].unique().to_list()
        return sorted(key for key in keys if key != COVERAGE)

    def notable(self, most: int) -> list[str]:
        """At most so many keys, for a figure, by name.

        The baseline, majority, and the strategies chosen or best most often.
        """
        times = Counter(self.policy["strategy"].to_list())
        strategies = self.overall.filter(pl.col("strategy") != COVERAGE)
        # Stable, so that of equal strategies the first by name counts as the best.
        ranked = strategies.sort("accuracy", descending=True, maintain_order=True)
        best = ranked.unique("budget", keep="first", maintain_order=True)
        times.update(best["strategy"].to_list())
        # Of those named equally often, the more accurate at the largest budget.
        at_top = ranked.filter(pl.col("budget") == self.budgets[-1])["strategy"].to_list()
        place = {key: i for i, key in enumerate(at_top)}
        by_times = sorted(self.strategies, key=lambda key: (-times[key], place.get(key, most)))
        always = [key for key in (self.baseline, "majority") if key in self.strategies]
        chosen = list(dict.fromkeys([*always, *by_times]))[:most]
        # By name, so that a strategy's colour does not go by how often it won tonight.
        return sorted(chosen)

    @property
    def difficulties(self) -> list[str]:
        """Kinds of difficulty that have a policy, the one that is used first."""
        known = set(self.policy["difficulty"].to_list())
        return [kind for kind in DIFFICULTIES if kind in known]

    @property
    def used_difficulty(self) -> str:
        """The kind by which the policy is used: its table is the one that every reader gets."""
        return used_difficulty(self.difficulties)

    @property
    def shown_exchange(self) -> pl.DataFrame:
        """The exchange in the bins of the used difficulty; no rows where there was none."""
        kind = used_difficulty(self.exchange["difficulty"].unique().to_list())
        return self.exchange.filter(difficulty=kind).sort("source", "ratio", "bin")


# Every query is ordered, so that the same warehouse gives the same bytes of every figure and file.
# The views write 'all' and 0 for what is over all questions: NULL here, as nothing was chosen.
_SQL: Final[Mapping[str, str]] = {
    "accuracy": """
        SELECT strategy, budget, nullif(difficulty, 'all') AS difficulty, nullif(bin, 0) AS bin,
            questions, accuracy, lo, hi, no_answer, truncated, out_of_rounds,
            forced_ends, flops
        FROM accuracy WHERE run_id = $run_id ORDER BY ALL
    """,
    "curve": """
        SELECT difficulty, budget, accuracy, lo, hi, generations, fixed, fixed_accuracy,
            fixed_lo, fixed_hi, ahead, ahead_lo, ahead_hi, adapts
        FROM compute_optimal_curve WHERE run_id = $run_id ORDER BY ALL
    """,
    "policy": """
        SELECT * EXCLUDE (run_id)
        FROM policies WHERE run_id = $run_id ORDER BY difficulty, bin, budget
    """,
    "efficiency": """
        SELECT difficulty, baseline, budget, factor, lo, hi, beyond, net_factor, net_lo, net_hi
        FROM efficiency_factor WHERE run_id = $run_id ORDER BY ALL
    """,
    "costs": """
        SELECT * EXCLUDE (run_id)
        FROM cost_by_role WHERE run_id = $run_id ORDER BY role
    """,
    "failures": """
        SELECT reason, count(*) AS calls
        FROM verifier_failures WHERE run_id = $run_id GROUP BY reason ORDER BY calls DESC
    """,
    "steps": """
        SELECT * EXCLUDE (run_id)
        FROM run_steps WHERE run_id = $run_id
    """,
    "thinking": """
        SELECT
            coalesce(sum(completions), 0)::BIGINT AS completions,
            coalesce(sum(completions) FILTER (verdict = 'still thinking'), 0)::BIGINT
                AS still_thinking
        FROM verdict_counts WHERE run_id = $run_id
    """,
    "missing": """
        SELECT strategy, budget, missing
        FROM completeness WHERE run_id = $run_id AND missing > 0 ORDER BY ALL
    """,
    "changes": """
        SELECT difficulty, bin, budget, version_before, strategy_before, strategy_now, changed,
            accuracy_before, accuracy_now, same_questions, truncated_before, truncated_now,
            no_answer_before, no_answer_now, recommended_before, recommended_now
        FROM policy_changes WHERE run_now = $run_id ORDER BY difficulty, budget, bin
    """,
    "cost_curves": """
        SELECT difficulty, axis, level, at_most, accuracy, lo, hi, cost, baseline_budget,
            baseline_accuracy, gain, gain_lo, gain_hi, factor, factor_lo, factor_hi, beyond
        FROM accuracy_for_cost WHERE run_id = $run_id ORDER BY axis, difficulty, level
    """,
    "cost_policies": """
        SELECT difficulty, axis, level, bin, at_most, strategy, budget, accuracy, lo, hi, cost
        FROM cost_policies WHERE run_id = $run_id ORDER BY axis, difficulty, level, bin
    """,
    "fleet": """
        SELECT * EXCLUDE (run_id)
        FROM allocations WHERE run_id = $run_id ORDER BY difficulty, budget
    """,
    "exchange": """
        SELECT * EXCLUDE (run_id, small_model, benchmark)
        FROM exchange_by_bin WHERE run_id = $run_id ORDER BY difficulty, source, ratio, bin
    """,
}
FRAMES = tuple(_SQL)
"""Fields of a summary that are frames."""

# `runs.family` is NULL in old runs; `run_history` has the model's name in its place. What a run
# calls its benchmark others may call theirs; what `run_history` calls it, nobody else does.
_RUN = """
    SELECT runs.* EXCLUDE (family, benchmark), run_history.family, run_history.benchmark,
        run_history.version, run_history.prefect_run
    FROM runs JOIN run_history USING (run_id) WHERE run_id = $run_id
"""


def load_summary(store: Reader, run_id: str) -> RunSummary:
    """The summary of one run as the views have it.

    UserError when the warehouse does not know the run.
    """
    with still(store) as reader:
        return _load_summary(reader, run_id)


def _load_summary(store: Reader, run_id: str) -> RunSummary:
    rows = store.read(_RUN, run_id=run_id).to_dicts()
    if not rows:
        raise UserError(
            f"run: expected a run of this warehouse, got {run_id!r}; `ttc status` lists them"
        )
    frames: dict[str, Any] = {name: store.read(sql, run_id=run_id) for name, sql in _SQL.items()}
    prefect = rows[0].pop("prefect_run")
    summary = RunSummary(run=rows[0], prefect_run_id=prefect, **frames)
    # With outcomes missing, a difference would be measured on other questions in each cell.
    if summary.missing.height:
        return summary
    return _with_detectable(store, summary)


def _with_detectable(store: Reader, summary: RunSummary) -> RunSummary:
    outcomes = store.read(
        "SELECT question_id, strategy, budget, accuracy, repeats, question_group "
        "FROM run_outcomes JOIN runs USING (run_id) "
        "LEFT JOIN questions USING (benchmark_fingerprint, question_id) WHERE run_id = $run_id",
        run_id=summary.run_id,
    )
    if not outcomes.height:
        return summary
    belongs = outcomes.select("question_id", "question_group").unique()
    baseline = summary.baseline
    mdd = minimum_detectable(outcomes, baseline=baseline, questions=belongs)
    if not summary.difficulties:
        return summary._replace(mdd=mdd)
    placed = store.read(
        "SELECT question_id, bin FROM bins WHERE run_id = $run_id AND difficulty = $kind",
        run_id=summary.run_id,
        kind=summary.used_difficulty,
    )
    of_bins = detectable_by_bin(outcomes, placed.join(belongs, on="question_id"), baseline=baseline)
    return summary._replace(mdd=mdd, mdd_of_bins=of_bins)
