"""The graders by the names that benchmarks call them."""

from __future__ import annotations

from collections.abc import Callable

from tasks.grading.math_grader import MathGrader
from tasks.protocols import Grader
from warehouse.errors import UserError

GRADERS: dict[str, Callable[[], Grader]] = {"math": MathGrader}
"""To add one: a class with the methods of `tasks.protocols.Grader`, and its name here."""


def make_grader(name: str) -> Grader:
    """The named grader, which has started nothing yet; UserError lists the known ones."""
    if name not in GRADERS:
        known = ", ".join(sorted(GRADERS))
        raise UserError(f"benchmark: unknown grader {name!r}; known are {known}")
    return GRADERS[name]()
