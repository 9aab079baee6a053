"""Scripted models for tests: known step laws over a tokenizer of single characters."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from tasks.engines.scripted import Law, Opinion, ScriptedEngine, ScriptedVerifier
from tasks.formats import Format
from tasks.metering import Meter, MeteredTools
from tasks.nodes import Node, root
from tasks.protocols import Sampling
from tasks.questions import Question
from tasks.sampler import NewDraw, Sampler
from tasks.scorer import NewScore, Scorer

STEP = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=20, until="step")
WHOLE = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=80, until="end")
QUESTION = Question("q1", "?", "a")


class Characters:
    """A tokenizer whose ids are code points."""

    def encode(self, text: str) -> list[int]:
        return [ord(c) for c in text]

    def decode(self, token_ids: Sequence[int]) -> str:
        return "".join(map(chr, token_ids))


FORMAT = Format(
    tokenizer=Characters(), render=str, separator="\n", marker="Answer: ", step_ends=frozenset({10}),
    end_of_text=frozenset({0}),
)  # fmt: skip


def steps_written(prefix: Sequence[int]) -> int:
    return sum(token == 10 for token in prefix)


def fixed(length: int, letters: str = "abcdefgh") -> Law:
    """`length` lines of one letter, then an answer."""

    def law(prefix: tuple[int, ...], rng: random.Random) -> str:
        if steps_written(prefix) < length:
            return rng.choice(letters) + "\n"
        return f"Answer: {rng.choice(letters)}<end>"

    return law


def geometric(stop: float = 0.4) -> Law:
    """Ends after every line with the same chance."""

    def law(_: tuple[int, ...], rng: random.Random) -> str:
        return f"Answer: {rng.choice('ab')}<end>" if rng.random() < stop else rng.choice("abcdefgh") + "\n"

    return law


def never_ending(_: tuple[int, ...], rng: random.Random) -> str:
    return rng.choice("abcdefgh") + "\n"


def one_way(length: int) -> Law:
    """Always the same lines: every draw is a duplicate."""
    return fixed(length, letters="a")


def constant(_: str, __: Sequence[str]) -> float:
    return 0.5


def by_letter(_: str, steps: Sequence[str]) -> float:
    """Likes early letters: a is best."""
    return 1.0 - (ord(steps[-1].strip()[-1]) - ord("a")) / 26


def failing(_: str, steps: Sequence[str]) -> float | None:
    return None if steps[-1].startswith("b") else by_letter(_, steps)


class Bench:
    """Sampler, scorer and tools over a script, with everything they recorded."""

    def __init__(self, law: Law, opinion: Opinion = by_letter, **sampler: Any) -> None:
        self.engine = ScriptedEngine(FORMAT, law)
        self.verifier = ScriptedVerifier(opinion)
        self.draws: list[NewDraw] = []
        self.scores: list[NewScore] = []
        self.failures: list[str] = []
        self.sampler = Sampler(format=FORMAT, engine=self.engine, record=self.draws.append, **sampler)
        self.scorer = Scorer(
            verifier=self.verifier, record=self.scores.append, record_failure=lambda _, why: self.failures.append(why)
        )
        self.meter = Meter()
        self.root: Node = root(QUESTION, tuple(FORMAT.tokenizer.encode("?")))

    def tools(self, meter: Meter | None = None) -> MeteredTools:
        return MeteredTools(self.sampler, self.scorer, STEP, WHOLE.max_tokens, meter or self.meter)
