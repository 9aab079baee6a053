"""Benchmarks: the bundled one, and JSONL files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import NamedTuple

from tasks.benchmarks import congruences
from tasks.benchmarks.files import read_jsonl
from tasks.benchmarks.question import Question
from warehouse.errors import UserError

TRAINING = "congruences/train"
GENERATED = 500
"""Questions of a generated benchmark when a study does not say how many."""


class Benchmark(NamedTuple):
    """The questions of a study and the fingerprint of their content."""

    name: str
    fingerprint: str
    questions: list[Question]


def load_benchmark(name: str, *, count: int | None, seed: int) -> Benchmark:
    """`count` questions (None: all) of the bundled benchmark or of a JSONL file; UserError names a bad line.

    `congruences` are its test questions, the same for every seed; `congruences/train` are questions to learn from,
    others for every seed. Of a file the questions are chosen by a hash of seed and id, so a larger count keeps the
    smaller one's.
    """
    if name == "congruences":
        short, questions = name, congruences.questions("test", count or GENERATED)
    elif name == TRAINING:
        short, questions = (
            "congruences-train",
            congruences.questions("train", count or GENERATED, seed=seed),
        )
    else:
        short, questions = Path(name).stem, _chosen(read_jsonl(Path(name)), count, seed)
    content = json.dumps(sorted((q.question_id, q.text, q.target) for q in questions))
    return Benchmark(short, hashlib.sha256(content.encode()).hexdigest()[:16], questions)


def _chosen(questions: list[Question], count: int | None, seed: int) -> list[Question]:
    if count is not None and count > len(questions):
        raise UserError(
            f"study: questions = {count}, but the benchmark has {len(questions)}; lower it or leave it out"
        )
    ranked = sorted(
        questions, key=lambda q: hashlib.sha256(f"{seed}|{q.question_id}".encode()).digest()
    )
    return ranked[:count]
