"""Several attempts at one question in one text: the revision model's prompts and training documents.

With no earlier attempt the prompt is the question alone. With one to four (the most recent ones, numbered
from 1) it is the question, then `Attempt i:` and the attempt's text for each, then the next number's mark.
An attempt ends with the end token, whatever follows it in a document. One that has another before it begins
with a line that reviews the latest: `Verified: a=4 ✓ b=0 ✗`. What was found to fail is then one look away from
every new guess; without that line small models were not seen to use the marks of earlier attempts at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from tasks.benchmarks.congruences import (
    ANSWER_MARKER,
    END,
    LETTERS,
    LEVELS,
    MODULUS,
    RIGHT,
    STEP_END,
    WRONG,
    Mix,
    Stage,
    Writing,
    answer_tokens,
    check_tokens,
    draw_level,
    draw_stages,
    question_tokens,
    solve,
    split_of,
    stage_tokens,
    vocabulary,
)
from tasks.strategies.tools import ATTEMPTS_SHOWN
from tasks.training.learning import IGNORED, Document, completion
from tasks.training.tokenizer import encode, token_ids

REVIEW = "Verified: "
WINDOW = ATTEMPTS_SHOWN
"""Most earlier attempts that a prompt shows (METHOD §5)."""


class Revising(NamedTuple):
    """How the training text revises: see `revise` and `documents`."""

    mix: Mix
    writing: Writing
    keep: float = 0.99
    """Chance that a guess marked right is written again."""
    plain: float = 0.5
    """Share of documents that are a question and one attempt, as the generator writes it."""
    levelled: float = 0.5
    """Share of questions made like the benchmark's levels; the rest are drawn from `mix`."""
    later: float = 0.3
    """Share of documents whose first attempt shown is a later one of its chain."""


class Attempt(NamedTuple):
    """One written attempt: its tokens (the end token last), its guesses, and which were marked right."""

    tokens: list[str]
    values: list[int]
    marks: list[bool]


def revision_prompt(question: list[int], earlier: Sequence[Sequence[int]]) -> list[int]:
    """Ids of the prompt for the next attempt; of the earlier ones the most recent WINDOW are shown."""
    recent = earlier[-WINDOW:]
    if not recent:
        return list(question)
    shown = [token for number, text in enumerate(recent, 1) for token in _shown(text, number)]
    return [*question, *shown, _mark(len(recent) + 1)]


def _shown(text: Sequence[int], number: int) -> list[int]:
    return [_mark(number), *without_end(text), token_ids()[STEP_END]]


def without_end(text: Sequence[int]) -> list[int]:
    """An attempt's ids without its end token."""
    return list(text[:-1] if text and text[-1] == token_ids()[END] else text)


def _mark(number: int) -> int:
    return token_ids()[f"Attempt {number}:\n"]


def chain_document(question: list[int], texts: Sequence[list[int]], *, first: int = 0) -> Document:
    """All attempts in one document; loss on each from number `first` (from 0) on, its end token too."""
    ids, labels = list(question), [IGNORED] * len(question)
    for number, text in enumerate(texts):
        body = without_end(text)
        ids += [_mark(number + 1), *body, token_ids()[STEP_END]]
        wanted = [*body, token_ids()[END]] if number >= first else [IGNORED] * (len(body) + 1)
        labels += [*wanted, IGNORED]
    return Document(ids[:-1], labels[:-1])


def documents(rng: random.Random, *, revising: Revising) -> Iterator[Document]:
    """Endless documents on training questions: single attempts, and chains of as many as are ever in sight."""
    while True:
        stages = _draw(rng, revising)
        question = question_tokens(stages)
        if split_of("".join(question)) != "train":
            continue
        if rng.random() < revising.plain:
            yield completion(
                encode(question), encode(revise(stages, [], rng, revising=revising).tokens)
            )
            continue
        past = rng.randint(1, WINDOW) if rng.random() < revising.later else 0
        before = chain(stages, [], rng, length=past + 1, revising=revising)[past:]
        attempts = chain(stages, before, rng, length=WINDOW, revising=revising)
        yield chain_document(
            encode(question), [encode(each.tokens) for each in attempts], first=min(past, 1)
        )


def _draw(rng: random.Random, revising: Revising) -> list[Stage]:
    if rng.random() < revising.levelled:
        return draw_level(rng, level=rng.choice(list(LEVELS)))
    return draw_stages(rng, mix=revising.mix)


def chain(
    stages: list[Stage],
    before: list[Attempt],
    rng: random.Random,
    *,
    length: int,
    revising: Revising,
) -> list[Attempt]:
    """`before` and `length` more attempts, each made with the WINDOW most recent in sight."""
    attempts = list(before)
    for _ in range(length):
        attempts.append(revise(stages, attempts[-WINDOW:], rng, revising=revising))
    return attempts


def revise(
    stages: list[Stage], earlier: Sequence[Attempt], rng: random.Random, *, revising: Revising
) -> Attempt:
    """The next attempt: guesses marked right are kept, others are guessed anew, never one seen to fail.

    A new guess is right by the chance of its kind; arithmetic and marks are as in the generator's text.
    """
    tokens = review(earlier[-1].values, earlier[-1].marks) if earlier else []
    values: list[int] = []
    marks: list[bool] = []
    for index, stage in enumerate(stages):
        guess = _guess(stage, _seen(stage, index, values, earlier), values, rng, revising=revising)
        bent = (
            guess != solve(stage, values) and rng.random() < revising.writing.bent[stage.kind - 1]
        )
        check = check_tokens(stage, guess, values, bent=bent)
        tokens += [
            *stage_tokens(stage, index),
            f": try {LETTERS[index]} = ",
            str(guess),
            *check,
            STEP_END,
        ]
        marks.append(check[-1] == RIGHT)
        values.append(guess)
    return Attempt([*tokens, ANSWER_MARKER, *answer_tokens(values), END], values, marks)


def review(values: Sequence[int], marks: Sequence[bool]) -> list[str]:
    """Token texts of the line that reviews an attempt."""
    named = [(" " if index else "") + f"{LETTERS[index]}=" for index in range(len(values))]
    parts = [
        (name, str(value), RIGHT if mark else WRONG)
        for name, value, mark in zip(named, values, marks, strict=True)
    ]
    return [REVIEW, *(token for part in parts for token in part), STEP_END]


def review_of(text: Sequence[int]) -> list[int]:
    """Ids of the line that reviews a written attempt, by its lines' guesses and marks; none for one without."""
    words = vocabulary()
    spelled = [words[token] for token in text]
    tries = [
        place
        for place, word in enumerate(spelled[:-1])
        if word[:6] == ": try " and spelled[place + 1].isdigit()
    ]
    if not tries:
        return []
    ends = [*tries[1:], len(spelled)]
    marked = [RIGHT in spelled[place:end] for place, end in zip(tries, ends, strict=True)]
    return encode(review([int(spelled[place + 1]) for place in tries], marked))


def _seen(
    stage: Stage, index: int, values: list[int], earlier: Sequence[Attempt]
) -> dict[int, bool]:
    """Guess → its latest mark, the latest guess last; only lines that checked the same congruence count."""
    seen: dict[int, bool] = {}
    for attempt in earlier:
        if stage.earlier is None or attempt.values[stage.earlier] == values[stage.earlier]:
            seen.pop(attempt.values[index], None)
            seen[attempt.values[index]] = attempt.marks[index]
    return seen


def _guess(
    stage: Stage,
    seen: dict[int, bool],
    values: list[int],
    rng: random.Random,
    *,
    revising: Revising,
) -> int:
    good = [value for value, marked in seen.items() if marked]
    if good and rng.random() < revising.keep:
        return good[-1]
    right = solve(stage, values)
    wrong = [value for value in range(MODULUS) if value != right and seen.get(value, True)]
    if not wrong or rng.random() < revising.writing.right[stage.kind - 1]:
        return right
    return rng.choice(wrong)
