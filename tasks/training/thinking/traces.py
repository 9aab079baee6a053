"""What the thinking model learns from: tries of one stage after another, then the answer.

A line is a try: the stage, a guess, its arithmetic and its mark, as in the generator's text. After
a failed one the same stage is tried again, with a digit that was not seen to fail; after the right
one its digit is repeated, so that it stands before no other digit of the text, and the next stage
follows. A trace may be cut after any token, as a thinking cap does: then the answer holds what was
found until there, and guesses for the rest.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import NamedTuple

from tasks.benchmarks.bundled import split_of
from tasks.benchmarks.congruences import (
    ANSWER_MARKER,
    END,
    LETTERS,
    MODULUS,
    RIGHT,
    STEP_END,
    Mix,
    Stage,
    answer_tokens,
    check_tokens,
    question_tokens,
    solve,
    stage_tokens,
)
from tasks.training.attempts import draw_question
from tasks.training.learning import IGNORED, Document, completion
from tasks.training.tokenizer import BEGIN_THINKING, END_THINKING, Ids, encode


class Traces(NamedTuple):
    """How the training text thinks."""

    mix: Mix
    known: tuple[float, float, float]
    """Chance that a guess of kind 1, 2, 3 is surely right.

    Else it is any digit that was not seen to fail.
    """
    cut: float = 0.5
    """Share of documents whose thinking is cut, after a number of tokens drawn evenly."""
    levelled: float = 0.5
    """Share of questions made like the benchmark's levels; the rest are drawn from `mix`."""


class Try(NamedTuple):
    """One line of a trace."""

    stage: int
    """Index of the stage that is tried."""
    guess: int
    passed: bool
    """Whether its mark says that it is right."""
    end: int
    """Number of the trace's tokens up to the mark, that one included."""


class Trace(NamedTuple):
    """The thinking of one completion."""

    tokens: list[str]
    tries: list[Try]


def thinking_prompt(question: Ids) -> Ids:
    """Ids of the prompt: it begins the thinking, so that a cap counts what is thought alone."""
    return [*question, *encode([BEGIN_THINKING, STEP_END])]


def end_of_thinking() -> Ids:
    """Ids of what stands between thinking and answer, whoever writes it."""
    return encode([END_THINKING, STEP_END])


def think(stages: list[Stage], rng: random.Random, *, traces: Traces) -> Trace:
    """A trace that tries every stage until it is solved."""
    tokens: list[str] = []
    tries: list[Try] = []
    values: list[int] = []
    for index, stage in enumerate(stages):
        failed: set[int] = set()
        passed = False
        while not passed:
            guess = _guess(stage, values, failed, rng, traces=traces)
            tokens += [*stage_tokens(stage, index), f": try {LETTERS[index]} = ", str(guess)]
            tokens += check_tokens(stage, guess, values, bent=False)
            passed = tokens[-1] == RIGHT
            tries.append(Try(index, guess, passed, len(tokens)))
            if passed:
                values.append(guess)
                tokens += [f", so {LETTERS[index]} = ", str(guess)]
            failed.add(guess)
            tokens.append(STEP_END)
    return Trace(tokens, tries)


def answer_at(
    stages: list[Stage], trace: Trace, place: int, rng: random.Random, *, traces: Traces
) -> list[int]:
    """The answer's digits after so many tokens of a trace: those found, and guesses for others."""
    seen = [line for line in trace.tries if line.end <= place]
    values: list[int] = []
    for index, stage in enumerate(stages):
        tried = [line for line in seen if line.stage == index]
        if tried and tried[-1].passed:
            values.append(tried[-1].guess)
        else:
            failed = {line.guess for line in tried}
            values.append(_guess(stage, values, failed, rng, traces=traces))
    return values


def documents(rng: random.Random, *, traces: Traces) -> Iterator[Document]:
    """Endless documents of training questions, their thinking whole or cut, and the answer."""
    while True:
        stages = draw_question(rng, mix=traces.mix, levelled=traces.levelled)
        question = question_tokens(stages)
        # A question of another split is dropped: what is measured there must never have been seen.
        if split_of("".join(question)) == "train":
            yield _document(stages, encode(question), rng, traces)


def _document(stages: list[Stage], question: Ids, rng: random.Random, traces: Traces) -> Document:
    trace = think(stages, rng, traces=traces)
    is_cut = rng.random() < traces.cut
    place = rng.randrange(len(trace.tokens)) if is_cut else len(trace.tokens)
    values = answer_at(stages, trace, place, rng, traces=traces)
    prompt = thinking_prompt(question)
    thought = encode(trace.tokens[:place])
    answer = encode([ANSWER_MARKER, *answer_tokens(values), END])
    document = completion(prompt, [*thought, *end_of_thinking(), *answer])
    if is_cut:
        # Where thinking is cut is not the model's to say: no loss on the end that is put there.
        document.labels[len(prompt) + place - 1] = IGNORED
    return document


def _guess(
    stage: Stage, values: list[int], failed: set[int], rng: random.Random, *, traces: Traces
) -> int:
    if rng.random() < traces.known[stage.kind - 1]:
        return solve(stage, values)
    return rng.choice([digit for digit in range(MODULUS) if digit not in failed])
