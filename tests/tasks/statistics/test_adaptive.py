"""Drawing until the answers settle, against a plain walk over the same orders (METHOD §11.2)."""

from collections import Counter
from collections.abc import Sequence
from functools import cache
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import beta
from test_estimators import pool_of, random_pool

from tasks.statistics.adaptive import Rule, adaptive_estimates, stops_at
from tasks.statistics.estimators import Pool, pool_estimates

RULES = [
    Rule(agree=2),
    Rule(agree=3),
    Rule(posterior=0.7),
    Rule(posterior=0.9),
    Rule(posterior=0.95),
    Rule(window=2),
    Rule(window=3),
]


def walk(pool: Pool, order: Sequence[int], budget: int, rule: Rule) -> tuple[float, int]:
    """Share of the answer that is right and draws made, on one order."""
    right = dict(zip(pool.answers.tolist(), pool.correct.tolist(), strict=True))
    drawn: list[int] = []
    for place in order[:budget]:
        drawn.append(int(pool.answers[place]))
        if settled(drawn, rule):
            break
    votes = Counter(answer for answer in drawn if answer >= 0)
    best = [answer for answer, count in votes.items() if count == max(votes.values())]
    return (float(np.mean([right[answer] for answer in best])) if best else 0.0), len(drawn)


def settled(drawn: list[int], rule: Rule) -> bool:
    if rule.window is not None:
        begun = len(drawn) % rule.window
        last = drawn[-rule.window :]
        return not begun and len(set(last)) == 1 and last[0] >= 0
    if rule.agree is not None:
        last = drawn[-rule.agree :]
        return len(last) == rule.agree and len(set(last)) == 1 and last[0] >= 0
    first, second, *_ = (
        *sorted(Counter(answer for answer in drawn if answer >= 0).values(), reverse=True),
        0,
        0,
    )
    return first > 0 and ahead(first, second) > (rule.posterior or 0.0)


@cache
def ahead(votes: int, rival_votes: int) -> float:
    return float(beta.sf(0.5, votes + 1, rival_votes + 1))


def orders_of(draws: int, *, seed: int, orders: int) -> np.ndarray:
    rows = np.tile(np.arange(draws), (orders, 1))
    return np.random.default_rng([seed, draws]).permuted(rows, axis=1)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_estimates_equal_a_plain_walk_over_the_same_orders(rule: Rule) -> None:
    rng = np.random.default_rng(21)
    for seed in range(25):
        pool = random_pool(rng, int(rng.integers(1, 14)))
        budgets = range(1, pool.answers.size + 1)
        orders = orders_of(pool.answers.size, seed=seed, orders=16)
        found = adaptive_estimates(pool, budgets, rule=rule, seed=seed, orders=16)
        for one in found:
            walks = np.array([walk(pool, order, one.budget, rule) for order in orders])
            assert (one.accuracy, one.generations) == pytest.approx(
                tuple(walks.mean(axis=0)), abs=1e-12
            )
            assert one.mc_error == pytest.approx(walks[:, 0].std(ddof=1) / 4, abs=1e-12)


@pytest.mark.parametrize("rule", RULES, ids=str)
def test_estimates_agree_with_all_orders_within_their_error(rule: Rule) -> None:
    rng = np.random.default_rng(22)
    for seed in range(6):
        pool = random_pool(rng, 5)
        found = adaptive_estimates(pool, [1, 2, 3, 4, 5], rule=rule, seed=seed, orders=1500)
        for one in found:
            walks = np.array(
                [walk(pool, order, one.budget, rule) for order in permutations(range(5))]
            )
            share, made = walks.mean(axis=0)
            assert abs(one.accuracy - share) <= 5 * one.mc_error + 1e-12
            assert abs(one.generations - made) <= 5 * walks[:, 1].std() / np.sqrt(1500) + 1e-12


def agreeing(draws: int) -> Pool:
    return pool_of(*[(0, True, 0.5)] * draws)


def test_four_equal_answers_pass_95_percent_and_three_do_not() -> None:
    # Beta(v + 1, 1) above one half: 1 − 0.5^(v + 1). Three: 0.9375, four: 0.96875.
    found = adaptive_estimates(agreeing(8), [1, 2, 3, 4, 5, 8], rule=Rule(posterior=0.95), seed=0)
    assert [one.generations for one in found] == [1, 2, 3, 4, 4, 4]
    assert {(one.accuracy, one.mc_error) for one in found} == {(1.0, 0.0)}
    below = adaptive_estimates(agreeing(8), [8], rule=Rule(posterior=0.93), seed=0)
    assert below[0].generations == 3


def test_a_probability_that_equals_the_threshold_does_not_stop() -> None:
    assert (
        adaptive_estimates(agreeing(8), [8], rule=Rule(posterior=0.9375), seed=0)[0].generations
        == 4
    )


@pytest.mark.parametrize("agree", [2, 3, 5])
def test_as_many_equal_answers_in_a_row_stop(agree: int) -> None:
    found = adaptive_estimates(agreeing(8), [1, 2, 4, 8], rule=Rule(agree=agree), seed=0)
    assert [one.generations for one in found] == [min(budget, agree) for budget in (1, 2, 4, 8)]


def test_a_window_is_drawn_to_its_end_and_agrees_as_a_whole() -> None:
    # b a | a a: three in a row agree after 4 draws, but the windows are b a and a a.
    assert stops_at(["b", "a", "a", "a"], Rule(window=2)) == 4
    # a b | b a | a a: b b and a a lie across the ends of windows.
    assert stops_at(["a", "b", "b", "a", "a", "a"], Rule(window=2)) == 6
    # The last window of 5 draws has one: it is no whole one.
    assert stops_at(["a", "b", "b", "a", "a"], Rule(window=2)) is None
    assert stops_at([None, None, "a", "a"], Rule(window=2)) == 4


def test_by_hand_a_window_of_two_among_two_right_and_two_wrong() -> None:
    # Of the 6 ways to place a a b b, 2 begin with a pair: they stop at 2, and half of them are
    # right. The other 4 take all, a tie: one half. Requests: 1 in a third, 2 in the others.
    pool = pool_of((0, True, 0.5), (0, True, 0.5), (1, False, 0.5), (1, False, 0.5))
    (one,) = adaptive_estimates(pool, [4], rule=Rule(window=2), seed=0, orders=4000)
    near = pytest.approx
    assert one.accuracy == near(0.5, abs=5 * one.mc_error)
    assert one.generations == near(2 / 3 + 4 * 2 / 3, abs=5 * 0.95 / np.sqrt(4000))
    assert one.rounds == near(1 / 3 + 2 * 2 / 3, abs=5 * 0.48 / np.sqrt(4000))


def test_requests_follow_each_other_as_draws_are_made() -> None:
    # At once as many as it takes in any case, then one at a time, or a window at a time.
    budgets = [1, 2, 3, 5, 8]
    silent = pool_of(*[(-1, False, 0.5)] * 8)
    by_run = adaptive_estimates(silent, budgets, rule=Rule(agree=2), seed=0)
    assert [one.rounds for one in by_run] == [1, 1, 2, 4, 7]
    by_window = adaptive_estimates(silent, budgets, rule=Rule(window=2), seed=0)
    assert [one.rounds for one in by_window] == [1, 1, 2, 3, 4]


def test_one_other_answer_among_seven_is_waited_for() -> None:
    # It is not among the first four with chance 3/7: then 4 draws. Else all 7: 6 votes to 1 pass (1
    # − 9/256), while 3 : 1 (0.81), 4 : 1 (0.89) and 5 : 1 (0.94) do not. 4 · 3/7 + 7 · 4/7 = 40/7,
    # with a deviation of 1.5 an order.
    pool = pool_of(*[(0, True, 0.5)] * 6, (1, False, 0.5))
    (one,) = adaptive_estimates(pool, [7], rule=Rule(posterior=0.95), seed=0, orders=4000)
    assert one.generations == pytest.approx(40 / 7, abs=4 * 1.5 / np.sqrt(4000))
    assert one.accuracy == 1.0


def test_draws_without_an_answer_settle_nothing() -> None:
    pool = pool_of(*[(-1, False, 0.9)] * 8)
    for rule in RULES:
        found = adaptive_estimates(pool, [1, 4, 8], rule=rule, seed=0)
        made = [(one.accuracy, one.mc_error, one.generations) for one in found]
        assert made == [(0.0, 0.0, float(budget)) for budget in (1, 4, 8)]


def test_a_draw_without_an_answer_breaks_a_run_of_equal_ones() -> None:
    # The run of 2 comes about unless the silent draw lies between the two: 1 of 3 orders.
    pool = pool_of((0, True, 0.5), (0, True, 0.5), (-1, False, 0.5))
    (one,) = adaptive_estimates(pool, [3], rule=Rule(agree=2), seed=0, orders=3000)
    # 2 draws when the silent one is last (1/3), 3 when it is first or between them
    assert one.generations == pytest.approx(2 + 2 / 3, abs=4 * 0.48 / np.sqrt(3000))


@settings(max_examples=60)
@given(st.integers(0, 10**6), st.sampled_from(RULES))
def test_no_more_is_drawn_than_the_budget_and_no_less_than_could_settle(
    seed: int, rule: Rule
) -> None:
    rng = np.random.default_rng(seed)
    pool = random_pool(rng, 16)
    least = {0.7: 1, 0.9: 3, 0.95: 4}.get(
        rule.posterior or 0.0, rule.run
    )  # 1 − 0.5^(v + 1) > threshold
    found = adaptive_estimates(pool, [1, 2, 4, 8, 16], rule=rule, seed=seed)
    for one in found:
        assert min(one.budget, least or 1) <= one.generations <= one.budget
        assert 0.0 <= one.accuracy <= 1.0
    made = [one.generations for one in found]
    assert made == sorted(made)


def test_one_draw_is_right_as_often_as_pass_at_1() -> None:
    pool = random_pool(np.random.default_rng(23), 40)
    wanted = pool_estimates(pool, [1], seed=0)[0].accuracy
    for rule in RULES:
        (one,) = adaptive_estimates(pool, [1], rule=rule, seed=5, orders=2000)
        assert abs(one.accuracy - wanted) <= 4 * one.mc_error
        assert one.generations == 1.0


def test_a_rule_that_never_stops_is_the_majority_of_the_budget() -> None:
    rng = np.random.default_rng(24)
    for _ in range(10):
        pool = random_pool(rng, 12)
        exact = {
            one.budget: one.accuracy
            for one in pool_estimates(pool, [12], seed=0)
            if one.selector == "majority"
        }
        (one,) = adaptive_estimates(pool, [12], rule=Rule(agree=13), seed=0)
        assert (one.accuracy, one.generations) == (pytest.approx(exact[12], abs=1e-12), 12.0)


@pytest.mark.parametrize("budgets", [[], [0], [1, 9]])
def test_a_budget_beyond_the_pool_is_refused(budgets: list[int]) -> None:
    with pytest.raises(ValueError, match="between 1 and the 8 draws"):
        adaptive_estimates(agreeing(8), budgets, rule=RULES[0], seed=0)


def test_budgets_in_another_order_have_the_same_estimates_or_are_refused() -> None:
    rising = adaptive_estimates(agreeing(8), [2, 4], rule=Rule(agree=5), seed=0)
    try:
        falling = adaptive_estimates(agreeing(8), [4, 2], rule=Rule(agree=5), seed=0)
    except ValueError:
        return
    assert falling == rising[::-1]
