r"""Whether two forms say the same: by their structure, part by part, down to single expressions.

What an expression equals is asked of `equal`, so that the same rules hold with algebra and without.
"""

from __future__ import annotations

from collections.abc import Callable

from tasks.grading.equality.amounts import bases, clocks, numbers, quantities, ratios
from tasks.grading.equality.assignments import assignments
from tasks.grading.equality.naming import choices, figures, words
from tasks.grading.equality.outcomes import Outcome, Rule, Skip
from tasks.grading.equality.sets import members, real_sets
from tasks.grading.equality.several import lists, matrices
from tasks.grading.mathematics.numbers import rational

Equal = Callable[[str, str], Outcome]
"""Whether two expressions, neither of them several things, are worth the same."""

_RULES: tuple[Rule, ...] = (
    members,
    choices,
    figures,
    quantities,
    words,
    numbers,
    bases,
    clocks,
    ratios,
    real_sets,
    assignments,
    matrices,
    lists,
)
"""The first that is about two forms decides: units before words, for `x meters` is both."""


def compare(answer: str, target: str, equal: Equal) -> Outcome:
    """Whether the two forms say the same; None where `equal` could not say."""

    def same(one: str, other: str) -> Outcome:
        return compare(one, other, equal)

    if answer == target:
        return True
    for rule in _RULES:
        outcome = rule(answer, target, same)
        if not isinstance(outcome, Skip):
            return outcome
    return equal(answer, target)


def plain_equal(answer: str, target: str) -> Outcome:
    """Equality of two expressions as far as plain numbers go; None for anything else."""
    values = rational(answer), rational(target)
    return None if None in values else values[0] == values[1]
