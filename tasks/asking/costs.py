"""What a strategy consumed, as if it ran alone (METHOD §9)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.draws.nodes import Node
from tasks.models.version import Model


class Spent(NamedTuple):
    """Tokens as if the strategy ran alone (METHOD §9)."""

    generated: float
    prompt: float
    verifier: float
    cached: float = 0.0
    """Of the prompt tokens; they cost no FLOPs."""

    def share(self, of: float) -> Spent:
        """This share of all of it."""
        return Spent(
            generated=self.generated * of,
            prompt=self.prompt * of,
            verifier=self.verifier * of,
            cached=self.cached * of,
        )


@dataclass(slots=True)
class Meter:
    """Tokens by who read or wrote them; what is asked for twice is counted once."""

    generated_tokens: float = 0
    """NaN where a server or a log does not tell, like the others."""
    prompt_tokens: float = 0
    cached_tokens: float = 0
    """Prompt tokens that the strategy had written or read before: a prefix cache has them."""
    verifier_tokens: float = 0
    left: int = 0
    """Slots whose prefixes could have gone on when a search's rounds ended."""
    generations: int | None = None
    """Those that a file's own strategy took; None: the budget."""
    _scores: set[str] = field(default_factory=set[str])
    """Keys of the nodes whose score was counted."""
    _draws: Counter[str] = field(default_factory=Counter[str])
    """Siblings that were counted, by their key."""

    def count_draws(self, key: str, parent: Node, siblings: Sequence[Node]) -> None:
        """Count one request for those of the siblings of this key that were not counted yet."""
        new = siblings[self._draws[key] :]
        if not new:
            return
        self._draws[key] = len(siblings)
        self.prompt_tokens += parent.length
        # A prefix with steps is one that the strategy wrote itself; a question's prompt is not.
        if parent.depth:
            self.cached_tokens += parent.length
        for child in new:
            self.generated_tokens += child.generated_tokens - parent.generated_tokens

    def count_score(self, node: Node, tokens: float) -> None:
        """Count one verifier call on a node."""
        if node.key not in self._scores:
            self._scores.add(node.key)
            self.verifier_tokens += tokens

    def spent(self) -> Spent:
        """What was consumed."""
        return Spent(
            generated=self.generated_tokens,
            prompt=self.prompt_tokens,
            verifier=self.verifier_tokens,
            cached=self.cached_tokens,
        )


def costs(
    model: Model, verifier: Model | None, generations: float, spent: Spent
) -> dict[str, float]:
    """The cost columns of an outcome; FLOPs are 2 · parameters · tokens over both models.

    METHOD §9: parameters without embeddings, tokens without those that a prefix cache has.
    NaN where tokens or parameters are unknown.
    """
    work = _work(model, spent.generated + spent.prompt - spent.cached)
    judging = _work(verifier, spent.verifier)
    return {
        "generations": float(generations),
        "generated_tokens": float(spent.generated),
        "prompt_tokens": float(spent.prompt),
        "verifier_tokens": float(spent.verifier),
        "flops": work + judging,
    }


def _work(model: Model | None, tokens: float) -> float:
    """FLOPs of a model over so many tokens; none for no tokens, however large it may be."""
    if model is None or tokens == 0:
        return 0.0
    each = model.flops_a_token
    return math.nan if each is None else each * tokens
