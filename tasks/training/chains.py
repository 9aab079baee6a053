"""Chains of attempts drawn from a revision model, for training its verifier and for its figures."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.training.attempts import revision_prompt
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
        asking = [revision_prompt(prompts[number // chains], texts) for number, texts in enumerate(rows)]
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
    finished = [[[answer is not None for answer in chain] for chain in chains] for chains in answers]
    return Chains(texts, np.array(right), np.array(finished))
