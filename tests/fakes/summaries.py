"""A realistic summary made by code, seeded: 5 bins × budgets 1 … 16 × 5 strategies."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl
from summary_costs import (
    cost_curves_table,
    cost_policies_table,
    costs_table,
    efficiency_table,
    exchange_table,
    fleet_table,
    steps_table,
)

from tasks.publication.summary import RunSummary

BUDGETS = (1, 2, 4, 8, 16)
STRATEGIES = (
    "beam_search(m=4)/weighted",
    "beam_search(m=sqrt)/weighted",
    "best_of_n",
    "majority",
    "weighted",
)
EASE = {1: 0.93, 2: 0.62, 3: 0.38, 4: 0.16, 5: 0.05}
SLOPE = {
    "majority": (0.01, 0.05, 0.05, 0.02, 0.00),
    "best_of_n": (-0.02, 0.03, 0.05, 0.06, 0.03),
    "weighted": (0.01, 0.06, 0.07, 0.06, 0.03),
    "beam_search(m=4)/weighted": (-0.01, 0.05, 0.10, 0.11, 0.06),
    "beam_search(m=sqrt)/weighted": (-0.01, 0.05, 0.09, 0.09, 0.05),
    "pass": (0.02, 0.09, 0.13, 0.13, 0.07),
}
QUESTIONS = 60


def summary_of(
    run_id: str = "run-a", *, version: int = 1, seed: int = 0, **changes: Any
) -> RunSummary:
    """A summary as `load_summary` would return it; `changes` replaces fields."""
    accuracy = _accuracy(random.Random(seed))
    policy = _policy(accuracy)
    values: dict[str, Any] = {
        "run": _run(run_id, version),
        "prefect_run_id": "0f9c2a8e-5d1b-4a55-9a39-2f2b3b7f6c11",
        "accuracy": accuracy,
        "curve": _curve(policy),
        "policy": policy,
        "efficiency": efficiency_table(),
        "costs": costs_table(),
        "failures": pl.DataFrame({"reason": ["NaN score"], "calls": [3]}),
        "steps": steps_table(),
        "thinking": pl.DataFrame({"completions": [9600], "still_thinking": [0]}),
        "missing": pl.DataFrame(
            schema={"strategy": pl.String, "budget": pl.Int32, "missing": pl.Int64}
        ),
        "changes": _changes(policy),
        "fleet": fleet_table(),
        "cost_curves": cost_curves_table(),
        "cost_policies": cost_policies_table(),
        "exchange": exchange_table(),
    }
    return RunSummary(**{**values, **changes})


def _run(run_id: str, version: int) -> dict[str, Any]:
    return {
        "run_id": run_id,
        "study": "nightly",
        "study_json": (
            '{"budgets": [1, 2, 4, 8, 16], "generator": {"temperature": 1.0}, "name": "nightly"}'
        ),
        "identity": f"identity-{run_id}",
        "grader": "2+mathematics",
        "benchmark": "congruences",
        "benchmark_fingerprint": "b3c1d0",
        "family": "congruences-generator",
        "model": "bundled/congruences-generator",
        "model_fingerprint": f"a7f3e9{version}",
        "verifier": "bundled/congruences-prm",
        "verifier_fingerprint": "c5d2f1",
        "reviser_fingerprint": None,
        "larger_fingerprint": None,
        "judge_fingerprint": None,
        "aggregate": "last",
        "seed": 0,
        "replicate": 0,
        "code_commit": "4e1f2d3c5b6a79880a1b2c3d4e5f60718293a4b5",
        "packages_json": '{"vllm": "0.32.0", "torch": "2.13.0"}',
        "opened_at": datetime(2026, 11, 10, 2, tzinfo=UTC) + timedelta(days=version),
        "version": version,
    }


def _accuracy(rng: random.Random) -> pl.DataFrame:
    rows: list[dict[str, Any]] = []
    for strategy, slopes in SLOPE.items():
        for step, budget in enumerate(BUDGETS):
            if strategy.startswith("beam") and budget < 4:
                continue
            values = [
                min(max(EASE[b] + slopes[b - 1] * step + rng.uniform(-0.01, 0.01), 0.005), 0.995)
                for b in EASE
            ]
            place = {"strategy": strategy, "budget": budget}
            rows.append(
                {
                    **place,
                    "difficulty": None,
                    "bin": None,
                    **_measurement(sum(values) / 5, 5 * QUESTIONS),
                }
            )
            for difficulty in ("oracle", "predicted"):
                rows += [
                    {
                        **place,
                        "difficulty": difficulty,
                        "bin": b,
                        **_measurement(values[b - 1], QUESTIONS),
                    }
                    for b in EASE
                ]
    return pl.DataFrame(rows, schema_overrides={"difficulty": pl.String, "bin": pl.Int32})


def _measurement(accuracy: float, questions: int) -> dict[str, Any]:
    half = 1.2 * (accuracy * (1 - accuracy) / questions) ** 0.5
    low, high = max(accuracy - half, 0.0), min(accuracy + half, 1.0)
    return {
        "questions": questions,
        "accuracy": accuracy,
        "lo": low,
        "hi": high,
        "no_answer": 0.02 + 0.1 * (1 - accuracy),
        "truncated": 0.01 + 0.02 * (1 - accuracy),
        "out_of_rounds": 0.0,
        "forced_ends": None,
        "flops": 1e9,
    }


def _policy(accuracy: pl.DataFrame) -> pl.DataFrame:
    """The best strategy of every cell; it is decided where it gains more than .04 over majority."""
    rows: list[dict[str, Any]] = []
    binned = accuracy.filter(pl.col("bin").is_not_null() & (pl.col("strategy") != "pass"))
    for (difficulty, bin_, budget), cell in binned.group_by(
        "difficulty", "bin", "budget", maintain_order=True
    ):
        of = {row["strategy"]: row for row in cell.to_dicts()}
        best = max(of.values(), key=lambda row: row["accuracy"])
        decided = best["accuracy"] - of["majority"]["accuracy"] > 0.04
        chosen = best if decided else of["majority"]
        gain = chosen["accuracy"] - of["weighted"]["accuracy"]
        over = chosen["accuracy"] - of["majority"]["accuracy"]
        rows.append(
            {
                "difficulty": difficulty,
                "bin": bin_,
                "budget": budget,
                "strategy": chosen["strategy"],
                "questions": QUESTIONS,
                "accuracy": chosen["accuracy"],
                "lo": chosen["lo"],
                "hi": chosen["hi"],
                "gain": gain,
                "gain_lo": gain - 0.04,
                "gain_hi": gain + 0.04,
                "over_majority": over,
                "over_majority_lo": over - 0.04,
                "over_majority_hi": over + 0.04,
                "over_majority_p": 0.001 if decided else None,
                "p": 0.001 if decided else 0.8,
                "decided": decided,
                "unheld": None,
                "truncated": chosen["truncated"],
                "no_answer": chosen["no_answer"],
                "recommended": True,
            }
        )
    return pl.DataFrame(rows, schema_overrides={"over_majority_p": pl.Float64, "unheld": pl.String})


def _changes(policy: pl.DataFrame) -> pl.DataFrame:
    """The version before named majority everywhere."""
    return policy.select(
        "difficulty",
        "bin",
        "budget",
        version_before=pl.lit(1),
        strategy_before=pl.lit("majority"),
        strategy_now="strategy",
        changed=pl.col("strategy") != "majority",
        accuracy_before=pl.col("accuracy") - 0.01,
        accuracy_now="accuracy",
        same_questions=pl.lit(True),
        truncated_before=pl.lit(None, pl.Float64),
        truncated_now="truncated",
        no_answer_before=pl.lit(None, pl.Float64),
        no_answer_now="no_answer",
        recommended_before=pl.lit(None, pl.Boolean),
        recommended_now="recommended",
    )


def _curve(policy: pl.DataFrame) -> pl.DataFrame:
    mean = (
        policy.group_by("difficulty", "budget")
        .agg(pl.col("accuracy").mean())
        .sort("difficulty", "budget")
    )
    lowered = pl.col("accuracy") - pl.when(pl.col("difficulty") == "predicted").then(
        0.015
    ).otherwise(0.005)
    return mean.with_columns(lowered.alias("accuracy")).with_columns(
        lo=pl.col("accuracy") - 0.03,
        hi=pl.col("accuracy") + 0.03,
        generations=pl.col("budget") + 32.0,
        # At 8 and 16 the policy is ahead of majority for all beyond the interval.
        fixed=pl.lit("majority"),
        fixed_accuracy=pl.col("accuracy") - 0.02,
        fixed_lo=pl.col("accuracy") - 0.05,
        fixed_hi=pl.col("accuracy") + 0.01,
        ahead=pl.lit(0.02),
        ahead_lo=pl.when(pl.col("budget") < 8).then(-0.01).otherwise(0.004),
        ahead_hi=pl.lit(0.05),
        adapts=pl.col("budget") >= 8,
    )
