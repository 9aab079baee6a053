"""What the revision model's verifier is worth: the figures of its card."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from tasks.statistics.selectors import Candidate, majority, weighted
from tasks.training.chains import Chains, Indices, gain, resample, share
from tasks.training.measures import Floats, Judged, step_figures
from tasks.training.rollouts import Asked, answer_of

LENGTHS, WIDTHS = (4, 8), (1, 2, 4)
"""Attempts a chain, and chains, of which selections are measured."""


class Scored(NamedTuple):
    """One attempt as a selector sees it: answer (None: unfinished), score, correctness."""

    answer: str | None
    score: float
    correct: bool


def scored_chains(
    asked: list[Asked], drawn: Chains, scores: list[float]
) -> list[list[list[Scored]]]:
    """Attempts by (question, chain, attempt); `scores`: of the finished ones, in that order."""
    left = iter(scores)

    def score(text: list[int], target: str) -> Scored:
        answer = answer_of(text)
        # The selectors pass over an attempt without an answer, whatever stands for its score.
        return Scored(answer, 0.0 if answer is None else next(left), answer == target)

    return [
        [[score(text, question.target) for text in chain] for chain in chains]
        for question, chains in zip(asked, drawn.texts, strict=True)
    ]


def choose(attempts: list[Scored]) -> Scored | None:
    """The attempt that the selector `weighted` serves (METHOD §4)."""
    index = weighted([Candidate(each.answer, each.score) for each in attempts]).index
    return None if index is None else attempts[index]


def hierarchical_is_right(chains: list[list[Scored]]) -> bool:
    """Is the answer right that wins among the chains' winners, each weighted (METHOD §4, §5)."""
    winners = [winner for winner in map(choose, chains) if winner is not None]
    winner = choose(winners)
    return winner is not None and winner.correct


def vote_of_last(chains: list[list[Scored]]) -> float:
    """Chance that the answer most chains end with is right; equals share."""
    last = [chain[-1] for chain in chains]
    credits = majority([Candidate(each.answer, each.score) for each in last]).credits
    # At most one answer is right: the target.
    right = {each.answer for each in last if each.correct}
    return sum(credits.get(answer, 0.0) for answer in right if answer)


def measure_orm(
    asked: list[Asked], drawn: Chains, scores: list[float], *, seed: int
) -> dict[str, object]:
    """Areas and calibration by attempt, and hierarchical selection against taking last attempts."""
    rows = scored_chains(asked, drawn, scores)
    chains, attempts = len(rows[0]), len(rows[0][0])
    resampled = resample(len(rows), seed=seed)
    by_attempt = {
        str(place + 1): step_figures(_judge_places(rows, [place])) for place in range(attempts)
    }
    every = _judge_places(rows, list(range(attempts)))
    return {
        "questions": len(rows),
        "chains": chains,
        "attempts": {**by_attempt, "all": step_figures(every)},
        "selection": {
            f"{width} × {length}": _measure_selection(rows, resampled, width=width, length=length)
            for length in LENGTHS
            for width in WIDTHS
            if length <= attempts and width <= chains
        },
    }


def _judge_places(rows: list[list[list[Scored]]], places: list[int]) -> Judged:
    columns: list[tuple[float, ...]] = []
    for number, chains in enumerate(rows):
        attempts = [chain[place] for chain in chains for place in places]
        for each in attempts:
            if each.answer is not None:
                # An ORM's label is no share of rollouts but the correctness itself.
                correct = float(each.correct)
                columns.append((each.score, correct, correct, float(number), 1.0))
    return Judged(*np.array(columns).T)


def _measure_selection(
    rows: list[list[list[Scored]]], resampled: Indices, *, width: int, length: int
) -> dict[str, object]:
    """Averages over all subsets of `width` of a question's chains, each cut to `length` attempts.

    Over all of them, because the first `width` chains alone would add noise (METHOD §10).
    """
    hierarchical: list[list[float]] = []
    last: list[list[float]] = []
    vote: list[list[float]] = []
    for question in rows:
        cut = [chain[:length] for chain in question]
        subsets = [list(chains) for chains in combinations(cut, width)]
        hierarchical.append([float(hierarchical_is_right(chains)) for chains in subsets])
        last.append([_share_of_last(chains) for chains in subsets])
        vote.append([vote_of_last(chains) for chains in subsets])
    return _compare(np.array(hierarchical), np.array(last), np.array(vote), resampled)


def _share_of_last(chains: list[list[Scored]]) -> float:
    return float(np.mean([chain[-1].correct for chain in chains]))


def _compare(
    hierarchical: Floats, last: Floats, vote: Floats, resampled: Indices
) -> dict[str, object]:
    """Figures of three ways to choose, each (questions, subsets), and what the first one gains."""
    ones = np.ones_like(hierarchical)
    return {
        "hierarchical": share(hierarchical, ones, resampled),
        "last_attempt": share(last, ones, resampled),
        "vote_of_last": share(vote, ones, resampled),
        "gain_over_last": gain(hierarchical - last, resampled),
        "gain_over_vote": gain(hierarchical - vote, resampled),
    }
