"""Votes without a verifier on simulated pools: estimates against every order, or 100,000 of them.

METHOD §13. Each rule is written once more here, draw by draw, as it is served.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from itertools import permutations
from typing import NamedTuple

import numpy as np
import pytest
from scipy.stats import beta

from tasks.protocols import Confidence
from tasks.statistics.adaptive import Rule, adaptive_estimates, first_estimates
from tasks.statistics.confidence.votes import confident_estimates
from tasks.statistics.estimators import Pool

BUDGET = 6
"""Of the small pools of eight; of the large ones it is sixteen."""
ORDERS = 3_000


class Simulated(NamedTuple):
    """Draws of one question: class (−1: none; 0 is right), tokens, confidence."""

    answers: list[int]
    tokens: list[float]
    sure: list[float]

    @property
    def pool(self) -> Pool:
        answers = np.array(self.answers)
        return Pool(
            answers=answers,
            correct=answers == 0,
            scores=np.full(answers.size, np.nan),
            tokens=np.array(self.tokens),
            confidences=tuple(Confidence(one, one, one) for one in self.sure),
        )


def simulated(count: int, seed: int) -> Simulated:
    """Right draws are shorter and surer on average; equal numbers come several times."""
    rng = np.random.default_rng(seed)
    answers = rng.choice([-1, 0, 1, 2], p=[0.1, 0.45, 0.3, 0.15], size=count)
    tokens = rng.integers(1, 20, size=count) + 4 * (answers != 0)
    sure = np.round(rng.normal(8 + 1.5 * (answers == 0), 2), 1)
    return Simulated(answers.tolist(), tokens.astype(float).tolist(), sure.tolist())


def vote(classes: Sequence[int], weights: Sequence[float] | None = None) -> float:
    """Share of the leading answers that is right; of weighted ones the first leads where tied."""
    totals: Counter[int] = Counter()
    for place, one in enumerate(classes):
        if one >= 0:
            totals[one] += 1 if weights is None else round(weights[place] * 1000)
    if not totals:
        return 0.0
    leading = [one for one, held in totals.items() if held == max(totals.values())]
    if weights is not None:
        leading = leading[:1]
    return leading.count(0) / len(leading)


def stopped(settled: Callable[[list[int]], bool]) -> Callable[[Simulated, Sequence[int]], float]:
    def walk(draws: Simulated, order: Sequence[int]) -> float:
        seen: list[int] = []
        for place in order:
            seen.append(draws.answers[place])
            if settled(seen):
                break
        return vote(seen)

    return walk


def agree_in_a_row(seen: list[int]) -> bool:
    last = seen[-3:]
    return len(last) == 3 and len(set(last)) == 1 and last[0] >= 0


def agree_in_a_window(seen: list[int]) -> bool:
    return len(seen) % 3 == 0 and len(set(seen[-3:])) == 1 and seen[-1] >= 0


AHEAD = beta.sf(0.5, np.arange(1, 66)[:, None], np.arange(1, 66)[None, :])


def stay_ahead(seen: list[int]) -> bool:
    held = sorted(Counter(one for one in seen if one >= 0).values(), reverse=True)
    first, second = [*held, 0, 0][:2]
    return first > 0 and bool(AHEAD[first, second] > 0.9)


def shortest(draws: Simulated, order: Sequence[int]) -> float:
    ranked = sorted(order, key=lambda place: draws.tokens[place])
    return vote([draws.answers[place] for place in ranked[:3]])


def surest(draws: Simulated, order: Sequence[int]) -> float:
    answered = [place for place in order if draws.answers[place] >= 0]
    kept = sorted(answered, key=lambda place: -draws.sure[place])[: math.ceil(len(answered) / 2)]
    by_draw = [place for place in order if place in kept]
    return vote([draws.answers[p] for p in by_draw], [draws.sure[p] for p in by_draw])


def by_rule(rule: Rule) -> Callable[[Simulated, int], tuple[float, float]]:
    def estimate(draws: Simulated, budget: int) -> tuple[float, float]:
        (one,) = adaptive_estimates(draws.pool, [budget], rule=rule, seed=1, orders=ORDERS)
        return one.accuracy, one.mc_error

    return estimate


def by_length(draws: Simulated, budget: int) -> tuple[float, float]:
    (one,) = first_estimates(draws.pool, [budget], m=3, seed=1, orders=ORDERS)
    return one.accuracy, one.mc_error


def by_confidence(draws: Simulated, budget: int) -> tuple[float, float]:
    sure = np.array(draws.sure)
    (one,) = confident_estimates(draws.pool, sure, [budget], top=0.5, seed=1, orders=ORDERS)
    return one.accuracy, one.mc_error


CASES = {
    "adaptive(agree=3)": (by_rule(Rule(agree=3)), stopped(agree_in_a_row)),
    "adaptive(posterior=0.9)": (by_rule(Rule(posterior=0.9)), stopped(stay_ahead)),
    "window(w=3)": (by_rule(Rule(window=3)), stopped(agree_in_a_window)),
    "first(m=3)": (by_length, shortest),
    "confident(top=0.5)": (by_confidence, surest),
}


@pytest.mark.parametrize("key", CASES)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_pool_of_eight_is_estimated_as_all_its_orders_say(key: str, seed: int) -> None:
    estimate, served = CASES[key]
    draws = simulated(8, seed)
    every = np.mean([served(draws, order) for order in permutations(range(8), BUDGET)])
    accuracy, error = estimate(draws, BUDGET)
    assert abs(accuracy - every) <= 4 * error + 1e-9
    assert error < 0.01


@pytest.mark.parametrize("key", CASES)
def test_a_pool_of_64_is_estimated_as_a_hundred_thousand_orders_say(key: str) -> None:
    estimate, served = CASES[key]
    draws = simulated(64, 3)
    rng = np.random.default_rng(4)
    rows = rng.permuted(np.tile(np.arange(64), (100_000, 1)), axis=1)[:, :16].tolist()
    walks = np.array([served(draws, row) for row in rows])
    accuracy, error = estimate(draws, 16)
    assert 0.2 < walks.mean() < 0.98
    assert abs(accuracy - walks.mean()) <= 4 * math.hypot(error, walks.std() / math.sqrt(1e5))


def test_the_five_rules_are_five_rules() -> None:
    # On one pool they reach what none of the others does: a case cannot stand for another.
    draws = simulated(64, 3)
    reached = [estimate(draws, 16)[0] for estimate, _ in CASES.values()]
    assert len({round(one, 4) for one in reached}) == len(CASES)
