"""One row of a benchmark file as a question, by the names that people's benchmarks use."""

from __future__ import annotations

import re
from typing import Any

from tasks.benchmarks.question import Question
from tasks.benchmarks.targets import Row, options_of, targets_of, text_of
from warehouse.errors import UserError

# Names as `plain_names` writes them. The first that is there counts.
_ID = ("questionid", "id", "uniqueid", "taskid", "recordid", "idx")
_TEXT = ("question", "problem", "prompt", "text")
_MARKS = re.compile(r"[\W_]")
_LEVEL = re.compile(r"(?:level\s*)?([0-9]{1,3})(?:\.0+)?(?:\s*(?:of|/)\s*[0-9]+)?", re.IGNORECASE)


def plain_names(values: dict[str, Any]) -> Row:
    """The values by names without capitals, spaces and marks: `Correct Answer`, `answerKey`."""
    row: Row = {}
    for name, value in values.items():
        plain = _MARKS.sub("", name.lower())
        # Of two spellings of one name the first counts.
        row.setdefault(plain, value)
    return row


def read_question(row: Row, place: str, number: int) -> Question:
    """The question of one row; `place` names the row in what is refused."""
    options = options_of(row, place)
    target, *others = targets_of(row, options, place)
    accepted = _texts(row, "accepted", place)
    return Question(
        question_id=_field(row, _ID) or f"line-{number}",
        text=_required(row, _TEXT, place),
        target=target,
        accepted=(*others, *accepted),
        level=_level(row.get("level")),
        choices=tuple(options.texts),
        tests=_texts(row, "tests", place),
        group=_group(row),
        metadata=_metadata(row.get("metadata"), place),
    )


def _field(row: Row, names: tuple[str, ...]) -> str | None:
    """The first of these fields that is there, as text; None when all are missing or blank."""
    for name in names:
        value = row.get(name)
        # Some benchmarks write ids as numbers.
        if not isinstance(value, (str, int, float)):
            continue
        text = str(value).strip()
        if text:
            return text
    return None


def _required(row: Row, names: tuple[str, ...], place: str) -> str:
    text = _field(row, names)
    if text is not None:
        return text
    for name in names:
        value = row.get(name)
        if isinstance(value, (list, dict)):
            kind = type(value).__name__
            raise UserError(
                f"{place}: expected {name!r} to be a text, got a {kind}; write the text"
            )
    wanted = " or ".join(map(repr, names))
    raise UserError(
        f"{place}: expected a non-empty {wanted}, got keys {sorted(row)}; rename one or add it"
    )


def _level(value: object) -> int | None:
    """The level as a number, of `Level 3` and `3 of 5` the 3; None for whatever is no level."""
    written = str(value).strip()
    level = _LEVEL.fullmatch(written)
    return int(level[1]) if level else None


def _group(row: Row) -> str | None:
    group = row.get("group")
    if group is None:
        return None
    return text_of(group)


def _texts(row: Row, name: str, place: str) -> tuple[str, ...]:
    """A list of texts under that name, empty where there is none; anything else is refused."""
    listed = row.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        # A single text would be read letter by letter.
        raise UserError(f"{place}: expected {name!r} to be a list, got {listed!r}; write [...]")
    texts = [text_of(value) for value in listed]
    return tuple(texts)


def _metadata(values: object, place: str) -> dict[str, str]:
    """Whatever else the author says of the question, each value as a text."""
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise UserError(
            f"{place}: expected 'metadata' to be an object, got {values!r}; write {{...}}"
        )
    return {name: text_of(value) for name, value in values.items()}
