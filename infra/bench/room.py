"""Running engines, searches on them, and what they use: tokens, wall and CPU seconds."""

from __future__ import annotations

import asyncio
import dataclasses
import itertools
import time
from collections.abc import AsyncGenerator, Awaitable, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import psutil

from tasks.asking.questioning import Questioning, questioning
from tasks.asking.recorder import Recorder
from tasks.benchmarks.question import Question
from tasks.draws.sampler import NewDraw, Sampler
from tasks.draws.scorer import Judging, NewScore, Scorer
from tasks.engines.running import RunEngines
from tasks.models.version import Model
from tasks.protocols import Draw, Engine, Sampling, Verifier
from tasks.runs.loading import load_run
from tasks.runs.run import Run
from tasks.strategies import Strategy, parse
from warehouse.store import Store

SEARCH = parse("beam_search(m=4)")
BUDGET = 16
"""Of the searches that are timed, and of every strategy whose verifier calls are counted."""


class Used(NamedTuple):
    """What a piece of work used: tokens by the engines' own counters, wall and CPU seconds."""

    tokens: int
    wall: float
    generator_cpu: float
    verifier_cpu: float
    own_cpu: float
    """Of this process, which runs the searches."""

    @property
    def cpu(self) -> float:
        return self.generator_cpu + self.verifier_cpu + self.own_cpu

    @property
    def pace(self) -> float:
        """Generated tokens per CPU-second of the generator's engine."""
        return self.tokens / self.generator_cpu


def total(parts: Iterable[Used]) -> Used:
    """The sum of several."""
    return Used(*map(sum, zip(*parts, strict=True)))


class Records(Protocol):
    """Is told of every draw and score that was paid for, as tasks.asking.recorder.Recorder is."""

    def draw(self, model: Model, new: NewDraw, /) -> None: ...
    def score(self, verifier: Model, new: NewScore, /) -> None: ...


@dataclass(slots=True)
class Counted:
    """Draws, and requests of scores."""

    draws: int = 0
    requests: int = 0

    def draw(self, _model: Model, _new: NewDraw, /) -> None:
        self.draws += 1

    def score(self, _verifier: Model, new: NewScore, /) -> None:
        self.requests += new.requests


@dataclass(frozen=True, slots=True)
class Room:
    """A run's engines, started, and whose CPU time is whose."""

    run: Run
    writers: dict[str, Engine]
    judges: dict[str, Verifier]
    """By fingerprint of the model, as writers are."""
    processes: tuple[Sequence[psutil.Process], ...]
    """Those of the engines that write, of those that judge, and this one."""
    replicates: Iterator[int]

    def fresh(self, strategy: Strategy = SEARCH, *, records: Records | None = None) -> Questioning:
        """Asks in a replicate that nobody has drawn: the engine's cache has its prompts at most.

        The verifier is left out where the strategy needs none.
        """
        run = dataclasses.replace(
            self.run,
            study=dataclasses.replace(self.run.study, replicate=next(self.replicates)),
            verifier=self.run.verifier if strategy.needs_verifier else None,
        )
        return self.asking(run, records or Counted())

    def asking(self, run: Run, records: Records) -> Questioning:
        """Asks, without any memory, what a run of these models asks."""

        def sampler(model: Model) -> Sampler:
            engine, record = self.writers[model.fingerprint], partial(records.draw, model)
            return Sampler(format=run.format, engine=engine, seed=run.study.seed, record=record)

        def scorer(model: Model | None, judging: Judging) -> Scorer:
            if model is None:
                return Scorer(verifier=None, judging=judging)
            return Scorer(
                verifier=self.judges[model.fingerprint],
                judging=judging,
                record=partial(records.score, model),
            )

        return questioning(run, sampler=sampler, scorer=scorer)

    async def measure(self, work: Awaitable[None]) -> Used:
        """What was used until the work was done."""
        before, started = self._counters(), time.perf_counter()
        await work
        wall = time.perf_counter() - started
        tokens, *seconds = (b - a for a, b in zip(before, self._counters(), strict=True))
        return Used(int(tokens), wall, *seconds)

    def _counters(self) -> list[float]:
        writers: list[Any] = list(self.writers.values())
        return [
            sum(writer.generated_tokens for writer in writers),
            *map(_cpu_seconds, self.processes),
        ]


def _cpu_seconds(processes: Iterable[psutil.Process]) -> float:
    return sum(
        times.user + times.system for times in (process.cpu_times() for process in processes)
    )


@asynccontextmanager
async def open_room(run: Run) -> AsyncGenerator[Room]:
    """The engines of a run, ended afterwards.

    Those that judge start first: processes that come later belong to those that write.
    """
    engines, this = RunEngines(run), psutil.Process()
    try:
        verifiers = [model for model in (run.verifier, run.judge) if model]
        judges = {model.fingerprint: await engines.verifier(model) for model in verifiers}
        reading = this.children(recursive=True)
        writers = {
            model.fingerprint: await engines.engine(model) for model in (run.generator, run.reviser)
        }
        writing = [process for process in this.children(recursive=True) if process not in reading]
        yield Room(run, writers, judges, (writing, reading, [this]), itertools.count())
    finally:
        await engines.close()


async def together(asking: Questioning, questions: Sequence[Question]) -> None:
    """All searches at once, as a run does it."""
    await asyncio.gather(*(asking.search(question, SEARCH, BUDGET) for question in questions))


async def ask_all(asking: Questioning, questions: Sequence[Question]) -> None:
    """All that is owed on every question, all at once."""
    await asyncio.gather(*(asking.ask(question) for question in questions))


async def lockstep(asking: Questioning, questions: Sequence[Question]) -> None:
    """Each search awaited before the next one starts; its own beams are batched."""
    for question in questions:
        await asking.search(question, SEARCH, BUDGET)


async def plain(asking: Questioning, questions: Sequence[Question], n: int) -> None:
    """n whole completions of every question, all at once and unscored."""
    sampler, owed = asking.proposing.sampler, asking.plan
    drawing = (
        sampler.children(
            asking.root(question), n, sampling=owed.samplings.whole, replicate=owed.replicate
        )
        for question in questions
    )
    await asyncio.gather(*drawing)


async def draw_all(
    engine: Engine, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
) -> list[Draw]:
    """The n children that an engine draws of a prefix, by their place."""
    draws: dict[int, Draw] = {}
    async for reply in engine.draw(prefix, n, sampling=sampling, seed=seed):
        draws |= reply.draws
    return [draws[place] for place in range(n)]


async def time_searches(
    room: Room, questions: Sequence[Question], *, turns: int
) -> dict[str, list[Used]]:
    """Searches at once, searches in lockstep and as many tokens of plain draws, by turns.

    Warmed up before: what an engine does at its first requests only is left out.
    """
    warm = await room.measure(plain(room.fresh(), questions, 4))
    await together(room.fresh(), questions[:4])
    found: dict[str, list[Used]] = {"together": [], "lockstep": [], "plain": []}
    for _ in range(turns):
        search = await room.measure(together(room.fresh(), questions))
        n = max(1, round(4 * search.tokens / warm.tokens))
        found["together"].append(search)
        found["lockstep"].append(await room.measure(lockstep(room.fresh(), questions)))
        found["plain"].append(await room.measure(plain(room.fresh(), questions, n)))
    return found


async def time_scaling(
    room: Room, questions: Sequence[Question], *, few: int
) -> dict[str, list[Used]]:
    """Searches on few questions, on all, and on few again: a machine that slows down shows."""
    first, all_, last = [
        await room.measure(together(room.fresh(), some))
        for some in (questions[:few], questions, questions[:few])
    ]
    return {"few": [first, last], "many": [all_]}


async def verifier_calls(room: Room, strategy: Strategy, questions: Sequence[Question]) -> Counted:
    """Draws and requests of scores of a strategy at the budget, alone, without any other's.

    A pool is drawn in full, for adaptive stopping too.
    """
    counted = Counted()
    asking = room.fresh(strategy, records=counted)
    if strategy.kind == "pool":
        await asyncio.gather(*(asking.pool(question) for question in questions))
    else:
        await asyncio.gather(*(asking.search(question, strategy, BUDGET) for question in questions))
    return counted


async def sweep_grid(room: Room, folder: Path, run_id: str) -> Used:
    """What it took to draw and score all that a run in the warehouse owes, into its journal."""
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        recorder = Recorder(store, run)
        asking = room.asking(run, recorder)
        used = await room.measure(ask_all(asking, run.benchmark.questions))
        recorder.flush()
    return used
