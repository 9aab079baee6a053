"""A realistic summary made by code, seeded: 5 bins × budgets 1 … 16 × 5 strategies."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

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
        "efficiency": _efficiency(),
        "costs": _costs(),
        "failures": pl.DataFrame({"reason": ["NaN score"], "calls": [3]}),
        "missing": pl.DataFrame(
            schema={"strategy": pl.String, "budget": pl.Int32, "missing": pl.Int64}
        ),
        "changes": _changes(policy),
        "fleet": _fleet(),
        "cost_curves": _cost_curves(),
        "exchange": _exchange(),
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
        "benchmark": "congruences",
        "benchmark_fingerprint": "b3c1d0",
        "model": "bundled/congruences-generator",
        "model_fingerprint": f"a7f3e9{version}",
        "verifier": "bundled/congruences-prm",
        "verifier_fingerprint": "c5d2f1",
        "reviser_fingerprint": None,
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
    )


def _efficiency() -> pl.DataFrame:
    table = [
        (1, 1.0, 0.9, 1.1, False),
        (4, 2.6, 1.7, 3.9, False),
        (8, 2.0, 1.5, None, False),
        (16, 1.0, None, None, True),
    ]
    rows = [
        {
            "difficulty": d,
            "baseline": "weighted",
            "budget": n,
            "factor": f,
            "lo": lo,
            "hi": hi,
            "beyond": beyond,
            "net_factor": f * n / (n + 32),
            "net_lo": None if lo is None else lo * n / (n + 32),
            "net_hi": None if hi is None else hi * n / (n + 32),
        }
        for d in ("oracle", "predicted")
        for n, f, lo, hi, beyond in table
    ]
    ends = ("lo", "hi", "net_lo", "net_hi")
    return pl.DataFrame(rows, schema_overrides=dict.fromkeys(ends, pl.Float64))


def _costs() -> pl.DataFrame:
    return pl.DataFrame(
        {
            "role": ["difficulty", "proposer", "verifier"],
            "generations": [9600, 14210, None],
            "generated_tokens": [412_000, 506_221, None],
            "prompt_tokens": [9_600, 120_004, None],
            "verifier_tokens": [None, None, 1_530_000],
            "flops": [8.2e11, 1.2e12, 3.1e12],
        }
    )


def _cost_curves() -> pl.DataFrame:
    """FLOPs and seconds at doublings 0 … 6 of a plain completion.

    The probe affords nothing below the third, the baseline nothing at none.
    """
    rows = [
        {
            "difficulty": kind,
            "axis": axis,
            "level": doubling,
            "at_most": one * 2.0**doubling,
            "accuracy": 0.4 + 0.05 * doubling,
            "lo": 0.37 + 0.05 * doubling,
            "hi": 0.43 + 0.05 * doubling,
            "cost": 0.9 * one * 2.0**doubling,
            "baseline_budget": 2 ** (doubling - 1) if doubling else None,
            "baseline_accuracy": 0.33 + 0.05 * doubling if doubling else None,
            "gain": 0.07 if doubling else None,
            "gain_lo": 0.04 if doubling else None,
            "gain_hi": 0.1 if doubling else None,
        }
        for axis, one in (("flops", 7.4e7), ("seconds", 0.05))
        for kind, first in (("oracle", 0), ("predicted", 0), ("probe", 3))
        for doubling in range(first, 7)
    ]
    return pl.DataFrame(rows)


def _fleet() -> pl.DataFrame:
    rows = [
        {
            "difficulty": kind,
            "budget": n,
            "spent": float(n),
            "uniform": 0.5,
            "accuracy": 0.52,
            "gain": 0.02,
            "gain_lo": -0.01,
            "gain_hi": 0.05,
            "bin_budgets": [1.0, 1.0, float(n), 2.0 * n, 2.0 * n - 1],
        }
        for kind in ("oracle", "predicted")
        for n in (4, 16)
    ]
    return pl.DataFrame(rows)


def _exchange() -> pl.DataFrame:
    """Two ratios by both kinds of difficulty; behind on the hardest bin."""
    rows = [
        {
            "large_model": "bundled/congruences-large",
            "difficulty": kind,
            "source": "study",
            "parameter_ratio": 14.0,
            "ratio": ratio,
            "multiple": 14 + 39 / ratio,
            "bin": b,
            "budget": 16,
            "questions": 300 if b == 0 else 60,
            "alone": 0.5,
            "small": 0.6,
            "large": 0.6 - gain,
            "difference": gain,
            "lo": gain - 0.05,
            "hi": gain + 0.05,
            "relative": gain / (0.6 - gain),
            "verdict": "ahead" if gain > 0.05 else "behind",
        }
        for kind in ("oracle", "predicted")
        for ratio in (0.16, 22.0)
        for b, gain in enumerate((0.06, 0.1, 0.2, 0.1, 0.06, -0.1))
    ]
    return pl.DataFrame(rows)
