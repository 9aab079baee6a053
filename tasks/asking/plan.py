"""The draws that a study owes on every question."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

from tasks.protocols import Sampling
from tasks.runs.run import Run
from tasks.strategies import Strategy
from tasks.study.tables import Generator


class Samplings(NamedTuple):
    """How whole completions, steps and lookahead's steps are drawn."""

    whole: Sampling
    step: Sampling
    greedy: Sampling


class Arm(NamedTuple):
    """A further pool, for the strategies that name this temperature."""

    temperature: float
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
    """As large as the pool, each drawn at a temperature of its own."""

    @property
    def sampled(self) -> dict[str, Sampling]:
        """By key, how everything is drawn that the study owes."""
        wholes = [self.whole(arm.temperature) for arm in self.arms]
        return {one.key: one for one in (*self.samplings, *wholes)}

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
    """The temperatures that strategies name, in rising order."""
    scored: dict[float, bool] = {}
    for strategy in strategies:
        at = strategy.temperature
        if at is not None:
            scored[at] = scored.get(at, False) or strategy.needs_verifier
    return tuple(Arm(at, scored[at]) for at in sorted(scored))


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
