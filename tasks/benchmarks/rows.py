"""One row of a benchmark file as a question, by the names that people's benchmarks use."""

from __future__ import annotations

import json
import re
from string import ascii_uppercase
from typing import Any

from tasks.benchmarks.question import Question
from warehouse.errors import UserError

# Names as `_plain` writes them: without capitals, spaces and marks. The first that is there counts.
_ID = ("questionid", "id", "uniqueid", "taskid", "recordid", "idx")
_TEXT = ("question", "problem", "prompt", "text")
_TARGET = ("target", "answer", "finalanswer", "answerkey", "correctanswer")
_PLACE = "answerindex"
_CHOICES = ("choices", "options")
_WRONG = re.compile(r"incorrectanswer\d*")
_BOX = re.compile(r"\\boxed\s*\{")
_LEVEL = re.compile(r"(?:level\s*)?([0-9]{1,3})(?:\.0+)?(?:\s*(?:of|/)\s*[0-9]+)?", re.IGNORECASE)

Row = dict[str, Any]
"""A row's values by their plain names."""


def plain_names(values: dict[str, Any]) -> Row:
    """The values by names without capitals, spaces and marks: `Correct Answer`, `answerKey`."""
    row: Row = {}
    for name, value in values.items():
        row.setdefault(re.sub(r"[\W_]", "", name.lower()), value)
    return row


def read_question(row: Row, place: str, number: int) -> Question:
    """The question of one row; `place` names the row in what is refused."""
    choices = _choices(row, place)
    targets = _targets(row, choices, place)
    return Question(
        question_id=_field(row, _ID) or f"line-{number}",
        text=_required(row, _TEXT, place),
        target=targets[0],
        accepted=(*targets[1:], *_texts(row, "accepted", place)),
        level=_level(row.get("level")),
        choices=choices,
        tests=_texts(row, "tests", place),
        group=_group(row),
        metadata=_metadata(row.get("metadata"), place),
    )


def _field(row: Row, names: tuple[str, ...]) -> str | None:
    """The first of these fields that is there, as text; None when all are missing or blank."""
    for name in names:
        # Some benchmarks write ids and whole-number answers as numbers.
        text = _scalar(row.get(name))
        if text:
            return text
    return None


def _scalar(value: object) -> str | None:
    """A text or number as text; None for anything else."""
    if not isinstance(value, (str, int, float)):
        return None
    # 1e3 is a float to JSON: as a target it is the number that it writes.
    is_whole = isinstance(value, float) and value.is_integer()
    return str(int(value) if is_whole else value).strip()


def _required(row: Row, names: tuple[str, ...], place: str) -> str:
    text = _field(row, names)
    if text is not None:
        return text
    wanted = " or ".join(map(repr, names))
    other = next((name for name in names if row.get(name) is not None), None)
    if other is not None and not isinstance(row[other], (str, int, float)):
        kind = type(row[other]).__name__
        raise UserError(f"{place}: expected {other!r} to be a text, got a {kind}; write the text")
    raise UserError(f"{place}: expected a non-empty {wanted}, got keys {sorted(row)}")


def _targets(row: Row, choices: tuple[str, ...], place: str) -> list[str]:
    """The target, and behind it what the row accepts beside it."""
    index = row.get(_PLACE)
    if choices and isinstance(index, int):
        return [_at(choices, index, place)]
    for name in _TARGET:
        value = row.get(name)
        if choices and isinstance(value, int) and not isinstance(value, bool):
            return [_number_of_choice(row, choices, value, place)]
        targets = [target for target in _several(value) if target]
        if targets:
            return targets
    boxed = _boxed(row)
    if boxed:
        return [boxed]
    if "test" in row or "tests" in row:
        # A program has tests, and no answer that is written down.
        return [_field(row, ("canonicalsolution", "code")) or "passes the tests"]
    wanted = _required(row, _TARGET[:3], place)
    raise UserError(f"{place}: expected a non-empty target after ####, got {wanted!r}; write one")


def _several(value: object) -> list[str]:
    """The targets of one field: one, a list of them, or one with aliases."""
    if isinstance(value, list):
        return [text for one in value for text in _several(one)]
    if isinstance(value, dict):
        return [*_several(value.get("value")), *_several(value.get("aliases", []))]
    text = _scalar(value)
    # Of GSM8K's worked answers the part after `####`.
    return [] if text is None else [text.rpartition("####")[2].strip()]


def _at(choices: tuple[str, ...], index: int, place: str) -> str:
    """The letter of the option at a place that is counted from 0."""
    if not 0 <= index < min(len(choices), len(ascii_uppercase)):
        raise UserError(
            f"{place}: expected a place from 0 to {len(choices) - 1} among the options, "
            f"got {index}; correct it, or write the right option as a text"
        )
    return ascii_uppercase[index]


def _number_of_choice(row: Row, choices: tuple[str, ...], value: int, place: str) -> str:
    """What a whole number as target says: an option that is that number, else a place from 0."""
    listed = next((row[name] for name in _CHOICES if name in row), [])
    # Options that are numbers themselves are told from texts by their kind in JSON.
    are_numbers = isinstance(listed, list) and all(isinstance(one, int) for one in listed)
    if are_numbers and str(value) in choices:
        return str(value)
    return _at(choices, value, place)


def _boxed(row: Row) -> str | None:
    r"""What stands in the last `\boxed{…}` of a worked solution: files of MATH have no other."""
    solution = _scalar(row.get("solution")) or ""
    openings = list(_BOX.finditer(solution))
    if not openings:
        return None
    start = openings[-1].end()
    depth = 1
    for end in range(start, len(solution)):
        depth += {"{": 1, "}": -1}.get(solution[end], 0)
        if not depth:
            return solution[start:end].strip()
    return None


def _choices(row: Row, place: str) -> tuple[str, ...]:
    """The options in the file's order; none where the row has none."""
    wrong = [name for name in row if _WRONG.fullmatch(name)]
    right = _scalar(row.get("correctanswer"))
    if wrong and right:
        others = [_scalar(row[name]) or "" for name in wrong]
        return (right, *(other for other in others if other))
    name = next((name for name in _CHOICES if row.get(name)), None)
    if name is None:
        return ()
    listed = row[name]
    if isinstance(listed, dict):
        return _labelled(row, listed, place)
    return tuple(text.strip() for text in _texts(row, name, place))


def _labelled(row: Row, listed: dict[str, Any], place: str) -> tuple[str, ...]:
    """Options under labels, `{"A": …}` or `{"text": […], "label": […]}`; the target's is replaced.

    A label counts as the letter of its place, whether it is written as one or as a number.
    """
    texts, labels = listed.get("text"), listed.get("label")
    if not (isinstance(texts, list) and isinstance(labels, list)):
        labels, texts = list(listed), list(listed.values())
    named = dict(zip(map(str, labels), ascii_uppercase, strict=False))
    for name in _TARGET:
        value = str(row.get(name, "")).strip()
        if value in named:
            row[name] = named[value]
    if len(texts) != len(labels):
        raise UserError(f"{place}: expected one label an option, got {listed!r}; correct the row")
    return tuple(_text(text).strip() for text in texts)


def _level(value: object) -> int | None:
    """The level as a number, of `Level 3` and `3 of 5` the 3; None for whatever is no level."""
    level = _LEVEL.fullmatch(_scalar(value) or "")
    return int(level[1]) if level else None


def _group(row: Row) -> str | None:
    group = row.get("group")
    return None if group is None else _text(group)


def _texts(row: Row, name: str, place: str) -> tuple[str, ...]:
    """A list of texts under that name, empty where there is none; anything else is refused."""
    listed = row.get(name)
    if listed is None:
        return ()
    if not isinstance(listed, list):
        # A single text would be read letter by letter.
        raise UserError(f"{place}: expected {name!r} to be a list, got {listed!r}; write [...]")
    return tuple(_text(value) for value in listed)


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
    return value if isinstance(value, str) else json.dumps(value)
