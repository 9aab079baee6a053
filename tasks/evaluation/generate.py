"""The one stage that needs an engine: draws and verifier scores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tasks.asking.plan import plan
from tasks.asking.questioning import Questioning, questioning
from tasks.asking.recorder import Recorder
from tasks.asking.recording import Progress, ProgressCounter, record_while
from tasks.asking.stored import stored_draws, stored_scores
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Scorer
from tasks.engines.lazy import Engines, Lazy
from tasks.engines.log import noise_in
from tasks.engines.pace import Clock
from tasks.engines.running import RunEngines
from tasks.models.version import Model
from tasks.runs.events import stage
from tasks.runs.run import Run
from warehouse.store import Store


def run(
    folder: Path,
    run_id: str,
    *,
    engines: Callable[[Run], Engines] = RunEngines,
    progress: Progress | None = None,
) -> int:
    """Draw and score all that the run owes and that is not there yet; returns the tokens generated.

    Idempotent: what the journal has is not drawn again. Stopped at any moment, it loses at
    most the last two seconds.
    """
    with (
        stage(folder, run_id, "generate") as (store, run),
        noise_in(folder.parent / "logs" / "engine.log"),
    ):
        return asyncio.run(_generate(store, run, engines(run), progress))


async def _generate(store: Store, run: Run, engines: Engines, progress: Progress | None) -> int:
    owed = plan(run)
    recorder = Recorder(store, run, {s.key: s for s in owed.samplings})
    done = ProgressCounter(owed.units * len(run.benchmark.questions), progress, recorder)
    clock = Clock()
    asking = _asking(store, run, engines, recorder, done.count_one, clock)
    try:
        await record_while(asking.everything(), recorder, done)
    finally:
        await engines.close()
    # Only a stage that came to its end: the pace of half a run would be that of its start.
    clock.write(store, run.run_id)
    return recorder.generated_tokens


def _asking(
    store: Store,
    run: Run,
    engines: Engines,
    recorder: Recorder,
    done: Callable[[], None],
    clock: Clock,
) -> Questioning:
    """The run's questioning with what is stored, and engines for the rest.

    No engine is started before something is missing.
    """

    def sampler(model: Model) -> Sampler:
        return Sampler(
            format=run.format,
            engine=Lazy(engines, model, clock),
            known=stored_draws(store, run, model),
            record=partial(recorder.draw, model),
            seed=run.study.seed,
        )

    def scorer(verifier: Model | None, whole: bool) -> Scorer:
        if verifier is None:
            return Scorer(verifier=None, whole=whole)
        return Scorer(
            verifier=Lazy(engines, verifier, clock),
            known=stored_scores(store, run, verifier),
            whole=whole,
            record=partial(recorder.score, verifier),
            record_failure=partial(recorder.failure, verifier),
        )

    return questioning(run, sampler=sampler, scorer=scorer, done=done)
