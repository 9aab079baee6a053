"""The vote of those that finish first, against every order of small pools (METHOD §13)."""

from __future__ import annotations

from collections import Counter
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tasks.statistics.adaptive import first_estimates
from tasks.statistics.estimators import Pool, pool_estimates
from warehouse.errors import UserError


def pool_of(draws: list[tuple[int, int]]) -> Pool:
    """(class or −1, tokens) of each draw; class 0 is right."""
    answers = np.array([answer for answer, _ in draws])
    return Pool(
        answers=answers,
        correct=answers == 0,
        scores=np.full(answers.size, np.nan),
        tokens=np.array([tokens for _, tokens in draws], dtype=float),
    )


def walk(draws: list[tuple[int, int]], m: int) -> tuple[float, float]:
    """Chance that the vote of the first m to finish is right, and the tokens of all until then."""
    finished = sorted(draws, key=lambda draw: draw[1])[:m]
    votes = Counter(answer for answer, _ in finished if answer >= 0)
    best = [answer for answer, count in votes.items() if count == max(votes.values())]
    right = float(np.mean([answer == 0 for answer in best])) if best else 0.0
    last = finished[-1][1]
    return right, float(sum(min(tokens, last) for _, tokens in draws))


@given(
    draws=st.lists(st.tuples(st.integers(-1, 2), st.integers(1, 4)), min_size=1, max_size=6),
    m=st.integers(1, 6),
    data=st.data(),
)
def test_the_mean_over_orders_is_that_over_all_of_them(
    draws: list[tuple[int, int]], m: int, data: st.DataObject
) -> None:
    budget = data.draw(st.integers(1, len(draws)))
    found = first_estimates(pool_of(draws), [budget], m=m, seed=1, orders=4000)
    if budget < m:
        assert not found
        return
    every = [walk(list(order[:budget]), m) for order in permutations(draws)]
    right, tokens = np.mean(every, axis=0)
    (one,) = found
    assert abs(one.accuracy - right) < 5 * max(one.mc_error, 1e-3) + 0.01
    assert abs(one.tokens - tokens) < 0.15 * max(tokens, 1)


def test_waiting_for_all_is_majority_at_the_price_of_all() -> None:
    draws = [(0, 5), (1, 2), (0, 9), (-1, 3)]
    (one,) = first_estimates(pool_of(draws), [4], m=4, seed=1)
    majority = [e for e in pool_estimates(pool_of(draws), [4], seed=1) if e.selector == "majority"]
    assert one.accuracy == majority[0].accuracy == 1.0
    assert one.tokens == 5 + 2 + 9 + 3


def test_by_hand_the_two_shortest_of_three() -> None:
    # 2 and 5 tokens finish, the third is stopped at 5: they say 1 and 0, a tie.
    (one,) = first_estimates(pool_of([(0, 5), (1, 2), (0, 9)]), [3], m=2, seed=1)
    assert one.accuracy == 0.5
    assert one.tokens == 5 + 2 + 5


def test_unknown_tokens_are_refused_with_a_sentence() -> None:
    pool = pool_of([(0, 5), (1, 2)])
    without = Pool(pool.answers, pool.correct, pool.scores)
    unknown = Pool(pool.answers, pool.correct, pool.scores, np.array([1.0, np.nan]))
    for one in (without, unknown):
        with pytest.raises(UserError, match="drop the strategy"):
            first_estimates(one, [2], m=1, seed=1)
