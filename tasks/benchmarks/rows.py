"""One row of a benchmark file as a question, by the names that people's benchmarks use."""

from __future__ import annotations

import re

from tasks.benchmarks.messages import asked_in, is_conversation
from tasks.benchmarks.names import NAMES, Row, scalar, text_of, unfolded, values_of
from tasks.benchmarks.options import options_of
from tasks.benchmarks.question import Question
from tasks.benchmarks.targets import targets_of
from warehouse.errors import UserError

_LEVEL = re.compile(r"(?:level\s*)?([0-9]{1,3})(?:\.0+)?(?:\s*(?:of|/)\s*[0-9]+)?", re.IGNORECASE)


def read_question(row: Row, place: str, number: int) -> Question:
    """The question of one row; `place` names the row in what is refused."""
    options = options_of(row, place)
    target, *others = targets_of(row, options, place)
    accepted = _texts(row, "accepted", place)
    level = _first(row, "level")
    group = _first(row, "group")
    return Question(
        question_id=_text(row, "id") or f"line-{number}",
        text=_asked(row, place),
        target=target,
        accepted=(*others, *accepted),
        level=_level(level),
        choices=tuple(options.texts),
        tests=_texts(row, "tests", place),
        group=None if group is None else text_of(group),
        metadata=_metadata(_first(row, "metadata"), place),
    )


def _first(row: Row, part: str) -> object:
    """The first value that the row has of a part; None: it has none."""
    return next((value for _, value in values_of(row, part)), None)


def _text(row: Row, part: str) -> str | None:
    """The first text of a part that is not blank; None: the row has none."""
    # Some benchmarks write ids as numbers.
    for _, value in values_of(row, part):
        text = scalar(value)
        if text:
            return text
    return None


def _asked(row: Row, place: str) -> str:
    """What is asked, behind the passage that it is about."""
    question = _question(row, place)
    context = _text(row, "context")
    # Of rows with nothing but an instruction that is the question.
    return f"{context}\n\n{question}" if context and context != question else question


def _question(row: Row, place: str) -> str:
    listed: list[str] = []
    # Of several names the first that holds something counts: a blank one is no question.
    for name, value in values_of(row, "question"):
        content = unfolded(value)
        if is_conversation(content):
            return asked_in(content, place)
        text = scalar(value)
        if text:
            return text
        if isinstance(value, (list, dict)):
            listed.append(f"{name!r} to be a text, got a {type(value).__name__}; write the text")
    if listed:
        raise UserError(f"{place}: expected {listed[0]}")
    wanted = " or ".join(map(repr, NAMES["question"][:3]))
    raise UserError(
        f"{place}: expected a non-empty {wanted}, got keys {sorted(row)}; rename one or add it, "
        "or name it in the study: columns = { question = … }"
    )


def _level(value: object) -> int | None:
    """The level as a number, of `Level 3` and `3 of 5` the 3; None for whatever is no level."""
    written = str(value).strip()
    level = _LEVEL.fullmatch(written)
    return int(level[1]) if level else None


def _texts(row: Row, part: str, place: str) -> tuple[str, ...]:
    """A list of texts under that name, empty where there is none; anything else is refused."""
    listed = unfolded(_first(row, part))
    if listed is None:
        return ()
    if not isinstance(listed, list):
        # A single text would be read letter by letter.
        raise UserError(f"{place}: expected {part!r} to be a list, got {listed!r}; write [...]")
    texts = [text_of(value) for value in listed]
    return tuple(texts)


def _metadata(written: object, place: str) -> dict[str, str]:
    """Whatever else the author says of the question, each value as a text."""
    values = unfolded(written)
    if values is None or values == "":
        return {}
    # SimpleQA writes it as a text in which an object stands.
    if isinstance(values, str):
        return {"metadata": values}
    if not isinstance(values, dict):
        raise UserError(
            f"{place}: expected 'metadata' to be an object, got {values!r}; write {{...}}"
        )
    return {str(name): text_of(value) for name, value in values.items()}
