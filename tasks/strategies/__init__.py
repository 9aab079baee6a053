"""How a budget is spent on a question: one file a strategy, one dict of all."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from tasks.draws.nodes import Node
from tasks.models.thinking_caps import Cap
from tasks.statistics.estimators import EstimateName
from tasks.statistics.selectors import GROUP_SELECTORS, SELECTORS, Candidate, Choice
from tasks.strategies.beam_search import BEAM_SEARCH, LOOKAHEAD
from tasks.strategies.confident import CONFIDENT
from tasks.strategies.dvts import DVTS
from tasks.strategies.forms import (
    AT,
    OWN_POOL,
    Form,
    Kind,
    Options,
    PoolFigure,
    PoolKey,
    QuestionPool,
    StopRule,
    Value,
)
from tasks.strategies.own.reading import NO_SOURCES, Sources, read_own, reference
from tasks.strategies.particle_filter import PARTICLE_FILTER
from tasks.strategies.pools import ADAPTIVE, BEST_OF_N, FIRST, MAJORITY, WEIGHTED, WINDOW
from tasks.strategies.rebase import REBASE
from tasks.strategies.revision_search import REVISION_SEARCH
from tasks.strategies.revisions import REVISIONS
from tasks.strategies.temperatures import split_temperature
from tasks.strategies.think import THINK
from tasks.strategies.tools import Tools
from warehouse.errors import UserError

STRATEGIES: dict[str, Form] = {
    "majority": MAJORITY,
    "best_of_n": BEST_OF_N,
    "weighted": WEIGHTED,
    "adaptive": ADAPTIVE,
    "window": WINDOW,
    "first": FIRST,
    "confident": CONFIDENT,
    "think": THINK,
    "beam_search": BEAM_SEARCH,
    "lookahead": LOOKAHEAD,
    "dvts": DVTS,
    "rebase": REBASE,
    "particle_filter": PARTICLE_FILTER,
    "revisions": REVISIONS,
    "revision_search": REVISION_SEARCH,
}
"""Every strategy by the name that a study gives it; all that is known of it is its Form."""


@dataclass(frozen=True, slots=True)
class Strategy:
    """One strategy with its hyper-parameters, as a study names it."""

    name: str
    selector: str
    """How one answer is chosen of what it ends with."""
    form: Form = field(compare=False, repr=False)
    """What is known of all strategies of this name."""
    options: tuple[tuple[str, Value], ...] = ()
    """Names and values in the order of the form; a tuple, so that a strategy can be a key."""
    file: str = ""
    """Name and digest of the file of the user's own that has it; empty: it is the product's."""
    temperature: float | None = None
    """Of the pool that it chooses from, a pool of its own; None: that of the study."""

    @property
    def kind(self) -> Kind:
        """Whether it chooses from a pool, searches, or makes groups."""
        return self.form.kind

    @property
    def key(self) -> str:
        """The readable key used in every table, e.g. `beam_search(m=4)/weighted`."""
        key = f"{self.file}:{self.name}" if self.file else self.name
        if self.options:
            written = ",".join(f"{name}={value}" for name, value in self.options)
            key += f"({written})"
        # The selector is named only where there is a choice, so that `weighted` has one spelling.
        if len(self.form.selectors) > 1:
            key += f"/{self.selector}"
        return key if self.temperature is None else f"{key}{AT}{self.temperature:g}"

    @property
    def cap(self) -> Cap | None:
        """How long its completions may think; None: as long as they are drawn."""
        return self.form.cap(self._values) if self.form.cap else None

    @property
    def pool(self) -> PoolKey:
        """Which pool it chooses from, if it is a pool strategy."""
        return PoolKey(self.temperature, self.cap)

    @property
    def shares_pool(self) -> bool:
        """Whether it chooses from the study's own pool, which begins with a probe's draws."""
        return self.kind == "pool" and self.pool == OWN_POOL

    @property
    def needs_verifier(self) -> bool:
        """Whether the verifier is asked, in the search or to select."""
        # Of the selectors majority alone looks at no score.
        if self.selector != "majority":
            return True
        if self.form.scores is not None:
            return self.form.scores
        return self.kind == "search" or self.scores_steps

    @property
    def goes_by_steps(self) -> bool:
        """Whether it goes on from unfinished completions."""
        if self.form.steps is not None:
            return self.form.steps
        # Pools and revisions are made of whole completions.
        return not self.form.revises and self.kind != "pool"

    @property
    def scores_steps(self) -> bool:
        """Whether the verifier must be able to score unfinished completions."""
        # Whole completions an ORM can judge as well.
        return self.goes_by_steps and self.form.scores is not False

    @property
    def rollouts(self) -> int:
        """Generations that one completion costs."""
        return self.form.rollouts(self._values)

    @property
    def chain(self) -> int | None:
        """Attempts in sequence; None for what makes no chains."""
        return self.form.chain(self._values) if self.form.chain else None

    def stop(self, budget: int) -> StopRule | None:
        """When a served pool stops drawing; None where it takes the whole budget."""
        return self.form.stop(self._values, budget) if self.form.stop else None

    @property
    def _values(self) -> Options:
        return dict(self.options)

    def fits(self, budget: int) -> bool:
        """Whether the strategy exists at this budget."""
        return budget >= self.form.least(self._values)

    def check(self, budgets: tuple[int, ...]) -> None:
        """UserError where none of the budgets is large enough, or one cannot be spent exactly."""
        fitting = [budget for budget in budgets if self.fits(budget)]
        if not fitting:
            least = self.form.least(self._values)
            raise UserError(
                f"study: {self.key} needs a budget of at least {least}, "
                f"got {budgets}; raise the largest"
            )
        for budget in fitting:
            unit = self.form.unit(self._values, budget)
            if budget % unit:
                raise UserError(
                    f"study: {self.key} needs budgets that are multiples of {unit}, "
                    f"got {budget}; use powers of two"
                )

    def check_temperature(self, usual: float) -> None:
        """UserError for an arm at the study's own temperature: it is the pool that is there."""
        if self.temperature == usual:
            raise UserError(
                f"study: expected another temperature than generator.temperature in {self.key}, "
                f"got the same; leave {AT}{usual:g} out"
            )

    def estimate(self, pool: QuestionPool) -> list[PoolFigure]:
        """What a pool strategy reaches at every budget of a question's pool (METHOD §10)."""
        if self.kind != "pool":
            raise RuntimeError(f"{self.key} runs: it is not estimated from a pool")
        if self.form.estimate is None:
            # The selectors of plain pools are those that are estimated together.
            return pool.figures(cast(EstimateName, self.selector))
        return self.form.estimate(pool, self._values)

    def choose(self, groups: Sequence[Sequence[Candidate]], budget: int) -> Choice:
        """What is served of the candidates, in groups (one of everything for a pool or a search).

        The index counts through the groups, in their order.
        """
        candidates = [candidate for group in groups for candidate in group]
        # A form's own choice comes first; its selector may then be a name that no other shares.
        if self.form.choose is not None:
            return self.form.choose(candidates, self._values, budget)
        if self.selector in GROUP_SELECTORS:
            return GROUP_SELECTORS[self.selector](groups)
        return SELECTORS[self.selector](candidates)

    async def run(self, root: Node, budget: int, tools: Tools) -> list[list[Node]]:
        """What the strategy made of the budget, in groups (one of everything for a search).

        Ended completions, and for revisions the cut ones among the attempts too.
        """
        if self.form.run is None:
            raise RuntimeError(f"{self.key} is a pool: it does not run")
        # A width of `sqrt` becomes a number only here, where the budget is known.
        options = self.form.resolve(self._values, budget)
        result = await self.form.run(root, budget, tools=tools, **options)
        return result if self.kind == "groups" else [result]


_KEY = re.compile(r"^(?P<name>\w+)(\((?P<options>[^()]*)\))?(/(?P<selector>\w+))?$")


def parse(text: str, sources: Sources = NO_SOURCES) -> Strategy:
    """The strategy of a key such as `weighted` or `beam_search(m=4)/weighted`.

    The selector may be left out, and a temperature follow: `majority@T=0.6`. `sources` are the
    files of strategies of the user's own. UserError for what names no strategy, selector, option or
    temperature.
    """
    untempered, temperature = split_temperature(text)
    strategy = _parse_untempered(untempered, sources)
    if temperature is None:
        return strategy
    if strategy.kind != "pool":
        raise UserError(
            f"study: expected {AT}… behind a strategy that chooses from a pool, got {text!r}; "
            "set generator.temperature in a study of its own"
        )
    return dataclasses.replace(strategy, temperature=temperature)


def _parse_untempered(text: str, sources: Sources) -> Strategy:
    if named := reference(text):
        own = read_own(named, sources)
        return Strategy(named.name, own.selector, own.form, own.options, own.file)
    match = _KEY.match(text.replace(" ", ""))
    if match is None or match["name"] not in STRATEGIES:
        known = ", ".join(form.example for form in STRATEGIES.values())
        raise UserError(f"study: unknown strategy {text!r}; known are {known}")
    form = STRATEGIES[match["name"]]
    selector = match["selector"] or form.selectors[0]
    if selector not in form.selectors:
        known = ", ".join(form.selectors)
        raise UserError(f"study: unknown selector {selector!r} in {text!r}; known are {known}")
    written = _split_options(text, form, match["options"] or "")
    return Strategy(match["name"], selector, form, _read_options(text, form, written))


def _split_options(text: str, form: Form, options: str) -> dict[str, str]:
    """The options as written, by name; UserError unless just those of the form are there."""
    parts = [part.partition("=") for part in options.split(",") if part]
    written = {name: value for name, _, value in parts}
    if written and not form.options:
        raise UserError(
            f"study: {form.example} takes no options, got {text!r}; write {form.example!r}"
        )
    owed = [name for name, option in form.options.items() if option.default is None]
    # An option that is written twice is one name in two parts.
    complete = len(written) == len(parts)
    complete &= len(written) == 1 if form.one_of else written.keys() >= set(owed)
    if not written.keys() <= form.options.keys() or not complete:
        named = (" or " if form.one_of else " and ").join(form.options)
        raise UserError(f"study: expected {named}, got {text!r}; write e.g. {form.example}")
    return written


def _read_options(text: str, form: Form, written: dict[str, str]) -> tuple[tuple[str, Value], ...]:
    """Their values, in the order of the form: equal options have one key, however written."""
    values: list[tuple[str, Value]] = []
    for name, option in form.options.items():
        if name not in written:
            continue
        value = option.read(written[name])
        if value is None:
            raise UserError(
                f"study: {name} must be {option.accepts}, got {text!r}; write {form.example}"
            )
        # Left out where it goes without saying: one strategy has one key.
        if value != option.default:
            values.append((name, value))
    return tuple(values)
