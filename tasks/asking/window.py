"""Questions go through a window: as many are asked at once as keep the engines' batches full."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, Protocol, TypeVar

MOST = 256
"""Entries that are asked at once, however few draws each of them waits for."""

Entry = TypeVar("Entry")


class Load(Protocol):
    """What engines are asked for and have not answered yet."""

    @property
    def is_full(self) -> bool:
        """Whether some engine has as much to do at once as it can."""
        ...

    @property
    def total(self) -> int:
        """Draws and scores under way."""
        ...

    @property
    def is_started(self) -> bool:
        """Whether an engine has started."""
        ...

    @property
    def written_tokens(self) -> int:
        """Tokens of draws under way, as far as their engines tell."""
        ...

    def tell_first(self, asked: asyncio.Event) -> None:
        """Sets the event once this task, or one that it begins, asks for something."""
        ...

    async def change(self) -> None:
        """Back when an engine has answered something."""
        ...


async def go_through_window(
    entries: AsyncIterator[Entry], work: Callable[[Entry], Awaitable[None]], load: Load
) -> None:
    """Do the work on every entry; the next one enters while no engine has enough to do.

    In order, and the first failure ends it all. One entry at a time goes through what is stored of
    it: the next one enters when it has asked an engine for something, or is over. Else a run that
    goes on would have in memory at once all that was ever drawn for it.
    """
    running: set[asyncio.Task[None]] = set()
    try:
        async for entry in entries:
            asked = asyncio.Event()
            running.add(asyncio.ensure_future(_do(work, entry, load, asked)))
            while not asked.is_set():
                running = await _wait_for_one(running, asyncio.ensure_future(asked.wait()))
            running = await _wait_for_room(running, load)
        while running:
            running = await _wait_for_one(running)
    finally:
        for task in running:
            task.cancel()
        await asyncio.gather(*running, return_exceptions=True)


async def _do(
    work: Callable[[Entry], Awaitable[None]], entry: Entry, load: Load, asked: asyncio.Event
) -> None:
    load.tell_first(asked)
    try:
        await work(entry)
    finally:
        asked.set()


async def _wait_for_room(running: set[asyncio.Task[None]], load: Load) -> set[asyncio.Task[None]]:
    """Those that still run once another entry may enter."""
    running = _still(running)
    while running and (load.is_full or len(running) >= MOST):
        running = await _wait_for_one(running, asyncio.ensure_future(load.change()))
    return running


async def _wait_for_one(
    running: set[asyncio.Task[None]], *others: asyncio.Task[Any]
) -> set[asyncio.Task[None]]:
    """Those that still run after one of them, or one of the others, has ended."""
    await asyncio.wait({*running, *others}, return_when=asyncio.FIRST_COMPLETED)
    for other in others:
        other.cancel()
    return _still(running)


def _still(running: set[asyncio.Task[None]]) -> set[asyncio.Task[None]]:
    """Those that still run; raises what one of the others failed with."""
    for task in running:
        if task.done():
            task.result()
    return {task for task in running if not task.done()}
