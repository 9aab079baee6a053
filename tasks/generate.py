"""The one stage that needs an engine: draws and verifier scores."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, Protocol

from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Scorer
from tasks.engine_log import noise_in
from tasks.engines.running import RunEngines
from tasks.memory import Progress, Recorder, known_draws, known_scores
from tasks.models.version import Model
from tasks.pace import Clock
from tasks.protocols import Engine, Reply, Sampling, StepScore, Verifier
from tasks.questioning import Questioning, plan, questioning
from tasks.runs.events import stage
from tasks.runs.run import Run
from warehouse.store import Store

FLUSH_SECONDS = 2.0
SNAPSHOT_SECONDS = 20.0


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


def generate(
    folder: Path, run_id: str, *, engines: Callable[[Run], Engines] = RunEngines, progress: Progress | None = None
) -> int:
    """Draw and score all that the run owes and that is not there yet; returns the tokens generated.

    Idempotent: what the journal has is not drawn again. Stopped at any moment, it loses at
    most the last two seconds.
    """
    with stage(folder, run_id, "generate") as (store, run), noise_in(folder.parent / "logs" / "engine.log"):
        return asyncio.run(_generate(store, run, engines(run), progress))


async def _generate(store: Store, run: Run, engines: Engines, progress: Progress | None) -> int:
    owed = plan(run)
    recorder = Recorder(store, run, {s.key: s for s in owed.samplings})
    done = Counter(owed.units * len(run.benchmark.questions), progress, recorder)
    clock = Clock()
    asking = _asking(store, run, engines, recorder, done.one, clock)
    try:
        await recorded(asking.everything(), recorder, done)
    finally:
        await engines.close()
    clock.write(store, run.run_id)
    return recorder.generated_tokens


def _asking(
    store: Store, run: Run, engines: Engines, recorder: Recorder, done: Callable[[], None], clock: Clock
) -> Questioning:
    """The run's questioning with what is stored, and engines for the rest."""

    def sampler(model: Model) -> Sampler:
        return Sampler(
            format=run.format, engine=Lazy(engines, model, clock), known=known_draws(store, run, model),
            record=partial(recorder.draw, model), seed=run.study.seed,
        )  # fmt: skip

    def scorer(verifier: Model | None, whole: bool) -> Scorer:
        if verifier is None:
            return Scorer(verifier=None, whole=whole)
        return Scorer(
            verifier=Lazy(engines, verifier, clock), known=known_scores(store, run, verifier), whole=whole,
            record=partial(recorder.score, verifier), record_failure=partial(recorder.failure, verifier),
        )  # fmt: skip

    return questioning(run, sampler=sampler, scorer=scorer, done=done)


@dataclass(slots=True)
class Counter:
    units: int
    progress: Progress | None
    recorder: Recorder
    done: int = 0

    def one(self) -> None:
        self.done += 1

    def tell(self) -> None:
        if self.progress:
            self.progress(self.done, self.units, self.recorder)


async def recorded(work: Coroutine[Any, Any, None], recorder: Recorder, counter: Counter) -> None:
    """Do the work while the journal is written every two seconds and a snapshot published every twenty.

    Should recording fail, the work is stopped at once: draws that cannot be kept are not worth drawing.
    """
    tasks = [asyncio.ensure_future(work), asyncio.ensure_future(_record_for_ever(recorder, counter))]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        recorder.flush()
        counter.tell()
        recorder.store.publish_snapshot()


async def _record_for_ever(recorder: Recorder, counter: Counter) -> None:
    published = -math.inf
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        recorder.flush()
        counter.tell()
        if time.monotonic() - published > SNAPSHOT_SECONDS:
            await asyncio.to_thread(recorder.store.publish_snapshot)
            published = time.monotonic()
