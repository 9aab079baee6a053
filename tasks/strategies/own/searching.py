"""The tools of a function in a file of the user's own: what it declared, within its budget."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Awaitable, Sequence
from typing import Any, TypeVar

from tasks.draws.nodes import Node
from tasks.strategies.own.declaring import Declaration
from tasks.strategies.own.failing import OverBudget, Refused, is_count, kind_of, no_count
from tasks.strategies.tools import ATTEMPTS_SHOWN, Chain, Tools

T = TypeVar("T")
_WHOLE = -1
"""In place of the depth of draws that are whole completions."""


class OwnTools:
    """A strategy's tools, which count generations and refuse the one that would be too many."""

    def __init__(self, tools: Tools, root: Node, budget: int, declared: Declaration) -> None:
        self.root = root
        """The question's prompt, from which `next_steps` begins."""
        self.budget = budget
        """Generations that the question may take."""
        self.random = random.Random(f"{root.key}|{budget}")
        """The only source of chance that a run and its replay share."""
        self._tools = tools
        self._declared = declared
        self._asked: Counter[str] = Counter()
        self._drawn: Counter[int] = Counter()
        self.error: Exception | None = None
        """What a tool raised first, whatever the function made of it."""

    @property
    def question(self) -> str:
        """The question's text."""
        return self.root.question.text

    @property
    def rounds(self) -> int:
        """How often a search over steps goes on before it ends."""
        return self._tools.rounds

    @property
    def generations(self) -> int:
        """What it has asked for so far, in whole completions' worth.

        Whole completions and attempts count one each. Of steps it is the depth at which most were
        drawn, lookahead included: N beams are N generations however long they become.
        """
        depths = [count for depth, count in self._drawn.items() if depth != _WHOLE]
        return self._drawn[_WHOLE] + max(depths, default=0)

    def leave(self, slots: int) -> None:
        """Count the slots whose prefixes could go on when the rounds ended."""
        self._tools.leave(slots)

    async def completions(self, n: int) -> list[Node]:
        """The question's first n whole completions, those that pool strategies choose from."""
        # Of a reviser they are the first attempts: one draw has one name.
        if self._declared.attempts:
            return await self.attempts((), n)
        self._take("completions", _WHOLE, n)
        return await self._answer(self._tools.completions(n))

    async def next_steps(self, node: Node, n: int) -> list[Node]:
        """The first n children of the node, each ending at the next step's end."""
        self._check("steps", self._declared.steps)
        self._check_draws([node])
        self._take(f"{node.key}|next", node.depth, n)
        return await self._answer(self._tools.next_steps(node, n))

    async def ahead(self, node: Node) -> Node:
        """The node's likeliest child (temperature 0), ending at the next step's end."""
        self._check("steps", self._declared.steps)
        self._check_draws([node])
        self._take(f"{node.key}|ahead", node.depth, 1)
        return await self._answer(self._tools.ahead(node))

    def attempt_key(self, earlier: Chain, *, shown: int = ATTEMPTS_SHOWN) -> str:
        """Names what the next attempt after these sees, and how many they are."""
        return self._tools.attempt_key(earlier, shown=shown)

    async def attempts(self, earlier: Chain, n: int, *, shown: int = ATTEMPTS_SHOWN) -> list[Node]:
        """The first n attempts in sight of the latest of these, each a whole completion."""
        self._check("attempts", self._declared.attempts)
        self._check_draws(earlier)
        self._take(self.attempt_key(earlier, shown=shown), _WHOLE, n)
        return await self._answer(self._tools.attempts(earlier, n, shown=shown))

    def choice_key(self, attempts: Chain) -> str:
        """Names what the model sees that is to say which of these is best."""
        return self._tools.choice_key(attempts)

    async def choices(self, attempts: Chain, n: int) -> list[int | None]:
        """Place of the one that the model says is best, each of the first n times it is asked."""
        self._check_draws(attempts)
        most = self._declared.choices
        if len(attempts) > most:
            said = f"asked for a choice among {len(attempts)}, of which it declares {most}"
            advice = f"write @{self._declared.kind}(choices={len(attempts)}) above it"
            self._refuse(Refused(said, advice))
        self._take(f"{self.choice_key(attempts)}|choice", _WHOLE, n)
        return await self._answer(self._tools.choices(attempts, n))

    async def score(self, node: Node) -> float | None:
        """The verifier's score at the node's end; None when the verifier failed."""
        (score,) = await self.scores([node])
        return score

    async def scores(self, nodes: Sequence[Node]) -> list[float | None]:
        """The same of each node, all asked for at once."""
        self._check("scores", self._declared.scores)
        self._check_draws(nodes)
        return await self._answer(self._tools.scores(nodes))

    async def answers(self, nodes: Sequence[Node]) -> list[str | None]:
        """The class that each completion votes for; None for one that is cut or has no answer."""
        self._check_draws(nodes)
        return await self._answer(self._tools.answers(nodes))

    async def agreement(self, nodes: Sequence[Node]) -> float:
        """Share of the completions that give the most frequent answer; 0 where none answers."""
        return agreement_of(await self.answers(nodes))

    def end(self) -> None:
        """Tell what was spent; raises what a tool raised first."""
        # A function that catches all exceptions would else run to another end in a replay.
        if self.error is not None:
            raise self.error
        self._tools.spend(self.generations)

    def _check(self, what: str, is_declared: bool) -> None:
        if not is_declared:
            said = f"asked for {what}, which it does not declare"
            self._refuse(Refused(said, f"write @{self._declared.kind}({what}=True) above it"))

    def _check_draws(self, nodes: Any) -> None:
        """What is wrong in the function's call is told here, not by what it would break below."""
        try:
            check_nodes(nodes)
        except Refused:
            said = f"gave {kind_of(nodes)} to a tool"
            self._refuse(Refused(said, "give it draws of its tools"))

    def _take(self, key: str, depth: int, n: int) -> None:
        """Count what of these children was not asked for before."""
        if not is_count(n):
            self._refuse(no_count(n))
        new = n - self._asked[key]
        if new <= 0:
            return
        self._asked[key] = n
        self._drawn[depth] += new
        if self.generations > self.budget:
            self._refuse(OverBudget(self.generations))

    def _refuse(self, error: Exception) -> None:
        self.error = self.error or error
        raise error

    async def _answer(self, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except Exception as error:
            self.error = self.error or error
            raise


def agreement_of(answers: Sequence[str | None]) -> float:
    """Share of the most frequent answer among all; 0 where there is none."""
    votes = Counter(answer for answer in answers if answer is not None)
    return max(votes.values()) / len(answers) if votes else 0.0


def check_nodes(made: Any) -> list[Node]:
    """What a search gave back, if it is a list of nodes."""
    if isinstance(made, list | tuple):
        nodes: list[Any] = [*made]  # pyright: ignore[reportUnknownArgumentType]
        if all(isinstance(one, Node) for one in nodes):
            return nodes
    raise Refused(f"gave back {kind_of(made)}", "return a list of the draws to choose from")


def check_groups(made: Any, count: int) -> list[list[Node]]:
    """What groups gave back, if it is so many lists of nodes."""
    if isinstance(made, list | tuple):
        groups: list[Any] = [*made]  # pyright: ignore[reportUnknownArgumentType]
        if len(groups) == count:
            return [check_nodes(group) for group in groups]
    raise Refused(f"gave back {kind_of(made)}", f"return {count} lists of draws, one a group")
