"""Accuracy and cost of what stops early: when the answers settle, or when the first finish.

From one pool of draws (METHOD §11.2, §13).
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import count
from typing import NamedTuple

import numpy as np
from scipy.special import betainc

from tasks.statistics.arrays import Floats, Integers
from tasks.statistics.estimators import Pool
from tasks.statistics.subsets import shuffles, vote_credits
from warehouse.errors import UserError

NEVER = 2.0
"""A threshold that no probability passes."""


class AdaptiveEstimate(NamedTuple):
    """Expected accuracy of at most `budget` draws, and how many are made on average."""

    budget: int
    accuracy: float
    mc_error: float
    generations: float
    rounds: float
    """Requests that follow each other, on average: each is made in sight of those before it."""
    tokens: float
    """Generated on average; NaN where those of some draw are unknown."""
    latency: float
    """Tokens of the longest path on average: the slowest of every request, added up; or NaN."""


class _Walked(NamedTuple):
    """What drawing one after the other comes to: (orders, budgets)."""

    shares: Floats
    """Of the answer that is right."""
    draws: Floats
    tokens: Floats
    latency: Floats


@dataclass(frozen=True, slots=True)
class Rule:
    """When to stop: the last `agree` answers are the same, `posterior` is passed, `window` agrees.

    Draws come in windows of `window`, and a whole one whose answers are all the same is the last
    (ESC: Li et al., arXiv 2401.10480). The posterior is the probability that the leading answer
    would stay ahead of the second one in the long run, Beta(votes + 1, rival votes + 1) above one
    half (Aggarwal et al., arXiv 2305.11860). Draws without an answer break a run, agree with no
    window and have no vote.
    """

    agree: int | None = None
    posterior: float | None = None
    window: int | None = None

    @property
    def run(self) -> int | None:
        """Equal answers in a row that settle it; None: it does not look at runs."""
        return self.agree or self.window

    @property
    def every(self) -> int:
        """Draws that are made at a time: it looks at the answers after so many."""
        return self.window or 1

    @property
    def earliest(self) -> int:
        """Draws below which it never stops: up to that budget it is majority."""
        if self.run is not None:
            return self.run
        # The quickest way to any posterior is votes that all agree: Beta(votes + 1, 1) lies above
        # one half with probability 1 − 2^−(votes + 1).
        wanted = self.posterior or 0.5
        return next(votes for votes in count(1) if 1 - 0.5 ** (votes + 1) > wanted)

    def rounds(self, made: Floats) -> Floats:
        """Requests that so many draws take: the earliest at once, then `every` at a time."""
        later = np.maximum(made - self.earliest, 0.0)
        return 1 + np.ceil(later / self.every)


def stops_at(answers: Sequence[str | None], rule: Rule) -> int | None:
    """Number of these draws, in their order, after which the rule stops; None: it would go on."""
    votes: Counter[str] = Counter()
    run = 0
    last: str | None = None
    for made, answer in enumerate(answers, start=1):
        if answer is None:
            run = 0
        else:
            run = run + 1 if answer == last else 1
            votes[answer] += 1
        last = answer
        if made % rule.every == 0 and _is_settled(votes, run, rule):
            return made
    return None


def _is_settled(votes: Counter[str], run: int, rule: Rule) -> bool:
    if rule.run is not None and run >= rule.run:
        return True
    # Without a rival the second answer has no vote, without any answer neither has the first.
    most = sorted(votes.values(), reverse=True)
    first, second = [*most, 0, 0][:2]
    if rule.posterior is None or not first:
        return False
    ahead = 1 - betainc(first + 1.0, second + 1.0, 0.5)
    return bool(ahead > rule.posterior)


def adaptive_estimates(
    pool: Pool, budgets: Sequence[int], *, rule: Rule, seed: int, orders: int = 64
) -> list[AdaptiveEstimate]:
    """An estimate at each budget, budgets rising; the majority of what was drawn is the answer.

    Answers tied for first share. Averaged over `orders` seeded random orders of the pool. Raises
    ValueError for a budget outside the pool, for budgets that do not rise, and below 2 orders.
    """
    draws = pool.answers.size
    _check(budgets, draws)
    shuffled = shuffles(draws, orders, (seed, draws))
    walked = _walk(pool, budgets, rule, shuffled)
    return _average_orders(budgets, walked, rule.rounds(walked.draws))


def _walk(pool: Pool, budgets: Sequence[int], rule: Rule, shuffled: Integers) -> _Walked:
    from tasks.statistics import kernels

    draws = pool.answers.size
    # When it stops depends on the classes alone, so that members stay exchangeable in what it sees.
    classes, right = pool.relabelled()
    ahead, threshold = _posteriors(draws, rule.posterior)
    tokens = np.full(draws, np.nan) if pool.tokens is None else pool.tokens
    walked = kernels.walk_orders(
        classes,
        right,
        tokens,
        shuffled,
        np.array(budgets, dtype=np.int64),
        # A run longer than the pool stands for a rule that does not look at runs.
        (rule.run or draws + 1, rule.earliest, rule.every),
        ahead,
        threshold,
    )
    # Of lengths that are not all known the longest is not either.
    unknown = np.nan if np.isnan(tokens).any() else 0.0
    shares, made, written, waited = walked
    return _Walked(shares, made, written, waited + unknown)


def _average_orders(
    budgets: Sequence[int], walked: _Walked, rounds: Floats
) -> list[AdaptiveEstimate]:
    """Means over the orders (orders, budgets) and the error of that of the shares."""
    errors = walked.shares.std(axis=0, ddof=1) / np.sqrt(len(rounds))
    accuracy, generations, tokens, latency = (each.mean(axis=0) for each in walked)
    requests = rounds.mean(axis=0)
    estimates: list[AdaptiveEstimate] = []
    for place, budget in enumerate(budgets):
        one = AdaptiveEstimate(
            budget=int(budget),
            accuracy=float(accuracy[place]),
            mc_error=float(errors[place]),
            generations=float(generations[place]),
            rounds=float(requests[place]),
            tokens=float(tokens[place]),
            latency=float(latency[place]),
        )
        estimates.append(one)
    return estimates


def _check(budgets: Sequence[int], draws: int) -> None:
    # `walk_orders` goes through an order once, past one budget after the other.
    rising = list(budgets) == sorted(budgets)
    if not budgets or min(budgets) < 1 or max(budgets) > draws or not rising:
        raise ValueError(
            f"expected rising budgets between 1 and the {draws} draws of the pool, "
            f"got {list(budgets)}"
        )


def _posteriors(draws: int, posterior: float | None) -> tuple[Floats, float]:
    """Posterior that the leader stays ahead, by its votes and its rival's; and the threshold."""
    if posterior is None:
        return np.zeros((draws + 1, draws + 1)), NEVER
    # A table of all pairs of votes, because the incomplete beta function does not compile.
    votes = np.arange(draws + 1) + 1.0
    return 1 - betainc(votes[:, None], votes[None, :], 0.5), posterior


class FirstEstimate(NamedTuple):
    """Expected accuracy of the first m of `budget` parallel draws, and tokens until they are there.

    `mc_error` is the standard error of averaging over random orders.
    """

    budget: int
    accuracy: float
    mc_error: float
    tokens: float
    latency: float
    """Tokens of the m-th to finish, on average."""


def first_estimates(
    pool: Pool, budgets: Sequence[int], *, m: int, seed: int, orders: int = 64
) -> list[FirstEstimate]:
    """An estimate at each budget of m or more: majority over the m draws of fewest tokens.

    Parallel draws write a token each at a time, so that the one with fewest tokens finishes first;
    the others are stopped when the m-th has finished: Σ min(t_i, t_(m)) tokens (Hassid et al.,
    arXiv 2505.17813). Draws of equally many tokens come in the order of the draws. Averaged over
    seeded random orders. UserError where the tokens of a draw are unknown.
    """
    tokens = _known_tokens(pool)
    draws = tokens.size
    shuffled = shuffles(draws, orders, (seed, draws))
    estimates: list[FirstEstimate] = []
    for budget in budgets:
        if budget < m:
            continue
        rows = shuffled[:, :budget]
        accuracy, spent, waited = _vote_of_first(pool, tokens, rows, m)
        error = accuracy.std(ddof=1) / np.sqrt(orders)
        one = FirstEstimate(
            budget=int(budget),
            accuracy=float(accuracy.mean()),
            mc_error=float(error),
            tokens=float(spent.mean()),
            latency=float(waited.mean()),
        )
        estimates.append(one)
    return estimates


def _known_tokens(pool: Pool) -> Floats:
    if pool.tokens is None or np.isnan(pool.tokens).any():
        raise UserError(
            "study: expected token counts of all draws for the strategy first, which takes those "
            "that finish first, some are not told by server or log; drop the strategy"
        )
    return pool.tokens


def _vote_of_first(
    pool: Pool, tokens: Floats, rows: Integers, m: int
) -> tuple[Floats, Floats, Floats]:
    """Expected accuracy, tokens spent and tokens waited for, of each row of draws."""
    lengths = tokens[rows]
    # Stable: of equally long ones the earlier comes first.
    earliest = np.argsort(lengths, axis=1, kind="stable")[:, :m]
    finished = np.take_along_axis(rows, earliest, axis=1)
    classes, shares = pool.relabelled()
    heads = np.ones(finished.shape, dtype=np.int64)
    credit = vote_credits(classes[finished], heads, pool.correct[finished], count=shares.size)
    last = np.take_along_axis(lengths, earliest[:, -1:], axis=1)
    return credit, np.minimum(lengths, last).sum(axis=1), last[:, 0]
