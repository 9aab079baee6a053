"""Memoised sampling: the first n children of a prefix, drawn once and for all.

All generation goes through here (ARCHITECTURE §2.1). What is in the journal is answered from
memory; only the missing children are drawn. Children are i.i.d. given the prefix, so every
strategy and budget may share them and each keeps its exact distribution.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, NamedTuple

from tasks.draws.nodes import Node, extend, split_draw
from tasks.models.formats import Format
from tasks.models.steps import Split
from tasks.protocols import Draw, Engine, PartialReply, Reply, Role, Sampling


class DrawKey(NamedTuple):
    """Names siblings, the children of one prefix drawn alike; with a child index, one draw."""

    prefix_key: str
    sampling_key: str
    replicate: int


@dataclass(frozen=True, slots=True)
class NewDraw:
    """A draw that has just been paid for, as it goes into the journal."""

    key: DrawKey
    child: int
    parent: Node
    node: Node
    draw: Draw
    longest_step: int | None
    """Tokens of the longest of its own steps; None where it has none."""
    role: Role
    prompt_tokens: float
    """NaN where a server does not tell, like the next."""
    cached_tokens: float
    requests: int


class _Awaited(NamedTuple):
    """A draw under way: the request that will bring it, and the index of its first child."""

    task: asyncio.Task[Reply]
    start: int


def retrieve_exception(task: asyncio.Task[Any]) -> None:
    """Take note of a failure, which is raised where the task is awaited.

    Otherwise asyncio would print it once more for every request that nobody waits for any longer.
    """
    if not task.cancelled():
        task.exception()


def first_seed(seed: int, key: DrawKey) -> int:
    """Seed of the siblings' child 0; child i is drawn under that + i, whenever it is drawn."""
    text = f"{seed}|{key.prefix_key}|{key.sampling_key}|{key.replicate}"
    # Six bytes: engines take seeds of 64 bits with a sign, and i is added to it.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")


class MissingDraws(Exception):
    """A replay asked for draws that were never made."""


class Sampler:
    """Answers `children` from memory and asks the engine for the rest.

    `known` are the draws of earlier runs, `record` receives each new draw once. Without an
    engine a missing draw raises MissingDraws: that is a replay.
    """

    def __init__(
        self,
        *,
        format: Format,
        engine: Engine | None,
        known: Iterable[tuple[DrawKey, int, Draw]] = (),
        record: Callable[[NewDraw], None] = lambda _: None,
        seed: int = 0,
    ) -> None:
        self._format = format
        self._engine = engine
        self._record = record
        self._seed = seed
        self._siblings: dict[DrawKey, list[Draw | _Awaited]] = {}
        self._nodes: dict[tuple[DrawKey, int], Node] = {}
        self._remember(known)

    def _remember(self, known: Iterable[tuple[DrawKey, int, Draw]]) -> None:
        """Keep the unbroken run of children from 0; a gap (a lost segment) is drawn again."""
        for key, child, draw in sorted(known, key=lambda item: (item[0], item[1])):
            siblings = self._siblings.setdefault(key, [])
            if child == len(siblings):
                siblings.append(draw)

    async def children(
        self, node: Node, n: int, *, sampling: Sampling, role: Role = "proposer", replicate: int = 0
    ) -> list[Node]:
        """The first n children of a node, in the order of their index."""
        key = DrawKey(node.key, sampling.key, replicate)
        siblings = self._siblings.setdefault(key, [])
        start = len(siblings)
        missing = n - start
        if missing > 0:
            request = self._draw(node, key, start, missing, sampling=sampling, role=role)
            task = asyncio.ensure_future(request)
            task.add_done_callback(retrieve_exception)
            # At once, before anything is awaited: who asks meanwhile waits for the same request
            # and does not draw these children a second time.
            siblings.extend([_Awaited(task, start)] * missing)
        return [await self._child(node, key, index) for index in range(n)]

    async def _child(self, node: Node, key: DrawKey, index: int) -> Node:
        entry = self._siblings[key][index]
        if isinstance(entry, _Awaited):
            # Shielded: one strategy that is cancelled must not end a request that others share.
            reply = await asyncio.shield(entry.task)
            entry = reply.draws[index - entry.start]
            self._siblings[key][index] = entry
        known = self._nodes.get((key, index))
        if known is None:
            known = extend(node, entry, split_draw(node, entry, self._format.steps))
            self._nodes[(key, index)] = known
        return known

    async def _draw(
        self, node: Node, key: DrawKey, start: int, n: int, *, sampling: Sampling, role: Role
    ) -> Reply:
        if self._engine is None:
            raise MissingDraws(
                f"{n} draws of {node.question.question_id} after {len(node.steps)} steps"
            )
        seed = first_seed(self._seed, key) + start
        try:
            reply = await self._engine.draw(node.token_ids, n, sampling=sampling, seed=seed)
        except PartialReply as partial:
            # Paid for, and children like any others: the next run asks for the rest.
            self._keep(node, key, start, partial.reply, role)
            raise
        if len(reply.draws) != n:
            raise RuntimeError(
                f"engine: expected {n} draws, got {len(reply.draws)}; "
                "run again to draw the missing ones"
            )
        self._keep(node, key, start, reply, role)
        return reply

    def _keep(self, node: Node, key: DrawKey, start: int, reply: Reply, role: Role) -> None:
        for new in self._new_draws(node, key, start, reply, role):
            self._nodes[(key, new.child)] = new.node
            self._record(new)

    def _new_draws(
        self, parent: Node, key: DrawKey, start: int, reply: Reply, role: Role
    ) -> Iterator[NewDraw]:
        """The draws of one reply; the first bears what the request cost, so that it adds up."""
        for place, draw in enumerate(reply.draws):
            first = place == 0
            split = split_draw(parent, draw, self._format.steps)
            yield NewDraw(
                key=key,
                child=start + place,
                parent=parent,
                node=extend(parent, draw, split),
                draw=draw,
                longest_step=_longest(split),
                role=role,
                prompt_tokens=reply.prompt_tokens if first else 0,
                cached_tokens=reply.cached_tokens if first else 0,
                requests=reply.requests if first else 0,
            )


def _longest(split: Split) -> int | None:
    lengths = (end - start for start, end in pairwise([0, *split.ends]))
    return max(lengths, default=None)
