"""What the small run's model wrote and its verifier scored: the rows, made by code.

Of a question's four pool draws, four are right in bins 1 and 2, two in bin 3, one in bin 4, none in
bin 5; each completion has two steps. q0 also has a beam: two first steps, one continued.
"""

import hashlib
from datetime import UTC, datetime, timedelta
from typing import Any

DAY = datetime(2026, 11, 20, 2, tzinfo=UTC)
QUESTIONS = tuple(f"q{i}" for i in range(10))
RIGHT = {1: 4, 2: 4, 3: 2, 4: 1, 5: 0}
POOL, STEPWISE = "sampling-pool", "sampling-step"
Rows = list[dict[str, Any]]


def bin_of(question: str) -> int:
    return int(question[1:]) // 2 + 1


def key(*parts: object) -> str:
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()[:32]


def question_rows() -> Rows:
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


def sampling_rows() -> Rows:
    law = {"temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_tokens": 64}
    return [
        {"sampling_key": POOL, "until": "end", **law},
        {"sampling_key": STEPWISE, "until": "step", **law},
    ]


def draws_of(run: str, version: int) -> Rows:
    pools = [
        _whole(run, version, q, role=role, child=i)
        for q in QUESTIONS
        for role in ("proposer", "difficulty")
        for i in range(4)
    ]
    return pools + _beam(run, version)


def draw_row(run: str, version: int, question: str, **rest: Any) -> dict[str, Any]:
    first = rest["child"] == 0  # one request draws all siblings: its price stands on the first
    shared = {
        "model_fingerprint": f"generator-{version}",
        "benchmark_fingerprint": "bench-1",
        "question_id": question,
        "run_id": run,
        "token_ids": [1, 2, 3],
        "generated_tokens": 3,
        "thinking_tokens": None,
        "thinking_steps": None,
        "longest_step": 2,
        "drawn_at": DAY + timedelta(days=version),
        "prompt_tokens": 8 * first,
        "cached_tokens": 2 * first,
        "requests": int(first),
    }
    return shared | rest


def _whole(run: str, version: int, question: str, *, role: str, child: int) -> dict[str, Any]:
    """A completion in one piece; its last line is right for the first `RIGHT[bin]` children."""
    right = child < RIGHT[bin_of(question)]
    answer = 1 + int(question[1:]) if right else -1
    steps = [key(version, question, role, child, place) for place in (1, 2)]
    return draw_row(
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


def _beam(run: str, version: int) -> Rows:
    """Two first steps of q0 and the continuation of the first: 'I add slowly.' then 'Answer: 1'."""
    first, other, last = (key(version, "beam", place) for place in ("first", "other", "last"))
    shared = {"sampling_key": STEPWISE, "replicate": 0, "role": "proposer"}
    steps = [
        (key("root", "q0"), 0, first, 0, "I add slowly.\n", "step"),
        (key("root", "q0"), 1, other, 0, "I guess.\n", "step"),
        (first, 0, last, 1, "Answer: 1", "end"),
    ]
    return [
        draw_row(
            run,
            version,
            "q0",
            prefix_key=prefix,
            child=child,
            node_key=node,
            step_keys=[node],
            depth=depth,
            text=text,
            stop=stop,
            **shared,
        )
        for prefix, child, node, depth, text, stop in steps
    ]


def scores_of(run: str, draws: Rows) -> Rows:
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


def verifier_failures_of(run: str, draws: Rows) -> Rows:
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


def readings_of(draws: Rows) -> dict[str, Rows]:
    """The answers of the ended completions and the grades of their distinct values."""
    ended = [draw for draw in draws if draw["stop"] == "end"]
    place = {"benchmark_fingerprint": "bench-1"}
    answers = [
        {
            **place,
            "node_key": d["node_key"],
            "question_id": d["question_id"],
            "grader": "1",
            "answer": a,
            "canonical": a,
            "class": None,
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
