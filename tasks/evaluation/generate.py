"""The one stage that needs an engine: draws and verifier scores."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

from tasks.asking.questioning import questioning
from tasks.asking.recorder import Recorder
from tasks.asking.recording import Progress, ProgressCounter, record_while
from tasks.asking.stored import Stored, Twins, read_stored
from tasks.asking.window import go_through_window
from tasks.benchmarks.question import Question
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import NOTHING_KNOWN, Judging, Scorer
from tasks.engines.lazy import Engines, Lazy
from tasks.engines.load import load_of
from tasks.engines.log import noise_in
from tasks.engines.pace import Clock
from tasks.engines.running import RunEngines
from tasks.engines.spent import earlier_spending
from tasks.models.version import Model
from tasks.runs.events import stage
from tasks.runs.run import Run
from tasks.strategies.own.failing import Failures
from warehouse.reader import Ledger


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
        questions = run.benchmark.questions
        return asyncio.run(ask_questions(store, run, questions, engines=asked, progress=progress))


async def ask_questions(
    store: Ledger,
    run: Run,
    questions: Sequence[Question],
    *,
    engines: Engines,
    progress: Progress | None,
) -> int:
    """Draw and score what the run owes on some of its questions; returns the tokens generated.

    UserError at its end, once all else is drawn, for strategies of files that failed.
    """
    recorder = Recorder(store, run)
    models = _Models(run, engines, recorder)
    failures = Failures()
    counter = ProgressCounter(len(questions), progress, recorder, models.load)

    async def ask(entry: tuple[Twins, Stored]) -> None:
        asked, stored = entry
        asking = questioning(
            run, sampler=partial(models.sampler, stored), scorer=partial(models.scorer, stored)
        )
        for question in asked:
            with counter.count(question):
                for failure in await asking.ask(question):
                    failures.add(question.question_id, failure)

    entries = _read_ahead(read_stored(store, run, questions, token_ids=True))
    try:
        await record_while(go_through_window(entries, ask, models.load), recorder, counter)
    finally:
        await engines.close()
        # Also of a stage that was stopped: the next forecast goes by it.
        models.clock.write(store, run.run_id)
        # What reads answers for a strategy of a file may have started processes.
        if run.study.strategy_files:
            run.grader.close()
    failures.raise_all(len(questions))
    return recorder.generated_tokens


async def _read_ahead(
    entries: Iterator[tuple[Twins, Stored]],
) -> AsyncIterator[tuple[Twins, Stored]]:
    """The entries, read in a thread: engines are fed from this loop and would run dry meanwhile."""
    while entry := await asyncio.to_thread(next, entries, None):
        yield entry


class _Models:
    """A run's models: what is stored of them on a question, and engines for the rest.

    No engine is started before something is missing.
    """

    def __init__(self, run: Run, engines: Engines, recorder: Recorder) -> None:
        self._run = run
        self._engines = engines
        self._recorder = recorder
        self.clock = Clock()
        self.load = load_of(run)

    def sampler(self, stored: Stored, model: Model) -> Sampler:
        """Draws of one model."""
        return Sampler(
            format=self._run.format_of(model),
            engine=self._lazy(model),
            known=stored.draws.get(model.fingerprint, ()),
            record=partial(self._recorder.draw, model),
            seed=self._run.seed_of(model),
        )

    def scorer(self, stored: Stored, verifier: Model | None, judging: Judging) -> Scorer:
        """Scores of one verifier; without one every score is missing."""
        if verifier is None:
            return Scorer(verifier=None, judging=judging)
        return Scorer(
            verifier=self._lazy(verifier),
            known=stored.scores.get(verifier.fingerprint, NOTHING_KNOWN),
            judging=judging,
            record=partial(self._recorder.score, verifier),
            record_failure=partial(self._recorder.failure, verifier),
        )

    def _lazy(self, model: Model) -> Lazy:
        return Lazy(self._engines, model, self.clock, self.load)
