"""Memoised verifier scores: every step end is scored once per verifier."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from tasks.draws.nodes import Node
from tasks.models.thinking import NO_THINKING, Thinking
from tasks.protocols import StepScore, Verifier, VerifierFailure


class NewScore(NamedTuple):
    """A score that has just been paid for, as it goes into the journal."""

    node_key: str
    node: Node
    score: StepScore
    requests: int


class Judging(NamedTuple):
    """What a verifier judges of a completion."""

    whole: bool = False
    """It judges completions, not steps: a node has one score, at its end."""
    hidden: Thinking = NO_THINKING
    """Thinking that it is not shown: it did not learn on such text."""

    def keys(self, node: Node) -> Sequence[str]:
        """Keys of the steps of a node that have scores; none while it thinks what is hidden."""
        keys = node.step_keys
        # Steps are cut out of the text only where some of them are hidden.
        if self.hidden.is_in(node.text):
            said = self.hidden.after(node.steps)
            keys = keys[len(keys) - len(said) :]
        return keys[-1:] if self.whole else keys

    def steps(self, node: Node) -> Sequence[str]:
        """What a verifier reads of a node, one text a key."""
        said = self.hidden.after(node.steps)
        return ("".join(said),) if self.whole and said else said


EVERY_STEP = Judging()


NOTHING_KNOWN: Mapping[str, StepScore] = MappingProxyType({})


class Scorer:
    """Answers step scores from memory and asks the verifier for the rest.

    A failed call gives None, is handed to `record_failure` and is asked again by the next run.
    Without a verifier (a replay) what is not known is None as well.
    """

    def __init__(
        self,
        *,
        verifier: Verifier | None,
        known: Mapping[str, StepScore] = NOTHING_KNOWN,
        record: Callable[[NewScore], None] = lambda _: None,
        record_failure: Callable[[Node, str], None] = lambda _n, _r: None,
        judging: Judging = EVERY_STEP,
    ) -> None:
        self._verifier = verifier
        self._record = record
        self._record_failure = record_failure
        self._judging = judging
        self._known = dict(known)
        self._asked: dict[str, asyncio.Task[None]] = {}
        """By step key, the request under way that will answer it."""
        self._failed: set[str] = set()
        self._keys: dict[str, Sequence[str]] = {}
        """By key of a node, those of its steps that have scores: strategies ask again and again."""

    async def scores(self, node: Node) -> tuple[StepScore | None, ...]:
        """One entry a step that the verifier is shown of the node, None where it failed."""
        (scores,) = await self.scores_of([node])
        return scores

    async def scores_of(self, nodes: Sequence[Node]) -> list[tuple[StepScore | None, ...]]:
        """The scores of each node; what is missing is asked for at once."""
        # A loop: a longer node's request that was to answer for a shorter one may fail.
        while missing := [node for node in nodes if not self._is_settled(node)]:
            requests = {self._request_of(node) for node in missing}
            # Waiting is no part of a request: a strategy that is cancelled ends none, which others
            # may share.
            await asyncio.wait(requests)
            for request in requests:
                request.result()
        return [tuple(map(self._known.get, self._keys_of(node))) for node in nodes]

    def _keys_of(self, node: Node) -> Sequence[str]:
        keys = self._keys.get(node.key)
        if keys is None:
            keys = self._judging.keys(node)
            self._keys[node.key] = keys
        return keys

    def _is_settled(self, node: Node) -> bool:
        """Whether nothing is to be asked about a node: its last score stands for the others."""
        keys = self._keys_of(node)
        if self._verifier is None or not keys:
            return True
        return keys[-1] in self._known or keys[-1] in self._failed

    def _request_of(self, node: Node) -> asyncio.Task[None]:
        """The request under way that will answer for a node; a new one where there is none."""
        assert self._verifier is not None
        keys = self._keys_of(node)
        return self._asked.get(keys[-1]) or self._ask(self._verifier, node, keys)

    def _ask(self, verifier: Verifier, node: Node, keys: Sequence[str]) -> asyncio.Task[None]:
        """One request, which also answers for the earlier steps that nobody has asked about."""
        # What failed stays so: a score that came later would be there in a replay of this run,
        # which would then see more than the run did.
        known, asked, failed = self._known, self._asked, self._failed
        mine = [key for key in keys if key not in known and key not in asked and key not in failed]
        task = asyncio.ensure_future(self._request(verifier, node, keys, mine))
        task.add_done_callback(_retrieve_exception)
        self._asked |= dict.fromkeys(mine, task)
        return task

    async def _request(
        self, verifier: Verifier, node: Node, keys: Sequence[str], mine: list[str]
    ) -> None:
        try:
            scores = await verifier.score(node.question.text, self._judging.steps(node))
            _check(scores, len(keys))
        except VerifierFailure as failure:
            self._failed.add(keys[-1])
            self._record_failure(node, str(failure))
            return
        finally:
            for key in mine:
                del self._asked[key]
        by_key = dict(zip(keys, scores, strict=True))
        for key in mine:
            self._known[key] = by_key[key]
            # One request: the score at the end bears it, the earlier ones came with it.
            requests = int(key == keys[-1])
            self._record(NewScore(key, node, by_key[key], requests))


def _retrieve_exception(task: asyncio.Task[None]) -> None:
    """Take note of a failure, which is raised where the task is awaited.

    Otherwise asyncio would print it once more for every request that nobody waits for any longer.
    """
    if not task.cancelled():
        task.exception()


def _check(scores: list[StepScore], steps: int) -> None:
    """VerifierFailure for a reply that is no list of scores of these steps: it counts as failed."""
    if len(scores) != steps:
        raise VerifierFailure(f"expected {steps} step scores, got {len(scores)}")
    for score in scores:
        if not (math.isfinite(score.score) and 0 <= score.score <= 1):
            raise VerifierFailure(f"expected a score in [0, 1], got {score.score}")


def aggregate(scores: tuple[StepScore | None, ...], how: str) -> float | None:
    """The completion's score from its step scores (METHOD §3); None when one needed is missing.

    `how` is `last`, `min`, `prod` or `mean`.
    """
    if not scores:
        return None
    if how == "last":
        last = scores[-1]
        return None if last is None else last.score
    values = [one.score for one in scores if one is not None]
    # A missing step is unknown, never 0: the aggregate over the others would be of another text.
    if len(values) < len(scores):
        return None
    aggregates = {
        "min": min(values),
        "prod": math.prod(values),
        "mean": sum(values) / len(values),
    }
    return aggregates[how]
