"""Loops over draws that numba compiles: votes over subsets, and orders walked draw by draw.

Imported where a kernel is first called and nowhere else. vLLM starts its processes by importing the
program again, and cannot start beside numba.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba  # pyright: ignore[reportMissingTypeStubs]
import numpy as np

Kernel = TypeVar("Kernel", bound=Callable[..., Any])


def compile_kernel(kernel: Kernel) -> Kernel:
    """The same function compiled by numba at its first call, kept on disk for later processes."""
    # Without the lock of the interpreter, so that threads estimate several questions at once.
    options: dict[str, Any] = {"cache": True, "nogil": True}
    return cast("Kernel", numba.njit(**options)(kernel))  # pyright: ignore


@compile_kernel
def winning_subsets(
    target: int, rivals: Any, silent: int, budgets: Any, choose: Any, least: int
) -> Any:
    """Number of subsets that `target` wins by `least` votes or more, ties shared."""
    wins = np.zeros(budgets.size)
    for votes in range(least, min(target, budgets[-1]) + 1):
        # The other rivals cannot reach j: every way of drawing them is open.
        able = np.sum(rivals >= votes)
        free = silent + np.sum(rivals[able:])
        shares = _rival_shares(rivals[:able], votes, budgets[-1] - votes, choose)
        for at in range(budgets.size):
            rest = budgets[at] - votes
            fewest, most = max(0, rest - free), min(rest, shares.size - 1)
            total = 0.0
            for drawn in range(fewest, most + 1):
                total += shares[drawn] * choose[free, rest - drawn]
            wins[at] += choose[target, votes] * total
    return wins


@compile_kernel
def _rival_shares(rivals: Any, votes: int, limit: int, choose: Any) -> Any:
    """Ways to draw m ≤ limit of the rivals, none above `votes`, over 1 + those equal to it.

    `ways[t, m]` counts the ways in which t of the rivals so far are tied. With r rivals so far m
    lies between t·votes and that plus (r − t)·(votes − 1).
    """
    # Each tied rival takes `votes` of the m draws: more of them than this do not fit.
    most = min(rivals.size, limit // votes)
    ways = np.zeros((most + 1, max(limit, 0) + 1))
    ways[0, 0] = 1.0
    for seen in range(rivals.size):
        row = choose[rivals[seen]]
        # Downwards in t and m: what is read still belongs to the rivals before this one.
        for ties in range(min(seen + 1, most), -1, -1):
            floor = ties * votes
            before = floor + (seen - ties) * (votes - 1)
            for drawn in range(min(limit, before + votes - 1), floor - 1, -1):
                least, last = max(0, drawn - before), min(votes - 1, drawn - floor)
                total = 0.0
                for taken in range(least, last + 1):
                    total += ways[ties, drawn - taken] * row[taken]
                if ties > 0:
                    total += ways[ties - 1, drawn - votes] * row[votes]
                ways[ties, drawn] = total
    for ties in range(1, most + 1):
        ways[0] += ways[ties] / (1 + ties)
    return ways[0]


@compile_kernel
def vote_credits(classes: Any, points: Any, correct: Any, count: int) -> Any:
    """Expected accuracy of each row's vote, as `tasks.statistics.subsets.vote_credits` says."""
    # All are emptied at the end of each row: quicker than new arrays for thousands of rows.
    totals = np.zeros(count, dtype=np.int64)
    voters = np.zeros(count, dtype=np.int64)
    tops = np.full(count, -1, dtype=np.int64)
    at_top = np.zeros(count, dtype=np.int64)
    right_at_top = np.zeros(count, dtype=np.int64)
    shares = np.zeros(classes.shape[0])
    for row in range(classes.shape[0]):
        most = -1
        for place in range(classes.shape[1]):
            one = classes[row, place]
            if one >= 0:
                held = points[row, place]
                totals[one] += held
                voters[one] += 1
                if held > tops[one]:
                    tops[one], at_top[one], right_at_top[one] = held, 0, 0
                if held == tops[one]:
                    at_top[one] += 1
                    right_at_top[one] += correct[row, place]
                # Points are not negative: totals only rise, so the largest seen is the largest.
                most = max(most, totals[one])
        tied, won = 0, 0.0
        for one in classes[row]:
            # A class that was met before has been emptied: it counts once.
            if one >= 0 and voters[one] > 0:
                if totals[one] == most:
                    tied += voters[one]
                    won += voters[one] * (right_at_top[one] / at_top[one])
                totals[one], voters[one], tops[one] = 0, 0, -1
        if tied > 0:
            shares[row] = won / tied
    return shares


@compile_kernel
def walk_orders(
    classes: Any,
    correct: Any,
    tokens: Any,
    orders: Any,
    budgets: Any,
    rounds: Any,
    ahead: Any,
    threshold: float,
) -> Any:
    """Shares of the answer right, draws made, their tokens, and those of the longest path.

    Each (orders, budgets). The longest path: the slowest draw of every round, rounds added up.
    `rounds`: equal answers in a row that settle it, draws of the first round, draws of every other.
    """
    agree, earliest, every = rounds
    shape = (orders.shape[0], budgets.size)
    shares, spent = np.zeros(shape), np.zeros(shape)
    written, waited = np.zeros(shape), np.zeros(shape)
    for row in range(orders.shape[0]):
        votes = np.zeros(correct.size, dtype=np.int64)
        run, last, at, made = 0, -1, 0, 0
        total, past, slowest = 0.0, 0.0, 0.0
        stopped = False
        while at < budgets.size:
            if not stopped:
                # A round is over: the next one begins when its slowest draw has ended.
                if made >= earliest and (made - earliest) % every == 0:
                    past, slowest = past + slowest, 0.0
                one = classes[orders[row, made]]
                total += tokens[orders[row, made]]
                slowest = max(slowest, tokens[orders[row, made]])
                made += 1
                run = run + 1 if one >= 0 and one == last else int(one >= 0)
                last = one
                if one >= 0:
                    votes[one] += 1
                first, second = _leading_votes(votes)
                settled = run >= agree or (first > 0 and ahead[first, second] > threshold)
                # A window that was begun is drawn to its end, whatever it says.
                stopped = settled and made % every == 0
            # Once stopped, every larger budget ends with the same draws.
            while at < budgets.size and (stopped or budgets[at] == made):
                shares[row, at] = _right_share(votes, correct)
                spent[row, at] = made
                written[row, at] = total
                waited[row, at] = past + slowest
                at += 1
    return shares, spent, written, waited


@compile_kernel
def _leading_votes(votes: Any) -> Any:
    """Votes of the first and of the second answer, the same for two that are tied."""
    first, second = 0, 0
    for held in votes:
        if held > first:
            first, second = held, first
        elif held > second:
            second = held
    return first, second


@compile_kernel
def _right_share(votes: Any, correct: Any) -> Any:
    """Mean over the answers tied for first of how often each is correct; 0 without a vote."""
    most, _ = _leading_votes(votes)
    tied, won = 0, 0.0
    for name in range(votes.size):
        if most > 0 and votes[name] == most:
            tied += 1
            won += correct[name]
    return won / tied if tied > 0 else 0.0


@compile_kernel
def name_strategies(
    means: Any,
    order: Any,
    group: Any,
    errors: Any,
    known: int,
    earlier: int,
    reach: Any,
) -> Any:
    """Column that each row of means (rows, columns) names (`tasks.statistics.cells.picks`).

    `order` lists the candidates, cheapest first, `group` their group of equal cost, both rising.
    `errors` (columns, columns) of differences. `known` is the baseline and `earlier` what the last
    table named, −1 without. `reach`: errors by which the best is ahead, and by which it is held.
    """
    named = np.empty(means.shape[0], dtype=np.int64)
    stand_ins = np.empty(order.size, dtype=np.int64)
    for row in range(means.shape[0]):
        mean = means[row]
        count = 0
        best = order[0]
        # Of each group of equal cost the most accurate stands for all, the first of equal ones.
        for place in range(order.size):
            one = order[place]
            if mean[one] > mean[best] + 1e-9:
                best = one
            if place == 0 or group[place] != group[place - 1]:
                stand_ins[count] = one
                count += 1
            elif mean[one] > mean[stand_ins[count - 1]] + 1e-9:
                stand_ins[count - 1] = one
        # Even the best may be behind a baseline that was cut and is no candidate itself.
        tonight = best
        for place in range(count):
            one = stand_ins[place]
            limit = max(reach[0] * errors[best, one], 1e-9)
            worse = mean[best] - mean[one] > limit
            behind = False
            if known >= 0:
                behind = mean[known] - mean[one] > max(errors[known, one], 1e-9)
            if not worse and not behind:
                tonight = one
                break
        named[row] = tonight
        if earlier >= 0:
            held = True
            if known >= 0:
                limit = max(errors[known, earlier], 1e-9)
                held = mean[known] - mean[earlier] <= limit
            ahead = mean[tonight] - mean[earlier]
            limit = reach[1] * errors[tonight, earlier] + 1e-9
            if held and ahead <= limit:
                named[row] = earlier
    return named
