"""Questions from files that people have: one JSON object a line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tasks.benchmarks.loaded import LoadedBenchmark, benchmark_of
from tasks.benchmarks.question import Question
from warehouse.errors import UserError

# What the benchmarks that people have call these fields; the first that is there counts.
_ID = ("question_id", "id", "unique_id", "idx")
_TEXT = ("question", "problem", "prompt")
_TARGET = ("target", "answer")


def load_jsonl(name: str, *, count: int | None, seed: int) -> LoadedBenchmark:
    """`count` questions (None: all) of the file of that path, its stem being the benchmark's name.

    UserError names a bad line, or says that there are not so many questions.
    """
    path = Path(name)
    return benchmark_of(path.stem, choose(read_jsonl(path), count=count, seed=seed))


def choose(questions: list[Question], *, count: int | None, seed: int) -> list[Question]:
    """`count` of the questions (None: all) by a hash of seed and id: more keep the fewer.

    UserError when there are not so many.
    """
    available = len(questions)
    if count is not None and count > available:
        raise UserError(
            f"study: questions = {count}, but the benchmark has {available}; "
            "lower it or leave it out"
        )

    # A hash, not a shuffle: a question's place does not depend on which others the file holds.
    def rank(question: Question) -> bytes:
        key = f"{seed}|{question.question_id}"
        return hashlib.sha256(key.encode()).digest()

    return sorted(questions, key=rank)[:count]


def read_jsonl(path: Path) -> list[Question]:
    """Every question of a JSONL file; UserError names a broken line, doubled id or empty target."""
    if not path.is_file():
        raise UserError(
            "study: expected benchmark 'congruences' or the path of a JSONL file, "
            f"got {str(path)!r}"
        )
    questions: dict[str, Question] = {}
    # Bytes, so that only line ends count as such: texts may hold other separators of Unicode.
    for number, line in enumerate(path.read_bytes().splitlines(), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        question = _read_question(line, place, number)
        if question.question_id in questions:
            raise UserError(f"{place}: id {question.question_id!r} stands twice; make ids unique")
        questions[question.question_id] = question
    # An empty file is a mistake, not a benchmark of nothing.
    if not questions:
        raise UserError(f"{path}: expected one JSON object a line, the file has none")
    return list(questions.values())


def _read_question(line: bytes, place: str, number: int) -> Question:
    """The question of one line; `place` names the line in what is refused."""
    values = _read_object(line, place)
    return Question(
        question_id=_field(values, _ID, place, default=f"line-{number}"),
        text=_field(values, _TEXT, place),
        target=_target(_field(values, _TARGET, place)),
        level=_level(values.get("level")),
        choices=_texts(values, "choices", place),
        tests=_texts(values, "tests", place),
        group=_group(values),
        metadata=_metadata(values.get("metadata"), place),
    )


def _read_object(line: bytes, place: str) -> dict[str, Any]:
    beginning = repr(line[:60])
    try:
        values = json.loads(line)
    except ValueError as error:
        raise UserError(
            f"{place}: expected a JSON object, got {beginning} ({error}); "
            "correct or remove the line"
        ) from error
    if not isinstance(values, dict):
        raise UserError(
            f"{place}: expected a JSON object, got {beginning}; correct or remove the line"
        )
    return values


def _field(
    values: dict[str, Any], names: tuple[str, ...], place: str, *, default: str | None = None
) -> str:
    """The first of these fields that is there, as text; else the default, if there is one."""
    for name in names:
        value = values.get(name)
        # Some benchmarks write ids and whole-number answers as numbers.
        if not isinstance(value, (str, int, float)):
            continue
        text = str(value).strip()
        if text:
            return text
    if default is not None:
        return default
    wanted = " or ".join(map(repr, names))
    raise UserError(f"{place}: expected a non-empty {wanted}, got keys {sorted(values)}")


def _target(text: str) -> str:
    """The reference answer; of GSM8K's worked answers the part after `####`."""
    _, _, last = text.rpartition("####")
    return last.strip()


def _level(value: object) -> int | None:
    """The level as a number, of `Level 3` the 3; None when there is none."""
    if value is None:
        return None
    digits = [character for character in str(value) if character.isdigit()]
    return int("".join(digits)) if digits else None


def _group(values: dict[str, Any]) -> str | None:
    group = values.get("group")
    if group is None:
        return None
    return _text(group)


def _texts(values: dict[str, Any], name: str, place: str) -> tuple[str, ...]:
    """A list of texts under that name, empty where there is none; anything else is refused."""
    listed = values.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        # A single text would be read letter by letter.
        raise UserError(f"{place}: expected {name!r} to be a list, got {listed!r}; write [...]")
    texts = [_text(value) for value in listed]
    return tuple(texts)


def _metadata(values: object, place: str) -> dict[str, str]:
    """Whatever else the author says of the question, each value as a text."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(
            f"{place}: expected 'metadata' to be an object, got {values!r}; write {{...}}"
        )
    return {name: _text(value) for name, value in values.items()}


def _text(value: object) -> str:
    """A text as it is, any other value as JSON writes it."""
    if isinstance(value, str):
        return value
    return json.dumps(value)
