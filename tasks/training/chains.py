"""Chains of attempts drawn from a revision model, for its verifier and its figures (METHOD §5)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.training.attempts import revision_prompt
from tasks.training.measures import Floats, Share
from tasks.training.rollouts import Asked, answer_of, draw
from tasks.training.sampling import Decoder

Bools = NDArray[np.bool_]
Indices = NDArray[np.int64]

POSITIONS = 1024
"""Longest text that a decoder must hold for a prompt with four attempts and one more."""
RESAMPLES = 2000
RISE = 4
"""The attempt up to which pass@1 has to rise.

Training shows one more; later ones are past its length.
"""


class Chains(NamedTuple):
    """Attempts by (question, chain, attempt): ids, whether right, whether they have an answer."""

    texts: list[list[list[list[int]]]]
    correct: Bools
    finished: Bools


def draw_chains(
    weights: Decoder,
    asked: list[Asked],
    *,
    chains: int,
    attempts: int,
    generator: torch.Generator,
    temperature: float = 1.0,
) -> Chains:
    """`chains` chains of `attempts` attempts for each question; an attempt sees its own chain only.

    Of that it sees as many of the last attempts as a prompt shows.
    """
    prompts = [question.prompt for question in asked]
    first = draw(weights, prompts, copies=chains, temperature=temperature, generator=generator)
    # A row is a chain; those of question i stand at i · chains and after.
    rows = [[text] for drawn in first for text in drawn]
    for _ in range(attempts - 1):
        asking = [
            revision_prompt(prompts[number // chains], texts) for number, texts in enumerate(rows)
        ]
        drawn = draw(weights, asking, copies=1, temperature=temperature, generator=generator)
        rows = [[*texts, copies[0]] for texts, copies in zip(rows, drawn, strict=True)]
    texts = [rows[start : start + chains] for start in range(0, len(rows), chains)]
    return _judge(asked, texts)


def _judge(asked: list[Asked], texts: list[list[list[list[int]]]]) -> Chains:
    correct: list[list[list[bool]]] = []
    finished: list[list[list[bool]]] = []
    for question, chains in zip(asked, texts, strict=True):
        answers = [[answer_of(text) for text in chain] for chain in chains]
        correct.append([[answer == question.target for answer in chain] for chain in answers])
        finished.append([[answer is not None for answer in chain] for chain in answers])
    return Chains(texts, np.array(correct), np.array(finished))


def measure_revision(
    weights: Decoder, *, asked: list[Asked], seed: int, chains: int = 4, attempts: int = 8
) -> dict[str, object]:
    """Pass@1 by attempt, its rise, turns from right to wrong and back, attempts without answer."""
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_chains(weights, asked, chains=chains, attempts=attempts, generator=generator)
    levels = [question.level for question in asked]
    return {
        "questions": len(asked),
        "chains": chains,
        "temperature": 1.0,
        **chain_figures(drawn, levels, seed=seed),
    }


def chain_figures(drawn: Chains, levels: list[int], *, seed: int) -> dict[str, object]:
    """The figures of chains that are already drawn; `levels` are those of their questions."""
    right = drawn.correct.astype(float)
    attempts = right.shape[2]
    # One set of resamples for all figures, so that they move together.
    resampled = resample(len(right), seed=seed)
    return {
        "attempts": {
            str(place + 1): _attempt_figures(right, drawn.finished, place, resampled)
            for place in range(attempts)
        },
        "rise": {
            f"{start} to {end}": gain(right[:, :, end - 1] - right[:, :, start - 1], resampled)
            for start, end in _rises(attempts)
        },
        "by_level": _by_level(right, np.array(levels)),
    }


def _rises(attempts: int) -> list[tuple[int, int]]:
    """Pairs of attempts, from 1, between which a rise is measured, in order."""
    pairs = {(1, 2), (2, 3), (3, 4), (1, RISE), (RISE, attempts)}
    return sorted((start, end) for start, end in pairs if start < end <= attempts)


def _attempt_figures(
    right: Floats, finished: Bools, place: int, resampled: Indices
) -> dict[str, object]:
    now = right[:, :, place]
    figures: dict[str, object] = {
        "correct": share(now, np.ones_like(now), resampled),
        # A first attempt has none before it that it could turn.
        "right_to_wrong": None,
        "wrong_to_right": None,
        "cut": round(1 - float(finished[:, :, place].mean()), 4),
    }
    if place > 0:
        before = right[:, :, place - 1]
        figures["right_to_wrong"] = share(before * (1 - now), before, resampled)
        figures["wrong_to_right"] = share((1 - before) * now, 1 - before, resampled)
    return figures


def _by_level(right: Floats, levels: NDArray[np.int_]) -> dict[str, list[float]]:
    """Level → share of right attempts at each place of a chain."""
    shares: dict[str, list[float]] = {}
    for level in sorted(set(levels.tolist())):
        by_place = right[levels == level].mean((0, 1))
        shares[str(level)] = [round(float(value), 4) for value in by_place]
    return shares


def resample(questions: int, *, seed: int) -> Indices:
    """Questions drawn with replacement: (RESAMPLES, questions)."""
    return np.random.default_rng(seed).integers(questions, size=(RESAMPLES, questions))


def share(hits: Floats, cases: Floats, resampled: Indices) -> Share:
    """Hits among cases, both (questions, chains), with the interval over questions."""
    hit = hits.sum(1)
    case = cases.sum(1)
    if case.sum() == 0:
        return Share(None)
    # A ratio of sums, because questions have different numbers of cases; a resample without any
    # case has no ratio and is left out.
    drawn_hits = hit[resampled].sum(1)
    drawn_cases = case[resampled].sum(1)
    counted = drawn_cases > 0
    low, high = np.quantile(drawn_hits[counted] / drawn_cases[counted], (0.025, 0.975))
    value = hit.sum() / case.sum()
    return Share(*(round(float(each), 4) for each in (value, low, high)))


def gain(differences: Floats, resampled: Indices) -> Share:
    """Mean of paired differences (questions, …) with its interval over questions."""
    flat = differences.reshape(len(differences), -1)
    return share(flat, np.ones_like(flat), resampled)
