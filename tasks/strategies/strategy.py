"""One strategy with its hyper-parameters: what it needs, spends, reaches and serves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from tasks.draws.nodes import Node
from tasks.models.thinking_caps import Cap
from tasks.statistics.estimators import EstimateName
from tasks.statistics.selectors import GROUP_SELECTORS, SELECTORS, Candidate, Choice
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
from tasks.strategies.tools import Tools
from warehouse.errors import UserError


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
        """Which pool it chooses from, or begins with, if it is a pool strategy."""
        return PoolKey(self.temperature, self.cap, larger=self.small == 0)

    @property
    def pools(self) -> list[PoolKey]:
        """All pools that it chooses from, that with which it begins first."""
        behind = [self.pool._replace(larger=True)] if self.small else []
        return [self.pool, *behind]

    @property
    def small(self) -> int | None:
        """Draws of the study's model before the larger one is asked; None: that is never asked."""
        return self.form.small(self._values) if self.form.small else None

    def own_draws(self, budget: int) -> int:
        """Of its draws at a budget those that a probe has made already, as far as it draws."""
        if not self.shares_pool:
            return 0
        return budget if self.small is None else self.small

    @property
    def draws_in_turn(self) -> bool:
        """Whether it is measured under a budget in tokens: drawn until the next would not fit."""
        # What may pass a question on would have to leave some of them to the larger model.
        return self.kind == "pool" and self.small is None

    def keeps(self, candidates: Sequence[Candidate]) -> bool:
        """Whether the first draws are answer enough, so that no larger model is asked."""
        return self.form.keeps is None or self.form.keeps(candidates, self._values)

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

    def slots(self, budget: int) -> int:
        """Completions it can end with at a budget."""
        if self.form.slots:
            return self.form.slots(self._values, budget)
        return budget // self.rollouts

    @property
    def shows(self) -> int:
        """Most completions of its own that the generator is shown at once."""
        return self.form.shows(self._values) if self.form.shows else 0

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
