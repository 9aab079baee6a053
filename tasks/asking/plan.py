"""The draws that a study owes on every question."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks.protocols import Sampling
from tasks.runs.run import Run
from tasks.strategies import Strategy
from tasks.strategies.forms import OWN_POOL, PoolKey
from tasks.study.tables import Generator


class Samplings(NamedTuple):
    """How whole completions, steps and lookahead's steps are drawn."""

    whole: Sampling
    step: Sampling
    greedy: Sampling


class Arm(NamedTuple):
    """A further pool, for the strategies that choose from it."""

    pool: PoolKey
    scored: bool
    """Whether one of them asks the verifier."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The draws that a study owes on every question."""

    pool: int
    """Whole completions that all pool strategies share: as many as the largest budget."""
    difficulty: int
    """Whole completions that set the question's bin and that no strategy uses."""
    searches: tuple[tuple[Strategy, int], ...]
    """Every search at every budget, and what comes in groups at its largest."""
    samplings: Samplings
    replicate: int
    """Of the study: another one draws everything anew."""
    arms: tuple[Arm, ...] = ()
    """As large as the pool, each of a temperature, a cap on thinking or a model of its own."""

    @property
    def sampled(self) -> dict[str, Sampling]:
        """By key, how all is drawn that the study owes but what goes on thinking."""
        wholes = [self.whole(at) for at in self.temperatures]
        return {one.key: one for one in (*self.samplings, *wholes, *self.answering)}

    @property
    def temperatures(self) -> list[float | None]:
        """Those at which whole completions are drawn, that of the study first."""
        # A dict, for its order.
        return list(dict.fromkeys([None, *(arm.pool.temperature for arm in self.arms)]))

    @property
    def traced(self) -> list[PoolKey]:
        """The pools whose completions are drawn whole: the traces of several caps once."""
        pools = [arm.pool._replace(cap=None) for arm in self.arms]
        return list(dict.fromkeys([OWN_POOL, *pools]))

    @property
    def answering(self) -> list[Sampling]:
        """How answers are drawn after thinking that was cut."""
        drawn: dict[str, Sampling] = {}
        for temperature, cap, _ in (arm.pool for arm in self.arms):
            if cap:
                whole = self.whole(temperature)
                one = dataclasses.replace(whole, max_tokens=cap.answer)
                drawn[one.key] = one
        return list(drawn.values())

    @property
    def reads_tokens(self) -> bool:
        """Whether a replay has to read what was drawn token by token, to cut it elsewhere."""
        return any(arm.pool.cap for arm in self.arms)

    def whole(self, temperature: float | None) -> Sampling:
        """How whole completions are drawn at a temperature; None: at that of the study."""
        whole = self.samplings.whole
        if temperature is None:
            return whole
        return dataclasses.replace(whole, temperature=temperature)


def plan(run: Run) -> Plan:
    """What the run's study owes on every question."""
    study = run.study
    strategies = [study.strategy(text) for text in study.strategies]
    generator = run.study.generator
    common = (generator.temperature, generator.top_p, generator.top_k)
    step = Sampling(*common, max_tokens=generator.max_step_tokens, until="step")
    # At temperature 0 the cuts by probability and rank change nothing: set to neutral, they do not
    # change the sampling's key either, and greedy steps are shared by all studies.
    greedy = dataclasses.replace(step, temperature=0.0, top_p=1.0, top_k=0)
    return Plan(
        pool=max(study.budgets),
        difficulty=study.difficulty_draws,
        searches=tuple(_searches(study.budgets, strategies)),
        samplings=Samplings(
            whole=whole_sampling(generator),
            step=step,
            greedy=greedy,
        ),
        replicate=study.replicate,
        arms=_arms(strategies),
    )


def whole_sampling(generator: Generator) -> Sampling:
    """How whole completions are drawn."""
    common = (generator.temperature, generator.top_p, generator.top_k)
    return Sampling(*common, max_tokens=generator.max_tokens, until="end")


def _arms(strategies: Sequence[Strategy]) -> tuple[Arm, ...]:
    """The pools that strategies name besides the study's own, in rising order."""
    scored: dict[PoolKey, bool] = {}
    for strategy in strategies:
        if strategy.kind != "pool":
            continue
        for pool in strategy.pools:
            if pool != OWN_POOL:
                scored[pool] = scored.get(pool, False) or strategy.needs_verifier
    return tuple(Arm(pool, scored[pool]) for pool in sorted(scored, key=_order))


def _order(pool: PoolKey) -> tuple[bool, float, tuple[int, ...]]:
    """The larger model's last; by temperature, the study's first, then by cap."""
    return pool.larger, pool.temperature or 0.0, tuple(pool.cap or ())


def _searches(budgets: tuple[int, ...], strategies: list[Strategy]) -> list[tuple[Strategy, int]]:
    owed: list[tuple[Strategy, int]] = []
    for strategy in strategies:
        if strategy.kind == "pool":
            continue
        fitting = [budget for budget in budgets if strategy.fits(budget)]
        # Groups are alike: those of the largest budget hold those of every smaller one.
        if strategy.kind == "groups":
            fitting = fitting[-1:]
        owed += [(strategy, budget) for budget in fitting]
    return owed
