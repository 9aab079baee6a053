"""The one stage that needs an engine: draws and verifier scores."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from tasks.engine_log import noise_in
from tasks.engines.vllm_process import on_gpu
from tasks.formats import load_tokenizer
from tasks.memory import Progress, Recorder, known_draws, known_scores
from tasks.protocols import Engine, Reply, Sampling, StepScore, Verifier
from tasks.questioning import Questioning, plan
from tasks.runs import Run, stage
from tasks.sampler import Sampler
from tasks.scorer import Scorer
from warehouse.store import Store

FLUSH_SECONDS = 2.0
SNAPSHOT_SECONDS = 20.0


class Engines(Protocol):
    """Starts what a run needs, at the first request: an unchanged model never starts an engine."""

    async def generator(self) -> Engine: ...
    async def verifier(self) -> Verifier: ...
    async def close(self) -> None: ...


class VllmEngines:
    """Generator and verifier of a run, each in its own vLLM process."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._started: dict[str, asyncio.Task[Any]] = {}

    async def generator(self) -> Engine:
        """The generator's engine; on CPU the verifier's starts beside it, since what is drawn will be scored.

        On a GPU one starts after the other: each measures the memory that is free.
        """
        if self._run.verifier and not on_gpu():
            self._begin("verifier", self._start_verifier)
        return await asyncio.shield(self._begin("generator", self._start_generator))

    async def verifier(self) -> Verifier:
        if on_gpu() and "generator" in self._started:
            await asyncio.shield(self._started["generator"])
        return await asyncio.shield(self._begin("verifier", self._start_verifier))

    async def close(self) -> None:
        """End what was started, a start that is still under way included."""
        for started in await asyncio.gather(*self._started.values(), return_exceptions=True):
            if not isinstance(started, BaseException):
                started.close()
        self._started.clear()

    def _begin(self, kind: str, start: Callable[[], Any]) -> asyncio.Task[Any]:
        if kind not in self._started:
            self._started[kind] = asyncio.ensure_future(asyncio.to_thread(start))
        return self._started[kind]

    def _start_generator(self) -> Engine:
        from tasks.engines.vllm_generator import VllmGenerator

        return VllmGenerator(self._run.generator.folder, self._run.format, self._run.study.engine)

    def _start_verifier(self) -> Verifier:
        from tasks.engines.vllm_verifier import VllmVerifier

        model = self._run.verifier
        if model is None:
            raise RuntimeError("a study without verifier asked for one")
        return VllmVerifier(model.folder, load_tokenizer(model.folder), self._run.study.engine)


@dataclass(frozen=True, slots=True)
class _Lazy:
    """Engine and Verifier that start with their first request."""

    engines: Engines

    async def draw(self, prefix: Any, n: int, *, sampling: Sampling, seed: int) -> Reply:
        return await (await self.engines.generator()).draw(prefix, n, sampling=sampling, seed=seed)

    async def score(self, question: str, steps: Any) -> list[StepScore]:
        return await (await self.engines.verifier()).score(question, steps)


def generate(
    folder: Path, run_id: str, *, engines: Callable[[Run], Engines] = VllmEngines, progress: Progress | None = None
) -> int:
    """Draw and score all that the run owes and that is not there yet; returns the tokens generated.

    Idempotent: what the journal has is not drawn again. Stopped at any moment, it loses at
    most the last two seconds.
    """
    with stage(folder, run_id, "generate") as (store, run), noise_in(folder.parent / "logs" / "engine.log"):
        return asyncio.run(_generate(store, run, engines(run), progress))


async def _generate(store: Store, run: Run, engines: Engines, progress: Progress | None) -> int:
    owed = plan(run)
    recorder = Recorder(store, run, {s.key: s for s in (owed.whole, owed.step)})
    lazy = _Lazy(engines)
    sampler = Sampler(
        format=run.format, engine=lazy, known=known_draws(store, run), record=recorder.draw, seed=run.study.seed,
        replicate=run.study.replicate,
    )  # fmt: skip
    scorer = Scorer(
        verifier=lazy if run.verifier else None, known=known_scores(store, run), record=recorder.score,
        record_failure=recorder.failure,
    )  # fmt: skip
    done = _Counter(owed.units * len(run.benchmark.questions), progress, recorder)
    try:
        await _recorded(Questioning(run, owed, sampler, scorer, done.one).everything(), recorder, done)
    finally:
        await engines.close()
    return recorder.generated_tokens


@dataclass(slots=True)
class _Counter:
    units: int
    progress: Progress | None
    recorder: Recorder
    done: int = 0

    def one(self) -> None:
        self.done += 1

    def tell(self) -> None:
        if self.progress:
            self.progress(self.done, self.units, self.recorder)


async def _recorded(work: Coroutine[Any, Any, None], recorder: Recorder, counter: _Counter) -> None:
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


async def _record_for_ever(recorder: Recorder, counter: _Counter) -> None:
    published = -math.inf
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        recorder.flush()
        counter.tell()
        if time.monotonic() - published > SNAPSHOT_SECONDS:
            await asyncio.to_thread(recorder.store.publish_snapshot)
            published = time.monotonic()
