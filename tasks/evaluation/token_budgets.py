"""What strategies that choose from a pool reach when a question may cost so many tokens (§12)."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from itertools import accumulate, permutations
from typing import Any, NamedTuple

import numpy as np

from tasks.asking.asked import Asked
from tasks.asking.completions import Answer, GradedCompletion, join_answer
from tasks.evaluation.estimate import right_share
from tasks.evaluation.pool_rows import pool_of, seed_of
from tasks.runs.run import Run
from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.subsets import shuffles
from tasks.strategies import Strategy
from tasks.strategies.forms import OWN_POOL, PoolKey, QuestionPool
from warehouse.errors import UserError

ORDERS = 64
"""Random orders of a pool; fewer where there are no more in all."""

Row = dict[str, Any]
"""One row of the table `token_outcomes`, or a part of one."""


class _Spent(NamedTuple):
    """What one order of the pool comes to under a budget; of several their means."""

    accuracy: float
    generations: float
    """Draws that ended; one that was cut is none."""
    tokens: float
    """With those of the draw that was cut."""
    cut: float
    """Whether a draw was in flight when the budget was spent."""


def token_outcomes(run: Run, asked: Asked, answers: Mapping[str, Answer]) -> list[Row]:
    """The rows of table `token_outcomes` on one question: pool strategies × token budgets.

    UserError where the tokens of a draw are unknown.
    """
    rows: list[Row] = []
    for name in (OWN_POOL, *asked.arms) if run.study.token_budgets else ():
        completions = asked.drawn(name)
        reads = [join_answer(one, answers) for one in completions]
        tokens = known_tokens([one.generated_tokens for one in completions])
        names = {"run_id": run.run_id, "question_id": asked.question.question_id}
        for strategy in _strategies(run, name):
            drawn = DrawnPool(strategy, reads, tokens, seed=seed_of(run, asked.question))
            for budget in run.study.token_budgets:
                row = {"strategy": strategy.key, "token_budget": budget}
                rows.append(names | row | drawn.figure(budget))
    return rows


def _strategies(run: Run, name: PoolKey) -> Iterator[Strategy]:
    for strategy in map(run.study.strategy, run.study.strategies):
        if strategy.draws_in_turn and strategy.pool == name:
            yield strategy


def known_tokens(tokens: Sequence[float]) -> Floats:
    """As an array; UserError where some are NaN: nobody counted them."""
    if any(math.isnan(one) for one in tokens):
        raise UserError(
            "study: expected token counts of all draws for budgets in tokens, some are not told by "
            "server or log; write budgets in generations"
        )
    return np.array(tokens, dtype=np.float64)


class DrawnPool:
    """A question's pool under one strategy, drawn one after the other in many orders."""

    def __init__(
        self, strategy: Strategy, reads: list[GradedCompletion], tokens: Floats, *, seed: int
    ) -> None:
        self.strategy = strategy
        self.reads = reads
        self.tokens = tokens
        self.seed = seed
        self.most = len(reads)
        self.stop = strategy.stop(self.most)
        self.orders = _orders(len(reads), seed)

    def figure(self, budget: int) -> Row:
        """Means over the orders, and the standard error of the accuracy: 0 where it is exact."""
        spent = np.array([self._spend(order, budget) for order in self.orders])
        accuracy, generations, tokens, cut = spent.mean(axis=0).tolist()
        is_every = math.factorial(self.most) <= ORDERS
        error = 0.0 if is_every else float(spent[:, 0].std(ddof=1)) / math.sqrt(len(spent))
        figure = {"accuracy": accuracy, "mc_error": error}
        if exact := self._exact(budget):
            figure = exact
        # Means of figures that are all 1 may round beyond.
        figure["accuracy"] = min(max(figure["accuracy"], 0.0), 1.0)
        return figure | {"generations": generations, "generated_tokens": tokens, "cut": cut}

    def _exact(self, budget: int) -> Row | None:
        """The estimate of §10 where every order ends with as many draws; None elsewhere."""
        each = self.tokens.min()
        if self.stop or each != self.tokens.max() or budget < each:
            return None
        fitting = min(int(budget // each), self.most)
        if not self.strategy.fits(fitting):
            return None
        pool = QuestionPool.of(pool_of(self.reads), [fitting], seed=self.seed)
        (one,) = self.strategy.estimate(pool)
        return {"accuracy": one.accuracy, "mc_error": one.mc_error}

    def _spend(self, order: Sequence[int], budget: int) -> _Spent:
        """Draws in this order until the next one would not fit, or the strategy stops."""
        ends = list(accumulate(float(self.tokens[one]) for one in order))
        fitting = sum(end <= budget for end in ends)
        seen = [self.reads[one].candidate for one in order[:fitting]]
        stopped = self.stop.stops_at(seen) if self.stop and seen else None
        made = fitting if stopped is None else stopped
        was_cut = stopped is None and fitting < self.most
        tokens = float(budget) if was_cut else ends[made - 1]
        drawn = [self.reads[one] for one in order[:made]]
        right = 0.0
        if drawn:
            choice = self.strategy.choose([seen[:made]], self.most)
            right = right_share(choice, drawn)
        return _Spent(right, float(made), tokens, float(was_cut))


def _orders(count: int, seed: int) -> list[list[int]]:
    """All orders of a small pool, random ones of a larger."""
    if math.factorial(count) <= ORDERS:
        return [list(order) for order in permutations(range(count))]
    shuffled: Integers = shuffles(count, ORDERS, (seed, count))
    return shuffled.tolist()
