"""Models that start with their first request: an unchanged model never starts an engine."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from tasks.engines.load import Load
from tasks.engines.pace import Clock
from tasks.models.version import Model
from tasks.protocols import Engine, Reply, Sampling, StepScore, Verifier


class Engines(Protocol):
    """Starts what a run needs, at the first request: an unchanged model never starts an engine."""

    async def engine(self, model: Model) -> Engine:
        """The model at work, started where it is not yet."""
        ...

    async def verifier(self, model: Model) -> Verifier:
        """The model at work as a verifier, started where it is not yet."""
        ...

    async def close(self) -> None:
        """End all that was started."""
        ...


@dataclass(frozen=True, slots=True)
class Lazy:
    """Engine and Verifier of a model that start with their first request."""

    engines: Engines
    model: Model
    clock: Clock = field(default_factory=Clock)
    load: Load = field(default_factory=Load)

    async def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """n children of the prefix, as the engine draws them."""
        with self.load.asking(self.model, n) as asking:
            engine = await self.engines.engine(self.model)
            self.load.note_start(engine)
            # The clock starts after the engine has: loading a model is no pace.
            began = self.clock.now()
            longest = 0.0
            with self.clock.time_request(self.model):
                async for reply in engine.draw(prefix, n, sampling=sampling, seed=seed):
                    draws = reply.draws.values()
                    self.clock.count(self.model, sum(draw.tokens for draw in draws))
                    longest = max([longest, *(draw.tokens for draw in draws)])
                    asking.answer(len(draws))
                    yield reply
            self.clock.count_wait(self.model, longest, began)

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:
        """One score a step, as the verifier gives them."""
        with self.load.asking(self.model, 1):
            verifier = await self.engines.verifier(self.model)
            self.load.note_start(verifier)
            with self.clock.time_request(self.model):
                scores = await verifier.score(question, steps)
        # One call reads the whole text: its last score's tokens hold those of all before it.
        self.clock.count(self.model, scores[-1].tokens if scores else 0)
        return scores
