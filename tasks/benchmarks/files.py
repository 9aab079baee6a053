"""Questions from files that people have: one JSON object a line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tasks.benchmarks.loaded import LoadedBenchmark, benchmark_of
from tasks.benchmarks.question import Question
from warehouse.errors import UserError

_ID = ("question_id", "id", "unique_id", "idx")
_TEXT = ("question", "problem", "prompt")
_TARGET = ("target", "answer")


def load_jsonl(name: str, *, count: int | None, seed: int) -> LoadedBenchmark:
    """`count` questions (None: all) of the file of that path, its stem being the benchmark's name.

    They are chosen by a hash of seed and id, so a larger count keeps the smaller one's. UserError names a
    bad line, or says that there are not so many questions.
    """
    path = Path(name)
    return benchmark_of(path.stem, _choose(read_jsonl(path), count, seed))


def _choose(questions: list[Question], count: int | None, seed: int) -> list[Question]:
    if count is not None and count > len(questions):
        raise UserError(
            f"study: questions = {count}, but the benchmark has {len(questions)}; "
            "lower it or leave it out"
        )

    def rank(question: Question) -> bytes:
        return hashlib.sha256(f"{seed}|{question.question_id}".encode()).digest()

    return sorted(questions, key=rank)[:count]


def read_jsonl(path: Path) -> list[Question]:
    """Every question of a JSONL file; refuses broken lines, doubled ids and empty targets by line number."""
    if not path.is_file():
        raise UserError(
            f"study: expected benchmark 'congruences' or the path of a JSONL file, got {str(path)!r}"
        )
    questions: dict[str, Question] = {}
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if line.strip():
            question = _question(line, f"{path}:{number}", number)
            if question.question_id in questions:
                raise UserError(
                    f"{path}:{number}: id {question.question_id!r} stands twice; make ids unique"
                )
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
        raise UserError(
            f"{place}: expected a JSON object, got {line[:60]!r}; correct or remove the line"
        )
    return Question(
        question_id=_field(values, _ID, place, default=f"line-{number}"),
        text=_field(values, _TEXT, place),
        target=_target(_field(values, _TARGET, place)),
        level=_level(values.get("level")),
        choices=_texts(values, "choices", place),
        tests=_texts(values, "tests", place),
        group=_text(values["group"]) if values.get("group") is not None else None,
        metadata=_metadata(values.get("metadata"), place),
    )


def _field(
    values: dict[str, Any], names: tuple[str, ...], place: str, *, default: str | None = None
) -> str:
    for name in names:
        value = values.get(name)
        if isinstance(value, (str, int, float)) and str(value).strip():
            return str(value).strip()
    if default is not None:
        return default
    raise UserError(
        f"{place}: expected a non-empty {' or '.join(map(repr, names))}, got keys {sorted(values)}"
    )


def _target(text: str) -> str:
    """The reference answer; of GSM8K's worked answers the part after `####`."""
    return text.rpartition("####")[2].strip()


def _level(value: object) -> int | None:
    digits = "".join(c for c in str(value) if c.isdigit()) if value is not None else ""
    return int(digits) if digits else None


def _texts(values: dict[str, Any], name: str, place: str) -> tuple[str, ...]:
    listed = values.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        raise UserError(f"{place}: expected {name!r} to be a list, got {listed!r}; write [...]")
    return tuple(_text(value) for value in listed)


def _metadata(values: object, place: str) -> dict[str, str]:
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(
            f"{place}: expected 'metadata' to be an object, got {values!r}; write {{...}}"
        )
    return {name: _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    """A text as it is, any other value as JSON writes it."""
    return value if isinstance(value, str) else json.dumps(value)
