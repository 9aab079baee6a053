"""What is drawn for a question that is answered: in which pool, in how many requests, scored."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tasks.asking.completions import classes_of
from tasks.asking.questioning import Questioning
from tasks.asking.tools import Side
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node
from tasks.draws.scorer import aggregate
from tasks.statistics.selectors import Candidate
from tasks.strategies.forms import OWN_POOL, PoolKey


class Pool:
    """The question's whole completions, as far as anybody asked, and which of them were scored."""

    def __init__(self, asking: Questioning, question: Question, name: PoolKey = OWN_POOL) -> None:
        self.asking = asking
        self.question = question
        self.name = name
        self.root = asking.root_of(question, name)
        self.drawn: list[Node] = []
        self.requests = 0
        """Made one after the other; each reads the prompt, which a cache has after the first."""
        self.scored: dict[str, float] = {}
        """Verifier tokens by node key."""

    def at(self, name: PoolKey) -> Pool:
        """Another pool of the question; that of the study is this one."""
        return self if name == OWN_POOL else Pool(self.asking, self.question, name)

    async def first(self, n: int) -> list[Node]:
        """The first n completions of the pool from which pool strategies choose."""
        nodes = await self.asking.first(self.question, self.name, n)
        # A shorter request draws nothing new: what was paid for is the longest one.
        self.requests += len(nodes) > len(self.drawn)
        self.drawn = max(self.drawn, nodes, key=len)
        return nodes

    async def read(self, nodes: Sequence[Node], *, scored: bool) -> list[Candidate]:
        """The completions as selectors see them, with their scores if wanted."""
        side = self.asking.proposing
        seen = await candidates(self.asking, side, nodes, scored=scored)
        if scored:
            self.scored |= {
                node.key: await _verifier_tokens(side, node) for node in nodes if node.ended
            }
        return seen


async def candidates(
    asking: Questioning, side: Side, nodes: Sequence[Node], *, scored: bool
) -> list[Candidate]:
    """The completions as selectors see them, in the same order.

    One that was cut at the token limit has neither answer nor score.
    """
    # All at once: the verifier's batching sees every completion of the question together.
    scoring = (_score(asking, side, node, scored=scored) for node in nodes)
    scores = await asyncio.gather(*scoring)
    # Beside the event loop: the classes of programs are found by running them.
    classes = await asyncio.to_thread(classes_of, asking.run, nodes)
    tokens = [node.generated_tokens for node in nodes]
    confidences = [node.confidence for node in nodes]
    return list(map(Candidate, classes, scores, tokens, confidences))


async def _score(asking: Questioning, side: Side, node: Node, *, scored: bool) -> float | None:
    if not (scored and node.ended):
        return None
    scores = await side.scorer.scores(node)
    verifier = asking.run.study.verifier
    return aggregate(scores, verifier.aggregate if verifier else "last")


async def _verifier_tokens(side: Side, node: Node) -> float:
    """Tokens that the verifier read to score a completion; 0 where it failed."""
    scores = await side.scorer.scores(node)
    # A score counts the tokens from the question to its step: the last one's are all that was read.
    last = scores[-1] if scores else None
    return last.tokens if last else 0
