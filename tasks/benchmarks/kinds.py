"""What kind of answer a benchmark has: the study's word, else its file's, else a guess."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tasks.benchmarks.question import Question
from warehouse.errors import UserError

SECONDS = 10.0
"""What a user's command may take for one answer, unless somebody says otherwise."""

_AMOUNT = r"[-+−]?\s?[$€£]?\s?(?:\d{1,3}(?:,\d{3})+|\d+)?(?:\.\d+)?"
_PLAIN_NUMBER = re.compile(rf"{_AMOUNT}(?:/[1-9]\d*)?\s?%?")
_WORDS = re.compile(r"(?=.*[^\W\d_]{2})[^\W\d_]+(?:[ '’.,-]+[^\W\d_]+)*[.!?]?")
"""Words and nothing else: no digit, no sign, not letters alone."""

_HEADER = {"answer": str, "command": list, "seconds": (int, float), "shuffle": int}
"""What the header of a file may say, and as what."""


@dataclass(frozen=True, slots=True)
class AnswerKind:
    """A kind of answer, and who says that the benchmark's answers are of it."""

    grader: str = "math"
    """Its name in `tasks.grading.graders.GRADERS`."""
    why: str = "what is not said to be anything else is mathematics"
    command: tuple[str, ...] = ()
    """Words of the command that gives the verdicts; of kind `command` alone."""
    seconds: float = SECONDS
    """What that command may take for one answer."""

    def beside(self, folder: Path) -> AnswerKind:
        """The same, its command's words that name files in the folder written as their paths."""
        return dataclasses.replace(self, command=with_paths(self.command, folder))


@dataclass(frozen=True, slots=True)
class Header:
    """What a file's first line says of all its rows: `{"ttc": {"answer": "choice"}}`."""

    kind: AnswerKind | None = None
    """None: it does not say."""
    shuffle: int | None = None
    """Seed by which the options of every question are put into an order."""


def with_paths(command: tuple[str, ...], folder: Path) -> tuple[str, ...]:
    """A command's words, those that name files in the folder written as their paths."""
    return tuple(str(folder / word) if (folder / word).is_file() else word for word in command)


def read_header(values: object, place: str) -> Header:
    """The header of what stands under `ttc`; UserError names the key that is wrong."""
    if not isinstance(values, dict):
        raise UserError(f'{place}: expected {{"ttc": {{"answer": …}}}}, got {values!r}; write that')
    for key, value in values.items():
        wanted = _HEADER.get(key, ())
        # A bool is an int to Python.
        if not isinstance(value, wanted) or isinstance(value, bool):
            raise UserError(
                f"{place}: expected of a header answer (text), command (list of words), seconds "
                f"(number) and shuffle (whole number), got {key} = {value!r}; correct it"
            )
    return Header(_kind_of(values, place), values.get("shuffle"))


def _kind_of(values: dict[str, Any], place: str) -> AnswerKind | None:
    answer = values.get("answer")
    listed = values.get("command", ())
    command = tuple(str(word) for word in listed)
    seconds = float(values.get("seconds", SECONDS))
    check_answer(place, answer, command, seconds)
    if answer is None:
        return None
    why = "the file's header says so"
    return AnswerKind(answer, why, command, seconds)


def check_answer(place: str, answer: str | None, command: tuple[str, ...], seconds: float) -> None:
    """UserError where the kind `command` has no words, or another kind has some."""
    if bool(command) != (answer == "command"):
        raise UserError(
            f"{place}: expected a command where the answer's kind is 'command', and nowhere else, "
            f"got kind {answer!r} and command {list(command)}; change one of them"
        )
    if not seconds > 0:
        raise UserError(
            f"{place}: expected seconds above 0 for an answer, got {seconds:g}; "
            f"leave it out for {SECONDS:g}"
        )


def guess_kind(questions: Sequence[Question], name: str) -> AnswerKind:
    """The kind that all rows of a file look like; mathematics where they look like nothing else."""
    count = f"{len(questions):,}"
    if any(question.tests for question in questions):
        return AnswerKind("code", f"{name} has tests that an answer must pass")
    if any(question.choices for question in questions):
        return AnswerKind("choice", f"{name} has answers to choose from")
    targets: list[str] = []
    for question in questions:
        targets += question.targets
    others = [target for target in targets if not _is_number(target)]
    if not others:
        return AnswerKind("number", f"the targets of all {count} questions are plain numbers")
    # Words among numbers, or beside formulas, are read as mathematics reads them.
    if all(_WORDS.fullmatch(target) for target in targets):
        return AnswerKind("text", f"the targets of all {count} questions are words alone")
    seen = others[0][:40]
    return AnswerKind("math", f"not all targets are plain numbers or words, e.g. {seen!r}")


def _is_number(target: str) -> bool:
    # The pattern alone would take a bare sign, for every part of it may be missing.
    has_digits = any(map(str.isdigit, target))
    return has_digits and _PLAIN_NUMBER.fullmatch(target) is not None
