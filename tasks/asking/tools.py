"""A strategy's tools over samplers and scorers: what it consumes is metered, as if it ran alone.

METHOD §9.
"""

from __future__ import annotations

import asyncio
import dataclasses
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from tasks.asking.costs import Meter
from tasks.asking.plan import Samplings
from tasks.asking.token_time import pass_tokens, tokens_now
from tasks.benchmarks.question import Question
from tasks.draws.nodes import Node, root
from tasks.draws.sampler import Sampler
from tasks.draws.scorer import Scorer
from tasks.models.formats import Format
from tasks.protocols import Role, Sampling
from tasks.strategies.tools import ATTEMPTS_SHOWN, Chain

A_CHAIN = 1_000
"""Attempt t of a chain is drawn in replicate + t · A_CHAIN.

The same prompt met again later in a chain is so drawn anew; replicates of a study stay below.
"""


class Side(NamedTuple):
    """One model that writes and one that judges what it wrote."""

    sampler: Sampler
    scorer: Scorer


_Asked = tuple[str, str, tuple[str, ...], bool]
"""Id and text of a question, the attempts that are shown with it, and whether to a verifier too."""


@dataclass(frozen=True, slots=True)
class Revising:
    """What an attempt is asked for: the node of the question and the attempts that it sees."""

    format: Format
    shown: bool
    """Whether the verifier sees the earlier attempts too."""
    known: dict[_Asked, Node] = field(default_factory=dict[_Asked, Node])

    def start(self, question: Question, earlier: Chain, shown: int = ATTEMPTS_SHOWN) -> Node:
        """The node of the next attempt: the latest ended attempts are in its prompt.

        Without their thinking, as chat templates drop that of earlier turns too.
        """
        ended = [self.format.final(node.text) for node in earlier if node.ended]
        said = tuple(text for text in ended if text is not None)
        seen = said[-shown:]
        key = (question.question_id, question.text, seen, self.shown)
        if key not in self.known:
            text = self.format.revision(question, seen)
            # The verifier reads the question's text: with the attempts in it, where it is to.
            asked = dataclasses.replace(question, text=text) if self.shown and seen else question
            self.known[key] = self._root(asked, text)
        return self.known[key]

    def choice(self, question: Question, attempts: Chain) -> Node:
        """The node of a prompt that asks which of these is best; all of them must have ended."""
        said = [self.format.final(node.text) or "" for node in attempts]
        return self._root(question, self.format.select(question.text, said))

    def _root(self, question: Question, text: str) -> Node:
        prompt = tuple(self.format.tokenizer.encode(text))
        return root(question, prompt, is_text=self.format.is_text)


@dataclass(frozen=True, slots=True)
class MeteredTools:
    """A strategy's Tools on one question over shared samplers and scorers."""

    question: Question
    side: Side
    samplings: Samplings
    revising: Revising
    meter: Meter
    rounds: int
    """How often a search over steps goes on before it ends."""
    replicate: int = 0
    classes: Callable[[Sequence[Node]], list[str | None]] | None = None
    """The class in a vote of each completion; None where nobody may ask for it."""

    def leave(self, slots: int) -> None:
        """Count the slots whose prefixes could go on when the rounds ended."""
        self.meter.left += slots

    def spend(self, generations: int) -> None:
        """Take down how many generations were taken."""
        self.meter.generations = generations

    async def completions(self, n: int) -> list[Node]:
        """The question's first n whole completions, those that pool strategies choose from."""
        start = self.revising.start(self.question, ())
        siblings = await self.side.sampler.children(
            start, n, sampling=self.samplings.whole, replicate=self.replicate
        )
        tokens = self.meter.count_draws("completions", start, siblings)
        await pass_tokens(tokens)
        return siblings

    async def next_steps(self, node: Node, n: int) -> list[Node]:
        """The first n children of the node, each ending at the next step's end."""
        return await self._steps(node, n, self.samplings.step, "proposer")

    async def ahead(self, node: Node) -> Node:
        """The node's likeliest child, drawn as a lookahead's step."""
        (child,) = await self._steps(node, 1, self.samplings.greedy, "lookahead")
        return child

    async def _steps(self, node: Node, n: int, sampling: Sampling, role: Role) -> list[Node]:
        siblings = await self.side.sampler.children(
            node, n, sampling=sampling, role=role, replicate=self.replicate
        )
        tokens = self.meter.count_draws(f"{node.key}|{sampling.key}", node, siblings)
        await pass_tokens(tokens)
        return [self._cut(child) for child in siblings]

    def _cut(self, node: Node) -> Node:
        """A completion longer than those of pools may be, or that would be, counts as cut.

        Searches would otherwise have an advantage over pools that is not theirs.
        """
        most = self.samplings.whole.max_tokens
        # One that goes on takes at least one token more.
        too_long = node.generated_tokens > most - node.extendable
        return node.cut() if too_long else node

    def attempt_key(self, earlier: Chain, *, shown: int = ATTEMPTS_SHOWN) -> str:
        """How many attempts these are, and what the next one sees of them."""
        return _key(earlier, self.revising.start(self.question, earlier, shown))

    async def attempts(self, earlier: Chain, n: int, *, shown: int = ATTEMPTS_SHOWN) -> list[Node]:
        """The first n attempts in sight of the latest of these, each a whole completion."""
        start = self.revising.start(self.question, earlier, shown)
        return await self._draw_after(earlier, start, n, "revision")

    def choice_key(self, attempts: Chain) -> str:
        """How many attempts these are, and what a model sees of them."""
        return _key(attempts, self.revising.choice(self.question, attempts))

    async def choices(self, attempts: Chain, n: int) -> list[int | None]:
        """Place of the attempt that each of the first n draws names; None: it names none."""
        start = self.revising.choice(self.question, attempts)
        drawn = await self._draw_after(attempts, start, n, "selection")
        named: list[int | None] = []
        for node in drawn:
            # A number in what was cut could be half of one.
            place = self.revising.format.named(node.text, len(attempts)) if node.ended else None
            named.append(place)
        return named

    async def _draw_after(self, earlier: Chain, start: Node, n: int, role: Role) -> list[Node]:
        siblings = await self.side.sampler.children(
            start,
            n,
            sampling=self.samplings.whole,
            role=role,
            replicate=self.replicate + A_CHAIN * len(earlier),
        )
        tokens = self.meter.count_draws(_key(earlier, start), start, siblings)
        await pass_tokens(tokens)
        return siblings

    async def score(self, node: Node) -> float | None:
        """The verifier's score at the node's end; None when it failed, or there is none."""
        (score,) = await self.scores([node])
        return score

    async def scores(self, nodes: Sequence[Node]) -> list[float | None]:
        """The score at the end of each node, all asked for at once."""
        found = await self.side.scorer.scores_of(nodes)
        last = [scores[-1] if scores else None for scores in found]
        for node, score in zip(nodes, last, strict=True):
            if score is not None:
                self.meter.count_score(node, score.tokens)
        return [None if score is None else score.score for score in last]

    async def answers(self, nodes: Sequence[Node]) -> list[str | None]:
        """The class that each completion votes for; None for one that is cut or has no answer."""
        if self.classes is None:
            raise RuntimeError("expected tools that know what reads answers, got none")
        # In a replay at once: its time is counted in tokens, and would run on beside a thread.
        if not math.isnan(tokens_now()):
            return self.classes(nodes)
        # Beside the event loop: the classes of programs are found by running them.
        return await asyncio.to_thread(self.classes, nodes)


def _key(earlier: Chain, start: Node) -> str:
    return f"{len(earlier)}|{start.key}"
