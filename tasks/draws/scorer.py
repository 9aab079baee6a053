"""Memoised verifier scores: every step end is scored once per verifier."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tasks.draws.nodes import Node
from tasks.draws.sampler import retrieve_exception
from tasks.protocols import StepScore, Verifier, VerifierFailure


class NewScore(NamedTuple):
    """A score that has just been paid for, as it goes into the journal."""

    node_key: str
    node: Node
    score: StepScore
    requests: int


class Scorer:
    """Answers step scores from memory and asks the verifier for the rest.

    A failed call gives None, is handed to `record_failure` and is asked again by the next run.
    Without a verifier (a replay) what is not known is None as well. With `whole` the verifier judges
    completions, not steps: a node has one score, at its end.
    """

    def __init__(
        self,
        *,
        verifier: Verifier | None,
        known: Iterable[tuple[str, StepScore]] = (),
        record: Callable[[NewScore], None] = lambda _: None,
        record_failure: Callable[[Node, str], None] = lambda _n, _r: None,
        whole: bool = False,
    ) -> None:
        self._verifier = verifier
        self._record = record
        self._record_failure = record_failure
        self._whole = whole
        self._known: dict[str, StepScore] = dict(known)
        self._asked: dict[str, asyncio.Task[None]] = {}
        """By step key, the request under way that will answer it."""
        self._failed: set[str] = set()

    async def scores(self, node: Node) -> tuple[StepScore | None, ...]:
        """One entry a step of the node (one in all with `whole`), None where the verifier failed."""
        keys = self._keys(node)
        if not keys:
            return ()
        last = keys[-1]
        while self._verifier is not None and last not in self._known and last not in self._failed:
            await asyncio.shield(self._asked.get(last) or self._ask(self._verifier, node))
        return tuple(self._known.get(key) for key in keys)

    def _keys(self, node: Node) -> tuple[str, ...]:
        return node.step_keys[-1:] if self._whole else node.step_keys

    def _ask(self, verifier: Verifier, node: Node) -> asyncio.Task[None]:
        """One request, which also answers for the earlier steps that nobody has asked about."""
        taken = (
            self._known,
            self._asked,
            self._failed,
        )  # what failed stays so, or a replay would see more
        mine = [key for key in self._keys(node) if not any(key in keys for keys in taken)]
        task = asyncio.ensure_future(self._request(verifier, node, mine))
        task.add_done_callback(retrieve_exception)
        self._asked |= dict.fromkeys(mine, task)
        return task

    async def _request(self, verifier: Verifier, node: Node, mine: list[str]) -> None:
        try:
            steps = (node.text,) if self._whole else node.steps
            scores = await verifier.score(node.question.text, steps)
            _check(scores, len(steps))
        except VerifierFailure as failure:
            self._failed.add(node.step_keys[-1])
            self._record_failure(node, str(failure))
            return
        finally:
            for key in mine:
                del self._asked[key]
        by_key = dict(zip(self._keys(node), scores, strict=True))
        for key in mine:
            self._known[key] = by_key[key]
            self._record(NewScore(key, node, by_key[key], int(key == node.step_keys[-1])))


def _check(scores: list[StepScore], steps: int) -> None:
    if len(scores) != steps:
        raise VerifierFailure(f"expected {steps} step scores, got {len(scores)}")
    for score in scores:
        if not (math.isfinite(score.score) and 0 <= score.score <= 1):
            raise VerifierFailure(f"expected a score in [0, 1], got {score.score}")


def aggregate(scores: tuple[StepScore | None, ...], how: str) -> float | None:
    """The completion's score from its step scores (METHOD §3); None when one that is needed is missing."""
    if not scores:
        return None
    if how == "last":
        return scores[-1].score if scores[-1] is not None else None
    values = [s.score for s in scores if s is not None]
    if len(values) < len(scores):
        return None
    return {"min": min(values), "prod": math.prod(values), "mean": sum(values) / len(values)}[how]
