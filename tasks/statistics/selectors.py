"""Which of a set of completions is the answer to the question (METHOD §4).

A completion without an answer forms no class and never wins. A completion without a score is
invisible to `best_of_n` and `weighted`. Scores are compared and summed as whole numbers of 1e-12,
so that no outcome depends on the order in which floating-point numbers were added.
"""

import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from tasks.protocols import Confidence

POINTS: Final = 10**12
"""Points of a score of 1; two scores tie when they are the same number of points."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """One completion as a selector sees it; its place in the sequence is the order of the draws.

    `answer` is the canonical one, None when there is none. `score` lies in [0, 1], None when the
    verifier gave none. Raises ValueError for any other score, NaN included.
    """

    answer: str | None
    score: float | None
    tokens: float = math.nan
    """Generated; NaN where nobody told or asked."""
    confidence: Confidence | None = None
    """None where nobody told or asked."""

    def __post_init__(self) -> None:
        if self.score is not None and not 0.0 <= self.score <= 1.0:
            raise ValueError(
                f"expected a score in [0, 1] or None for a missing one, got {self.score!r}: "
                "have the verifier count a score it could not give as missing"
            )


@dataclass(frozen=True, slots=True)
class Choice:
    """What a selector decided.

    `index` and `answer` are what is served, both None when nothing can be chosen. `credits` holds
    the share of each answer that may be said to have won, so that expected accuracy is
    Σ credits[a] · correct[a]; it is empty without a choice and sums to 1 otherwise.
    """

    index: int | None
    answer: str | None
    credits: dict[str, float]


NO_CHOICE: Final = Choice(index=None, answer=None, credits={})

Selector = Callable[[Sequence[Candidate]], Choice]


def majority(candidates: Sequence[Candidate]) -> Choice:
    """The answer with most votes, whatever the scores.

    t answers tied in first place get a credit of 1/t each; the one seen first is served, by its
    first draw.
    """
    answers = [candidate.answer for candidate in candidates]
    votes = Counter(answer for answer in answers if answer is not None)
    if not votes:
        return NO_CHOICE
    most = max(votes.values())
    # A Counter keeps the order in which answers came: the first of the tied is the one seen first.
    tied = [answer for answer, count in votes.items() if count == most]
    shares = dict.fromkeys(tied, 1 / len(tied))
    return Choice(answers.index(tied[0]), tied[0], shares)


def best_of_n(candidates: Sequence[Candidate]) -> Choice:
    """The completion with the highest score; ties go to the earliest draw."""
    visible = _visible(candidates)
    if not visible:
        return NO_CHOICE
    # `max` keeps the first of equal ones: the earliest draw.
    return _sole(max(visible, key=lambda one: one.points))


def weighted(candidates: Sequence[Candidate]) -> Choice:
    """The highest-scored completion of the answer whose scores sum to most.

    Ties between answers go to the one whose first scored draw is earliest, ties inside the class to
    its earliest draw.
    """
    visible = _visible(candidates)
    if not visible:
        return NO_CHOICE
    totals: Counter[str] = Counter()
    for one in visible:
        totals[one.answer] += one.points
    winner = max(totals, key=lambda answer: totals[answer])
    behind = [one for one in visible if one.answer == winner]
    return _sole(max(behind, key=lambda one: one.points))


def hierarchical(groups: Sequence[Sequence[Candidate]]) -> Choice:
    """Weighted within each group, then weighted across the groups' winners (METHOD §5).

    Each winner votes with its own score alone. The index counts through the groups, in their order.
    """
    winners: list[int] = []
    start = 0
    for group in groups:
        best = weighted(group).index
        if best is not None:
            winners.append(start + best)
        start += len(group)
    candidates = [candidate for group in groups for candidate in group]
    choice = weighted([candidates[winner] for winner in winners])
    if choice.index is None:
        return NO_CHOICE
    return Choice(winners[choice.index], choice.answer, choice.credits)


SELECTORS: Final[Mapping[str, Selector]] = {
    "majority": majority,
    "best_of_n": best_of_n,
    "weighted": weighted,
}

GROUP_SELECTORS: Final[Mapping[str, Callable[[Sequence[Sequence[Candidate]]], Choice]]] = {
    "hierarchical": hierarchical,
}
"""Selectors that look at which group a completion is of."""


class _Visible(NamedTuple):
    """A completion that has an answer and a score."""

    place: int
    answer: str
    points: int


def _visible(candidates: Sequence[Candidate]) -> list[_Visible]:
    return [
        _Visible(place, candidate.answer, round(candidate.score * POINTS))
        for place, candidate in enumerate(candidates)
        if candidate.answer is not None and candidate.score is not None
    ]


def _sole(winner: _Visible) -> Choice:
    return Choice(winner.place, winner.answer, {winner.answer: 1.0})
