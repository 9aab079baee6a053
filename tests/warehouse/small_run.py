"""A small realistic run, made by code: ten questions, two strategies, three budgets, two versions.

Question q0 … q9; bins 1 (q0, q1) … 5 (q8, q9). What was drawn for them stands in `small_draws`.
"""

from datetime import timedelta
from typing import Any

import polars as pl
from small_draws import (
    DAY,
    QUESTIONS,
    RIGHT,
    Rows,
    bin_of,
    draw_row,
    draws_of,
    question_rows,
    readings_of,
    sampling_rows,
    scores_of,
    verifier_failures_of,
)

from warehouse.schema import tables
from warehouse.store import Store

BUDGETS = (1, 2, 4)
BEAM = "beam_search(m=4)/weighted"
STRATEGIES = ("majority", BEAM)


def frame(table: str, rows: Rows) -> pl.DataFrame:
    """The rows as the table wants them; a column that no row names is NULL."""
    return pl.DataFrame(rows, schema=tables()[table].schema)


def plain_draws(*children: int, text: str = "") -> pl.DataFrame:
    """Whole completions of one prompt, by their index among its children."""
    common = {"prefix_key": "root", "sampling_key": "pool", "replicate": 0, "depth": 0}
    common |= {"step_keys": [], "stop": "end", "role": "proposer", "text": text}
    rows = [
        draw_row("run-a", 1, "q0", child=child, node_key=f"n{child}", **common)
        for child in children
    ]
    return frame("draws", rows)


def fill(store: Store, run: str = "run-a", *, version: int = 1) -> None:
    """Everything that a complete run of model version `version` leaves in the warehouse."""
    for table, rows in rows_of(run, version=version).items():
        store.append(table, frame(table, rows))


def rows_of(run: str, *, version: int) -> dict[str, Rows]:
    """The rows of the run, by table."""
    draws = draws_of(run, version)
    return {
        "model_versions": model_rows(version),
        "questions": question_rows(),
        "runs": [_run(run, version)],
        "run_events": _events(run, version),
        "run_cells": [
            {"run_id": run, "strategy": s, "budget": n} for s in STRATEGIES for n in BUDGETS
        ],
        "run_questions": [{"run_id": run, "question_id": q} for q in QUESTIONS],
        "samplings": sampling_rows(),
        "draws": draws,
        "scores": scores_of(run, draws),
        "verifier_failures": verifier_failures_of(run, draws),
        **readings_of(draws),
        "outcomes": _outcomes(run, version),
        "bins": _bins(run),
        "policies": _policies(run, version),
        "curves": _curves(run),
        "efficiencies": _efficiencies(run),
    }


def model_rows(version: int) -> Rows:
    generator = {
        "model_fingerprint": f"generator-{version}",
        "model": "generator",
        "kind": "generator",
        "parameters": 1000,
        "path": "models/generator",
        "seen_at": DAY + timedelta(days=version),
    }
    verifier = {
        "model_fingerprint": "verifier-1",
        "model": "verifier",
        "kind": "verifier",
        "parameters": 500,
        "path": "models/verifier",
        "seen_at": DAY,
    }
    return [generator, verifier]


def _run(run: str, version: int) -> dict[str, Any]:
    return {
        "run_id": run,
        "study": "nightly",
        "study_json": '{"name": "nightly"}',
        "identity": f"identity-{version}",
        "grader": "1",
        "benchmark": "sums",
        "benchmark_fingerprint": "bench-1",
        "model": "generator",
        "model_fingerprint": f"generator-{version}",
        "verifier": "verifier",
        "verifier_fingerprint": "verifier-1",
        "aggregate": "last",
        "seed": 0,
        "replicate": 0,
        "code_commit": "4e1f2d3",
        "packages_json": '{"vllm": "0.32.0"}',
        "opened_at": DAY + timedelta(days=version),
    }


def _events(run: str, version: int) -> Rows:
    happened = [
        ("opened", None, None),
        ("linked", "prefect:flow-1", None),
        ("stage", "generate", 60.0),
        ("stage", "grade", 3.0),
        ("complete", None, None),
        ("published", None, None),
        ("linked", "mlflow:track-1", None),
    ]
    start = DAY + timedelta(days=version)
    return [
        {
            "run_id": run,
            "event": e,
            "at": start + timedelta(minutes=i),
            "detail": d,
            "seconds": s,
            "cpu_seconds": s,
        }
        for i, (e, d, s) in enumerate(happened)
    ]


def accuracy_of(strategy: str, budget: int, question: str) -> float:
    """The share of right draws; above budget 1 a beam gains a quarter on bins 3 to 5."""
    share = RIGHT[bin_of(question)] / 4
    return (
        min(1.0, share + 0.25)
        if strategy == BEAM and budget > 1 and bin_of(question) > 2
        else share
    )


def _outcomes(run: str, version: int) -> Rows:
    return [
        {
            "run_id": run,
            "strategy": strategy,
            "budget": budget,
            "question_id": q,
            "accuracy": accuracy_of(strategy, budget, q),
            "mc_error": 0.0,
            "answer": None,
            "no_answer": 0.0,
            "truncated": 0.0,
            "out_of_rounds": 0.0 if strategy == BEAM else None,
            "generations": float(budget),
            "generated_tokens": 3.0 * budget,
            "prompt_tokens": 8.0,
            "cached_tokens": 0.0,
            "verifier_tokens": 10.0 * budget * (strategy == BEAM),
            "latency_tokens": 3.0,
            "flops": 6000.0 * budget,
            "money": 0.25 * budget,
            "engine_seconds": 0.5 * budget,
            "latency_seconds": None,
        }
        for strategy in (*STRATEGIES, "pass")
        for budget in BUDGETS
        for q in QUESTIONS
        if (version, strategy, budget, q) != (2, BEAM, 4, "q9")  # version 2 still owes one outcome
    ]


def _bins(run: str) -> Rows:
    return [
        {
            "run_id": run,
            "difficulty": d,
            "question_id": q,
            "value": RIGHT[bin_of(q)] / 4,
            "bin": bin_of(q),
        }
        for d in ("oracle", "predicted")
        for q in QUESTIONS
    ]


def _policies(run: str, version: int) -> Rows:
    """Beam search on bins 3 to 5 above budget 1; version 2 no longer on bin 3."""
    rows: Rows = []
    for difficulty in ("oracle", "predicted"):
        for place in range(1, 6):
            for budget in BUDGETS:
                strategy = BEAM if place > 1 + version and budget > 1 else "majority"
                accuracy = accuracy_of(strategy, budget, f"q{2 * place - 1}")
                rows.append(
                    {
                        "run_id": run,
                        "difficulty": difficulty,
                        "bin": place,
                        "budget": budget,
                        "strategy": strategy,
                        "questions": 2,
                        "accuracy": accuracy,
                        "lo": 0.0,
                        "hi": 1.0,
                        "gain": 0.0,
                        "gain_lo": -0.1,
                        "gain_hi": 0.1,
                        "over_majority": 0.0,
                        "over_majority_lo": -0.1,
                        "over_majority_hi": 0.1,
                        "decided": strategy == BEAM,
                    }
                )
    return rows


def _curves(run: str) -> Rows:
    return [
        {
            "run_id": run,
            "difficulty": d,
            "budget": n,
            "accuracy": 0.55 + 0.05 * (n > 1),
            "lo": 0.4,
            "hi": 0.8,
        }
        for d in ("oracle", "predicted")
        for n in BUDGETS
    ]


def _efficiencies(run: str) -> Rows:
    shared = {"run_id": run, "difficulty": "oracle", "baseline": "weighted"}
    return [
        {**shared, "budget": 1, "factor": 1.0, "lo": None, "hi": None, "beyond": False},
        {**shared, "budget": 2, "factor": 4.21, "lo": 2.1, "hi": 7.9, "beyond": False},
        {**shared, "budget": 4, "factor": 4.0, "lo": 3.0, "hi": None, "beyond": True},
    ]
