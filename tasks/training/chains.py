"""Chains of attempts drawn from a revision model, for training its verifier and for its figures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.training.attempts import revision_prompt
from tasks.training.measures import Share
from tasks.training.rollouts import Asked, answer_of, draw
from tasks.training.sampling import Decoder

Bools = NDArray[np.bool_]

POSITIONS = 1024
"""Longest text that a decoder must hold for a prompt with four attempts and one more."""


class Chains(NamedTuple):
    """Attempts by (question, chain, attempt): their ids, whether right, whether they have an answer."""

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
    """`chains` chains of `attempts` attempts for each question, each attempt seeing its own chain's last ones."""
    prompts = [question.prompt for question in asked]
    first = draw(weights, prompts, copies=chains, temperature=temperature, generator=generator)
    rows = [[text] for drawn in first for text in drawn]
    for _ in range(attempts - 1):
        asking = [
            revision_prompt(prompts[number // chains], texts) for number, texts in enumerate(rows)
        ]
        drawn = draw(weights, asking, copies=1, temperature=temperature, generator=generator)
        rows = [[*texts, found[0]] for texts, found in zip(rows, drawn, strict=True)]
    return judged(asked, [rows[start : start + chains] for start in range(0, len(rows), chains)])


def judged(asked: list[Asked], texts: list[list[list[list[int]]]]) -> Chains:
    """Chains with each attempt's answer looked at."""
    answers = [[[answer_of(text) for text in chain] for chain in chains] for chains in texts]
    right = [
        [[answer == question.target for answer in chain] for chain in chains]
        for question, chains in zip(asked, answers, strict=True)
    ]
    finished = [
        [[answer is not None for answer in chain] for chain in chains] for chains in answers
    ]
    return Chains(texts, np.array(right), np.array(finished))


Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

RESAMPLES = 2000
RISE = 4
"""The attempt up to which pass@1 has to rise; training shows one more, later ones are past its length."""


def measure_revision(
    weights: Decoder, *, asked: list[Asked], seed: int, chains: int = 4, attempts: int = 8
) -> dict[str, object]:
    """Pass@1 by attempt, its rise, turns from right to wrong and back, and attempts cut at the limit."""
    generator = torch.Generator().manual_seed(seed)
    drawn = draw_chains(weights, asked, chains=chains, attempts=attempts, generator=generator)
    return {
        "questions": len(asked),
        "chains": chains,
        "temperature": 1.0,
        **chain_figures(drawn, [question.level for question in asked], seed=seed),
    }


def chain_figures(drawn: Chains, levels: list[int], *, seed: int) -> dict[str, object]:
    """The figures of chains that are already drawn."""
    right = drawn.correct.astype(float)
    count = right.shape[2]
    resampled = resample(len(right), seed=seed)
    chosen = {level: np.array(levels) == level for level in sorted(set(levels))}
    rises = {
        (start, end)
        for start, end in ((1, 2), (2, 3), (3, 4), (1, RISE), (RISE, count))
        if start < end <= count
    }
    return {
        "attempts": {
            str(t + 1): _attempt(right, drawn.finished, t, resampled) for t in range(count)
        },
        "rise": {
            f"{start} to {end}": gain(right[:, :, end - 1] - right[:, :, start - 1], resampled)
            for start, end in sorted(rises)
        },
        "by_level": {
            str(level): _rounded(right[mine].mean((0, 1))) for level, mine in chosen.items()
        },
    }


def _attempt(right: Floats, finished: Bools, t: int, resampled: Indices) -> dict[str, object]:
    after, before = right[:, :, t], right[:, :, t - 1]
    return {
        "correct": share(after, np.ones_like(after), resampled),
        "right_to_wrong": None if t == 0 else share(before * (1 - after), before, resampled),
        "wrong_to_right": None if t == 0 else share((1 - before) * after, 1 - before, resampled),
        "cut": round(1 - float(finished[:, :, t].mean()), 4),
    }


def _rounded(values: Floats) -> list[float]:
    return [round(float(value), 4) for value in values]


def resample(questions: int, *, seed: int) -> Indices:
    """Questions drawn with replacement: (RESAMPLES, questions)."""
    return np.random.default_rng(seed).integers(questions, size=(RESAMPLES, questions))


def share(hits: Floats, cases: Floats, resampled: Indices) -> Share:
    """Hits among cases, both (questions, chains), with the interval over questions."""
    hit, case = hits.sum(1), cases.sum(1)
    if case.sum() == 0:
        return Share(None)
    drawn = case[resampled].sum(1)
    shares = hit[resampled].sum(1)[drawn > 0] / drawn[drawn > 0]
    low, high = np.quantile(shares, (0.025, 0.975))
    return Share(*(round(float(value), 4) for value in (hit.sum() / case.sum(), low, high)))


def gain(differences: Floats, resampled: Indices) -> Share:
    """Mean of paired differences (questions, …) with its interval over questions."""
    return share(
        differences.reshape(len(differences), -1),
        np.ones((len(differences), differences[0].size)),
        resampled,
    )
