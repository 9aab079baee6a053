"""What a strategy consumed, as if it ran alone (METHOD §9)."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from tasks.draws.nodes import Node
from tasks.models.version import Model
from tasks.study.endpoints import Price


class Spent(NamedTuple):
    """Tokens as if the strategy ran alone (METHOD §9)."""

    generated: float
    prompt: float
    verifier: float
    cached: float = 0.0
    """Of the prompt tokens; they cost no FLOPs."""
    latency: float = math.nan
    """Tokens of the longest path: parallel draws cost the slowest, rounds add up (METHOD §12)."""

    def share(self, of: float) -> Spent:
        """This share of all of it; the longest path is none of what can be shared."""
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
    latency: float = math.nan
    """Tokens of the longest path; known of a replay alone (`tasks.asking.token_time`)."""
    left: int = 0
    """Slots whose prefixes could have gone on when a search's rounds ended."""
    generations: int | None = None
    """Those that a file's own strategy took; None: the budget."""
    _scores: set[str] = field(default_factory=set[str])
    """Keys of the nodes whose score was counted."""
    _draws: Counter[str] = field(default_factory=Counter[str])
    """Siblings that were counted, by their key."""
    _nodes: list[Node] = field(default_factory=list[Node], compare=False)
    """All draws that were counted."""

    @property
    def draws(self) -> int:
        """Draws that were counted; whole completions of a strategy that goes by no steps."""
        return self._draws.total()

    def has_counted(self, node: Node) -> bool:
        """Whether this very draw was counted: one with the same text was paid for beside it."""
        return any(node is other for other in self._nodes)

    def count_draws(self, key: str, parent: Node, siblings: Sequence[Node]) -> float:
        """Count one request for those of the siblings of this key that were not counted yet.

        Returns the tokens of the longest of them: so long does the request take.
        """
        new = siblings[self._draws[key] :]
        if not new:
            return 0.0
        self._draws[key] = len(siblings)
        self._nodes.extend(new)
        self.prompt_tokens += parent.length
        # A prefix with steps is one that the strategy wrote itself; a question's prompt is not.
        if parent.depth:
            self.cached_tokens += parent.length
        written = [child.generated_tokens - parent.generated_tokens for child in new]
        # One after the other: the last digits of stored costs come from this order.
        for tokens in written:
            self.generated_tokens += tokens
        return max(written)

    def count_score(self, node: Node, tokens: float) -> None:
        """Count one verifier call on a node."""
        if node.key not in self._scores:
            self._scores.add(node.key)
            self.verifier_tokens += tokens

    def spent(self) -> Spent:
        """What was consumed."""
        is_known = not math.isnan(self.generated_tokens)
        return Spent(
            generated=self.generated_tokens,
            prompt=self.prompt_tokens,
            verifier=self.verifier_tokens,
            cached=self.cached_tokens,
            # A draw of which nobody knows the tokens took no time in the replay.
            latency=self.latency if is_known else math.nan,
        )


class Rate(NamedTuple):
    """What the tokens of a model take besides FLOPs; None: unknown."""

    price: Price | None = None
    engine_seconds: float | None = None
    """Seconds of engine time a token, while others are written beside it."""
    path_seconds: float | None = None
    """Seconds that a request waits a token of its longest draw, at the load of the run."""


Rates = Mapping[str, Rate]
"""By fingerprint of the model."""

NO_RATES: Final[Rates] = {}
_UNKNOWN = Rate()
_MILLION = 1e6


def costs(
    model: Model, verifier: Model | None, generations: float, spent: Spent, rates: Rates
) -> dict[str, float]:
    """The cost columns of an outcome (METHOD §9, §12); NaN where something it rests on is unknown.

    FLOPs are 2 · parameters · tokens over both models: parameters without embeddings, tokens
    without those that a prefix cache has. Of no tokens the cost is 0, whatever they would cost.
    """
    writer = rates.get(model.fingerprint, _UNKNOWN)
    judge = rates.get(verifier.fingerprint, _UNKNOWN) if verifier else _UNKNOWN
    work = _each(spent.generated + spent.prompt - spent.cached, model.flops_a_token)
    judging = _each(spent.verifier, verifier.flops_a_token if verifier else None)
    writing_time = _each(spent.generated, writer.engine_seconds)
    judging_time = _each(spent.verifier, judge.engine_seconds)
    return {
        "generations": float(generations),
        "generated_tokens": float(spent.generated),
        "prompt_tokens": float(spent.prompt),
        "cached_tokens": float(spent.cached),
        "verifier_tokens": float(spent.verifier),
        "latency_tokens": float(spent.latency),
        "flops": work + judging,
        "money": _money(spent, writer.price, judge.price),
        "engine_seconds": writing_time + judging_time,
        "latency_seconds": _each(spent.latency, writer.path_seconds),
    }


def _each(tokens: float, rate: float | None) -> float:
    """What so many tokens take."""
    if tokens == 0:
        return 0.0
    return math.nan if rate is None else rate * tokens


def _money(spent: Spent, writer: Price | None, judge: Price | None) -> float:
    """A verifier reads: its tokens cost what a prompt's do."""
    read = spent.prompt - spent.cached
    parts = (
        _each(read, writer and writer.prompt),
        _each(spent.cached, writer and writer.of_cached),
        _each(spent.generated, writer and writer.generated),
        _each(spent.verifier, judge and judge.prompt),
    )
    return math.fsum(parts) / _MILLION
