"""The strategies a study may name, in one dict, and how their keys are read."""

from __future__ import annotations

import math
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from tasks.errors import UserError
from tasks.nodes import Node
from tasks.statistics.selectors import SELECTORS
from tasks.strategies.beam_search import beam_search
from tasks.strategies.tools import Tools

Search = Callable[..., Awaitable[list[Node]]]

POOLS: dict[str, str] = {"majority": "majority", "best_of_n": "best_of_n", "weighted": "weighted"}
"""Strategies that choose from one pool of parallel draws, and their selector."""

SEARCHES: dict[str, Search] = {"beam_search": beam_search}
"""Strategies that run step by step: `(root, budget, *, m, tools) -> ended completions`."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy with its hyper-parameters, as a study names it."""

    name: str
    selector: str
    m: int | None = None
    """Children of every kept prefix; None for the square root of the budget. Unused by pools."""

    @property
    def key(self) -> str:
        """The readable key used in every table, e.g. `beam_search(m=4)/weighted`."""
        if self.name in POOLS:
            return self.name
        return f"{self.name}(m={self.m or 'sqrt'})/{self.selector}"

    @property
    def is_pool(self) -> bool:
        return self.name in POOLS

    @property
    def needs_verifier(self) -> bool:
        return not (self.is_pool and self.selector == "majority")

    def width(self, budget: int) -> int:
        """M at this budget: the fixed one, or √budget rounded down to a power of two."""
        return self.m if self.m is not None else 2 ** int(math.log2(math.isqrt(budget)))

    def fits(self, budget: int) -> bool:
        """Whether the strategy exists at this budget: a search needs at least one kept prefix and M ≥ 2."""
        return self.is_pool or budget >= (self.m if self.m is not None else 4)

    def check(self, budgets: tuple[int, ...]) -> None:
        """Raise UserError for budgets that the strategy cannot spend exactly, or if none is large enough."""
        fitting = [b for b in budgets if self.fits(b)]
        if not fitting:
            raise UserError(
                f"study: {self.key} needs a budget of at least {self.m or 4}, got {budgets}; raise the largest"
            )
        for budget in fitting:
            if not self.is_pool and budget % self.width(budget):
                raise UserError(
                    f"study: {self.key} needs budgets that are multiples of {self.width(budget)}, got {budget}; "
                    "use powers of two"
                )

    async def search(self, root: Node, budget: int, tools: Tools) -> list[Node]:
        """Run a step-by-step strategy."""
        return await SEARCHES[self.name](root, budget, m=self.width(budget), tools=tools)


_FORM = re.compile(r"^(?P<name>\w+)(\(m=(?P<m>\d+|sqrt)\))?(/(?P<selector>\w+))?$")


def parse(text: str) -> Strategy:
    """The strategy of a key such as `weighted` or `beam_search(m=4)/weighted` (the selector may be left out)."""
    match = _FORM.match(text.replace(" ", ""))
    known = ", ".join([*POOLS, *(f"{name}(m=4), {name}(m=sqrt)" for name in SEARCHES)])
    if match is None or match["name"] not in {**POOLS, **SEARCHES}:
        raise UserError(f"study: unknown strategy {text!r}; known are {known}")
    name, m, selector = match["name"], match["m"], match["selector"]
    if name in POOLS:
        if m or selector:
            raise UserError(f"study: {name} takes no options, got {text!r}; write {name!r}")
        return Strategy(name, POOLS[name])
    if m is None or (m != "sqrt" and int(m) < 2):
        raise UserError(f"study: {name} needs its width, m=2 or more or m=sqrt, got {text!r}; write e.g. '{name}(m=4)'")
    if selector is not None and selector not in SELECTORS:
        raise UserError(f"study: unknown selector {selector!r} in {text!r}; known are {', '.join(SELECTORS)}")
    return Strategy(name, selector or "weighted", None if m == "sqrt" else int(m))
