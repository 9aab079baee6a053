"""Pool estimators against brute force over all subsets (METHOD §10)."""

from itertools import combinations, permutations
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tasks.statistics import estimators
from tasks.statistics.estimators import Pool, PoolEstimate, pool_estimates
from tasks.statistics.selectors import SELECTORS, Candidate
from tasks.statistics.subsets import majority_exact

SCORES = np.array([np.nan, 0.0, 0.1, 0.2, 0.3, 0.6])


def random_pool(rng: np.random.Generator, draws: int) -> Pool:
    """Few answers and few scores: ties, missing answers and missing scores all over."""
    answers = rng.integers(-1, rng.integers(1, 5), draws)
    right = rng.random(5) < 0.4
    return Pool(answers, (answers >= 0) & right[answers], SCORES[rng.integers(0, 6, draws)])


def pool_of(*rows: tuple[int, bool, float]) -> Pool:
    answers, correct, scores = zip(*rows, strict=True)
    return Pool(np.array(answers), np.array(correct), np.array(scores, dtype=float))


def candidates(pool: Pool) -> list[Candidate]:
    return [
        Candidate(None if answer < 0 else str(answer), None if np.isnan(score) else float(score))
        for answer, score in zip(pool.answers, pool.scores, strict=True)
    ]


def brute_force(pool: Pool, name: str, budget: int, expected) -> float:
    """The selector itself on every subset of `budget` draws, averaged over their order."""
    some = candidates(pool)
    right = {str(a): float(c) for a, c in zip(pool.answers, pool.correct, strict=True)}
    subsets = combinations(range(len(some)), budget)
    return float(np.mean([expected([some[i] for i in subset], name, right) for subset in subsets]))


def accuracy(some: list[Candidate], name: str, right: dict[str, float]) -> float:
    return sum(share * right[answer] for answer, share in SELECTORS[name](some).credits.items())


def over_orders(some: list[Candidate], name: str, right: dict[str, float]) -> float:
    return float(np.mean([accuracy(list(order), name, right) for order in permutations(some)]))


def over_leads(some: list[Candidate], name: str, right: dict[str, float]) -> float:
    """The same for any size: a draw is tied if it wins when put first; each is first as often."""
    if name == "majority":
        return accuracy(some, name, right)
    wins = []
    for place, one in enumerate(some):
        if one.answer is None or one.score is None:
            continue
        choice = SELECTORS[name]([one, *some[:place], *some[place + 1 :]])
        if choice.answer == one.answer if name == "weighted" else choice.index == 0:
            wins.append(right[one.answer])
    return float(np.mean(wins)) if wins else 0.0


def found(estimates: list[PoolEstimate], name: str) -> dict[int, float]:
    return {one.budget: one.accuracy for one in estimates if one.selector == name}


def test_estimates_equal_brute_force_over_all_subsets_of_1000_pools() -> None:
    rng = np.random.default_rng(7)
    for draws in rng.choice(range(1, 9), 1000, p=[0.1, 0.15, 0.15, 0.2, 0.15, 0.15, 0.05, 0.05]):
        pool = random_pool(rng, int(draws))
        budgets = range(1, pool.answers.size + 1)
        estimates = pool_estimates(pool, budgets, seed=0)
        assert all(one.mc_error == 0 for one in estimates)
        for name in SELECTORS:
            exact = [brute_force(pool, name, budget, over_leads) for budget in budgets]
            assert list(found(estimates, name).values()) == pytest.approx(exact, abs=1e-12)
        covered = [
            np.mean(
                [pool.correct[list(s)].any() for s in combinations(range(len(budgets)), budget)]
            )
            for budget in budgets
        ]
        assert list(found(estimates, "pass").values()) == pytest.approx(covered, abs=1e-12)


def test_estimates_equal_brute_force_over_all_subsets_in_all_orders() -> None:
    rng = np.random.default_rng(8)
    for _ in range(60):
        pool = random_pool(rng, int(rng.integers(1, 6)))
        budgets = range(1, pool.answers.size + 1)
        estimates = pool_estimates(pool, budgets, seed=0)
        for name in SELECTORS:
            exact = [brute_force(pool, name, budget, over_orders) for budget in budgets]
            assert list(found(estimates, name).values()) == pytest.approx(exact, abs=1e-12)


def test_tied_scores_share_the_credit_and_missing_ones_take_a_place() -> None:
    # scores 0.6 (right), 0.6 (wrong), missing (right): of the three pairs one has both tied scores:
    # 1/2, one only the right: 1, one only the wrong: 0
    pool = pool_of((0, True, 0.6), (1, False, 0.6), (0, True, np.nan))
    estimates = pool_estimates(pool, [2], seed=0)
    assert found(estimates, "best_of_n")[2] == pytest.approx(0.5)


def test_a_tie_of_weighted_answers_shares_by_their_scored_draws() -> None:
    # 0.3 from one draw against 0.1 + 0.2 from two: the earliest of the three is of the second in 2
    # of 3
    pool = pool_of((0, False, 0.3), (1, True, 0.1), (1, True, 0.2))
    assert found(pool_estimates(pool, [3], seed=0), "weighted")[3] == pytest.approx(2 / 3)


@given(st.integers(0, 10**6), st.integers(2, 40))
def test_a_vote_of_two_is_worth_a_vote_of_one(seed: int, draws: int) -> None:
    answers = np.random.default_rng(seed).integers(0, 5, draws)
    pool = Pool(answers, answers == 0, np.full(draws, np.nan))
    majority = found(pool_estimates(pool, [1, 2], seed=0), "majority")
    assert majority[2] == pytest.approx(majority[1])


@settings(max_examples=30)
@given(st.integers(0, 10**6), st.integers(1, 256))
def test_coverage_never_falls_with_the_budget_and_bounds_every_exact_figure(
    seed: int, draws: int
) -> None:
    pool = random_pool(np.random.default_rng(seed), draws)
    budgets = sorted({1, 2, draws // 2 + 1, draws} & set(range(1, draws + 1)))
    estimates = pool_estimates(pool, budgets, seed=seed, orders=4)
    coverage = found(estimates, "pass")
    assert list(coverage.values()) == sorted(coverage.values())
    for one in estimates:
        assert 0 <= one.accuracy <= 1
        if one.selector != "weighted":  # averaged figures err by chance
            assert one.accuracy <= coverage[one.budget] + 1e-12


@settings(max_examples=40)
@given(st.integers(0, 10**6))
def test_a_permuted_pool_has_the_same_exact_estimates(seed: int) -> None:
    rng = np.random.default_rng(seed)
    pool = random_pool(rng, 40)
    order = rng.permutation(40)
    shuffled = Pool(pool.answers[order], pool.correct[order], pool.scores[order])
    for one, other in zip(
        pool_estimates(pool, [1, 3, 20, 40], seed=0, orders=2),
        pool_estimates(shuffled, [1, 3, 20, 40], seed=0, orders=2),
        strict=True,
    ):
        # What is sampled too: it follows from the draws and not from how they are stored.
        assert one.accuracy == pytest.approx(other.accuracy, abs=1e-12), one.selector
        assert one.mc_error == pytest.approx(other.mc_error, abs=1e-12), one.selector


@settings(max_examples=40)
@given(st.integers(0, 10**6), st.integers(1, 40))
def test_a_sampled_figure_says_no_error_only_where_every_subset_ends_the_same(
    seed: int, wrong: int
) -> None:
    # One wrong answer of high score among right ones: most orders never show it.
    rng = np.random.default_rng(seed)
    answers = np.where(np.arange(40) < wrong, 1, 0)
    scores = np.where(answers == 1, 1.0, rng.uniform(0.0, 0.2, 40))
    pool = Pool(answers, answers == 0, scores)
    one = next(e for e in pool_estimates(pool, [20], seed=0) if e.selector == "weighted")
    assert (one.mc_error == 0.0) == (wrong == 40)


def test_few_subsets_are_listed_and_not_sampled() -> None:
    # 12,870 subsets of 8 of 16 draws.
    pool = random_pool(np.random.default_rng(2), 16)
    assert all(one.mc_error == 0.0 for one in pool_estimates(pool, [8], seed=0))


def test_the_average_over_orders_meets_brute_force_within_its_error(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rng = np.random.default_rng(3)
    ratios = []
    for _ in range(40):
        pool = random_pool(rng, 10)
        # 252 subsets would be listed: sampling is asked for to be judged.
        monkeypatch.setattr(estimators, "FEW_SUBSETS", 0)
        one = next(
            e for e in pool_estimates(pool, [5], seed=1, orders=40) if e.selector == "weighted"
        )
        if one.mc_error:
            ratios.append(
                (one.accuracy - brute_force(pool, "weighted", 5, over_leads)) / one.mc_error
            )
    assert len(ratios) > 20
    assert abs(np.mean(ratios)) < 0.6
    assert max(map(abs, ratios)) < 4.5


def test_exact_majority_agrees_with_sampling_in_a_large_pool() -> None:
    rng = np.random.default_rng(4)
    answers = rng.choice(5, 256, p=[0.3, 0.28, 0.2, 0.12, 0.1]) - 1
    pool = Pool(answers, answers == 0, np.full(256, 0.5))  # equal scores: weighted is a vote
    estimates = pool_estimates(pool, [2, 16, 64, 128, 256], seed=0, orders=400)
    exact = found(estimates, "majority")
    for one in estimates:
        if one.selector == "weighted":
            assert abs(one.accuracy - exact[one.budget]) <= 4 * one.mc_error


def test_the_chances_of_all_classes_sum_to_one_at_256_draws() -> None:
    sizes = np.array([60, 50, 50, 40, 30, 26])  # no silent draw, so some class always wins
    budgets = np.array([1, 2, 7, 64, 128, 255])
    total = sum(majority_exact(int(sizes[i]), np.delete(sizes, i), 0, budgets) for i in range(6))
    assert total == pytest.approx(np.ones(6), abs=1e-10)


def test_a_pool_of_2048_stays_finite_and_right() -> None:
    rng = np.random.default_rng(5)
    answers = rng.integers(-1, 30, 2048)
    pool = Pool(answers, answers == 0, rng.random(2048))
    estimates = pool_estimates(pool, [1, 512, 1024, 2048], seed=0, orders=2)
    right = int((answers == 0).sum())
    exact = 1 - comb(2048 - right, 512) / comb(2048, 512)
    assert found(estimates, "pass")[512] == pytest.approx(exact, abs=1e-12)
    assert found(estimates, "best_of_n")[1] == pytest.approx(right / 2048)
    assert all(0 <= one.accuracy <= 1 for one in estimates)


def test_equal_seeds_give_equal_figures_and_other_seeds_other_orders() -> None:
    pool = Pool(np.arange(60) % 3, np.arange(60) % 3 == 0, np.random.default_rng(9).random(60))
    first, again, other = (pool_estimates(pool, [15, 30], seed=seed) for seed in (1, 1, 2))
    assert first == again
    assert first != other


def test_a_budget_beyond_the_pool_is_refused() -> None:
    with pytest.raises(ValueError, match="between 1 and the 2 draws"):
        pool_estimates(pool_of((0, True, 0.5), (1, False, 0.5)), [4], seed=0)


def test_a_pool_that_contradicts_itself_is_refused() -> None:
    with pytest.raises(ValueError, match="without an answer is marked correct"):
        pool_of((-1, True, 0.5))
    with pytest.raises(ValueError, match="scores in"):
        pool_of((0, True, 1.5))
