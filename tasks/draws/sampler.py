"""Memoised sampling: the first n children of a prefix, drawn once and for all.

All generation goes through here (ARCHITECTURE §2.1). What is in the journal is answered from
memory; only the missing children are drawn. Children are i.i.d. given the prefix, so every
strategy and budget may share them and each keeps its exact distribution.
"""

from __future__ import annotations

import asyncio
import dataclasses
import hashlib
from collections.abc import AsyncGenerator, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

from tasks.draws.nodes import Kept, Node, extend, restore, split_draw
from tasks.models.formats import Format
from tasks.models.steps import Split
from tasks.protocols import Draw, Engine, Reply, Role, Sampling


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
    """Of the requests that it took; NaN where a server does not tell, like the next."""
    cached_tokens: float
    requests: int
    sampling: Sampling | None = None
    """How it was drawn; None: it is written down already, or nobody knows."""

    @property
    def kept(self) -> Kept:
        """The same draw as it is read from the warehouse."""
        node, ids = self.node, self.draw.token_ids
        length = node.length - self.parent.length
        text, stop, tokens = node.written, self.draw.stop, self.draw.tokens
        kept = Kept(node.key, node.own_keys, node.ends, text, ids, length, stop, tokens)
        return kept._replace(confidence=self.draw.confidence)


Known = Iterable[tuple[DrawKey, int, Kept]]
"""Draws of earlier runs, each with its index among its siblings."""
_Child = Node | Kept | asyncio.Future[Node]
"""A child: made, stored and not read yet, or under way."""


def first_seed(seed: int, key: DrawKey) -> int:
    """Seed of the siblings' child 0; child i is drawn under that + i, whenever it is drawn."""
    text = f"{seed}|{key.prefix_key}|{key.sampling_key}|{key.replicate}"
    # Six bytes: engines take seeds of 64 bits with a sign, and i is added to it.
    return int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big")


class MissingDraws(Exception):
    """A replay asked for draws that were never made."""


class Sampler:
    """Answers `children` from memory and asks the engine for the rest.

    It lives as long as a question is asked. `known` are the draws of earlier runs, `record`
    receives each new draw once, when it ends. Without an engine a missing draw raises MissingDraws:
    that is a replay.
    """

    def __init__(
        self,
        *,
        format: Format,
        engine: Engine | None,
        known: Known = (),
        record: Callable[[NewDraw], None] = lambda _: None,
        seed: int = 0,
    ) -> None:
        self._format = format
        self._engine = engine
        self._record = record
        self._seed = seed
        self._siblings: dict[DrawKey, dict[int, _Child]] = {}
        for key, child, kept in known:
            self._siblings.setdefault(key, {})[child] = kept

    async def children(
        self, node: Node, n: int, *, sampling: Sampling, role: Role = "proposer", replicate: int = 0
    ) -> list[Node]:
        """The first n children of a node, in the order of their index."""
        key = DrawKey(node.key, sampling.key, replicate)
        seed = first_seed(self._seed, key)
        return await self._first(node, n, key, sampling=sampling, role=role, seed=seed)

    async def beginnings(
        self, node: Node, n: int, *, sampling: Sampling, at_most: int, replicate: int = 0
    ) -> list[Node]:
        """The first n children, of which only so many tokens are wanted.

        Those that are there, or under way, are given as they are. Others are drawn no further,
        under the seed of the whole child: where the engine follows it they are its beginning.
        """
        whole = DrawKey(node.key, sampling.key, replicate)
        short = dataclasses.replace(sampling, max_tokens=at_most)
        key = whole._replace(sampling_key=short.key)
        siblings = self._siblings.setdefault(key, {})
        for index, child in self._siblings.get(whole, {}).items():
            siblings.setdefault(index, child)
        seed = first_seed(self._seed, whole)
        return await self._first(node, n, key, sampling=short, role="proposer", seed=seed)

    async def _first(
        self, node: Node, n: int, key: DrawKey, *, sampling: Sampling, role: Role, seed: int
    ) -> list[Node]:
        """The first n siblings of a key; child i is drawn under `seed` + i."""
        siblings = self._siblings.setdefault(key, {})
        missing = [child for child in range(n) if child not in siblings]
        if missing and self._engine is None:
            question = node.question.question_id
            raise MissingDraws(f"{len(missing)} draws of {question} after {node.depth} steps")
        # At once, before anything is awaited: who asks meanwhile waits for the same request and
        # does not draw these children a second time.
        for wanted in _stretches(missing):
            self._request(node, key, wanted, sampling=sampling, role=role, seed=seed)
        await self._arrival(siblings, n)
        return [self._made(node, siblings, index) for index in range(n)]

    async def _arrival(self, siblings: dict[int, _Child], n: int) -> None:
        """Back when the first n are there."""
        pending: list[asyncio.Future[Node]] = []
        for index in range(n):
            child = siblings[index]
            if isinstance(child, asyncio.Future):
                pending.append(child)
        if pending:
            # Waiting is no part of a request: a strategy that is cancelled ends none, which others
            # may share.
            await asyncio.wait(pending)

    def _made(self, node: Node, siblings: dict[int, _Child], index: int) -> Node:
        """A child that is there; raises why one did not come."""
        child = siblings[index]
        if isinstance(child, Node):
            return child
        if isinstance(child, Kept):
            made = restore(node, child, self._format.steps)
        else:
            made = child.result()
        siblings[index] = made
        return made

    def _request(
        self, node: Node, key: DrawKey, wanted: range, *, sampling: Sampling, role: Role, seed: int
    ) -> None:
        """Draw these children: each is there as soon as it ends."""
        loop = asyncio.get_running_loop()
        pending = {child: loop.create_future() for child in wanted}
        self._siblings[key].update(pending)

        async def draw() -> None:
            drawn = self._new_draws(node, key, wanted, sampling=sampling, role=role, seed=seed)
            async for new in drawn:
                # Recorded before anybody can ask on from it.
                self._record(new)
                pending[new.child].set_result(new.node)

        task = asyncio.ensure_future(draw())
        task.add_done_callback(lambda ended: _end(pending, ended))

    async def _new_draws(
        self, node: Node, key: DrawKey, wanted: range, *, sampling: Sampling, role: Role, seed: int
    ) -> AsyncGenerator[NewDraw]:
        assert self._engine is not None
        first = wanted.start
        owed = _NOTHING
        async for part in self._engine.draw(
            node.token_ids, len(wanted), sampling=sampling, seed=seed + first
        ):
            owed = _join(owed, part)
            for place, draw in part.draws.items():
                child = first + place
                yield self._new_draw(node, key, sampling, child, draw, owed, role)
                # The first to end bears what its requests cost, so that it adds up.
                owed = _NOTHING

    def _new_draw(
        self,
        parent: Node,
        key: DrawKey,
        sampling: Sampling,
        child: int,
        draw: Draw,
        cost: Reply,
        role: Role,
    ) -> NewDraw:
        split = split_draw(parent, draw, self._format.steps)
        return NewDraw(
            key=key,
            child=child,
            parent=parent,
            node=extend(parent, draw, split),
            draw=draw,
            longest_step=_longest(split),
            role=role,
            prompt_tokens=cost.prompt_tokens,
            cached_tokens=cost.cached_tokens,
            requests=cost.requests,
            sampling=sampling,
        )


_NOTHING = Reply({}, 0, 0, 0)


def _join(owed: Reply, part: Reply) -> Reply:
    """What was asked for both; the draws are those of the second."""
    return Reply(
        part.draws,
        prompt_tokens=owed.prompt_tokens + part.prompt_tokens,
        cached_tokens=owed.cached_tokens + part.cached_tokens,
        requests=owed.requests + part.requests,
    )


def _stretches(numbers: Sequence[int]) -> Iterator[range]:
    """The unbroken runs of ascending numbers."""
    start = 0
    for place in range(1, len(numbers) + 1):
        if place == len(numbers) or numbers[place] != numbers[place - 1] + 1:
            yield range(numbers[start], numbers[place - 1] + 1)
            start = place


def _end(pending: Mapping[int, asyncio.Future[Node]], ended: asyncio.Task[None]) -> None:
    """Tell whoever waits for a child that did not come why that is."""
    missing = [future for future in pending.values() if not future.done()]
    if ended.cancelled():
        for future in missing:
            future.cancel()
        return
    error = ended.exception() or RuntimeError(
        f"engine: expected {len(pending)} draws, got {len(pending) - len(missing)}; "
        "run again to draw the missing ones"
    )
    for future in missing:
        future.set_exception(error)
        # Taken note of: nobody may wait for it any longer, and asyncio would print it once more.
        future.exception()


def _longest(split: Split) -> int | None:
    lengths = (end - start for start, end in pairwise([0, *split.ends]))
    return max(lengths, default=None)
