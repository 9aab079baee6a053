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
    """How completions are drawn and paired."""

    draws: int = 64
    temperature: float = 1.2
    """Above 1, because wrong completions are wanted too (METHOD §5)."""
    per_question: int = 8
    """Most right completions of one question: easy ones have many."""


class Trajectory(NamedTuple):
    """One right completion and the wrong ones shown before it; `question` numbers the question."""

    question: int
    earlier: list[list[int]]
    right: list[int]

    def document(self, prompt: list[int]) -> Document:
        """Its ids, with loss on the right completion, the review before it and its end only."""
        # Written as the model wrote them in its first phase: a review, then the attempt.
        opening = review_of(self.earlier[-1]) if self.earlier else []
        shown = revision_prompt(prompt, self.earlier)
        return completion(shown, [*opening, *self.right])


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
    trajectories: list[Trajectory] = []
    for number, (question, texts) in enumerate(zip(asked, drawn, strict=True)):
        trajectories += pair(number, question.target, texts, rng, most=pairing.per_question)
    figures = {
        "questions": len(asked),
        "draws": sum(len(texts) for texts in drawn),
        "trajectories": len(trajectories),
        "generated_tokens": sum(len(text) for texts in drawn for text in texts),
    }
    return trajectories, figures


def pair(
    number: int, target: str, texts: list[list[int]], rng: random.Random, *, most: int
) -> list[Trajectory]:
    """Up to `most` right completions, each behind 0 to 4 (evenly drawn) wrong ones, nearest last.

    Completions without an answer are dropped; there are fewer wrong ones where the question has
    fewer.
    """
    right = [text for text in texts if answer_of(text) == target]
    wrong = [text for text in texts if answer_of(text) not in (None, target)]
    chosen = rng.sample(right, min(most, len(right)))
    return [Trajectory(number, _draw_earlier(text, wrong, rng), text) for text in chosen]


def _draw_earlier(right: list[int], wrong: list[list[int]], rng: random.Random) -> list[list[int]]:
    count = min(rng.randint(0, WINDOW), len(wrong))
    if count == 0:
        return []
    # The nearest stands last, so that a revision is seen to mend what it follows (METHOD §5); of
    # equally near ones it is the earliest draw.
    wanted = spell(right)
    distances = [edit_distance(wanted, spell(text)) for text in wrong]
    nearest = distances.index(min(distances))
    others = [text for index, text in enumerate(wrong) if index != nearest]
    return [*rng.sample(others, count - 1), wrong[nearest]]


def spell(text: list[int]) -> str:
    """A completion as people read it, without its end token."""
    words = vocabulary()
    return "".join(words[token] for token in without_end(text))


def edit_distance(left: str, right: str) -> int:
    """Fewest characters to insert, delete or replace to make one text the other."""
    return int(_distance(_code_points(left), _code_points(right)))


def _code_points(text: str) -> NDArray[np.int32]:
    return np.array([ord(letter) for letter in text], dtype=np.int32)


@compile_kernel
def _distance(left: NDArray[np.int32], right: NDArray[np.int32]) -> int:
    # row[j]: distance of what was read of `left` to the first j letters of `right`.
    row = np.arange(len(right) + 1)
    for i in range(len(left)):
        # The value that row[j] had one letter of `left` earlier: a replacement starts from there.
        corner = row[0]
        row[0] = i + 1
        for j in range(len(right)):
            replaced = corner + (left[i] != right[j])
            corner = row[j + 1]
            row[j + 1] = min(replaced, row[j] + 1, corner + 1)
    return row[-1]
