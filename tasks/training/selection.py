"""What the revision model's verifier is worth: the figures of its card."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from itertools import combinations, product
from typing import NamedTuple

import numpy as np

from tasks.statistics.arrays import Floats
from tasks.statistics.selectors import Candidate, majority, weighted
from tasks.training.cards import Figures
from tasks.training.chains import Chains, Indices, gain, resample, share
from tasks.training.measures import Judged, Values, step_figures
from tasks.training.rollouts import Asked, answer_of
from tasks.training.tokenizer import Ids

LENGTHS = (4, 8)
WIDTHS = (1, 2, 4)
"""Attempts a chain, and chains, of which selections are measured."""


class Scored(NamedTuple):
    """One attempt as a selector sees it, and whether it is right."""

    answer: str | None
    """None where the attempt was cut."""
    score: float
    """0 where there is no answer: no selector looks at it."""
    correct: bool


Chain = list[Scored]
Row = list[Chain]
"""Chains of one question."""


def scored_chains(asked: list[Asked], drawn: Chains, scores: list[float]) -> list[Row]:
    """Attempts by (question, chain, attempt); `scores`: of the finished ones, in that order."""
    left = iter(scores)

    def score(text: Ids, target: str) -> Scored:
        answer = answer_of(text)
        value = 0.0 if answer is None else next(left)
        return Scored(answer, value, answer == target)

    rows: list[Row] = []
    for question, chains in zip(asked, drawn.texts, strict=True):
        target = question.target
        rows.append([[score(text, target) for text in chain] for chain in chains])
    return rows


def choose(attempts: Chain) -> Scored | None:
    """The attempt that the selector `weighted` serves (METHOD §4)."""
    index = weighted(_candidates(attempts)).index
    return None if index is None else attempts[index]


def _candidates(attempts: Chain) -> list[Candidate]:
    return [Candidate(each.answer, each.score) for each in attempts]


def hierarchical_is_right(chains: Row) -> bool:
    """Is the answer right that wins among the chains' winners, each weighted (METHOD §4, §5)."""
    winners = [winner for winner in map(choose, chains) if winner is not None]
    winner = choose(winners)
    return winner is not None and winner.correct


def share_of_last(chains: Row) -> float:
    """Share of the chains whose last attempt is right."""
    right = [chain[-1].correct for chain in chains]
    return float(np.mean(right))


def vote_of_last(chains: Row) -> float:
    """Chance that the answer most chains end with is right; equals share."""
    last = [chain[-1] for chain in chains]
    credits = majority(_candidates(last)).credits
    # At most one answer is right: the target.
    right = {each.answer for each in last if each.correct}
    return sum(credits.get(answer, 0.0) for answer in right if answer)


def measure_orm(asked: list[Asked], drawn: Chains, scores: list[float], *, seed: int) -> Figures:
    """Areas and calibration by attempt, and hierarchical selection against taking last attempts."""
    rows = scored_chains(asked, drawn, scores)
    first = rows[0]
    chains = len(first)
    attempts = len(first[0])
    # One set of resamples for all figures, so that they move together.
    resampled = resample(len(rows), seed=seed)
    by_attempt: dict[str, Values] = {}
    for place in range(attempts):
        judged = _judge(rows, [place])
        by_attempt[str(place + 1)] = step_figures(judged)
    every = _judge(rows, range(attempts))
    by_attempt["all"] = step_figures(every)
    selections: dict[str, Figures] = {}
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


def _judge(rows: list[Row], places: Iterable[int]) -> Judged:
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
    table = np.array(columns)
    return Judged(*table.T)


def _measure_selection(rows: list[Row], resampled: Indices, *, width: int, length: int) -> Figures:
    """Averages over all subsets of `width` of a question's chains, each cut to `length` attempts.

    Over all of them, because the first `width` chains alone would add noise (METHOD §10).
    """
    subsets = [_subsets(chains, width=width, length=length) for chains in rows]
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


def _subsets(chains: Row, *, width: int, length: int) -> list[Row]:
    cut = [chain[:length] for chain in chains]
    return [list(some) for some in combinations(cut, width)]


def _apply(credit: Callable[[Row], float], subsets: list[list[Row]]) -> Floats:
    """What each subset of chains is credited: (questions, subsets)."""
    credits: list[list[float]] = []
    for question in subsets:
        one = [float(credit(chains)) for chains in question]
        credits.append(one)
    return np.array(credits)
