"""How long draws take, one after the other or at once, against every order of small pools."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import hypergeom

from tasks.statistics.adaptive import Rule, adaptive_estimates, first_estimates, stops_at
from tasks.statistics.estimators import Pool
from tasks.statistics.subsets import expected_longest
from tasks.strategies.forms import QuestionPool
from tasks.strategies.pools import ADAPTIVE

Draws = list[tuple[int, int]]
"""(class or −1, tokens) of each draw."""
DRAWS = st.lists(st.tuples(st.integers(-1, 1), st.integers(1, 9)), min_size=1, max_size=6)


def pool_of(draws: Draws) -> Pool:
    answers = np.array([answer for answer, _ in draws])
    lengths = np.array([tokens for _, tokens in draws], dtype=float)
    return Pool(answers, answers == 0, np.full(answers.size, np.nan), lengths)


@given(lengths=st.lists(st.integers(1, 30), min_size=1, max_size=8), data=st.data())
def test_parallel_draws_take_as_long_as_the_longest_of_a_random_subset(
    lengths: list[int], data: st.DataObject
) -> None:
    size = data.draw(st.integers(1, len(lengths)))
    every = [max(subset) for subset in combinations(lengths, size)]
    found = expected_longest(np.array(lengths, dtype=float), size)
    assert found == pytest.approx(np.mean(every))


def test_large_pools_keep_to_the_hypergeometric_law() -> None:
    # Of 1,000 draws of 1 to 1,000 tokens the longest of 500 is at most r with chance C(r, 500)/C.
    lengths = np.arange(1.0, 1001.0)
    below = [hypergeom.pmf(500, 1000, rank, 500) for rank in range(1001)]
    expected = sum(rank * (below[rank] - below[rank - 1]) for rank in range(1, 1001))
    assert expected_longest(lengths, 500) == pytest.approx(expected)


def test_a_length_that_nobody_knows_makes_the_longest_unknown() -> None:
    assert np.isnan(expected_longest(np.array([3.0, np.nan, 4.0]), 1))


def walk(order: Draws, budget: int, rule: Rule) -> tuple[float, float]:
    """Tokens of the draws made in this order, and of the slowest of each round, added up."""
    drawn = order[:budget]
    answers = [None if answer < 0 else str(answer) for answer, _ in drawn]
    made = stops_at(answers, rule) or len(drawn)
    lengths = [tokens for _, tokens in drawn[:made]]
    rounds = [lengths[: rule.earliest]]
    for start in range(rule.earliest, made, rule.every):
        rounds.append(lengths[start : start + rule.every])
    return sum(lengths), sum(max(one) for one in rounds)


@given(
    draws=DRAWS,
    rule=st.sampled_from([Rule(agree=2), Rule(posterior=0.7), Rule(window=2), Rule(window=3)]),
    data=st.data(),
)
def test_tokens_and_latency_of_stopping_early_are_those_of_every_order(
    draws: Draws, rule: Rule, data: st.DataObject
) -> None:
    budget = data.draw(st.integers(1, len(draws)))
    walks = np.array([walk(list(order), budget, rule) for order in permutations(draws)])
    (found,) = adaptive_estimates(pool_of(draws), [budget], rule=rule, seed=3, orders=3000)
    error = 5 * walks.std(axis=0) / np.sqrt(3000) + 1e-9
    assert abs(found.tokens - walks[:, 0].mean()) < error[0]
    assert abs(found.latency - walks[:, 1].mean()) < error[1]


def test_answers_that_go_with_length_are_charged_for_what_is_drawn() -> None:
    # Two short draws agree and stop; the long ones never do. Of the 24 orders 4 begin with both
    # short ones: 4 tokens. All others draw all four: 184. That is 154 on average, where a mean draw
    # of 46 tokens times (4 · 2 + 20 · 4) / 24 draws would be 169.
    draws = [(0, 2), (0, 2), (-1, 90), (-1, 90)]
    (found,) = adaptive_estimates(pool_of(draws), [4], rule=Rule(window=2), seed=0, orders=20_000)
    assert found.tokens == pytest.approx((4 * 4 + 20 * 184) / 24, rel=0.01)


def test_the_first_to_finish_take_as_long_as_the_last_of_them() -> None:
    draws = [(0, 5), (1, 2), (0, 9), (-1, 3)]
    (found,) = first_estimates(pool_of(draws), [4], m=2, seed=0)
    assert (found.latency, found.tokens) == (3.0, 3 + 2 + 3 + 3)


def test_up_to_its_earliest_stop_a_pool_that_stops_early_is_exact_in_cost_too() -> None:
    pool = QuestionPool.of(pool_of([(0, 2), (0, 3), (1, 9), (0, 4)]), [1, 2, 4], seed=0)
    figures = ADAPTIVE.estimate and ADAPTIVE.estimate(pool, {"agree": 2})
    assert figures
    assert [(one.tokens, one.latency) for one in figures[:2]] == [(None, None), (None, None)]
    assert figures[2].latency is not None
    assert figures[2].latency >= 3.0
