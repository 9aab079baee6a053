"""Classes whose members are not all right or all wrong: the estimators against what is served.

Brute force serves the draw that the selector names (`Choice.index`), on every subset of the draws
in every order, and looks whether that very draw is right.
"""

from collections.abc import Sequence
from itertools import combinations, permutations

import numpy as np
import pytest
from test_estimators import SCORES, candidates, found, pool_of

from tasks.statistics.adaptive import Rule, adaptive_estimates, stops_at
from tasks.statistics.estimators import Pool, pool_estimates
from tasks.statistics.groups import group_estimates
from tasks.statistics.selectors import SELECTORS, hierarchical

POOLS = 60


def mixed_pool(rng: np.random.Generator, draws: int) -> Pool:
    """Few classes and few scores, each draw right or wrong by itself."""
    answers = rng.integers(-1, rng.integers(1, 4), draws)
    correct = (answers >= 0) & (rng.random(draws) < 0.5)
    return Pool(answers, correct, SCORES[rng.integers(0, 6, draws)])


def served(pool: Pool, order: Sequence[int], name: str) -> float:
    """1 where the draw that the selector names in this order is right.

    Equal votes are decided by the earliest draw, which in random order is the share of each.
    """
    some = candidates(pool)
    index = SELECTORS[name]([some[draw] for draw in order]).index
    return 0.0 if index is None else float(pool.correct[order[index]])


def over_all_orders(pool: Pool, name: str, budget: int) -> float:
    orders = permutations(range(pool.answers.size), budget)
    return float(np.mean([served(pool, order, name) for order in orders]))


@pytest.mark.parametrize("name", list(SELECTORS))
def test_estimates_are_the_chance_that_the_served_draw_is_right(name: str) -> None:
    rng = np.random.default_rng(21)
    for _ in range(POOLS):
        pool = mixed_pool(rng, int(rng.integers(1, 7)))
        budgets = range(1, pool.answers.size + 1)
        estimates = found(pool_estimates(pool, budgets, seed=0), name)
        exact = [over_all_orders(pool, name, budget) for budget in budgets]
        assert list(estimates.values()) == pytest.approx(exact, abs=1e-12)


def test_sampled_votes_of_a_large_pool_agree_with_the_exact_majority() -> None:
    rng = np.random.default_rng(22)
    answers = rng.choice(4, 200, p=[0.35, 0.3, 0.2, 0.15]) - 1
    correct = (answers >= 0) & (rng.random(200) < np.array([0.9, 0.5, 0.2])[answers])
    pool = Pool(answers, correct, np.full(200, 0.5))  # equal scores: weighted is a vote
    estimates = pool_estimates(pool, [3, 16, 64], seed=0, orders=400)
    exact = found(estimates, "majority")
    for one in estimates:
        if one.selector == "weighted":
            assert abs(one.accuracy - exact[one.budget]) <= 4 * one.mc_error


def test_a_class_of_two_programs_is_worth_its_better_scored_one_under_weighted() -> None:
    # One class: 0.6 is wrong, 0.2 is right. Weighted serves 0.6 of both; majority either of them.
    pool = pool_of((0, False, 0.6), (0, True, 0.2))
    estimates = pool_estimates(pool, [1, 2], seed=0)
    assert found(estimates, "weighted") == {1: 0.5, 2: 0.0}
    assert found(estimates, "best_of_n") == {1: 0.5, 2: 0.0}
    assert found(estimates, "majority") == {1: 0.5, 2: 0.5}


@pytest.mark.parametrize("name", ["majority", "weighted"])
def test_groups_are_the_chance_that_the_served_draw_is_right(name: str) -> None:
    rng = np.random.default_rng(23)
    for _ in range(POOLS // 3):
        pool = mixed_pool(rng, 6)
        groups = [[0, 1], [2, 3], [4, 5]]
        for one in group_estimates(pool, groups, [1, 2, 3], selector=name, seed=0):
            chosen = combinations(groups, one.groups)
            exact = [
                served(pool, order, name)
                for subset in chosen
                for order in permutations([draw for group in subset for draw in group])
            ]
            assert one.accuracy == pytest.approx(np.mean(exact), abs=1e-12)


def test_a_group_is_worth_the_draw_that_it_names() -> None:
    rng = np.random.default_rng(24)
    groups = [[0, 1, 2], [3, 4, 5]]
    for _ in range(POOLS):
        pool = mixed_pool(rng, 6)
        some = candidates(pool)
        by_order = []
        for order in permutations(groups):
            index = hierarchical([[some[draw] for draw in group] for group in order]).index
            draws = [draw for group in order for draw in group]
            by_order.append(0.0 if index is None else float(pool.correct[draws[index]]))
        (both,) = group_estimates(pool, groups, [2], selector="hierarchical", seed=0)
        assert both.accuracy == pytest.approx(np.mean(by_order), abs=1e-12)


def test_stopping_early_is_the_chance_that_the_served_draw_is_right() -> None:
    rng = np.random.default_rng(25)
    rule = Rule(agree=2)
    for seed in range(12):
        pool = mixed_pool(rng, 6)
        names = [candidate.answer for candidate in candidates(pool)]
        exact = []
        for order in permutations(range(6), 4):
            stop = stops_at([names[draw] for draw in order], rule)
            exact.append(served(pool, order[:stop], "majority"))
        (one,) = adaptive_estimates(pool, [4], rule=rule, seed=seed, orders=4_000)
        assert abs(one.accuracy - np.mean(exact)) <= 4.5 * one.mc_error + 1e-12
