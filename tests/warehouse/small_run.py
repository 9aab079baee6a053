"""A small realistic run, made by code: ten questions, two strategies, three budgets, two versions.

Question q0 … q9; bins 1 (q0, q1) … 5 (q8, q9). Of a question's four pool draws, four are right in
bins 1 and 2, two in bin 3, one in bin 4, none in bin 5; each completion has two steps. q0 also has
a beam: two first steps, one continued.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

import polars as pl

from warehouse.schema import tables
from warehouse.store import Store

DAY = datetime(2026, 11, 20, 2, tzinfo=UTC)
BUDGETS = (1, 2, 4)
BEAM = "beam_search(m=4)/weighted"
STRATEGIES = ("majority", BEAM)
QUESTIONS = tuple(f"q{i}" for i in range(10))
RIGHT = {1: 4, 2: 4, 3: 2, 4: 1, 5: 0}
POOL, STEPWISE = "sampling-pool", "sampling-step"


def frame(table: str, rows: list[dict[str, Any]]) -> pl.DataFrame:
    """The rows as the table wants them; a column that no row names is NULL."""
    return pl.DataFrame(rows, schema=tables()[table].schema)


def key(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def bin_of(question: str) -> int:
    return int(question[1:]) // 2 + 1


def fill(store: Store, run: str = "run-a", *, version: int = 1) -> None:
    """Everything that a complete run of model version `version` leaves in the warehouse."""
    for table, rows in rows_of(run, version=version).items():
        store.append(table, frame(table, rows))


def rows_of(run: str, *, version: int) -> dict[str, list[dict[str, Any]]]:
    draws = _draws(run, version)
    return {
        "model_versions": _models(version),
        "questions": _questions(),
        "runs": [_run(run, version)],
        "run_events": _events(run, version),
        "run_cells": [
            {"run_id": run, "strategy": s, "budget": n} for s in STRATEGIES for n in BUDGETS
        ],
        "run_questions": [{"run_id": run, "question_id": q} for q in QUESTIONS],
        "samplings": _samplings(),
        "draws": draws,
        "scores": _scores(run, draws),
        "verifier_failures": _failures(run, draws),
        **_readings(draws),
        "outcomes": _outcomes(run, version),
        "bins": _bins(run),
        "policies": _policies(run, version),
        "curves": _curves(run),
        "efficiencies": _efficiencies(run),
    }


def _models(version: int) -> list[dict[str, Any]]:
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


def _questions() -> list[dict[str, Any]]:
    return [
        {
            "benchmark_fingerprint": "bench-1",
            "question_id": q,
            "benchmark": "sums",
            "question": f"{q}: 1 + {{i}} = ?",
            "target": str(1 + i),
            "level": bin_of(q),
        }
        for i, q in enumerate(QUESTIONS)
    ]


def _run(run: str, version: int) -> dict[str, Any]:
    return {
        "run_id": run,
        "study": "nightly",
        "study_json": '{"name": "nightly"}',
        "identity": f"identity-{version}",
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


def _events(run: str, version: int) -> list[dict[str, Any]]:
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


def _samplings() -> list[dict[str, Any]]:
    law = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_tokens": 64}
    return [
        {"sampling_key": POOL, "until": "end", **law},
        {"sampling_key": STEPWISE, "until": "step", **law},
    ]


def _draws(run: str, version: int) -> list[dict[str, Any]]:
    pools = [
        _whole(run, version, q, role=role, child=i)
        for q in QUESTIONS
        for role in ("proposer", "difficulty")
        for i in range(4)
    ]
    return pools + _beam(run, version)


def _draw(run: str, version: int, question: str, **rest: Any) -> dict[str, Any]:
    shared = {
        "model_fingerprint": f"generator-{version}",
        "benchmark_fingerprint": "bench-1",
        "question_id": question,
        "run_id": run,
        "token_ids": [1, 2, 3],
        "generated_tokens": 3,
        "drawn_at": DAY + timedelta(days=version),
    }
    first = rest["child"] == 0
    return (
        shared
        | {"prompt_tokens": 8 * first, "cached_tokens": 2 * first, "requests": int(first)}
        | rest
    )


def _whole(run: str, version: int, question: str, *, role: str, child: int) -> dict[str, Any]:
    """A completion in one piece; its last line is right for the first `RIGHT[bin]` children."""
    right = child < RIGHT[bin_of(question)]
    answer = 1 + int(question[1:]) if right else -1
    steps = [key(version, question, role, child, place) for place in (1, 2)]
    return _draw(
        run,
        version,
        question,
        prefix_key=key("root", question),
        sampling_key=POOL,
        replicate=int(role == "difficulty"),
        child=child,
        node_key=steps[-1],
        step_keys=steps,
        depth=0,
        text=f"I add.\nAnswer: {answer}",
        stop="end",
        role=role,
    )


def _beam(run: str, version: int) -> list[dict[str, Any]]:
    """Two first steps of q0 and the continuation of the first: 'I add slowly.' then 'Answer: 1'."""
    first, other, last = (key(version, "beam", place) for place in ("first", "other", "last"))
    shared = {"sampling_key": STEPWISE, "replicate": 0, "role": "proposer"}
    root = key("root", "q0")
    return [
        _draw(
            run,
            version,
            "q0",
            prefix_key=root,
            child=0,
            node_key=first,
            step_keys=[first],
            depth=0,
            text="I add slowly.\n",
            stop="step",
            **shared,
        ),
        _draw(
            run,
            version,
            "q0",
            prefix_key=root,
            child=1,
            node_key=other,
            step_keys=[other],
            depth=0,
            text="I guess.\n",
            stop="step",
            **shared,
        ),
        _draw(
            run,
            version,
            "q0",
            prefix_key=first,
            child=0,
            node_key=last,
            step_keys=[last],
            depth=1,
            text="Answer: 1",
            stop="end",
            **shared,
        ),
    ]


def _scores(run: str, draws: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """0.5 for a first step; 0.9 for a right last one, else 0.1; none for the last draw of q9."""
    return [
        {
            "verifier_fingerprint": "verifier-1",
            "node_key": node,
            "benchmark_fingerprint": "bench-1",
            "question_id": draw["question_id"],
            "score": _score(draw, node),
            "run_id": run,
            "tokens": 5 * place,
            "requests": int(node == draw["node_key"]),
            "scored_at": DAY,
        }
        for draw in draws
        for place, node in enumerate(draw["step_keys"], start=1)
        if not _failed(draw)
    ]


def _score(draw: dict[str, Any], node: str) -> float:
    if node != draw["node_key"] or draw["stop"] == "step":
        return 0.5
    return 0.1 if "-1" in draw["text"] else 0.9


def _failed(draw: dict[str, Any]) -> bool:
    return draw["question_id"] == "q9" and draw["child"] == 3


def _failures(run: str, draws: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [
        {
            "run_id": run,
            "verifier_fingerprint": "verifier-1",
            "node_key": draw["node_key"],
            "question_id": draw["question_id"],
            "reason": "NaN score",
            "failed_at": DAY,
        }
        for draw in draws
        if _failed(draw)
    ]


def _readings(draws: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The answers of the ended completions and the grades of their distinct values."""
    ended = [draw for draw in draws if draw["stop"] == "end"]
    place = {"benchmark_fingerprint": "bench-1"}
    answers = [
        {
            **place,
            "node_key": d["node_key"],
            "question_id": d["question_id"],
            "answer": a,
            "canonical": a,
        }
        for d in ended
        for a in [d["text"].rsplit(" ", 1)[-1]]
    ]
    distinct = sorted({(row["question_id"], row["canonical"]) for row in answers})
    grades = [
        {
            **place,
            "question_id": q,
            "canonical": a,
            "grader": "1",
            "verdict": "wrong" if a == "-1" else "correct",
        }
        for q, a in distinct
    ]
    return {"answers": answers, "grades": grades}


def accuracy_of(strategy: str, budget: int, question: str) -> float:
    """The share of right draws; above budget 1 a beam gains a quarter on bins 3 to 5."""
    share = RIGHT[bin_of(question)] / 4
    return (
        min(1.0, share + 0.25)
        if strategy == BEAM and budget > 1 and bin_of(question) > 2
        else share
    )


def _outcomes(run: str, version: int) -> list[dict[str, Any]]:
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
            "generations": float(budget),
            "generated_tokens": 3.0 * budget,
            "prompt_tokens": 8.0,
            "verifier_tokens": 10.0 * budget * (strategy == BEAM),
            "flops": 6000.0 * budget,
        }
        for strategy in (*STRATEGIES, "pass")
        for budget in BUDGETS
        for q in QUESTIONS
        if (version, strategy, budget, q) != (2, BEAM, 4, "q9")  # version 2 still owes one outcome
    ]


def _bins(run: str) -> list[dict[str, Any]]:
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


def _policies(run: str, version: int) -> list[dict[str, Any]]:
    """Beam search on bins 3 to 5 above budget 1; version 2 no longer on bin 3."""
    rows: list[dict[str, Any]] = []
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


def _curves(run: str) -> list[dict[str, Any]]:
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


def _efficiencies(run: str) -> list[dict[str, Any]]:
    shared = {"run_id": run, "difficulty": "oracle", "baseline": "weighted"}
    return [
        {**shared, "budget": 1, "factor": 1.0, "lo": None, "hi": None, "beyond": False},
        {**shared, "budget": 2, "factor": 4.21, "lo": 2.1, "hi": 7.9, "beyond": False},
        {**shared, "budget": 4, "factor": 4.0, "lo": 3.0, "hi": None, "beyond": True},
    ]
