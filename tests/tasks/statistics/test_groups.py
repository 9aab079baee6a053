"""Estimates over groups (chains, subtrees) against brute force over all subsets (METHOD §10)."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_estimators import accuracy, candidates, over_leads, pool_of, random_pool

from tasks.statistics.estimators import Pool, pool_estimates
from tasks.statistics.groups import group_estimates
from tasks.statistics.selectors import weighted

SELECTORS = ("majority", "weighted", "hierarchical")
Groups = list[list[int]]


def cut(draws: int, rng: np.random.Generator) -> Groups:
    """The draws in groups of any size, empty ones among them."""
    marks = np.sort(rng.integers(0, draws + 1, int(rng.integers(0, 5))))
    return [list(map(int, group)) for group in np.split(np.arange(draws), marks)]


def brute_force(pool: Pool, groups: Groups, count: int, selector: str) -> float:
    """The selectors themselves on every subset of groups.

    The order of the draws is random (a tie between answers is shared in proportion to the draws
    that vote), but for the winner that a group names: there it is the group's own.
    """
    some = candidates(pool)
    right = {str(a): float(c) for a, c in zip(pool.answers, pool.correct, strict=True)}
    if selector == "hierarchical":
        winners = [weighted([some[i] for i in group]).index for group in groups]
        groups = [[] if w is None else [group[w]] for group, w in zip(groups, winners, strict=True)]
    name = "majority" if selector == "majority" else "weighted"
    judge = over_tied_votes if selector == "majority" else over_leads
    subsets = combinations(groups, count)
    return float(
        np.mean(
            [judge([some[i] for group in subset for i in group], name, right) for subset in subsets]
        )
    )


def over_tied_votes(some: Sequence, name: str, right: dict[str, float]) -> float:
    return accuracy(list(some), name, right)


def test_estimates_equal_brute_force_over_all_subsets_of_groups_of_400_pools() -> None:
    rng = np.random.default_rng(11)
    for _ in range(400):
        pool = random_pool(rng, int(rng.integers(1, 10)))
        groups = cut(pool.answers.size, rng)
        counts = range(1, len(groups) + 1)
        for selector in SELECTORS:
            found = group_estimates(pool, groups, counts, selector=selector, seed=0)
            assert [one.groups for one in found] == list(counts)
            assert [one.mc_error for one in found] == [0.0] * len(groups)
            exact = [brute_force(pool, groups, count, selector) for count in counts]
            assert [one.accuracy for one in found] == pytest.approx(exact, abs=1e-12)


@pytest.mark.parametrize("name", ["majority", "weighted"])
def test_groups_of_one_draw_are_a_pool(name: str) -> None:
    rng = np.random.default_rng(12)
    for _ in range(50):
        pool = random_pool(rng, 6)
        wanted = [
            one.accuracy
            for one in pool_estimates(pool, range(1, 7), seed=0)
            if one.selector == name
        ]
        found = group_estimates(pool, [[i] for i in range(6)], range(1, 7), selector=name, seed=0)
        assert [one.accuracy for one in found] == pytest.approx(wanted, abs=1e-12)


def test_the_chains_winners_vote_with_their_own_scores() -> None:
    # Chain 1: answer 0 by 0.4 + 0.4, its winner scores 0.4. Chain 2: answer 1 by 0.5. 0.8 > 0.5
    # flat, but 0.4 < 0.5.
    pool = pool_of((0, False, 0.4), (0, False, 0.4), (1, True, 0.5), (2, False, 0.1))
    both = [[0, 1], [2, 3]]
    assert group_estimates(pool, both, [2], selector="hierarchical", seed=0)[0].accuracy == 1.0
    assert group_estimates(pool, both, [2], selector="weighted", seed=0)[0].accuracy == 0.0


def test_a_group_without_an_answer_votes_for_nothing() -> None:
    # Of the three pairs of chains two hold the right one; the third has no answer at all.
    pool = pool_of((-1, False, 0.9), (-1, False, np.nan), (0, True, 0.2))
    for selector in SELECTORS:
        found = group_estimates(pool, [[0], [1], [2]], [1, 2, 3], selector=selector, seed=0)
        assert [one.accuracy for one in found] == pytest.approx([1 / 3, 2 / 3, 1.0])


def test_a_pool_without_any_answer_is_never_right() -> None:
    pool = pool_of((-1, False, 0.9), (-1, False, 0.1))
    for selector in SELECTORS:
        assert (
            group_estimates(pool, [[0], [1]], [1, 2], selector=selector, seed=0)[1].accuracy == 0.0
        )


@pytest.mark.parametrize("selector", SELECTORS)
def test_the_monte_carlo_error_is_that_of_the_figure(selector: str) -> None:
    # 16 groups of 2: all 1,820 subsets of 4 against 64 orders of four disjoint subsets.
    rng = np.random.default_rng(13)
    for seed in range(6):
        pool = random_pool(rng, 32)
        groups = [[i, i + 1] for i in range(0, 32, 2)]
        (found,) = group_estimates(pool, groups, [4], selector=selector, seed=seed)
        exact = brute_force(pool, groups, 4, selector)
        assert abs(found.accuracy - exact) <= 4 * found.mc_error + 1e-12


@settings(max_examples=50)
@given(st.integers(0, 10**6), st.sampled_from(SELECTORS))
def test_equal_seeds_give_equal_figures(seed: int, selector: str) -> None:
    rng = np.random.default_rng(seed)
    pool = random_pool(rng, 40)
    groups = [list(range(start, start + 4)) for start in range(0, 40, 4)]
    first, again = (
        group_estimates(pool, groups, [1, 5, 10], selector=selector, seed=seed) for _ in range(2)
    )
    assert first == again
    assert all(0.0 <= one.accuracy <= 1.0 for one in first)


@pytest.mark.parametrize(("groups", "counts"), [([[0], [1]], [0]), ([[0], [1]], [1, 3]), ([], [1])])
def test_counts_of_groups_that_are_not_there_are_refused(groups: Groups, counts: list[int]) -> None:
    pool = pool_of((0, True, 0.5), (1, False, 0.5))
    with pytest.raises(ValueError, match=f"between 1 and the {len(groups)} groups"):
        group_estimates(pool, groups, counts, selector="majority", seed=0)
