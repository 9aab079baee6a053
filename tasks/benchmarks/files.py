"""Questions from files that people have: one JSON object a line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from tasks.benchmarks.question import Question
from warehouse.errors import UserError

_ID = ("question_id", "id", "unique_id", "idx")
_TEXT = ("question", "problem", "prompt")
_TARGET = ("target", "answer")


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
