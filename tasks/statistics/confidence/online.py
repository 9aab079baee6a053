"""Draws that are stopped where their confidence falls, one after the other (METHOD §13).

The online form of DeepConf (Fu et al., arXiv 2508.15260).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np

from tasks.protocols import Fall
from tasks.statistics.arrays import Flags
from tasks.statistics.selectors import NO_CHOICE, Choice
from tasks.statistics.subsets import shuffles


class Rule(NamedTuple):
    """Which draws are stopped, and when no more are made."""

    top: float
    """Share of the first draws that the bar lets pass."""
    warmup: int
    """Draws that are made first, at once, and are not stopped."""
    agree: float
    """Share of the kept confidence behind one answer with which drawing ends."""


class Watched(NamedTuple):
    """One draw as the rule sees it."""

    answer: str | None
    """None: it has no vote."""
    falls: Sequence[Fall]
    tokens: float

    @property
    def lowest(self) -> int:
        """The lowest mean of any of its windows, which is its weight in the vote."""
        return self.falls[-1].mean

    def stopped_at(self, bar: float) -> int | None:
        """Its tokens when a window first fell below the bar; None: none did."""
        return next((fall.tokens for fall in self.falls if fall.mean < bar), None)


class Point(NamedTuple):
    """Where drawing stands after so many draws."""

    draws: int
    tokens: float
    """Written so far, of stopped draws up to where they were stopped."""
    latency: float
    """Of these, one after the other: the longest first draw, and all that followed."""
    chosen: int | None
    """Place of what would be served; None: nothing has a vote."""
    settled: bool


class OnlineEstimate(NamedTuple):
    """Expected accuracy of at most `budget` draws, and means of what they take."""

    budget: int
    accuracy: float
    mc_error: float
    """Standard error of averaging over random orders."""
    generations: float
    """Draws begun, stopped ones included."""
    tokens: float
    latency: float


def follow(draws: Sequence[Watched], rule: Rule) -> Iterator[Point]:
    """After the first draws, and after each that follows until the vote is settled.

    Where there are fewer draws than the rule makes first, all of them are first ones.
    """
    first = draws[: rule.warmup]
    if not first:
        return
    bar = bar_of(first, rule)
    votes = _Votes(bar)
    for place, draw in enumerate(first):
        votes.add(place, draw)
    tokens = sum(draw.tokens for draw in first)
    latency = max(draw.tokens for draw in first)
    yield _point(len(first), tokens, latency, votes, rule)
    for place, draw in enumerate(draws[len(first) :], start=len(first)):
        if votes.share >= rule.agree:
            return
        stopped = draw.stopped_at(bar)
        took = draw.tokens if stopped is None else float(stopped)
        tokens += took
        latency += took
        votes.add(place, draw)
        yield _point(place + 1, tokens, latency, votes, rule)


def bar_of(first: Sequence[Watched], rule: Rule) -> float:
    """The percentile of the first draws' lowest windows, linear between two of them."""
    lowest = [draw.lowest for draw in first]
    return float(np.percentile(lowest, 100 * (1 - rule.top)))


class _Votes:
    """The confidence behind every answer, of draws that the bar let pass."""

    def __init__(self, bar: float) -> None:
        self.bar = bar
        self.totals: Counter[str] = Counter()
        self.surest: dict[str, tuple[int, int]] = {}
        """By answer: lowest window and place of its surest draw, the earliest of equal ones."""

    def add(self, place: int, draw: Watched) -> None:
        """A draw below the bar was stopped, or is a first one that would have been."""
        if draw.answer is None or draw.lowest < self.bar:
            return
        self.totals[draw.answer] += draw.lowest
        known = self.surest.get(draw.answer)
        if known is None or draw.lowest > known[0]:
            self.surest[draw.answer] = (draw.lowest, place)

    @property
    def winner(self) -> str | None:
        """The answer with most behind it, the one seen first of equal ones."""
        # A Counter keeps the order in which answers came, and `max` the first of equal ones.
        return max(self.totals, key=lambda answer: self.totals[answer], default=None)

    @property
    def share(self) -> float:
        """Of the leading answer; 0 where there is none."""
        total = self.totals.total()
        return max(self.totals.values()) / total if total else 0.0


def _point(draws: int, tokens: float, latency: float, votes: _Votes, rule: Rule) -> Point:
    winner = votes.winner
    chosen = None if winner is None else votes.surest[winner][1]
    return Point(draws, tokens, latency, chosen, votes.share >= rule.agree)


def choose_online(draws: Sequence[Watched], rule: Rule) -> Choice:
    """What is served of draws that were made in this order."""
    points = [*follow(draws, rule)]
    place = points[-1].chosen if points else None
    if place is None:
        return NO_CHOICE
    answer = str(draws[place].answer)
    return Choice(place, answer, {answer: 1.0})


def settles_at(draws: Sequence[Watched], rule: Rule) -> int | None:
    """Number of these draws after which no more are made; None: more would be."""
    if len(draws) < rule.warmup:
        return None
    return next((point.draws for point in follow(draws, rule) if point.settled), None)


def online_estimates(
    draws: Sequence[Watched],
    correct: Flags,
    budgets: Sequence[int],
    *,
    rule: Rule,
    seed: int,
    orders: int = 64,
) -> list[OnlineEstimate]:
    """An estimate at each budget of `warmup` or more, over seeded random orders of the pool.

    `correct` says of each draw whether it is right. A budget ends what is not settled before.
    """
    fitting = [int(budget) for budget in budgets if budget >= rule.warmup]
    shuffled = shuffles(len(draws), orders, (seed, len(draws)))
    # (orders, budgets, figures)
    table = np.zeros((orders, len(fitting), 4))
    for row, order in enumerate(shuffled):
        points = [*follow([draws[one] for one in order], rule)]
        last = len(points) - 1
        for column, budget in enumerate(fitting):
            end = points[min(budget - rule.warmup, last)]
            right = end.chosen is not None and correct[order[end.chosen]]
            table[row, column] = (right, end.draws, end.tokens, end.latency)
    errors = table[:, :, 0].std(axis=0, ddof=1) / np.sqrt(orders)
    estimates: list[OnlineEstimate] = []
    for place, budget in enumerate(fitting):
        accuracy, made, tokens, latency = table[:, place].mean(axis=0).tolist()
        error = float(errors[place])
        estimates.append(OnlineEstimate(budget, accuracy, error, made, tokens, latency))
    return estimates
