"""How a budget is spent on a question: one file a strategy, one dict of all."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from tasks.draws.nodes import Node
from tasks.statistics.selectors import GROUP_SELECTORS, SELECTORS, Candidate, Choice
from tasks.strategies.beam_search import BEAM_SEARCH, LOOKAHEAD
from tasks.strategies.dvts import DVTS
from tasks.strategies.forms import Form, Kind, Options, PoolFigure, QuestionPool, StopRule, Value
from tasks.strategies.particle_filter import PARTICLE_FILTER
from tasks.strategies.pools import ADAPTIVE, BEST_OF_N, MAJORITY, WEIGHTED
from tasks.strategies.rebase import REBASE
from tasks.strategies.revision_search import REVISION_SEARCH
from tasks.strategies.revisions import REVISIONS
from tasks.strategies.tools import Tools
from warehouse.errors import UserError

STRATEGIES: dict[str, Form] = {
    "majority": MAJORITY,
    "best_of_n": BEST_OF_N,
    "weighted": WEIGHTED,
    "adaptive": ADAPTIVE,
    "beam_search": BEAM_SEARCH,
    "lookahead": LOOKAHEAD,
    "dvts": DVTS,
    "rebase": REBASE,
    "particle_filter": PARTICLE_FILTER,
    "revisions": REVISIONS,
    "revision_search": REVISION_SEARCH,
}
"""Every strategy by the name that a study gives it; all that is known of it stands in its Form."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy with its hyper-parameters, as a study names it."""

    name: str
    selector: str
    options: tuple[tuple[str, Value], ...] = ()

    @property
    def form(self) -> Form:
        return STRATEGIES[self.name]

    @property
    def kind(self) -> Kind:
        return self.form.kind

    @property
    def key(self) -> str:
        """The readable key used in every table, e.g. `beam_search(m=4)/weighted`."""
        options = ",".join(f"{name}={value}" for name, value in self.options)
        ending = f"/{self.selector}" if len(self.form.selectors) > 1 else ""
        return self.name + (f"({options})" if options else "") + ending

    @property
    def needs_verifier(self) -> bool:
        """Whether the verifier is asked, in the search or to select."""
        return self.kind == "search" or self.scores_steps or self.selector != "majority"

    @property
    def scores_steps(self) -> bool:
        """Whether the verifier must be able to score unfinished completions."""
        return not self.form.revises and self.kind != "pool"

    @property
    def rollouts(self) -> int:
        """Generations that one completion costs."""
        return self.form.rollouts(self._values)

    @property
    def chain(self) -> int | None:
        """Attempts in sequence; None for what makes no chains."""
        return self.form.chain(self._values) if self.form.chain else None

    @property
    def stop(self) -> StopRule | None:
        """When a served pool stops drawing; None where it takes the whole budget."""
        return self.form.stop(self._values) if self.form.stop else None

    @property
    def _values(self) -> Options:
        return dict(self.options)

    def fits(self, budget: int) -> bool:
        """Whether the strategy exists at this budget."""
        return budget >= self.form.least(self._values)

    def check(self, budgets: tuple[int, ...]) -> None:
        """Raise UserError where none of the budgets is large enough, or one cannot be spent exactly."""
        if not any(map(self.fits, budgets)):
            raise UserError(
                f"study: {self.key} needs a budget of at least {self.form.least(self._values)}, "
                f"got {budgets}; raise the largest"
            )
        for budget in filter(self.fits, budgets):
            unit = self.form.unit(self._values, budget)
            if budget % unit:
                raise UserError(
                    f"study: {self.key} needs budgets that are multiples of {unit}, "
                    f"got {budget}; use powers of two"
                )

    def estimate(self, pool: QuestionPool) -> list[PoolFigure]:
        """What a pool strategy reaches at every budget of a question's pool (METHOD §10)."""
        if self.form.estimate is None:
            raise RuntimeError(f"{self.key} runs: it is not estimated from a pool")
        return self.form.estimate(pool, self._values)

    def choose(self, groups: Sequence[Sequence[Candidate]]) -> Choice:
        """What is served of the candidates, in groups (one of everything for a pool or a search).

        The index counts through the groups, in their order.
        """
        candidates = [candidate for group in groups for candidate in group]
        if self.form.choose is not None:
            return self.form.choose(candidates, self._values)
        if self.selector in GROUP_SELECTORS:
            return GROUP_SELECTORS[self.selector](groups)
        return SELECTORS[self.selector](candidates)

    async def run(self, root: Node, budget: int, tools: Tools) -> list[list[Node]]:
        """What the strategy made of the budget, in groups (one of everything for a search).

        Ended completions, and for revisions the cut ones among the attempts too.
        """
        if self.form.run is None:
            raise RuntimeError(f"{self.key} is a pool: it does not run")
        options = self.form.resolve(self._values, budget)
        made = await self.form.run(root, budget, tools=tools, **options)
        return made if self.kind == "groups" else [made]


_FORM = re.compile(r"^(?P<name>\w+)(\((?P<options>[^()]*)\))?(/(?P<selector>\w+))?$")


def parse(text: str) -> Strategy:
    """The strategy of a key such as `weighted` or `beam_search(m=4)/weighted` (the selector may be left out)."""
    match = _FORM.match(text.replace(" ", ""))
    if match is None or match["name"] not in STRATEGIES:
        known = ", ".join(form.example for form in STRATEGIES.values())
        raise UserError(f"study: unknown strategy {text!r}; known are {known}")
    form = STRATEGIES[match["name"]]
    selector = match["selector"] or form.selectors[0]
    if selector not in form.selectors:
        raise UserError(
            f"study: unknown selector {selector!r} in {text!r}; known are {', '.join(form.selectors)}"
        )
    return Strategy(match["name"], selector, _options(text, form, match["options"] or ""))


def _options(text: str, form: Form, written: str) -> tuple[tuple[str, Value], ...]:
    parts = [part.partition("=") for part in written.split(",") if part]
    given = {name: value for name, _, value in parts}
    complete = len(given) == len(parts) == (1 if form.one_of else len(form.options))
    if given and not form.options:
        raise UserError(
            f"study: {form.example} takes no options, got {text!r}; write {form.example!r}"
        )
    if not given.keys() <= form.options.keys() or not complete:
        named = (" or " if form.one_of else " and ").join(form.options)
        raise UserError(f"study: expected {named}, got {text!r}; write e.g. {form.example}")
    values = [
        (name, option.read(given[name])) for name, option in form.options.items() if name in given
    ]
    for name, value in values:
        if value is None:
            raise UserError(
                f"study: {name} must be {form.options[name].accepts}, got {text!r}; write {form.example}"
            )
    return tuple((name, value) for name, value in values if value is not None)
