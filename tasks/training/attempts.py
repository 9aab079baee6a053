"""Several attempts at one question in one text: the revision model's prompts and documents.

With no earlier attempt the prompt is the question alone. With one to four (the most recent ones,
numbered from 1) it is the question, then `Attempt i:` and the attempt's text for each, then the
next number's mark. An attempt ends with the end token, whatever follows it in a document. One that
has another before it begins with a line that reviews the latest: `Verified: a=4 ✓ b=0 ✗`. What was
seen to fail is then one look away from every new guess; without that line small models were not
seen to use the marks of earlier attempts at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import NamedTuple

from tasks.benchmarks.bundled import split_of
from tasks.benchmarks.congruences import (
    ANSWER_MARKER,
    END,
    LETTERS,
    MODULUS,
    RIGHT,
    STEP_END,
    WRONG,
    Mix,
    Stage,
    Writing,
    answer_tokens,
    check_tokens,
    draw_stages,
    question_tokens,
    solve,
    stage_tokens,
    vocabulary,
)
from tasks.benchmarks.levels import LESSONS, draw_level
from tasks.strategies.tools import ATTEMPTS_SHOWN
from tasks.training.learning import IGNORED, Document, completion
from tasks.training.tokenizer import Ids, encode, token_ids

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
    """One written attempt: tokens (the end token last), guesses, and which were marked right."""

    tokens: list[str]
    values: list[int]
    marks: list[bool]


def revision_prompt(question: Ids, earlier: Sequence[Sequence[int]]) -> Ids:
    """Ids of the prompt for the next attempt; of the earlier ones the latest WINDOW are shown."""
    recent = earlier[-WINDOW:]
    if not recent:
        return list(question)
    prompt = list(question)
    # Numbered from 1 whatever was cut off: the vocabulary has a mark for each of WINDOW + 1 only.
    for number, text in enumerate(recent, 1):
        prompt += [_mark(number), *without_end(text), token_ids()[STEP_END]]
    return [*prompt, _mark(len(recent) + 1)]


def without_end(text: Sequence[int]) -> Ids:
    """An attempt's ids without its end token."""
    end = token_ids()[END]
    # One that was cut at the limit has none.
    if not text or text[-1] != end:
        return list(text)
    return list(text[:-1])


def _mark(number: int) -> int:
    return token_ids()[f"Attempt {number}:\n"]


def chain_document(question: Ids, texts: Sequence[Ids], *, first: int = 0) -> Document:
    """All attempts in one document; loss on each from number `first` (from 0) on, and its end."""
    ids = list(question)
    labels = [IGNORED] * len(question)
    for number, text in enumerate(texts):
        body = without_end(text)
        ids += [_mark(number + 1), *body, token_ids()[STEP_END]]
        # A label stands at the place before its token, so the last digit's label is the end token:
        # an attempt must learn to stop there, although the document goes on with a line break.
        wanted = [*body, token_ids()[END]]
        if number < first:
            wanted = [IGNORED] * len(wanted)
        labels += wanted
        # No loss on the next attempt's mark: the prompt writes it, never the model.
        labels.append(IGNORED)
    # Nothing follows the last line break.
    return Document(ids[:-1], labels[:-1])


def documents(rng: random.Random, *, revising: Revising) -> Iterator[Document]:
    """Endless documents on training questions: single attempts, and chains of WINDOW + 1."""
    while True:
        stages = draw_question(rng, mix=revising.mix, levelled=revising.levelled)
        question = question_tokens(stages)
        # A question of another split is dropped: what is measured there must never have been seen.
        if split_of("".join(question)) != "train":
            continue
        prompt = encode(question)
        if rng.random() < revising.plain:
            attempt = revise(stages, [], rng, revising=revising)
            yield completion(prompt, encode(attempt.tokens))
        else:
            yield _draw_chain_document(stages, prompt, rng, revising)


def draw_question(rng: random.Random, *, mix: Mix, levelled: float) -> list[Stage]:
    """A chain of one of the lessons' levels with chance `levelled`, else from `mix`."""
    if rng.random() < levelled:
        return draw_level(rng, level=rng.choice(list(LESSONS.values())))
    return draw_stages(rng, mix=mix)


def _draw_chain_document(
    stages: list[Stage], prompt: Ids, rng: random.Random, revising: Revising
) -> Document:
    past = 0
    if rng.random() < revising.later:
        past = rng.randint(1, WINDOW)
    # A prompt of a long chain begins in its middle, with an attempt that already knows something:
    # so in some documents the first `past` attempts are made and then left out.
    opening = chain(stages, [], rng, length=past + 1, revising=revising)
    attempts = chain(stages, opening[past:], rng, length=WINDOW, revising=revising)
    texts = [encode(attempt.tokens) for attempt in attempts]
    # Such a first attempt reviews one that is not in the document: no loss on it.
    return chain_document(prompt, texts, first=1 if past else 0)


def chain(
    stages: list[Stage],
    before: list[Attempt],
    rng: random.Random,
    *,
    length: int,
    revising: Revising,
) -> list[Attempt]:
    """`before` and `length` more attempts, each made with the WINDOW most recent in view."""
    attempts = list(before)
    for _ in range(length):
        shown = attempts[-WINDOW:]
        attempts.append(revise(stages, shown, rng, revising=revising))
    return attempts


def revise(
    stages: list[Stage], earlier: Sequence[Attempt], rng: random.Random, *, revising: Revising
) -> Attempt:
    """The next attempt: keeps guesses marked right, guesses others anew, never one seen to fail.

    A new guess is right by the chance of its kind; arithmetic and marks are as the generator's.
    """
    tokens: list[str] = []
    if earlier:
        latest = earlier[-1]
        tokens += review(latest.values, latest.marks)
    values: list[int] = []
    marks: list[bool] = []
    for index, stage in enumerate(stages):
        tried = _latest_marks(stage, index, values, earlier)
        guess = _guess(stage, tried, values, rng, revising=revising)
        is_wrong = guess != solve(stage, values)
        chance = revising.writing.bent[stage.kind - 1]
        bent = is_wrong and rng.random() < chance
        check = check_tokens(stage, guess, values, bent=bent)
        tokens += stage_tokens(stage, index)
        tokens += [f": try {LETTERS[index]} = ", str(guess)]
        tokens += [*check, STEP_END]
        # The mark as written, true or not: later attempts know no more than what they can read.
        marks.append(check[-1] == RIGHT)
        values.append(guess)
    tokens += [ANSWER_MARKER, *answer_tokens(values), END]
    return Attempt(tokens, values, marks)


def review(values: Sequence[int], marks: Sequence[bool]) -> list[str]:
    """Token texts of the line that reviews an attempt."""
    tokens = [REVIEW]
    for index, (value, mark) in enumerate(zip(values, marks, strict=True)):
        # The vocabulary has the first letter without a space before it and all others with one.
        space = " " if index else ""
        name = f"{space}{LETTERS[index]}="
        tokens += [name, str(value), RIGHT if mark else WRONG]
    return [*tokens, STEP_END]


def review_of(text: Sequence[int]) -> Ids:
    """Ids of the line that reviews a written attempt, by its guesses and marks; none for none."""
    words = vocabulary()
    spelled = [words[token] for token in text]
    tries = [
        place
        for place, word in enumerate(spelled[:-1])
        if word.startswith(": try ") and spelled[place + 1].isdigit()
    ]
    if not tries:
        return []
    values: list[int] = []
    marks: list[bool] = []
    # A guess's mark is looked for up to the next guess: a model may write lines in another form.
    for place, end in pairwise([*tries, len(spelled)]):
        values.append(int(spelled[place + 1]))
        marks.append(RIGHT in spelled[place:end])
    return encode(review(values, marks))


def _latest_marks(
    stage: Stage, index: int, values: list[int], earlier: Sequence[Attempt]
) -> dict[int, bool]:
    """Guess → its latest mark, the latest guess last; only lines on the same congruence count."""
    marks: dict[int, bool] = {}
    for attempt in earlier:
        unknown = stage.earlier
        # With another value of the earlier unknown the line checked another congruence.
        if unknown is not None and attempt.values[unknown] != values[unknown]:
            continue
        guess = attempt.values[index]
        # Taken out first: a dictionary keeps the place of a key that is only set again.
        marks.pop(guess, None)
        marks[guess] = attempt.marks[index]
    return marks


def _guess(
    stage: Stage,
    tried: dict[int, bool],
    values: list[int],
    rng: random.Random,
    *,
    revising: Revising,
) -> int:
    good = [value for value, marked_right in tried.items() if marked_right]
    if good and rng.random() < revising.keep:
        return good[-1]
    right = solve(stage, values)
    failed = {value for value, marked_right in tried.items() if not marked_right}
    wrong = [value for value in range(MODULUS) if value not in {right, *failed}]
    # Where every wrong digit was seen to fail, only the right one is left.
    if not wrong or rng.random() < revising.writing.right[stage.kind - 1]:
        return right
    return rng.choice(wrong)
