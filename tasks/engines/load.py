"""What engines have been asked for and have not answered yet."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Protocol, runtime_checkable

from tasks.models.version import Model
from tasks.runs.run import Run

_first: ContextVar[asyncio.Event | None] = ContextVar("_first", default=None)
"""Set with the first thing that a task, or one that it began, asks a model for."""


@runtime_checkable
class Writing(Protocol):
    """An engine that knows how far the draws have come that have not ended."""

    @property
    def written_tokens(self) -> int:
        """Tokens of the draws under way."""
        ...


@dataclass(slots=True)
class Load:
    """Draws and verifier calls under way, by fingerprint of the model."""

    batches: Mapping[str, int] = field(default_factory=dict[str, int])
    """How many of them each model works on at once."""
    under_way: Counter[str] = field(default_factory=Counter[str])
    _started: dict[int, object] = field(default_factory=dict[int, object])
    """Engines and verifiers at work, each once."""
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_full(self) -> bool:
        """Whether some model has as much to do as it can do at once."""
        return any(self.under_way[one] >= most for one, most in self.batches.items())

    @property
    def is_started(self) -> bool:
        """Whether an engine has started."""
        return bool(self._started)

    @property
    def total(self) -> int:
        """Draws and verifier calls under way at all models."""
        return self.under_way.total()

    @property
    def written_tokens(self) -> int:
        """Tokens of draws under way, as far as their engines tell."""
        started = self._started.values()
        return sum(engine.written_tokens for engine in started if isinstance(engine, Writing))

    def note_start(self, engine: object) -> None:
        """Take note that an engine, or a verifier, is at work."""
        self._started[id(engine)] = engine

    def tell_first(self, asked: asyncio.Event) -> None:
        """Sets the event once this task, or one that it begins, asks a model for something."""
        _first.set(asked)

    async def change(self) -> None:
        """Back when something has been answered."""
        self._changed.clear()
        await self._changed.wait()

    def note_change(self) -> None:
        """Wake whoever waits for a change."""
        self._changed.set()

    @contextmanager
    def asking(self, model: Model, n: int) -> Generator[Asking]:
        """While it lasts, n things are asked of a model, less what was answered meanwhile."""
        asking = Asking(self, model.fingerprint)
        asking.answer(-n)
        first = _first.get()
        if first:
            first.set()
        try:
            yield asking
        finally:
            asking.answer(asking.left)


@dataclass(slots=True)
class Asking:
    """Things that are asked of a model together."""

    load: Load
    fingerprint: str
    left: int = 0

    def answer(self, n: int) -> None:
        """So many of them are there."""
        self.left -= n
        self.load.under_way[self.fingerprint] -= n
        self.load.note_change()


def load_of(run: Run) -> Load:
    """Nothing under way yet; as many at once as the study says of each of the run's models."""
    return Load({model.fingerprint: _batch(run, model) for model in run.models_asked})


def _batch(run: Run, model: Model) -> int:
    endpoint = run.study.endpoint(model.name)
    if endpoint:
        return endpoint.concurrency
    options = run.study.engine
    replicas = sum(len(server.urls) for server in options.servers if server.model == model.name)
    return options.max_num_seqs * max(replicas, options.data_parallel_size)
