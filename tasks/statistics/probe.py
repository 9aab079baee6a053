"""Difficulty of a question from a handful of its draws, known before it is answered (METHOD §6)."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, NamedTuple

import numpy as np
import polars as pl

from tasks.statistics.arrays import Floats
from tasks.statistics.difficulty import BINS

AGREEMENT: Final = 2
"""How many of the features, the first ones, need no scores."""


BINNED: Final = {"question_id": pl.String, "value": pl.Float64, "bin": pl.Int64}


@dataclass(frozen=True, slots=True)
class Probe:
    """A linear read-out of the draws' agreement and scores, and where its values are cut into bins.

    `weights` are the constant and one for each figure of `features`; three of them mean agreement
    alone, for runs without a verifier. `cuts` fall: a value of cuts[0] or more is in bin 1, one
    below the last in the hardest bin.
    """

    draws: int
    """Draws that it is meant for; fewer are read the same way, with more noise."""
    weights: tuple[float, ...]
    cuts: tuple[float, ...]

    def value(self, answers: Sequence[str | None], scores: Sequence[float | None]) -> float:
        """The expected score, or agreement, of a question from its first draws: high is easy.

        `answers` are canonical ones, None for a completion without; `scores` None for a missing
        one. Raises ValueError for no draw, or for lists of unequal length.
        """
        read = features(answers, scores)[: len(self.weights) - 1]
        return float(np.dot(self.weights, (1.0, *read)))

    def bin(self, value: float) -> int:
        """1 easiest … 5 hardest.

        Bins need not be equally full, and one may be empty where many values are equal.
        """
        return 1 + sum(value < cut for cut in self.cuts)


class Features(NamedTuple):
    """What a probe sees of its draws, each in [0, 1]."""

    leading: float
    """Share of the draws that give the most frequent answer."""
    silent: float
    """Share of the draws without an answer."""
    leading_score: float
    """Share of all scores that stands behind the answer with most of it; 0 without scores."""
    mean_score: float
    """Mean score of the draws that have one; 0 when none has: as hard as can be."""


def features(answers: Sequence[str | None], scores: Sequence[float | None]) -> Features:
    """The figures of one question's draws; ValueError for no draw or lists of unequal length."""
    count = len(answers)
    if not count or count != len(scores):
        raise ValueError(
            f"expected as many answers as scores, at least one, got {count} and {len(scores)}"
        )
    votes: Counter[str] = Counter()
    behind: defaultdict[str, float] = defaultdict(float)
    for answer, score in zip(answers, scores, strict=True):
        if answer is not None:
            votes[answer] += 1
            behind[answer] += score or 0.0
    known = [score for score in scores if score is not None]
    # The score of a draw without an answer stands behind none, and counts in the total.
    total = sum(known)
    most_score = max(behind.values(), default=0.0)
    return Features(
        leading=max(votes.values(), default=0) / count,
        silent=answers.count(None) / count,
        leading_score=most_score / total if total > 0 else 0.0,
        mean_score=total / len(known) if known else 0.0,
    )


class Probing(NamedTuple):
    """The probe to use, and how it does on questions that it has not seen."""

    probe: Probe
    """Fitted on all questions."""
    binned: pl.DataFrame
    """(question_id, value, bin), each by a probe fitted on the other half of the questions."""


def fit_probe(draws: pl.DataFrame, *, count: int, scored: bool, seed: int) -> Probing:
    """A probe of the first `count` draws, from one row a draw in drawing order.

    `draws` has question_id, answer and score. The read-out is fitted by least squares on the mean
    score over all draws of a question, without `scored` on the share of its most frequent answer:
    no target is used, so it can be fitted where it is deployed. Questions without any score take no
    part in the fit. Cuts are quintiles of the fitted questions' values.
    """
    questions: list[_Question] = []
    for one in draws.partition_by("question_id"):
        questions.append(_read(one, count=count, scored=scored))
    # By a hash of seed and id, so that halves do not depend on the order of the rows.
    questions.sort(key=lambda one: sha256(f"{seed}:{one.question_id}".encode()).hexdigest())
    first = questions[0::2]
    second = questions[1::2]
    rows = _bin(second, _fit(first, count=count))
    rows += _bin(first, _fit(second, count=count))
    binned = pl.DataFrame(rows, schema=BINNED, orient="row").sort("question_id")
    return Probing(_fit(questions, count=count), binned)


def _bin(questions: Sequence[_Question], probe: Probe) -> list[tuple[str, float, int]]:
    """Id, value and bin of each question."""
    rows: list[tuple[str, float, int]] = []
    for one in questions:
        value = float(np.dot(probe.weights, one.figures))
        rows.append((one.question_id, value, probe.bin(value)))
    return rows


class _Question(NamedTuple):
    """A question as the fit reads it."""

    question_id: str
    figures: tuple[float, ...]
    """1, for the constant, and the features of the first draws."""
    difficulty: float | None
    """Over all draws: what the probe is to tell; None where no draw has a score."""


def _read(draws: pl.DataFrame, *, count: int, scored: bool) -> _Question:
    answers = draws["answer"].to_list()
    scores = draws["score"].to_list()
    first = features(answers[:count], scores[:count])
    every = features(answers, scores)
    seen = first if scored else first[:AGREEMENT]
    # A mean of no score at all would read as hardest; it is unknown.
    known = any(score is not None for score in scores)
    mean_score = every.mean_score if known else None
    return _Question(
        question_id=draws["question_id"][0],
        figures=(1.0, *seen),
        difficulty=mean_score if scored else every.leading,
    )


def _fit(questions: Sequence[_Question], *, count: int) -> Probe:
    figures = [one.figures for one in questions]
    seen: Floats = np.array(figures, dtype=np.float64)
    known = [one for one in questions if one.difficulty is not None]
    # Where nothing is known every question reads 0, and all are in one bin.
    weights = np.zeros(seen.shape[1])
    if known:
        predictors = np.array([one.figures for one in known])
        wanted = np.array([one.difficulty for one in known], dtype=np.float64)
        weights = np.linalg.lstsq(predictors, wanted, rcond=None)[0]
    # Quantiles from above, because cuts fall: values are high where questions are easy.
    shares = np.arange(BINS - 1, 0, -1) / BINS
    cuts = np.quantile(seen @ weights, shares)
    return Probe(count, tuple(map(float, weights)), tuple(map(float, cuts)))
