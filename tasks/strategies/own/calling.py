"""A function of a file, called as the product calls its own strategies."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tasks.draws.nodes import Node
from tasks.statistics.selectors import Candidate, Choice
from tasks.strategies.forms import Options, PoolFigure, QuestionPool, StopRule
from tasks.strategies.own.declaring import Declaration, Function
from tasks.strategies.own.failing import OwnFailure, Refused, failure
from tasks.strategies.own.pooling import Seen, choose, estimate, stop_rule
from tasks.strategies.own.searching import OwnTools, check_groups, check_nodes
from tasks.strategies.tools import Tools


@dataclass(frozen=True, slots=True)
class Call:
    """One function of a file, what it declares, and the selector that chooses at its end."""

    file: str
    """Its name, as it stands in messages."""
    name: str
    function: Function
    declared: Declaration
    selector: str

    async def search(self, root: Node, budget: int, *, tools: Tools, **options: Any) -> list[Node]:
        """The draws that it ends with; OwnFailure, Overspent among them, for its errors."""
        own = OwnTools(tools, root, budget, self.declared)
        try:
            return check_nodes(await self._made(own, options))
        except Exception as error:
            raise self._said(own, error) from error

    async def groups(
        self, root: Node, budget: int, *, tools: Tools, **options: Any
    ) -> list[list[Node]]:
        """The same in groups, as many as the budget has of their size."""
        own = OwnTools(tools, root, budget, self.declared)
        count = budget // int(options[self.declared.size or ""])
        try:
            return check_groups(await self._made(own, options), count)
        except Exception as error:
            raise self._said(own, error) from error

    async def _made(self, own: OwnTools, options: Options) -> Any:
        made = await self.function(own, **options)
        own.end()
        return made

    def _said(self, own: OwnTools, error: Exception) -> Exception:
        """Its own errors as a sentence; what engines and samplers raised as they raised it."""
        first = own.error or error
        if own.error is not None and not isinstance(first, Refused):
            return first
        name = own.root.question.question_id
        return self._failure(first, f"question {name}, budget {own.budget}")

    def estimate(self, pool: QuestionPool, options: Options) -> list[PoolFigure]:
        """What a pool reaches at every budget."""
        seen = Seen.of(pool)
        figures: list[PoolFigure] = []
        for budget in pool.budgets:
            try:
                one = estimate(seen, budget, self._bound(options), self.declared, self.selector)
            except Exception as error:
                raise self._failure(error, f"budget {budget}") from error
            figures.append(one)
        return figures

    def stop(self, options: Options, budget: int) -> StopRule:
        """When a served pool stops drawing."""
        return stop_rule(self._bound(options), self.declared, budget)

    def choose(self, candidates: Sequence[Candidate], options: Options, budget: int) -> Choice:
        """What is served of the draws of a pool."""
        return choose(candidates, self._bound(options), self.declared, self.selector, budget)

    def _bound(self, options: Options) -> Any:
        return partial(self.function, **dict(options))

    def _failure(self, error: Exception, where: str) -> OwnFailure:
        return failure(self.file, self.name, where, error)
