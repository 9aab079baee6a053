"""The one stage that needs an engine: draws and verifier scores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tasks.asking.plan import plan
from tasks.asking.questioning import questioning
from tasks.asking.recorder import Recorder
from tasks.asking.recording import Progress, ProgressCounter, record_while
from tasks.asking.stored import stored_draws, stored_scores
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Judging, Scorer
from tasks.engines.lazy import Engines, Lazy
from tasks.engines.log import noise_in
from tasks.engines.pace import Clock
from tasks.engines.running import RunEngines
from tasks.engines.spent import earlier_spending
from tasks.models.version import Model
from tasks.runs.events import stage
from tasks.runs.run import Run
from warehouse.store import Store


def run(
    folder: Path,
    run_id: str,
    *,
    engines: Callable[[Run], Engines] | None = None,
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
        # What was spent before counts under the cap of an endpoint.
        asked = engines(run) if engines else RunEngines(run, earlier_spending(store, run))
        return asyncio.run(_generate(store, run, asked, progress))


async def _generate(store: Store, run: Run, engines: Engines, progress: Progress | None) -> int:
    owed = plan(run)
    recorder = Recorder(store, run, {s.key: s for s in owed.samplings})
    done = ProgressCounter(owed.units * len(run.benchmark.questions), progress, recorder)
    clock = Clock()
    models = _Models(store, run, engines, recorder, clock)
    asking = questioning(run, sampler=models.sampler, scorer=models.scorer, done=done.count_one)
    try:
        await record_while(asking.everything(), recorder, done)
    finally:
        await engines.close()
    # Only a stage that came to its end: the pace of half a run would be that of its start.
    clock.write(store, run.run_id)
    return recorder.generated_tokens


@dataclass(frozen=True, slots=True)
class _Models:
    """A run's models: what is stored of them, and engines for the rest.

    No engine is started before something is missing.
    """

    store: Store
    run: Run
    engines: Engines
    recorder: Recorder
    clock: Clock

    def sampler(self, model: Model) -> Sampler:
        """Draws of one model."""
        return Sampler(
            format=self.run.format,
            engine=Lazy(self.engines, model, self.clock),
            known=stored_draws(self.store, self.run, model),
            record=partial(self.recorder.draw, model),
            seed=self.run.study.seed,
        )

    def scorer(self, verifier: Model | None, judging: Judging) -> Scorer:
        """Scores of one verifier; without one every score is missing."""
        if verifier is None:
            return Scorer(verifier=None, judging=judging)
        return Scorer(
            verifier=Lazy(self.engines, verifier, self.clock),
            known=stored_scores(self.store, self.run, verifier),
            judging=judging,
            record=partial(self.recorder.score, verifier),
            record_failure=partial(self.recorder.failure, verifier),
        )
