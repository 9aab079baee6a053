"""What a strategy consumed, as if it ran alone (METHOD §9)."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field

from tasks.nodes import Node
from tasks.protocols import Role, Sampling
from tasks.sampler import Sampler
from tasks.scorer import Scorer


@dataclass(slots=True)
class Meter:
    """Tokens by who read or wrote them; a node that is scored twice is counted once."""

    generated_tokens: int = 0
    prompt_tokens: int = 0
    cached_tokens: int = 0
    """Prompt tokens that the strategy itself had written or read before: a prefix cache has them."""
    verifier_tokens: int = 0
    _scored: set[str] = field(default_factory=set)

    def drew(self, parent: Node, children: list[Node]) -> None:
        """Count one request: the parent read once, every child written."""
        self.prompt_tokens += len(parent.token_ids)
        self.cached_tokens += len(parent.token_ids) if parent.steps else 0
        self.generated_tokens += sum(child.generated_tokens - parent.generated_tokens for child in children)

    def scored(self, node: Node, tokens: int) -> None:
        """Count one verifier call on a node."""
        if node.key not in self._scored:
            self._scored.add(node.key)
            self.verifier_tokens += tokens


@dataclass(frozen=True, slots=True)
class MeteredTools:
    """A strategy's Tools over the shared sampler and scorer."""

    sampler: Sampler
    scorer: Scorer
    sampling: Sampling
    max_tokens: int
    """Most generated tokens of a completion, as in pools; a longer one, or one that would be, counts as cut."""
    meter: Meter
    role: Role = "proposer"

    async def next_steps(self, node: Node, n: int) -> list[Node]:
        children = await self.sampler.children(node, n, sampling=self.sampling, role=self.role)
        self.meter.drew(node, children)
        return [self._cut(child) for child in children]

    def _cut(self, node: Node) -> Node:
        too_long = node.generated_tokens > self.max_tokens - node.extendable
        return dataclasses.replace(node, stop="limit") if too_long else node

    async def score(self, node: Node) -> float | None:
        scores = await self.scorer.scores(node)
        last = scores[-1] if scores else None
        if last is None:
            return None
        self.meter.scored(node, last.tokens)
        return last.score
