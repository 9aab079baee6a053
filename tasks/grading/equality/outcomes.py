"""What a comparison may come to, and how the outcomes of parts add up."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum

Outcome = bool | None
"""True, False, or None where only algebra can say."""

Same = Callable[[str, str], Outcome]
"""Whether two forms say the same: answer first, target second."""


class Skip(Enum):
    """What a rule says of forms that it is not about."""

    SKIP = "skip"


SKIP = Skip.SKIP

Rule = Callable[[str, str, Same], Outcome | Skip]
"""One kind of answers: what it makes of answer and target, asking `same` of their parts."""


def all_of(outcomes: Sequence[Outcome]) -> Outcome:
    """False as soon as one is, None when one is not known."""
    if False in outcomes:
        return False
    return None if None in outcomes else True


def ordered(answers: Sequence[str], targets: Sequence[str], same: Same) -> Outcome:
    """Whether each answer is the target in its place."""
    if len(answers) != len(targets):
        return False
    pairs = zip(answers, targets, strict=True)
    return all_of([same(answer, target) for answer, target in pairs])


def unordered(answers: Sequence[str], targets: Sequence[str], same: Same) -> Outcome:
    """Whether each answer has a target of its own."""
    if len(answers) != len(targets):
        return False
    left = list(targets)
    unknown = False
    for answer in answers:
        outcomes = [same(answer, target) for target in left]
        if True in outcomes:
            left.pop(outcomes.index(True))
        elif None in outcomes:
            unknown = True
        else:
            return False
    return None if unknown else True
