"""What a strategy consumed, as if it ran alone (METHOD §9)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.asking.costs import Meter
from tasks.asking.plan import Samplings
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, root
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Scorer
from tasks.models.formats import Format
from tasks.protocols import Role, Sampling
from tasks.strategies.tools import ATTEMPTS_SHOWN, Chain

A_CHAIN = 1_000
"""Attempt t of a chain is drawn in replicate + t · A_CHAIN: a sight met again later in a chain is drawn anew."""


class Side(NamedTuple):
    """One model that writes and one that judges what it wrote."""

    sampler: Sampler
    scorer: Scorer


@dataclass(frozen=True, slots=True)
class Revising:
    """What an attempt is asked for: the question and the attempts it sees, as the node that they make."""

    format: Format
    shown: bool
    """Whether the verifier sees the earlier attempts too."""
    known: dict[tuple[str, tuple[str, ...]], Node] = field(
        default_factory=dict[tuple[str, tuple[str, ...]], Node]
    )

    def start(self, question: Question, earlier: Chain) -> Node:
        """The node of the next attempt: the latest ended attempts are in its prompt."""
        seen = tuple(node.text for node in earlier if node.ended)[-ATTEMPTS_SHOWN:]
        key = (question.question_id, seen)
        if key not in self.known:
            text = self.format.revision(question, seen)
            asked = dataclasses.replace(question, text=text) if self.shown and seen else question
            self.known[key] = root(asked, tuple(self.format.tokenizer.encode(text)))
        return self.known[key]


@dataclass(frozen=True, slots=True)
class MeteredTools:
    """A strategy's Tools on one question over shared samplers and scorers."""

    question: Question
    side: Side
    samplings: Samplings
    revising: Revising
    meter: Meter
    replicate: int = 0

    async def next_steps(self, node: Node, n: int) -> list[Node]:
        return await self._steps(node, n, self.samplings.step, "proposer")

    async def ahead(self, node: Node) -> Node:
        return (await self._steps(node, 1, self.samplings.greedy, "lookahead"))[0]

    async def _steps(self, node: Node, n: int, sampling: Sampling, role: Role) -> list[Node]:
        children = await self.side.sampler.children(
            node, n, sampling=sampling, role=role, replicate=self.replicate
        )
        self.meter.drew(f"{node.key}|{sampling.key}", node, children)
        return [self._cut(child) for child in children]

    def _cut(self, node: Node) -> Node:
        """A completion longer than those of pools may be, or that would be, counts as cut."""
        too_long = node.generated_tokens > self.samplings.whole.max_tokens - node.extendable
        return dataclasses.replace(node, stop="limit") if too_long else node

    def attempt_key(self, earlier: Chain) -> str:
        return f"{len(earlier)}|{self.revising.start(self.question, earlier).key}"

    async def attempts(self, earlier: Chain, n: int) -> list[Node]:
        start = self.revising.start(self.question, earlier)
        replicate = self.replicate + A_CHAIN * len(earlier)
        whole = self.samplings.whole
        drawn = await self.side.sampler.children(
            start, n, sampling=whole, role="revision", replicate=replicate
        )
        self.meter.drew(self.attempt_key(earlier), start, drawn)
        return drawn

    async def score(self, node: Node) -> float | None:
        scores = await self.side.scorer.scores(node)
        last = scores[-1] if scores else None
        if last is None:
            return None
        self.meter.scored(node, last.tokens)
        return last.score
