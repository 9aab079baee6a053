"""What is drawn reaches the journal, whatever else is done meanwhile."""

import asyncio
import threading
import time
from collections.abc import AsyncGenerator, Sequence
from pathlib import Path

import pytest
from scripted_runs import ScriptedEngines, small_study

from tasks.engines.scripted import ScriptedEngine
from tasks.evaluation import generate
from tasks.protocols import Reply, Sampling
from tasks.runs.opening import open_run
from warehouse.store import Store

LONGEST = 10.0
"""Seconds in which what was drawn must come to the journal."""


def test_draws_are_kept_while_readers_are_shown_what_there_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.asking.recording.FLUSH_SECONDS", 0.05)
    published = threading.Event()
    grown: list[bool] = []
    really_publish = Store.publish_snapshot
    really_draw = ScriptedEngine.draw

    def segments() -> int:
        return len(list((tmp_path / "journal" / "draws").glob("*.parquet")))

    def publish_slowly(store: Store, *, whole: bool = False) -> Path:
        if not published.is_set():
            before, until = segments(), time.monotonic() + LONGEST
            while segments() == before and time.monotonic() < until:
                time.sleep(0.02)
            grown.append(segments() > before)
            published.set()
        return really_publish(store, whole=whole)

    async def draw_and_wait(
        engine: ScriptedEngine, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        async for reply in really_draw(engine, prefix, n, sampling=sampling, seed=seed):
            yield reply
        # The work goes on only after the publication: its end would write everything anyway.
        while not published.is_set():
            await asyncio.sleep(0.02)

    study = small_study()
    with Store.open(tmp_path) as store:
        run_id = open_run(store, study, study.generator.models[0])
    # Only now: opening the run has published already.
    monkeypatch.setattr(Store, "publish_snapshot", publish_slowly)
    monkeypatch.setattr(ScriptedEngine, "draw", draw_and_wait)
    generate.run(tmp_path, run_id, engines=ScriptedEngines)
    assert grown == [True]
