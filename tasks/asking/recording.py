"""Work during which the journal is written, and a snapshot for readers is published."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from tasks.asking.recorder import Recorder

Progress = Callable[[int, int, int], None]
"""Called now and then: units done, units in all, tokens generated."""

FLUSH_SECONDS = 2.0
"""As much as a killed run loses at most."""

SNAPSHOT_SECONDS = 20.0
"""As old as what readers see of a run gets; a snapshot copies the database, so it is rarer."""


@dataclass(slots=True)
class ProgressCounter:
    """Counts the units of work that are done, and passes the count on."""

    units: int
    progress: Progress | None
    recorder: Recorder
    done: int = 0

    def count_one(self) -> None:
        """Count one more unit as done."""
        self.done += 1

    def report(self) -> None:
        """Call `progress`, if there is one."""
        if self.progress:
            self.progress(self.done, self.units, self.recorder.generated_tokens)


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
        recorder.store.publish_snapshot(whole=True)


async def _record_for_ever(recorder: Recorder, counter: ProgressCounter) -> None:
    published = -math.inf
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        recorder.flush()
        counter.report()
        if time.monotonic() - published > SNAPSHOT_SECONDS:
            # In a thread: engines are fed from this loop and would run dry meanwhile.
            await asyncio.to_thread(recorder.store.publish_snapshot)
            published = time.monotonic()
