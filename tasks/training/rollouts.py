"""Step labels without human work: rollouts of the generator (METHOD §3, arXiv 2312.08935)."""

from __future__ import annotations

from collections import Counter
from functools import partial
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
)
from tasks.training.decoder import Decoder
from tasks.training.sampling import Sampling, Texts, sample
from tasks.training.tokenizer import Ids, encode, token_ids


class Asked(NamedTuple):
    """One question for training: its token ids, target and stages."""

    prompt: Ids
    target: str
    stages: list[Stage]
    level: int


class Labelled(NamedTuple):
    """One distinct completion with its soft labels."""

    question: int
    """Number of the question, from 0."""
    ids: Ids
    """Question and completion, ended by the token at which the verifier is read."""
    ends: list[int]
    """Places in `ids` of the tokens at which it is read."""
    labels: list[float]
    """A value in [0, 1] for each of them."""
    draws: int
    """How often the completion was drawn."""


class Rollouts(NamedTuple):
    """How many draws a question and rollouts a step, at which temperature."""

    draws: int = 16
    rollouts: int = 16
    temperature: float = 1.0


def ask(split: Split, count: int, *, seed: int) -> list[Asked]:
    """The first `count` questions of a split under a seed."""
    asked: list[Asked] = []
    for level, stages in islice(chains(split, seed=seed), count):
        prompt = encode(question_tokens(stages))
        asked.append(Asked(prompt, answer(solution(stages)), stages, level))
    return asked


def answer_of(completion: Ids) -> str | None:
    """The answer of a completion's ids, or None when it was cut or has none."""
    end = token_ids()[END]
    marker = token_ids()[ANSWER_MARKER]
    # A cut completion may be cut inside its answer: what is written so far is none (METHOD §15).
    if not completion or completion[-1] != end or marker not in completion:
        return None
    words = list(token_ids())
    start = completion.index(marker) + 1
    written = completion[start:-1]
    return "".join(words[token] for token in written)


def draw(
    weights: Decoder,
    prompts: list[Ids],
    *,
    copies: int,
    temperature: float,
    generator: torch.Generator,
) -> Texts:
    """Whole completions of each prompt."""
    end = token_ids()[END]
    sampling = Sampling(copies=copies, stops=(end,), temperature=temperature, rows=512)
    return sample(weights, prompts, sampling=sampling, generator=generator)


def label_steps(
    weights: Decoder, asked: list[Asked], *, rollouts: Rollouts, seed: int
) -> tuple[list[Labelled], dict[str, int]]:
    """Labelled completions of every question, and how many draws and tokens that took.

    Draws without an answer are dropped. A step's label is the share of rollouts from its end that
    reach the target, shared by all draws that begin alike; a finished completion's label is its
    correctness.
    """
    generator = torch.Generator().manual_seed(seed)
    at = partial(draw, weights, temperature=rollouts.temperature, generator=generator)
    prompts = [question.prompt for question in asked]
    drawn = at(prompts, copies=rollouts.draws)
    answered = [_count_answered(texts) for texts in drawn]
    prefixes = _prefixes(answered)
    beginnings = [prompts[number] + list(prefix) for number, prefix in prefixes]
    rolled = at(beginnings, copies=rollouts.rollouts)
    values = _values(asked, prefixes, rolled)
    return _label_all(asked, answered, values), _count(drawn, rolled, answered)


Text = tuple[int, ...]
"""Token ids of a completion, or of the beginning of one up to the end of a step."""
Prefix = tuple[int, Text]
"""Number of a question, and the beginning of a completion of it."""


def _count_answered(texts: list[Ids]) -> Counter[Text]:
    """Distinct completions that have an answer, with how often each was drawn."""
    answered = [text for text in texts if answer_of(text) is not None]
    return Counter(map(tuple, answered))


def _prefixes(texts: list[Counter[Text]]) -> list[Prefix]:
    """Every prefix at which a step of some completion ends, once.

    Sorted, because their order is the order in which random numbers are drawn for them, and that of
    a set is not the same in every process.
    """
    prefixes: set[Prefix] = set()
    for number, completions in enumerate(texts):
        for text in completions:
            beginnings = [text[:end] for end in step_ends(text)]
            prefixes.update((number, beginning) for beginning in beginnings)
    return sorted(prefixes)


def _values(asked: list[Asked], prefixes: list[Prefix], rolled: Texts) -> dict[Prefix, float]:
    """Prefix → share of its rollouts that reach the target; those without an answer do not."""
    values: dict[Prefix, float] = {}
    for prefix, texts in zip(prefixes, rolled, strict=True):
        number, _ = prefix
        target = asked[number].target
        reached = [answer_of(text) == target for text in texts]
        values[prefix] = sum(reached) / len(texts)
    return values


def _count(drawn: Texts, rolled: Texts, answered: list[Counter[Text]]) -> dict[str, int]:
    draws = sum(len(texts) for texts in drawn)
    return {
        "questions": len(drawn),
        "draws": draws,
        "without_answer": draws - sum(texts.total() for texts in answered),
        "prefixes": len(rolled),
        "generated_tokens": sum(len(text) for texts in drawn + rolled for text in texts),
    }


def step_ends(text: Text) -> list[int]:
    """Lengths of the prefixes of a completion that end in a step token."""
    newline = token_ids()[STEP_END]
    return [place + 1 for place, token in enumerate(text) if token == newline]


def finish(completion: Ids | Text) -> Ids:
    """A completion as a verifier reads it: the step token in place of the end token."""
    ids = token_ids()
    if completion[-1] != ids[END]:
        return list(completion)
    # The verifier scores at step tokens alone (METHOD §3): its answer line must end in one too.
    return [*completion[:-1], ids[STEP_END]]


def _label_all(
    asked: list[Asked], answered: list[Counter[Text]], values: dict[Prefix, float]
) -> list[Labelled]:
    rows: list[Labelled] = []
    for number, completions in enumerate(answered):
        for text, count in completions.items():
            rows.append(_label(asked[number], number, text, count, values))
    return rows


def _label(
    question: Asked,
    number: int,
    text: Text,
    count: int,
    values: dict[Prefix, float],
) -> Labelled:
    ends = step_ends(text)
    correct = answer_of(list(text)) == question.target
    # The end needs no rollouts: what a whole completion is worth is known.
    labels = [values[number, text[:end]] for end in ends]
    labels.append(float(correct))
    start = len(question.prompt)
    # A prefix of length n ends at place n − 1.
    places = [start + end - 1 for end in [*ends, len(text)]]
    return Labelled(number, question.prompt + finish(text), places, labels, count)
