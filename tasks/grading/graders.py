"""The graders by the names of the kinds of answers that they judge."""

from __future__ import annotations

from collections.abc import Callable

from tasks.benchmarks.kinds import AnswerKind
from tasks.grading.choice_grader import ChoiceGrader
from tasks.grading.code.grader import CodeGrader
from tasks.grading.command_grader import CommandGrader
from tasks.grading.math_grader import MathGrader
from tasks.grading.number_grader import NumberGrader
from tasks.grading.pattern_grader import PatternGrader
from tasks.grading.text_grader import TextGrader
from tasks.protocols import Grader
from warehouse.errors import UserError

GRADERS: dict[str, Callable[[], Grader]] = {
    "math": MathGrader,
    "number": NumberGrader,
    "choice": ChoiceGrader,
    "text": TextGrader,
    "pattern": PatternGrader,
    "code": CodeGrader,
}
"""To add one: a class with the methods of `tasks.protocols.Grader`, and its name here."""

_COMMAND = "command"
"""The kind whose grader is the user's own program: it needs to know which."""


def known_kinds() -> list[str]:
    """The names of all kinds of answers."""
    return sorted([*GRADERS, _COMMAND])


def make_grader(kind: AnswerKind) -> Grader:
    """The grader of a kind of answer, which has started nothing yet; UserError lists the kinds."""
    if kind.grader == _COMMAND:
        return CommandGrader(kind.command, kind.seconds)
    if kind.grader not in GRADERS:
        known = ", ".join(known_kinds())
        raise UserError(
            f"benchmark: unknown kind of answer {kind.grader!r} ({kind.why}); known are {known}"
        )
    return GRADERS[kind.grader]()
