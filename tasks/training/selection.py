"""What the revision model's verifier is worth: the figures of its card."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from tasks.statistics.selectors import Candidate, majority, weighted
from tasks.training.chains import Chains, Indices, gain, resample, share
from tasks.training.measures import Floats, Judged, step_figures
from tasks.training.rollouts import Asked, answer_of
from tasks.training.tokenizer import Ids

LENGTHS, WIDTHS = (4, 8), (1, 2, 4)
"""Attempts a chain, and chains, of which selections are measured."""


class Scored(NamedTuple):
    """One attempt as a selector sees it: answer (None: unfinished), score, correctness."""

    answer: str | None
    score: float
    correct: bool


Chain = list[Scored]


def scored_chains(asked: list[Asked], drawn: Chains, scores: list[float]) -> list[list[Chain]]:
    """Attempts by (question, chain, attempt); `scores`: of the finished ones, in that order."""
    left = iter(scores)

    def score(text: Ids, target: str) -> Scored:
        answer = answer_of(text)
        # The selectors pass over an attempt without an answer, whatever stands for its score.
        value = 0.0 if answer is None else next(left)
        return Scored(answer, value, answer == target)

    rows: list[list[Chain]] = []
    for question, chains in zip(asked, drawn.texts, strict=True):
        rows.append([[score(text, question.target) for text in chain] for chain in chains])
    return rows


def choose(attempts: Chain) -> Scored | None:
    """The attempt that the selector `weighted` serves (METHOD §4)."""
    candidates = [Candidate(each.answer, each.score) for each in attempts]
    index = weighted(candidates).index
    return None if index is None else attempts[index]


def hierarchical_is_right(chains: list[Chain]) -> bool:
    """Is the answer right that wins among the chains' winners, each weighted (METHOD §4, §5)."""
    winners = [winner for winner in map(choose, chains) if winner is not None]
    winner = choose(winners)
    return winner is not None and winner.correct


def share_of_last(chains: list[Chain]) -> float:
    """Share of the chains whose last attempt is right."""
    right = [chain[-1].correct for chain in chains]
    return float(np.mean(right))


def vote_of_last(chains: list[Chain]) -> float:
    """Chance that the answer most chains end with is right; equals share."""
    last = [chain[-1] for chain in chains]
    candidates = [Candidate(each.answer, each.score) for each in last]
    credits = majority(candidates).credits
    # At most one answer is right: the target.
    right = {each.answer for each in last if each.correct}
    return sum(credits.get(answer, 0.0) for answer in right if answer)


def measure_orm(
    asked: list[Asked], drawn: Chains, scores: list[float], *, seed: int
) -> dict[str, object]:
    """Areas and calibration by attempt, and hierarchical selection against taking last attempts."""
    rows = scored_chains(asked, drawn, scores)
    first = rows[0]
    chains, attempts = len(first), len(first[0])
    # One set of resamples for all figures, so that they move together.
    resampled = resample(len(rows), seed=seed)
    by_attempt: dict[str, dict[str, float | None]] = {}
    for place in range(attempts):
        judged = _judge(rows, [place])
        by_attempt[str(place + 1)] = step_figures(judged)
    every = _judge(rows, range(attempts))
    by_attempt["all"] = step_figures(every)
    selections: dict[str, dict[str, object]] = {}
    for length, width in product(LENGTHS, WIDTHS):
        if length <= attempts and width <= chains:
            figures = _measure_selection(rows, resampled, width=width, length=length)
            selections[f"{width} × {length}"] = figures
    return {
        "questions": len(rows),
        "chains": chains,
        "attempts": by_attempt,
        "selection": selections,
    }


def _judge(rows: list[list[Chain]], places: Iterable[int]) -> Judged:
    """The attempts at these places of all chains, those with an answer."""
    columns: list[tuple[float, ...]] = []
    for number, chains in enumerate(rows):
        for chain, place in product(chains, places):
            attempt = chain[place]
            if attempt.answer is None:
                continue
            # An ORM's label is no share of rollouts but the correctness itself.
            correct = float(attempt.correct)
            columns.append((attempt.score, correct, correct, float(number), 1.0))
    return Judged(*np.array(columns).T)


def _measure_selection(
    rows: list[list[Chain]], resampled: Indices, *, width: int, length: int
) -> dict[str, object]:
    """Averages over all subsets of `width` of a question's chains, each cut to `length` attempts.

    Over all of them, because the first `width` chains alone would add noise (METHOD §10).
    """
    subsets: list[list[list[Chain]]] = []
    for chains in rows:
        cut = [chain[:length] for chain in chains]
        subsets.append([list(some) for some in combinations(cut, width)])
    hierarchical = _apply(hierarchical_is_right, subsets)
    last = _apply(share_of_last, subsets)
    vote = _apply(vote_of_last, subsets)
    ones = np.ones_like(hierarchical)
    return {
        "hierarchical": share(hierarchical, ones, resampled),
        "last_attempt": share(last, ones, resampled),
        "vote_of_last": share(vote, ones, resampled),
        # Paired: all three chose from the same chains.
        "gain_over_last": gain(hierarchical - last, resampled),
        "gain_over_vote": gain(hierarchical - vote, resampled),
    }


def _apply(credit: Callable[[list[Chain]], float], subsets: list[list[list[Chain]]]) -> Floats:
    """What each subset of chains is credited: (questions, subsets)."""
    credits = [[float(credit(chains)) for chains in question] for question in subsets]
    return np.array(credits)
