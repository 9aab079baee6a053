"""How sure a model was, and the vote that goes by it, by hand and against enumeration."""

from __future__ import annotations

import math
from collections import defaultdict
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics.confidence.tokens import LONGEST_WINDOW, confidence_of
from tasks.statistics.confidence.votes import choose_confident, confident_estimates
from tasks.statistics.estimators import Pool

Drawn = list[tuple[int, float]]
"""(class or −1, confidence) of each draw; class 0 is right."""


def pool_of(draws: Drawn) -> tuple[Pool, np.ndarray]:
    answers = np.array([answer for answer, _ in draws])
    pool = Pool(answers=answers, correct=answers == 0, scores=np.full(answers.size, np.nan))
    return pool, np.array([sure for _, sure in draws], dtype=float)


def vote(draws: Drawn, top: float) -> float:
    """Whether the vote of these draws, in this order, is right: the rule once more, in words."""
    answered = [(place, *draw) for place, draw in enumerate(draws) if draw[0] >= 0]
    answered.sort(key=lambda one: (-one[2], one[0]))
    kept = answered[: math.ceil(top * len(answered) - 1e-9)]
    totals: dict[int, float] = defaultdict(float)
    for _, answer, sure in kept:
        totals[answer] += sure
    if not totals:
        return 0.0
    most = max(totals.values())
    first = {answer: min(one[0] for one in kept if one[1] == answer) for answer in totals}
    tied = [answer for answer, total in totals.items() if math.isclose(total, most, abs_tol=1e-9)]
    return float(min(tied, key=lambda answer: first[answer]) == 0)


def served(answers: list[str | None], sure: list[float], *, top: float) -> tuple[object, object]:
    """Place and answer of what is served."""
    choice = choose_confident(answers, sure, top=top)
    return choice.index, choice.answer


def test_by_hand_the_confidence_of_four_tokens() -> None:
    # −(1/2)(−1 − 3) = 2, 4, 1, 5. Below ten tokens a window is one of them: the lowest is 1, the
    # last 5, the mean 3.
    tops = np.array([[-1.0, -3.0], [-4.0, -4.0], [-0.5, -1.5], [-2.0, -8.0]])
    assert confidence_of(tops) == (1.0, 3.0, 5.0, ())


def test_by_hand_windows_of_two_among_twenty_tokens() -> None:
    # A tenth of 20 is 2 tokens, 19 windows, of which the lowest ⌈1.9⌉ = 2 count: the one valley
    # of 1 and 3 gives (1 + 3) / 2 = 2 and beside it (9 + 1) / 2 = 5, the others are 6 and more.
    tokens = [9.0] * 20
    tokens[7], tokens[8] = 1.0, 3.0
    found = confidence_of(-np.array(tokens)[:, None])
    assert found.lowest == pytest.approx((2 + 5) / 2)
    assert found.mean == pytest.approx((18 * 9 + 4) / 20)
    assert found.tail == 9.0


@settings(max_examples=40)
@given(st.lists(st.integers(0, 40), min_size=1, max_size=120))
def test_windows_are_those_of_a_plain_loop(values: list[int]) -> None:
    window = min(LONGEST_WINDOW, -(-len(values) // 10))
    means = [
        sum(values[start : start + window]) / window for start in range(len(values) - window + 1)
    ]
    means.sort()
    lowest = means[: -(-len(means) // 10)]
    found = confidence_of(-np.array(values, dtype=float)[:, None])
    assert found.lowest == pytest.approx(sum(lowest) / len(lowest))
    assert found.tail == pytest.approx(sum(values[-window:]) / window)
    assert found.lowest <= found.mean + 1e-9


def test_a_long_completion_has_windows_of_a_fixed_length() -> None:
    # 30,000 tokens of 2 with one stretch of 2,048 of 1 at its end: so is the tail.
    tokens = np.full((30_000, 1), -2.0)
    tokens[-LONGEST_WINDOW:] = -1.0
    found = confidence_of(tokens)
    assert found.tail == pytest.approx(1.0)
    assert found.lowest == pytest.approx(2 - 1 * _share_of_lowest(), abs=1e-9)


def _share_of_lowest() -> float:
    """Of the lowest tenth of 27,953 windows the last 2,047 hold 1, 2, … 2,048 of the low tokens."""
    counted = math.ceil((30_000 - LONGEST_WINDOW + 1) / 10)
    low = sum(min(held, LONGEST_WINDOW) for held in range(LONGEST_WINDOW, 0, -1))
    return low / LONGEST_WINDOW / counted


@pytest.mark.parametrize("tops", [np.zeros((0, 20)), np.array([[math.nan]])])
def test_what_nobody_told_has_no_confidence(tops: np.ndarray) -> None:
    with pytest.raises(ValueError, match="expected log-probabilities"):
        confidence_of(tops)


def test_a_token_that_cannot_come_is_told_as_a_server_tells_it() -> None:
    assert confidence_of(np.array([[-math.inf, -1.0]])).mean == 5_000.0


def test_by_hand_the_vote_of_the_surest_half() -> None:
    # Of four with an answer two are kept: b by 9, a by 8. One vote each, b weighs more.
    answers = ["a", "b", None, "a", "a"]
    sure = [8.0, 9.0, 99.0, 7.0, 1.0]
    assert served(answers, sure, top=0.5) == (1, "b")
    # Three are kept: a has 8 + 7 of 24, and its surest draw is served.
    assert served(answers, sure, top=0.75) == (0, "a")
    # A tenth of four is one at least.
    assert served(answers, sure, top=0.1) == (1, "b")
    assert choose_confident([None, None], [1.0, 2.0], top=0.5).index is None


def test_of_what_is_equally_sure_the_earlier_is_kept_and_served() -> None:
    assert served(["b", "a"], [3.0, 3.0], top=0.5) == (0, "b")
    assert served(["b", "a", "a", "b"], [3.0] * 4, top=0.99) == (0, "b")


def test_three_tenths_of_ten_are_three() -> None:
    # In floating point 0.1 · 30 is above 3: a fourth draw, of another answer, would tie the vote.
    answers = ["a"] * 2 + ["b"] * 28
    sure = [9.0, 9.0, 8.0, 7.9, *[1.0] * 26]
    assert choose_confident(answers, sure, top=0.1).credits == {"a": 1.0}
    assert choose_confident(answers, [9.0, 1.0, 5.0, 5.0, *[0.5] * 26], top=0.1).answer == "b"


draws_of = st.lists(
    st.tuples(st.integers(-1, 2), st.sampled_from([0.5, 1.0, 1.5, 2.0, 3.25])),
    min_size=1,
    max_size=6,
)


@settings(max_examples=60, deadline=None)
@given(draws=draws_of, top=st.sampled_from([0.1, 0.3, 0.5, 0.9]), data=st.data())
def test_an_estimate_is_the_mean_over_all_orders(
    draws: Drawn, top: float, data: st.DataObject
) -> None:
    budget = data.draw(st.integers(1, len(draws)))
    pool, sure = pool_of(draws)
    (one,) = confident_estimates(pool, sure, [budget], top=top, seed=3, orders=3000)
    every = np.mean([vote(list(order[:budget]), top) for order in permutations(draws)])
    assert abs(one.accuracy - every) <= 5 * one.mc_error + 1e-9


@settings(max_examples=60, deadline=None)
@given(draws=draws_of, top=st.sampled_from([0.1, 0.5, 0.9]))
def test_what_is_served_is_what_is_estimated(draws: Drawn, top: float) -> None:
    answers = [None if answer < 0 else str(answer) for answer, _ in draws]
    choice = choose_confident(answers, [sure for _, sure in draws], top=top)
    assert float(choice.answer == "0") == vote(draws, top)


def test_eight_draws_of_different_confidence_are_counted_exactly() -> None:
    draws = [(0, 2.0), (1, 3.0), (2, 1.0), (0, 2.5), (-1, 9.0), (1, 0.5), (0, 0.7), (1, 1.7)]
    pool, sure = pool_of(draws)
    found = confident_estimates(pool, sure, range(1, 9), top=0.4, seed=1)
    for one in found:
        subsets = {tuple(sorted(order[: one.budget])) for order in permutations(range(8))}
        share = np.mean([vote([draws[place] for place in subset], 0.4) for subset in subsets])
        assert (one.accuracy, one.mc_error) == (pytest.approx(share), 0.0)


def test_a_pool_of_64_agrees_with_a_hundred_thousand_random_subsets() -> None:
    rng = np.random.default_rng(7)
    answers = rng.integers(-1, 4, size=64)
    pool, _ = pool_of([(int(answer), 0.0) for answer in answers])
    # Surer where right, with much noise and values that come several times.
    sure = np.round(rng.normal(10 + (answers == 0), 1.5), 1)
    (one,) = confident_estimates(pool, sure, [16], top=0.25, seed=1)
    rows = rng.permuted(np.tile(np.arange(64), (100_000, 1)), axis=1)[:, :16]
    walks = [vote([(int(answers[d]), float(sure[d])) for d in row], 0.25) for row in rows]
    error = math.hypot(one.mc_error, np.std(walks) / math.sqrt(len(walks)))
    assert abs(one.accuracy - np.mean(walks)) <= 4 * error
