"""What the revision model's verifier is worth: the figures of its card."""

from __future__ import annotations

from itertools import combinations
from typing import NamedTuple

import numpy as np

from tasks.statistics.selectors import Candidate, majority, weighted
from tasks.training.chains import Chains, gain, resample, share
from tasks.training.measures import Judged, step_figures
from tasks.training.rollouts import Asked, answer_of

LENGTHS, WIDTHS = (4, 8), (1, 2, 4)


class Scored(NamedTuple):
    """One attempt as a selector sees it: answer (None: unfinished), score, correctness."""

    answer: str | None
    score: float
    correct: bool


def scored_chains(
    asked: list[Asked], drawn: Chains, scores: list[float]
) -> list[list[list[Scored]]]:
    """Attempts by (question, chain, attempt); `scores` are those of the finished ones, in that order."""
    left = iter(scores)
    return [
        [
            [
                Scored(answer, 0.0 if answer is None else next(left), answer == question.target)
                for answer in map(answer_of, chain)
            ]
            for chain in chains
        ]
        for question, chains in zip(asked, drawn.texts, strict=True)
    ]


def chosen(attempts: list[Scored]) -> Scored | None:
    """The attempt that the selector `weighted` serves (METHOD §4)."""
    index = weighted([Candidate(each.answer, each.score) for each in attempts]).index
    return None if index is None else attempts[index]


def hierarchical(chains: list[list[Scored]]) -> bool:
    """Is the answer right that wins among the chains' winners, each weighted (METHOD §4, §5)."""
    winner = chosen([one for one in map(chosen, chains) if one is not None])
    return winner is not None and winner.correct


def vote_of_last(chains: list[list[Scored]]) -> float:
    """Chance that the answer most chains end with is right; equals share."""
    last = [chain[-1] for chain in chains]
    credits = majority([Candidate(each.answer, each.score) for each in last]).credits
    return sum(
        credits.get(answer, 0.0)
        for answer in {each.answer for each in last if each.correct}
        if answer
    )


def measure_orm(
    asked: list[Asked], drawn: Chains, scores: list[float], *, seed: int
) -> dict[str, object]:
    """Areas and calibration by attempt, and hierarchical selection against taking last attempts."""
    rows = scored_chains(asked, drawn, scores)
    attempts = len(rows[0][0])
    resampled = resample(len(rows), seed=seed)
    return {
        "questions": len(rows),
        "chains": len(rows[0]),
        "attempts": {
            **{str(t + 1): step_figures(_judged(rows, [t])) for t in range(attempts)},
            "all": step_figures(_judged(rows, list(range(attempts)))),
        },
        "selection": {
            f"{width} × {length}": _selection(rows, resampled, width=width, length=length)
            for length in LENGTHS
            for width in WIDTHS
            if length <= attempts and width <= len(rows[0])
        },
    }


def _judged(rows: list[list[list[Scored]]], places: list[int]) -> Judged:
    found = [
        (each.score, float(each.correct), float(each.correct), float(number), 1.0)
        for number, chains in enumerate(rows)
        for chain in chains
        for each in (chain[place] for place in places)
        if each.answer is not None
    ]
    return Judged(*np.array(found).T)


def _selection(
    rows: list[list[list[Scored]]],
    resampled: np.ndarray[tuple[int, ...], np.dtype[np.int64]],
    *,
    width: int,
    length: int,
) -> dict[str, object]:
    """Averages over all subsets of `width` of a question's chains."""
    subsets = list(combinations(range(len(rows[0])), width))
    cut = [
        [
            [chain[:length] for chain in chains]
            for chains in (map(question.__getitem__, s) for s in subsets)
        ]
        for question in rows
    ]
    chosen = np.array([[float(hierarchical(chains)) for chains in question] for question in cut])
    last = np.array(
        [
            [float(np.mean([chain[-1].correct for chain in chains])) for chains in question]
            for question in cut
        ]
    )
    vote = np.array([[vote_of_last(chains) for chains in question] for question in cut])
    ones = np.ones_like(chosen)
    return {
        "hierarchical": share(chosen, ones, resampled),
        "last_attempt": share(last, ones, resampled),
        "vote_of_last": share(vote, ones, resampled),
        "gain_over_last": gain(chosen - last, resampled),
        "gain_over_vote": gain(chosen - vote, resampled),
    }
