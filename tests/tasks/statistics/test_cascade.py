"""A vote of a small model that a larger one is asked behind: by hand, by enumeration, sampled."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics.cascade import estimates
from tasks.statistics.cascade.estimates import cascade_estimates, votes_needed
from tasks.statistics.estimators import Pool, pool_estimates


def pool_of(answers: Sequence[int], right: Sequence[int]) -> Pool:
    """Draws by class (−1: no answer) and whether each is correct."""
    return Pool(
        answers=np.array(answers),
        correct=np.array(right, dtype=bool),
        scores=np.full(len(answers), np.nan),
    )


def vote(answers: list[int], right: list[bool]) -> tuple[float, int]:
    """Expected accuracy of a majority vote, ties shared, and the votes of the leader."""
    votes = Counter(one for one in answers if one >= 0)
    most = max(votes.values(), default=0)
    tied = [one for one, count in votes.items() if count == most]
    credit = 0.0
    for one in tied:
        members = [ok for answer, ok in zip(answers, right, strict=True) if answer == one]
        credit += sum(members) / len(members) / len(tied)
    return credit, most


def subsets(pool: Pool, size: int) -> list[tuple[float, int]]:
    listed: list[tuple[float, int]] = []
    for rows in combinations(range(pool.answers.size), size):
        drawn = list(rows)
        listed.append(vote(pool.answers[drawn].tolist(), pool.correct[drawn].tolist()))
    return listed


def enumerated(small: Pool, large: Pool, budget: int, k: int, agree: float) -> tuple[float, float]:
    """Accuracy and share passed on, over every pair of subsets of the two pools."""
    behind = subsets(large, budget - k)
    reached: list[float] = []
    passed = 0
    first = subsets(small, k)
    for credit, most in first:
        # Of whole numbers: no share of k is rounded.
        keeps = most > 0 and most >= agree * k - 1e-9
        passed += not keeps
        for other, _ in behind:
            reached.append(credit if keeps else other)
    return sum(reached) / len(reached), passed / len(first)


def test_a_cascade_by_hand() -> None:
    # Small: a a a b, a right. Two of four agree in 3 of 6 pairs (aa), else a and b are one each.
    # Large: a c, a right. Alone it is right half of the time; of both, a tie of a and c.
    small, large = pool_of([0, 0, 0, 1], [1, 1, 1, 0]), pool_of([0, 2], [1, 0])
    both = cascade_estimates(small, large, [2, 3, 4], k=2, agree=1.0, seed=0)
    # A budget of 2 leaves nothing to the larger model: the cascade does not exist there.
    assert [one.budget for one in both] == [3, 4]
    assert [one.passed for one in both] == [pytest.approx(0.5)] * 2
    # 3/6 kept and right + 3/6 passed × 1/2.
    assert [one.accuracy for one in both] == [pytest.approx(0.75)] * 2
    assert [one.mc_error for one in both] == [0.0, 0.0]
    # At a threshold of one half all pairs are kept: a tie of a and b counts a half.
    kept = cascade_estimates(small, large, [4], k=2, agree=0.5, seed=0)
    assert (kept[0].passed, kept[0].accuracy) == (pytest.approx(0.0), pytest.approx(0.75))


def test_draws_without_an_answer_agree_with_nothing() -> None:
    small, large = pool_of([-1, -1, -1, 0], [0, 0, 0, 1]), pool_of([0, 0], [1, 1])
    (one,) = cascade_estimates(small, large, [4], k=3, agree=0.3, seed=0)
    # 3 of 4 triples hold the one answer, a third of their draws: kept, and right. The other is
    # passed on, though all three of its draws say the same nothing.
    assert (one.passed, one.accuracy) == (pytest.approx(0.25), pytest.approx(1.0))
    (strict,) = cascade_estimates(small, large, [4], k=3, agree=0.5, seed=0)
    assert (strict.passed, strict.accuracy) == (pytest.approx(1.0), pytest.approx(1.0))


@pytest.mark.parametrize(
    ("k", "agree", "needed"),
    [
        (4, 0.75, 3),
        (4, 0.76, 4),
        (10, 0.7, 7),
        (3, 0.34, 2),
        (3, 1 / 3, 1),
        (4, 0.01, 1),
        (5, 1, 5),
    ],
)
def test_the_votes_that_a_share_needs(k: int, agree: float, needed: int) -> None:
    assert votes_needed(k, agree) == needed


DRAWS = st.lists(st.tuples(st.integers(-1, 3), st.booleans()), min_size=2, max_size=8)


def as_pool(draws: list[tuple[int, bool]]) -> Pool:
    return pool_of([one for one, _ in draws], [ok and one >= 0 for one, ok in draws])


@settings(deadline=None, max_examples=150)
@given(DRAWS, DRAWS, st.data())
def test_the_estimate_is_the_mean_over_all_pairs_of_subsets(
    small: list[tuple[int, bool]], large: list[tuple[int, bool]], data: st.DataObject
) -> None:
    first, second = as_pool(small), as_pool(large)
    k = data.draw(st.integers(1, len(small)), label="k")
    agree = data.draw(st.sampled_from([0.2, 0.25, 1 / 3, 0.5, 0.6, 0.75, 1.0]), label="agree")
    budgets = [k + size for size in range(1, len(large) + 1)]
    for one in cascade_estimates(first, second, budgets, k=k, agree=agree, seed=3):
        accuracy, passed = enumerated(first, second, one.budget, k, agree)
        assert one.accuracy == pytest.approx(accuracy, abs=1e-9)
        assert one.passed == pytest.approx(passed, abs=1e-9)
        assert one.mc_error == 0.0


@settings(deadline=None, max_examples=60)
@given(DRAWS, DRAWS)
def test_a_lower_threshold_passes_on_fewer(
    small: list[tuple[int, bool]], large: list[tuple[int, bool]]
) -> None:
    first, second = as_pool(small), as_pool(large)
    k = len(small)
    shares: list[float] = []
    for agree in (0.2, 0.4, 0.6, 0.8, 1.0):
        (one,) = cascade_estimates(first, second, [k + 1], k=k, agree=agree, seed=0)
        shares.append(one.passed)
    assert shares == sorted(shares)


def test_pools_beyond_exact_counting_are_sampled(monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    small = pool_of((answers := rng.integers(-1, 3, 64)).tolist(), (answers == 0).tolist())
    large = pool_of((behind := rng.integers(-1, 2, 64)).tolist(), (behind == 0).tolist())
    budgets = [8, 16]
    exact = cascade_estimates(small, large, budgets, k=4, agree=0.75, seed=1)
    monkeypatch.setattr(estimates, "EXACT_DRAWS", 63)
    sampled = cascade_estimates(small, large, budgets, k=4, agree=0.75, seed=1, orders=2000)
    for one, other in zip(exact, sampled, strict=True):
        assert 0 < other.mc_error < 0.01
        assert abs(one.accuracy - other.accuracy) < 4 * other.mc_error
        assert one.passed == pytest.approx(other.passed, abs=0.02)


def test_with_a_threshold_that_nothing_reaches_it_is_the_larger_model_alone() -> None:
    small = pool_of([0, 1, 2, 3], [1, 0, 0, 0])
    large = pool_of([0, 0, 1, 2, 0, 3], [1, 1, 0, 0, 1, 0])
    (one,) = cascade_estimates(small, large, [6], k=2, agree=1.0, seed=0)
    alone = [e for e in pool_estimates(large, [4], seed=0) if e.selector == "majority"]
    assert (one.passed, one.accuracy) == (1.0, pytest.approx(alone[0].accuracy))


def test_a_pool_that_is_too_small_is_refused() -> None:
    pool = pool_of([0, 0], [1, 1])
    with pytest.raises(ValueError, match="pools of at least 3 and 1 draws, got 2 and 2"):
        cascade_estimates(pool, pool, [4], k=3, agree=1.0, seed=0)
    with pytest.raises(ValueError, match="at least 1 and 3 draws"):
        cascade_estimates(pool, pool, [4], k=1, agree=1.0, seed=0)
