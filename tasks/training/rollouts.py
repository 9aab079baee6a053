"""Step labels without human work: Monte-Carlo rollouts of the generator (METHOD §3, arXiv 2312.08935)."""

from __future__ import annotations

from collections import Counter
from itertools import islice
from typing import NamedTuple

import torch

from tasks.benchmarks.bundled import Split, chains
from tasks.benchmarks.congruences import (
    ANSWER_MARKER,
    END,
    STEP_END,
    Stage,
    answer,
    question_tokens,
    solution,
    vocabulary,
)
from tasks.training.sampling import Decoder, Sampling, sample
from tasks.training.tokenizer import encode, token_ids


class Asked(NamedTuple):
    """One question for training: its token ids, target and stages."""

    prompt: list[int]
    target: str
    stages: list[Stage]
    level: int


class Labelled(NamedTuple):
    """One distinct completion with its soft labels.

    `ids` are question and completion, ended by the step token; `ends` the places of the step tokens in
    it, `labels` a value in [0, 1] each, `draws` how often it was drawn; `question` numbers the question.
    """

    question: int
    ids: list[int]
    ends: list[int]
    labels: list[float]
    draws: int


class Rollouts(NamedTuple):
    """How many draws a question and rollouts a step, at which temperature."""

    draws: int = 16
    rollouts: int = 16
    temperature: float = 1.0


def ask(split: Split, count: int, *, seed: int) -> list[Asked]:
    """The first `count` questions of a split under a seed."""
    return [
        Asked(encode(question_tokens(stages)), answer(solution(stages)), stages, level)
        for level, stages in islice(chains(split, seed=seed), count)
    ]


def answer_of(completion: list[int]) -> str | None:
    """The answer of a completion's ids, or None when it was cut or has none."""
    end, marker = token_ids()[END], token_ids()[ANSWER_MARKER]
    if not completion or completion[-1] != end or marker not in completion:
        return None
    words = vocabulary()
    return "".join(words[token] for token in completion[completion.index(marker) + 1 : -1])


def draw(
    weights: Decoder,
    prompts: list[list[int]],
    *,
    copies: int,
    temperature: float,
    generator: torch.Generator,
) -> list[list[list[int]]]:
    """Whole completions of each prompt."""
    stops = (token_ids()[END],)
    sampling = Sampling(copies=copies, stops=stops, temperature=temperature, rows=512)
    return sample(weights, prompts, sampling=sampling, generator=generator)


def label_steps(
    weights: Decoder, asked: list[Asked], *, rollouts: Rollouts, seed: int
) -> tuple[list[Labelled], dict[str, int]]:
    """Labelled completions of every question, and how many draws and tokens that took.

    Draws without an answer are dropped. A step's label is the share of rollouts from its end that reach
    the target, shared by all draws that begin alike; a finished completion's label is its correctness.
    """
    generator = torch.Generator().manual_seed(seed)
    temperature = rollouts.temperature
    drawn = draw(
        weights,
        [q.prompt for q in asked],
        copies=rollouts.draws,
        temperature=temperature,
        generator=generator,
    )
    kept = [
        Counter(tuple(text) for text in texts if answer_of(text) is not None) for texts in drawn
    ]
    prefixes = sorted(
        {
            (number, text[:end])
            for number, texts in enumerate(kept)
            for text in texts
            for end in step_ends(text)
        }
    )
    rolled = draw(
        weights,
        [asked[number].prompt + list(prefix) for number, prefix in prefixes],
        copies=rollouts.rollouts,
        temperature=temperature,
        generator=generator,
    )
    values = {
        (number, prefix): sum(answer_of(text) == asked[number].target for text in texts)
        / len(texts)
        for (number, prefix), texts in zip(prefixes, rolled, strict=True)
    }
    rows = [
        _label(asked[number], number, text, count, values)
        for number, texts in enumerate(kept)
        for text, count in texts.items()
    ]
    figures = {
        "questions": len(asked),
        "draws": sum(len(texts) for texts in drawn),
        "without_answer": sum(len(texts) for texts in drawn)
        - sum(sum(count.values()) for count in kept),
        "prefixes": len(prefixes),
        "generated_tokens": sum(len(text) for texts in drawn + rolled for text in texts),
    }
    return rows, figures


def step_ends(text: tuple[int, ...]) -> list[int]:
    """Lengths of the prefixes of a completion that end in a step token."""
    newline = token_ids()[STEP_END]
    return [place + 1 for place, token in enumerate(text) if token == newline]


def finish(completion: list[int] | tuple[int, ...]) -> list[int]:
    """A completion as a verifier reads it: the step token in place of the end token."""
    last = [token_ids()[STEP_END]]
    return [*completion[:-1], *last] if completion[-1] == token_ids()[END] else list(completion)


def _label(
    question: Asked,
    number: int,
    text: tuple[int, ...],
    count: int,
    values: dict[tuple[int, tuple[int, ...]], float],
) -> Labelled:
    ends = step_ends(text)
    labels = [values[number, text[:end]] for end in ends] + [
        float(answer_of(list(text)) == question.target)
    ]
    start = len(question.prompt)
    places = [start + end - 1 for end in (*ends, len(text))]
    return Labelled(number, question.prompt + finish(text), places, labels, count)
