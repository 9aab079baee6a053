"""Work while which the journal is written every two seconds and a snapshot published every twenty."""

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
SNAPSHOT_SECONDS = 20.0


@dataclass(slots=True)
class ProgressCounter:
    units: int
    progress: Progress | None
    recorder: Recorder
    done: int = 0

    def one(self) -> None:
        self.done += 1

    def tell(self) -> None:
        if self.progress:
            self.progress(self.done, self.units, self.recorder.generated_tokens)


async def record_while(
    work: Coroutine[Any, Any, None], recorder: Recorder, counter: ProgressCounter
) -> None:
    """Do the work while the journal is written every two seconds and a snapshot published every twenty.

    Should recording fail, the work is stopped at once: draws that cannot be kept are not worth drawing.
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
        recorder.flush()
        counter.tell()
        recorder.store.publish_snapshot()


async def _record_for_ever(recorder: Recorder, counter: ProgressCounter) -> None:
    published = -math.inf
    while True:
        await asyncio.sleep(FLUSH_SECONDS)
        recorder.flush()
        counter.tell()
        if time.monotonic() - published > SNAPSHOT_SECONDS:
            await asyncio.to_thread(recorder.store.publish_snapshot)
            published = time.monotonic()
