"""Models that start with their first request: an unchanged model never starts an engine."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Protocol

from tasks.engines.pace import Clock
from tasks.models.version import Model
from tasks.protocols import Engine, Reply, Sampling, StepScore, Verifier


class Engines(Protocol):
    """Starts what a run needs, at the first request: an unchanged model never starts an engine."""

    async def engine(self, model: Model) -> Engine: ...
    async def verifier(self, model: Model) -> Verifier: ...
    async def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Lazy:
    """Engine and Verifier of a model that start with their first request."""

    engines: Engines
    model: Model
    clock: Clock = field(default_factory=Clock)

    async def draw(self, prefix: Any, n: int, *, sampling: Sampling, seed: int) -> Reply:
        engine = await self.engines.engine(self.model)
        with self.clock.asked(self.model):
            reply = await engine.draw(prefix, n, sampling=sampling, seed=seed)
        self.clock.tokens[self.model.fingerprint] += sum(draw.tokens for draw in reply.draws)
        return reply

    async def score(self, question: str, steps: Any) -> list[StepScore]:
        verifier = await self.engines.verifier(self.model)
        with self.clock.asked(self.model):
            scores = await verifier.score(question, steps)
        self.clock.tokens[self.model.fingerprint] += scores[-1].tokens if scores else 0
        return scores
