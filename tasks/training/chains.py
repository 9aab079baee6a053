"""Chains of attempts drawn from a revision model, for its verifier and its figures (METHOD §5)."""

from __future__ import annotations

from functools import partial
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.statistics.arrays import Floats
from tasks.training.attempts import revision_prompt
from tasks.training.cards import Figures
from tasks.training.decoder import Decoder
from tasks.training.measures import Share
from tasks.training.rollouts import Asked, answer_of, draw
from tasks.training.sampling import Texts
from tasks.training.tokenizer import Ids

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
    """Attempts by (question, chain, attempt)."""

    texts: list[Texts]
    """Their token ids."""
    correct: Bools
    """Is the answer the target."""
    finished: Bools
    """Is there an answer: not where the attempt was cut at the limit."""


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
    at = partial(draw, weights, temperature=temperature, generator=generator)
    prompts = [question.prompt for question in asked]
    # A row is a chain; those of question i stand at i · chains and after.
    first = at(prompts, copies=chains)
    rows = [[text] for copies in first for text in copies]
    for _ in range(attempts - 1):
        asking: list[Ids] = []
        for number, chain in enumerate(rows):
            prompt = prompts[number // chains]
            asking.append(revision_prompt(prompt, chain))
        # All chains take a step together: the sampler is fast on many rows.
        drawn = at(asking, copies=1)
        for chain, copies in zip(rows, drawn, strict=True):
            chain.append(copies[0])
    starts = range(0, len(rows), chains)
    by_question = [rows[start : start + chains] for start in starts]
    return _judge(asked, by_question)


def _judge(asked: list[Asked], texts: list[Texts]) -> Chains:
    first = texts[0]
    shape = (len(texts), len(first), len(first[0]))
    correct = np.zeros(shape, dtype=np.bool_)
    finished = np.zeros(shape, dtype=np.bool_)
    for place in np.ndindex(shape):
        question, chain, attempt = place
        answer = answer_of(texts[question][chain][attempt])
        correct[place] = answer == asked[question].target
        finished[place] = answer is not None
    return Chains(texts, correct, finished)


def measure_revision(
    weights: Decoder, *, asked: list[Asked], seed: int, chains: int = 4, attempts: int = 8
) -> Figures:
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


def chain_figures(drawn: Chains, levels: list[int], *, seed: int) -> Figures:
    """The figures of chains that are already drawn; `levels` are those of their questions."""
    right = drawn.correct.astype(float)
    attempts = right.shape[2]
    # One set of resamples for all figures, so that they move together.
    resampled = resample(len(right), seed=seed)
    by_attempt: dict[str, Figures] = {}
    for place in range(attempts):
        figures = _turns(right, place, resampled)
        finished = drawn.finished[:, :, place].mean()
        figures["cut"] = _round(1 - float(finished))
        by_attempt[str(place + 1)] = figures
    return {
        "attempts": by_attempt,
        "rise": _rises(right, resampled),
        "by_level": _by_level(right, levels),
    }


def _rises(right: Floats, resampled: Indices) -> dict[str, Share]:
    """From one attempt to another, numbered from 1 → what pass@1 gains."""
    attempts = right.shape[2]
    rises: dict[str, Share] = {}
    # A set, because the last attempt may be the fourth or an earlier one.
    pairs = {(1, 2), (2, 3), (3, 4), (1, RISE), (RISE, attempts)}
    for start, end in sorted(pairs):
        if start < end <= attempts:
            after = right[:, :, end - 1]
            before = right[:, :, start - 1]
            rises[f"{start} to {end}"] = gain(after - before, resampled)
    return rises


def _turns(right: Floats, place: int, resampled: Indices) -> Figures:
    """Pass@1 of one attempt, and how often it turns a right one wrong and a wrong one right."""
    now = right[:, :, place]
    correct = share(now, np.ones_like(now), resampled)
    # A first attempt has none before it that it could turn.
    if place == 0:
        return {"correct": correct, "right_to_wrong": None, "wrong_to_right": None}
    before = right[:, :, place - 1]
    failed = 1 - before
    return {
        "correct": correct,
        "right_to_wrong": share(before * (1 - now), before, resampled),
        "wrong_to_right": share(failed * now, failed, resampled),
    }


def _by_level(right: Floats, levels: list[int]) -> dict[str, list[float]]:
    """Level → share of right attempts at each place of a chain."""
    shares: dict[str, list[float]] = {}
    for level in sorted(set(levels)):
        mine = np.array(levels) == level
        by_place = right[mine].mean((0, 1))
        shares[str(level)] = [_round(value) for value in by_place]
    return shares


def resample(questions: int, *, seed: int) -> Indices:
    """Questions drawn with replacement: (RESAMPLES, questions)."""
    rng = np.random.default_rng(seed)
    return rng.integers(questions, size=(RESAMPLES, questions))


def share(hits: Floats, cases: Floats, resampled: Indices) -> Share:
    """Hits among cases, both (questions, chains), with the interval over questions.

    Over questions and not over chains, because chains of one question are alike.
    """
    hit = hits.sum(1)
    case = cases.sum(1)
    if case.sum() == 0:
        return Share(None)
    # A ratio of sums, because questions have different numbers of cases; a resample without any
    # case has no ratio and is left out.
    drawn_hits = hit[resampled].sum(1)
    drawn_cases = case[resampled].sum(1)
    counted = drawn_cases > 0
    shares = drawn_hits[counted] / drawn_cases[counted]
    low, high = np.quantile(shares, (0.025, 0.975))
    value = hit.sum() / case.sum()
    return Share(_round(value), _round(low), _round(high))


def _round(value: float) -> float:
    return round(float(value), 4)


def gain(differences: Floats, resampled: Indices) -> Share:
    """Mean of paired differences (questions, …) with its interval over questions."""
    flat = differences.reshape(len(differences), -1)
    return share(flat, np.ones_like(flat), resampled)
