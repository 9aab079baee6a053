"""The method's own training data for revisions (METHOD §5): right completions behind wrong ones."""

from __future__ import annotations

import random
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.benchmarks.congruences import vocabulary
from tasks.statistics.subsets import compile_kernel
from tasks.training.attempts import WINDOW, review_of, revision_prompt, without_end
from tasks.training.learning import Document, completion
from tasks.training.rollouts import Asked, answer_of, draw
from tasks.training.sampling import Decoder


class Pairing(NamedTuple):
    """How completions are drawn and paired; at most `per_question` right ones of a question are used."""

    draws: int = 64
    temperature: float = 1.2
    per_question: int = 8


class Trajectory(NamedTuple):
    """One right completion and the wrong ones shown before it; `question` numbers the question."""

    question: int
    earlier: list[list[int]]
    right: list[int]

    def document(self, prompt: list[int]) -> Document:
        """Its ids, with loss on the right completion, the review before it and its end only."""
        opening = review_of(self.earlier[-1]) if self.earlier else []
        return completion(revision_prompt(prompt, self.earlier), [*opening, *self.right])


def draw_trajectories(
    weights: Decoder, asked: list[Asked], *, pairing: Pairing, seed: int
) -> tuple[list[Trajectory], dict[str, int]]:
    """Trajectories of every question, and how many draws and tokens they took."""
    generator = torch.Generator().manual_seed(seed)
    rng = random.Random(f"trajectories/{seed}")
    prompts = [question.prompt for question in asked]
    drawn = draw(
        weights, prompts, copies=pairing.draws, temperature=pairing.temperature, generator=generator
    )
    found = [
        trajectory
        for number, (question, texts) in enumerate(zip(asked, drawn, strict=True))
        for trajectory in pair(number, question.target, texts, rng, most=pairing.per_question)
    ]
    figures = {
        "questions": len(asked),
        "draws": sum(len(texts) for texts in drawn),
        "trajectories": len(found),
        "generated_tokens": sum(len(text) for texts in drawn for text in texts),
    }
    return found, figures


def pair(
    number: int, target: str, texts: list[list[int]], rng: random.Random, *, most: int
) -> list[Trajectory]:
    """Up to `most` right completions, each behind 0 to 4 (evenly drawn) wrong ones, the nearest one last.

    Completions without an answer are dropped; there are fewer wrong ones where the question has fewer.
    """
    right = [text for text in texts if answer_of(text) == target]
    wrong = [text for text in texts if answer_of(text) not in (None, target)]
    chosen = rng.sample(right, min(most, len(right)))
    return [Trajectory(number, _earlier(text, wrong, rng), text) for text in chosen]


def _earlier(right: list[int], wrong: list[list[int]], rng: random.Random) -> list[list[int]]:
    count = min(rng.randint(0, WINDOW), len(wrong))
    if count == 0:
        return []
    nearest = min(
        range(len(wrong)), key=lambda index: edit_distance(spelled(right), spelled(wrong[index]))
    )
    others = [text for index, text in enumerate(wrong) if index != nearest]
    return [*rng.sample(others, count - 1), wrong[nearest]]


def spelled(text: list[int]) -> str:
    """A completion as people read it, without its end token."""
    words = vocabulary()
    return "".join(words[token] for token in without_end(text))


def edit_distance(left: str, right: str) -> int:
    """Fewest characters to insert, delete or replace to make one text the other."""
    return int(
        _distance(
            *(np.array([ord(letter) for letter in text], dtype=np.int32) for text in (left, right))
        )
    )


@compile_kernel
def _distance(left: NDArray[np.int32], right: NDArray[np.int32]) -> int:
    row = np.arange(len(right) + 1)
    for i in range(len(left)):
        corner, row[0] = row[0], i + 1
        for j in range(len(right)):
            replaced = corner + (left[i] != right[j])
            corner = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, corner + 1)
    return row[-1]
