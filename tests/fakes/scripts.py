"""Scripted models for tests: known step laws over a tokenizer of single characters."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple
from zlib import crc32

from tasks.asking.costs import Meter
from tasks.asking.plan import Samplings
from tasks.asking.tools import MeteredTools, Revising, Side
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, root
from tasks.draws.sampler import NewDraw, Sampler
from tasks.draws.scorer import Judging, NewScore, Scorer
from tasks.engines.scripted import Law, Opinion, ScriptedEngine, ScriptedVerifier
from tasks.grading.extraction import extract_answer
from tasks.models.formats import Format
from tasks.models.pieces import Writing
from tasks.models.steps import Separator, steps_of
from tasks.protocols import Reply, Sampling
from tasks.strategies import Strategy, parse

STEP = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=20, until="step")
WHOLE = Sampling(temperature=1.0, top_p=1.0, top_k=0, max_tokens=80, until="end")
GREEDY = Sampling(temperature=0.0, top_p=1.0, top_k=0, max_tokens=20, until="step")
SAMPLINGS = Samplings(WHOLE, STEP, GREEDY)
QUESTION = Question("q1", "?", "a")


class Characters:
    """A tokenizer whose ids are code points."""

    def encode(self, text: str) -> list[int]:
        return [ord(c) for c in text]

    def decode(self, token_ids: Sequence[int]) -> str:
        return "".join(map(chr, token_ids))


class Letters(dict[int, bytes]):
    """What its tokens write."""

    def __init__(self) -> None:
        # Those with which a step may end are looked for; all others are written as they come.
        super().__init__({10: b"\n"})

    def __missing__(self, token: int) -> bytes:
        return chr(token).encode()


def revised(question: str, attempts: Sequence[str]) -> str:
    return question + "".join(f"[{text}]" for text in attempts)


def selected(question: str, attempts: Sequence[str]) -> str:
    return revised(question, attempts) + "[best]"


FORMAT = Format(
    tokenizer=Characters(),
    render=str,
    revise=revised,
    select=selected,
    markers=("Answer: ",),
    steps=steps_of(Writing(Letters(), {}), Separator("\n"), never=frozenset({0})),
    end_of_text=frozenset({0}),
)


def written(prefix: Sequence[int]) -> str:
    """What a completion says so far: neither question nor earlier attempts."""
    return FORMAT.tokenizer.decode(prefix).rsplit("]", 1)[-1].removeprefix("?")


def steps_written(prefix: Sequence[int]) -> int:
    return written(prefix).count("\n")


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
        return (
            f"Answer: {rng.choice('ab')}<end>"
            if rng.random() < stop
            else rng.choice("abcdefgh") + "\n"
        )

    return law


def never_ending(_: tuple[int, ...], rng: random.Random) -> str:
    return rng.choice("abcdefgh") + "\n"


def longwinded(stop: float) -> Law:
    """Lines so long that 16 are cut at a whole completion's limit; each ends with this chance."""

    def law(_: tuple[int, ...], rng: random.Random) -> str:
        return (
            f"Answer: {rng.choice('ab')}<end>"
            if rng.random() < stop
            else 4 * rng.choice("abcdefgh") + "\n"
        )

    return law


def one_way(length: int) -> Law:
    """Always the same lines: every draw is a duplicate."""
    return fixed(length, letters="a")


def solvable(length: int, letters: str = "ab") -> Law:
    """The answer is a where every line is, and z elsewhere."""

    def law(prefix: tuple[int, ...], rng: random.Random) -> str:
        lines = written(prefix).splitlines()
        if len(lines) < length:
            return rng.choice(letters) + "\n"
        return "Answer: a<end>" if set(lines) == {"a"} else "Answer: z<end>"

    return law


def constant(_: str, __: Sequence[str]) -> float:
    return 0.5


def by_letter(_: str, steps: Sequence[str]) -> float:
    """Likes early letters: a is best."""
    return 1.0 - (ord(steps[-1].strip()[-1]) - ord("a")) / 26


def failing(_: str, steps: Sequence[str]) -> float | None:
    return None if steps[-1].startswith("b") else by_letter(_, steps)


def perfect(_: str, steps: Sequence[str]) -> float:
    """1 as long as every line is right, that is made of a."""
    return float(all(line.strip("a") in ("", "Answer: ") for line in "".join(steps).splitlines()))


def adversarial(_: str, steps: Sequence[str]) -> float:
    """Prefers what is wrong."""
    return 1.0 - perfect(_, steps)


def hashed(_: str, steps: Sequence[str]) -> float:
    """Looks random, and is the same for the same text."""
    return crc32("".join(steps).encode()) / 2**32


def sometimes_silent(_: str, steps: Sequence[str]) -> float | None:
    """Fails on every fifth text, always on the same ones."""
    score = hashed(_, steps)
    return None if score < 0.2 else score


def flaky(opinion: Opinion, every: int) -> Opinion:
    """Fails every so many times that it is asked, whatever about: the next time it may know."""
    asked = count(1)
    return lambda question, steps: None if next(asked) % every == 0 else opinion(question, steps)


class Spent(NamedTuple):
    """What an engine counted of one kind of request."""

    requests: int = 0
    draws: int = 0
    prompt_tokens: int = 0
    generated_tokens: int = 0


@dataclass(slots=True)
class CountingEngine(ScriptedEngine):
    """A scripted engine that keeps its counts by sampling parameters too."""

    spent: dict[str, Spent] = field(default_factory=dict)
    requested: list[tuple[tuple[int, ...], str]] = field(default_factory=list)
    """(prefix, sampling key) of every request."""

    async def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        self.requested.append((tuple(prefix), sampling.key))
        self._spend(sampling, Spent(requests=1, prompt_tokens=len(prefix)))
        async for reply in ScriptedEngine.draw(self, prefix, n, sampling=sampling, seed=seed):
            tokens = sum(int(draw.tokens) for draw in reply.draws.values())
            self._spend(sampling, Spent(draws=len(reply.draws), generated_tokens=tokens))
            yield reply

    def _spend(self, sampling: Sampling, more: Spent) -> None:
        before = self.spent.get(sampling.key, Spent())
        self.spent[sampling.key] = Spent(*map(sum, zip(before, more, strict=True)))


class Bench:
    """Sampler, scorer and tools over a script, with everything they recorded."""

    def __init__(
        self,
        law: Law,
        opinion: Opinion = by_letter,
        *,
        whole: bool = False,
        form: Format = FORMAT,
        rounds: int = 40,
        **sampler: Any,
    ) -> None:
        self.form = form
        self.rounds = rounds
        self.engine = CountingEngine(form, law)
        self.verifier = ScriptedVerifier(opinion)
        self.draws: list[NewDraw] = []
        self.scores: list[NewScore] = []
        self.failures: list[str] = []
        options: dict[str, Any] = {"engine": self.engine} | sampler
        self.sampler = Sampler(format=form, record=self.draws.append, **options)
        self.scorer = Scorer(
            verifier=self.verifier,
            record=self.scores.append,
            judging=Judging(whole),
            record_failure=lambda _, why: self.failures.append(why),
        )
        self.whole = whole
        self.meter = Meter()
        self.root: Node = root(QUESTION, tuple(form.tokenizer.encode("?")))

    def tools(self, meter: Meter | None = None) -> MeteredTools:
        side = Side(self.sampler, self.scorer)
        revising = Revising(self.form, shown=False)
        return MeteredTools(
            QUESTION,
            side,
            SAMPLINGS,
            revising,
            meter or self.meter,
            rounds=self.rounds,
            classes=lambda nodes: list(map(answer_of, nodes)),
        )

    async def run(
        self, key: str | Strategy, budget: int, meter: Meter | None = None
    ) -> list[list[Node]]:
        """What a strategy makes of the budget, its ended completions scored as in a real run."""
        tools = self.tools(meter)
        strategy = parse(key) if isinstance(key, str) else key
        groups = await strategy.run(self.root, budget, tools)
        await asyncio.gather(
            *(tools.score(node) for group in groups for node in group if node.ended)
        )
        return groups

    def replay(self) -> Bench:
        """Another bench that knows what this one recorded and can ask nobody."""
        known = [(new.key, new.child, new.kept) for new in self.draws]
        other = Bench(self.engine.law, whole=self.whole, engine=None, known=known)
        other.scorer = Scorer(
            verifier=None,
            known={new.node_key: new.score for new in self.scores},
            judging=Judging(self.whole),
        )
        return other


def answer_of(node: Node) -> str | None:
    """As grading reads it: nothing that was cut has an answer."""
    return extract_answer(node.text, FORMAT.markers) if node.ended else None
