"""Work during which the journal is written, and a snapshot for readers is published."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Generator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from tasks.asking.recorder import Recorder
from tasks.asking.window import Load
from tasks.benchmarks.question import Question
from warehouse.reader import Ledger


class Standing(NamedTuple):
    """How far a stage that draws has come."""

    questions: int
    """That it owes."""
    entered: int
    """Of these, asked so far."""
    done: int
    """Of these, answered."""
    drawn: int
    """Of these, with something new: the others were there already."""
    tokens: int
    """Generated so far, those of draws under way too where their engine tells."""
    under_way: int
    """Draws and scores that engines were asked for and have not given yet."""
    is_started: bool
    """Whether an engine has started."""


Progress = Callable[[Standing], None]
"""Called now and then."""

FLUSH_SECONDS = 2.0
"""As much as a killed run loses at most."""

SNAPSHOT_SECONDS = 20.0
"""As old as what readers see of a run gets; a snapshot copies the database, so it is rarer."""


@dataclass(slots=True)
class ProgressCounter:
    """Counts questions, and passes the count on."""

    questions: int
    progress: Progress | None
    recorder: Recorder
    load: Load
    entered: int = 0
    done: int = 0
    drawn: int = 0

    @contextmanager
    def count(self, question: Question) -> Generator[None]:
        """A question enters; when this ends it is answered."""
        self.entered += 1
        yield
        self.done += 1
        self.drawn += question.question_id in self.recorder.drawn

    def report(self) -> None:
        """Call `progress`, if there is one."""
        if self.progress:
            standing = Standing(
                self.questions,
                self.entered,
                self.done,
                self.drawn,
                self.recorder.generated_tokens + self.load.written_tokens,
                self.load.total,
                self.load.is_started,
            )
            self.progress(standing)


async def record_while(
    work: Coroutine[Any, Any, None], recorder: Recorder, counter: ProgressCounter
) -> None:
    """Do the work while the journal and, more rarely, a snapshot for readers are written.

    Should recording fail, the work is stopped at once: draws that cannot be kept are not worth
    their price.
    """
    tasks = [
        asyncio.ensure_future(work),
        asyncio.ensure_future(_record_for_ever(recorder, counter)),
        asyncio.ensure_future(_show_for_ever(recorder.store)),
    ]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        # After the work has stopped, whichever way: what was drawn since the last time is kept.
        recorder.flush()
        counter.report()
        recorder.store.load_new()
        recorder.store.publish_snapshot(whole=True)


async def _record_for_ever(recorder: Recorder, counter: ProgressCounter) -> None:
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        recorder.flush()
        counter.report()


async def _show_for_ever(store: Ledger) -> None:
    # By itself: it may take longer than what a killed run may lose.
    await asyncio.sleep(FLUSH_SECONDS)
    while True:
        # In a thread: engines are fed from this loop and would run dry meanwhile.
        await asyncio.to_thread(_show, store)
        await asyncio.sleep(SNAPSHOT_SECONDS)


def _show(store: Ledger) -> None:
    """What the journal has of the work so far is there for readers."""
    store.load_new()
    store.publish_snapshot()
