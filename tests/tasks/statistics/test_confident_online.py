"""Draws that are stopped where their confidence falls, by hand and against enumeration."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.protocols import Fall
from tasks.statistics.confidence.online import (
    Rule,
    Watched,
    choose_online,
    follow,
    online_estimates,
    settles_at,
)
from tasks.statistics.confidence.tokens import GRAIN, LONGEST_WINDOW, confidence_of

HALF = Rule(top=0.5, warmup=2, agree=0.95)


def draw(answer: str | None, *falls: tuple[int, int], tokens: int = 10) -> Watched:
    return Watched(answer, [Fall(*fall) for fall in falls], float(tokens))


def falls_of(tokens: list[float], most: int) -> list[tuple[int, int]]:
    return [*confidence_of(-np.array(tokens)[:, None], most).falls]


def test_by_hand_windows_of_two_that_fall_twice() -> None:
    # Of a draw that may have 20 tokens a window is 2. Their means: 8, 6, 5, 7, 5 and 3.
    assert falls_of([9, 7, 5, 5, 9, 1, 5], 20) == [(2, 8 * 64), (3, 6 * 64), (4, 5 * 64), (7, 192)]


def test_a_draw_shorter_than_a_window_has_one() -> None:
    assert falls_of([4, 5], 128) == [(2, int(4.5 * GRAIN))]


def test_what_falls_by_less_than_a_64th_is_told_once() -> None:
    # From 10 down to 9 in 10,000 tokens: 65 falls and not 10,000.
    slide = np.linspace(10, 9, 10_000).tolist()
    assert len(falls_of(slide, 10)) == GRAIN + 1


@settings(max_examples=60)
@given(values=st.lists(st.integers(0, 9), min_size=1, max_size=60), most=st.integers(1, 100))
def test_falls_are_those_of_a_plain_loop(values: list[int], most: int) -> None:
    window = min(LONGEST_WINDOW, math.ceil(most / 10), len(values))
    told: list[tuple[int, int]] = []
    for end in range(window, len(values) + 1):
        mean = sum(values[end - window : end]) * GRAIN // window
        if not told or mean < told[-1][1]:
            told.append((end, mean))
    assert falls_of([float(value) for value in values], most) == told


def test_by_hand_a_vote_of_what_the_bar_lets_pass() -> None:
    # The first two are as low as 100 and 300: the bar of the upper half is 200. b of 100 has no
    # vote, a has 300. The third falls below 200 at its fifth token and is stopped there, the fourth
    # never does: b then has 350 of 650.
    draws = [
        draw("b", (2, 100)),
        draw("a", (2, 400), (6, 300), tokens=20),
        draw("a", (2, 500), (5, 150), (9, 120), tokens=40),
        draw("b", (2, 350), tokens=30),
    ]
    rule = HALF._replace(agree=1.0)
    points = [*follow(draws[:2], rule)]
    assert [(one.draws, one.tokens, one.latency, one.chosen) for one in points] == [(2, 30, 20, 1)]
    # All that is kept says a: at a share of 1 that is the end.
    assert points[0].settled and settles_at(draws, rule) == 2
    divided = [draw("c", (2, 300)), *draws[1:]]
    # The bar is 300 now: c and a are level, and c came first.
    ends = [(one.draws, one.tokens, one.latency, one.chosen) for one in follow(divided, rule)]
    assert ends == [(2, 30, 20, 0), (3, 35, 25, 0), (4, 65, 55, 3)]
    choice = choose_online(divided, rule)
    assert (choice.index, choice.answer, choice.credits) == (3, "b", {"b": 1.0})
    assert settles_at(divided, rule) is None


def test_what_is_stopped_or_silent_has_no_vote() -> None:
    draws = [draw("b", (2, 100)), draw(None, (2, 300)), draw("a", (1, 10), tokens=9)]
    assert choose_online(draws, HALF).index is None
    assert choose_online([], HALF).index is None
    assert [one.tokens for one in follow(draws, HALF)] == [20, 21]


def test_fewer_draws_than_the_first_ones_settle_nothing() -> None:
    assert settles_at([draw("a", (2, 100))], HALF) is None
    assert choose_online([draw("a", (2, 100))], HALF).index == 0


def rule_once_more(draws: list[Watched], rule: Rule) -> tuple[bool, int, float]:
    """Whether a is served, draws and tokens: the rule in plain words."""
    first = sorted(one.falls[-1].mean for one in draws[: rule.warmup])
    rank = (1 - rule.top) * (len(first) - 1)
    low, part = int(rank), rank - int(rank)
    bar = first[low] + part * (first[min(low + 1, len(first) - 1)] - first[low])
    kept: list[Watched] = []
    tokens, made = 0.0, 0
    for number, one in enumerate(draws):
        passed = one.falls[-1].mean >= bar - 1e-9
        below = [fall.tokens for fall in one.falls if fall.mean < bar - 1e-9]
        tokens += below[0] if below and number >= rule.warmup else one.tokens
        made += 1
        if passed and one.answer:
            kept.append(one)
        weight = {name: sum(k.lowest for k in kept if k.answer == name) for name in "ab"}
        total = sum(weight.values())
        if made >= rule.warmup and total and max(weight.values()) / total >= rule.agree:
            break
    seen = [one.answer for one in kept]
    best = max(weight.values())
    winner = next((name for name in seen if name and weight[name] == best), None)
    return winner == "a", made, tokens


DRAWS = st.builds(
    lambda answer, start, down, tokens: draw(
        answer, (1, start + down), (3, start), tokens=3 + tokens
    ),
    st.sampled_from(["a", "b", None]),
    st.integers(1, 40),
    st.integers(1, 20),
    st.integers(0, 9),
)
RULES = st.builds(
    Rule, st.sampled_from([0.1, 0.25, 0.5, 0.9]), st.integers(2, 4), st.sampled_from([0.6, 0.95])
)


@settings(max_examples=200)
@given(draws=st.lists(DRAWS, min_size=4, max_size=9), rule=RULES)
def test_it_is_the_rule_in_plain_words(draws: list[Watched], rule: Rule) -> None:
    end = [*follow(draws, rule)][-1]
    right = end.chosen is not None and draws[end.chosen].answer == "a"
    assert (right, end.draws, end.tokens) == rule_once_more(draws, rule)


@settings(max_examples=25, deadline=None)
@given(draws=st.lists(DRAWS, min_size=5, max_size=5), rule=RULES, seed=st.integers(0, 99))
def test_estimates_equal_all_orders_within_their_error(
    draws: list[Watched], rule: Rule, seed: int
) -> None:
    correct = np.array([one.answer == "a" for one in draws])
    (one,) = online_estimates(draws, correct, [5], rule=rule, seed=seed, orders=4_000)
    every = [rule_once_more([*order], rule) for order in permutations(draws)]
    right, made, tokens = np.array(every, dtype=float).mean(axis=0)
    assert one.accuracy == pytest.approx(right, abs=5 * max(one.mc_error, 1e-3))
    assert one.generations == pytest.approx(made, abs=0.15)
    assert one.tokens == pytest.approx(tokens, abs=2.0)


def test_a_smaller_budget_ends_what_is_not_settled() -> None:
    # Three a and three b of one confidence: never settled but where the first two agree.
    draws = [draw(name, (1, 64)) for name in "aaabbb"]
    correct = np.array([True] * 3 + [False] * 3)
    found = online_estimates(draws, correct, [1, 2, 4, 6], rule=HALF, seed=3, orders=2_000)
    assert [one.budget for one in found] == [2, 4, 6]
    # Of 15 pairs 6 agree: 2 draws there, else as many as the budget.
    shares = [(one.generations - 2) / (one.budget - 2) for one in found[1:]]
    assert shares == pytest.approx([9 / 15, 9 / 15], abs=0.05)
    assert all(one.accuracy == pytest.approx(0.5, abs=0.05) for one in found)
