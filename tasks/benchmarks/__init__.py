"""Benchmarks: the bundled one, and JSONL files."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any, NamedTuple

from tasks.benchmarks import congruences
from tasks.errors import UserError
from tasks.questions import Question

_ID = ("question_id", "id", "unique_id", "idx")
_TEXT = ("question", "problem", "prompt")
_TARGET = ("target", "answer")
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
        short, questions = "congruences-train", congruences.questions("train", count or GENERATED, seed=seed)
    else:
        short, questions = Path(name).stem, _chosen(read_jsonl(Path(name)), count, seed)
    content = json.dumps(sorted((q.question_id, q.text, q.target) for q in questions))
    return Benchmark(short, hashlib.sha256(content.encode()).hexdigest()[:16], questions)


def _chosen(questions: list[Question], count: int | None, seed: int) -> list[Question]:
    if count is not None and count > len(questions):
        raise UserError(f"study: questions = {count}, but the benchmark has {len(questions)}; lower it or leave it out")
    ranked = sorted(questions, key=lambda q: hashlib.sha256(f"{seed}|{q.question_id}".encode()).digest())
    return ranked[:count]


def read_jsonl(path: Path) -> list[Question]:
    """Every question of a JSONL file; refuses broken lines, doubled ids and empty targets by line number."""
    if not path.is_file():
        raise UserError(f"study: expected benchmark 'congruences' or the path of a JSONL file, got {str(path)!r}")
    questions: dict[str, Question] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            question = _question(line, f"{path}:{number}", number)
            if question.question_id in questions:
                raise UserError(f"{path}:{number}: id {question.question_id!r} stands twice; make ids unique")
            questions[question.question_id] = question
    if not questions:
        raise UserError(f"{path}: expected one JSON object a line, the file has none")
    return list(questions.values())


def _question(line: bytes, place: str, number: int) -> Question:
    try:
        values = json.loads(line)
    except ValueError as error:
        raise UserError(
            f"{place}: expected a JSON object, got {line[:60]!r} ({error}); correct or remove the line"
        ) from error
    if not isinstance(values, dict):
        raise UserError(f"{place}: expected a JSON object, got {line[:60]!r}; correct or remove the line")
    return Question(
        question_id=_field(values, _ID, place, default=f"line-{number}"),
        text=_field(values, _TEXT, place),
        target=_target(_field(values, _TARGET, place)),
        level=_level(values.get("level")),
    )


def _field(values: dict[str, Any], names: tuple[str, ...], place: str, *, default: str | None = None) -> str:
    for name in names:
        value = values.get(name)
        if isinstance(value, (str, int, float)) and str(value).strip():
            return str(value).strip()
    if default is not None:
        return default
    raise UserError(f"{place}: expected a non-empty {' or '.join(map(repr, names))}, got keys {sorted(values)}")


def _target(text: str) -> str:
    """The reference answer; of GSM8K's worked answers the part after `####`."""
    return text.rpartition("####")[2].strip()


def _level(value: object) -> int | None:
    digits = "".join(c for c in str(value) if c.isdigit()) if value is not None else ""
    return int(digits) if digits else None
