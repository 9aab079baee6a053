"""Questions go through a window: as many at once as keep the engines busy, and no more."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.asking.window import MOST, go_through_window
from tasks.engines.load import Load
from tasks.models.texts import text_model

MODEL = text_model("endpoint", "one")


class Watch:
    """Work on an entry that asks a model for some things, and how much of it went on at once."""

    def __init__(self, batch: int, seconds: float = 0.0) -> None:
        self.seconds = seconds
        self.load = Load({MODEL.fingerprint: batch})
        self.order: list[int] = []
        self.at_once = self.most = self.most_asked = 0

    async def work(self, asked: tuple[int, int]) -> None:
        entry, n = asked
        self.order.append(entry)
        self.at_once += 1
        self.most = max(self.most, self.at_once)
        with self.load.asking(MODEL, n) as asking:
            self.most_asked = max(self.most_asked, self.load.total)
            for _ in range(n):
                await asyncio.sleep(self.seconds)
                asking.answer(1)
        self.at_once -= 1


async def entries(asked: list[int]) -> AsyncIterator[tuple[int, int]]:
    for entry in enumerate(asked):
        yield entry


@given(st.lists(st.integers(1, 20), max_size=40), st.integers(1, 30))
def test_all_enter_in_order_and_none_while_the_model_is_full(asked: list[int], batch: int) -> None:
    watch = Watch(batch)
    asyncio.run(go_through_window(entries(asked), watch.work, watch.load))
    assert watch.order == list(range(len(asked)))
    # The last to enter came while there was room: it alone may go beyond it.
    assert watch.most_asked < batch + max(asked, default=1)
    assert watch.load.total == 0


def test_an_idle_model_lets_more_enter() -> None:
    watch = Watch(batch=8, seconds=0.01)
    asyncio.run(go_through_window(entries([1] * 40), watch.work, watch.load))
    assert watch.most == 8


def test_entries_that_ask_nothing_are_bounded_too() -> None:
    watch = Watch(batch=10**9)
    asyncio.run(go_through_window(entries([3] * (2 * MOST)), watch.work, watch.load))
    assert watch.most <= MOST


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 5)), max_size=40),
    st.integers(1, 12),
)
def test_one_at_a_time_is_busy_with_what_is_stored(owed: list[tuple[int, int]], batch: int) -> None:
    """Else all that was ever drawn would be in memory when a run goes on."""
    load = Load({MODEL.fingerprint: batch})
    busy = most = 0

    async def work(entry: tuple[int, tuple[int, int]]) -> None:
        nonlocal busy, most
        turns, asked = entry[1]
        busy += 1
        most = max(most, busy)

        async def replay() -> None:
            for _ in range(turns):
                await asyncio.sleep(0)

        # As searches do: in tasks of their own.
        await asyncio.gather(replay(), replay())
        busy -= 1
        if asked:
            await asyncio.gather(ask(asked), ask(1))

    async def ask(n: int) -> None:
        with load.asking(MODEL, n) as asking:
            for _ in range(n):
                await asyncio.sleep(0)
                asking.answer(1)

    async def listed() -> AsyncIterator[tuple[int, tuple[int, int]]]:
        for entry in enumerate(owed):
            yield entry

    asyncio.run(go_through_window(listed(), work, load))
    assert (most, busy, load.total) == (min(len(owed), 1), 0, 0)


def test_the_first_failure_ends_the_others() -> None:
    ended: list[int] = []
    load = Load()

    async def work(entry: tuple[int, int]) -> None:
        if entry[0] == 2:
            raise ValueError("the third fails")
        try:
            with load.asking(MODEL, 1):
                await asyncio.sleep(60)
        finally:
            ended.append(entry[0])

    async def go() -> None:
        async with asyncio.timeout(10):
            await go_through_window(entries([1] * 5), work, load)

    with pytest.raises(ValueError, match="the third fails"):
        asyncio.run(go())
    assert 0 in ended and 1 in ended


def test_a_failure_is_told_while_another_goes_through_what_is_stored() -> None:
    load = Load()

    async def work(entry: tuple[int, int]) -> None:
        if entry[0]:
            await asyncio.sleep(60)
        with load.asking(MODEL, 1):
            await asyncio.sleep(0.01)
        raise ValueError("the first fails")

    async def go() -> None:
        async with asyncio.timeout(10):
            await go_through_window(entries([1] * 2), work, load)

    with pytest.raises(ValueError, match="the first fails"):
        asyncio.run(go())
