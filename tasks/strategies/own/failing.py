"""What goes wrong in a file of the user's own, in one sentence with its line."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from numbers import Integral
from pathlib import Path
from traceback import walk_tb
from typing import Any

from warehouse.errors import UserError


class OwnFailure(UserError):
    """A strategy of the user's own that ended in an error."""

    def __init__(self, place: str, said: str, where: str, advice: str) -> None:
        super().__init__(f"{place} {said} ({where}); {advice}")
        self.place = place
        """`mine.py:12: tree`."""
        self.said = said
        self.where = where
        """The question and budget."""
        self.advice = advice

    def __reduce__(self) -> tuple[Any, ...]:
        """Its parts: errors travel between processes, which make them anew."""
        return type(self), (self.place, self.said, self.where, self.advice)


class Overspent(OwnFailure):
    """A strategy of the user's own that asked for more than its budget, and was stopped there."""


class Refused(Exception):
    """What a tool does not answer, and what to write instead."""

    def __init__(self, said: str, advice: str) -> None:
        super().__init__(said)
        self.said = said
        self.advice = advice


class OverBudget(Refused):
    """A call for more generations than the budget has left."""

    def __init__(self, generations: int) -> None:
        super().__init__(
            f"asked for {generations} generations and was stopped there",
            "ask for at most tools.budget",
        )


def failure(file: str, name: str, where: str, error: BaseException) -> OwnFailure:
    """The sentence on an error of a file's function; `where` names question and budget."""
    place = f"{file}{_line(file, error)}: {name}"
    if isinstance(error, Refused):
        kind = Overspent if isinstance(error, OverBudget) else OwnFailure
        return kind(place, error.said, where, error.advice)
    said = f"{type(error).__name__}: {error}".rstrip(": ")
    return OwnFailure(place, f"failed with {said}", where, "mend the file and run again")


class Failures:
    """What functions of files failed with on the questions of a run: told once, with how often."""

    def __init__(self) -> None:
        self._first: dict[str, OwnFailure] = {}
        self._questions: dict[str, set[str]] = {}

    def add(self, question_id: str, failure: OwnFailure) -> None:
        """Take down one more; those at one line are told together."""
        self._first.setdefault(failure.place, failure)
        self._questions.setdefault(failure.place, set()).add(question_id)

    @contextmanager
    def of(self, question_id: str) -> Generator[None]:
        """Take down a failure on a question in place of raising it."""
        try:
            yield
        except OwnFailure as failure:
            self.add(question_id, failure)

    def raise_all(self, questions: int) -> None:
        """UserError of them all, a line each; nothing where there are none."""
        lines: list[str] = []
        for place, first in self._first.items():
            count = f"on {len(self._questions[place])} of {questions} questions"
            lines.append(f"{place} {first.said} ({first.where}; {count}); {first.advice}")
        if lines:
            raise UserError("\n".join(lines))


def _line(file: str, error: BaseException) -> str:
    """`:12` for the last line of the file that the error passed; empty where it passed none."""
    if isinstance(error, SyntaxError) and _is_of(file, error.filename):
        return f":{error.lineno}"
    lines = [
        line
        for frame, line in walk_tb(error.__traceback__)
        if _is_of(file, frame.f_code.co_filename)
    ]
    return f":{lines[-1]}" if lines else ""


def _is_of(file: str, filename: str | None) -> bool:
    """Whether code that was compiled under this name is of the file, whatever its version."""
    return filename is not None and Path(filename.partition("@")[0]).name == file


def is_count(n: Any) -> bool:
    """Whether it is a whole number of draws."""
    return isinstance(n, Integral) and int(n) >= 0


def no_count(n: Any) -> Refused:
    """What is said of a number of draws that is none."""
    return Refused(f"asked for {n!r} draws", "ask for a whole number, 0 or more")


def kind_of(made: Any) -> str:
    """What a function gave back, in words: `list of 3`, `dict`."""
    name = type(made).__name__
    if isinstance(made, list | tuple):
        return f"{name} of {len(made)}"  # pyright: ignore[reportUnknownArgumentType]
    return name
