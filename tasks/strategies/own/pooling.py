"""A pool in a file of the user's own, over random orders of what was drawn (METHOD §10)."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, NoReturn

import numpy as np

from tasks.protocols import Confidence
from tasks.statistics.arrays import Flags, Floats, Integers
from tasks.statistics.selectors import SELECTORS, Candidate, Choice
from tasks.statistics.subsets import shuffles
from tasks.strategies.forms import PoolFigure, QuestionPool, StopRule
from tasks.strategies.own.declaring import Declaration
from tasks.strategies.own.failing import OverBudget, Refused, is_count, kind_of, no_count
from tasks.strategies.own.searching import agreement_of

ORDERS = 64
"""Random orders of a pool that a function is averaged over."""


class Drawn(NamedTuple):
    """One completion of a pool as a function sees it."""

    place: int
    """In the order in which they are drawn."""
    tokens: float
    """Generated; NaN where nobody told."""


class _Short(Exception):
    """Fewer draws are there than were asked for: whoever serves the pool draws on."""

    def __init__(self, wanted: int) -> None:
        super().__init__(wanted)
        self.wanted = wanted


class PoolTools:
    """The tools of a pool: the same words as a search has, answered at once from what is drawn."""

    def __init__(self, candidates: Sequence[Candidate], budget: int, declared: Declaration) -> None:
        self.budget = budget
        """Generations that the question may take."""
        self.generations = 0
        """Those that were asked for so far."""
        self.requests = 0
        """Requests for more draws, which follow each other."""
        self.latency = 0.0
        """Tokens that were waited for: of each request its longest draw."""
        self.error: Exception | None = None
        """What it refused first, whatever the function made of it."""
        self._candidates = candidates
        self._declared = declared
        self._drawn: list[Drawn] = []

    async def completions(self, n: int) -> list[Drawn]:
        """The question's first n whole completions."""
        if not is_count(n):
            self._refuse(no_count(n))
        if n > self.budget:
            self._refuse(OverBudget(n))
        if n > len(self._candidates):
            self._refuse(_Short(n))
        if n > self.generations:
            new = self._candidates[self.generations : n]
            self.latency += max(one.tokens for one in new)
            self._drawn += [Drawn(self.generations + i, one.tokens) for i, one in enumerate(new)]
            self.generations = n
            self.requests += 1
        return self._drawn[:n]

    async def answers(self, drawn: Sequence[Drawn]) -> list[str | None]:
        """The class that each votes for, under a name to compare; None: it has no answer."""
        return [self._candidates[one.place].answer for one in drawn]

    async def scores(self, drawn: Sequence[Drawn]) -> list[float | None]:
        """The verifier's score of each; None where it failed, or the completion was cut."""
        self._check("scores", self._declared.scores)
        return [self._candidates[one.place].score for one in drawn]

    async def score(self, drawn: Drawn) -> float | None:
        """The same of one."""
        (score,) = await self.scores([drawn])
        return score

    async def confidences(self, drawn: Sequence[Drawn]) -> list[Confidence]:
        """How sure the model was of each (METHOD §13): `lowest`, `mean` and `tail`."""
        self._check("confidences", self._declared.confidences)
        every = [self._candidates[one.place].confidence for one in drawn]
        known = [one for one in every if one is not None]
        if len(known) < len(every):
            lacking = f"{len(every) - len(known)} of {len(every)}"
            said = f"asked for confidences, which {lacking} draws lack"
            self._refuse(Refused(said, "draw them in a study that names it, at another replicate"))
        return known

    async def agreement(self, drawn: Sequence[Drawn]) -> float:
        """Share of these that give the most frequent answer; 0 where none answers."""
        return agreement_of(await self.answers(drawn))

    def _check(self, what: str, is_declared: bool) -> None:
        if not is_declared:
            said = f"asked for {what}, which it does not declare"
            self._refuse(Refused(said, f"write @pool({what}=True) above it"))

    def _refuse(self, error: Exception) -> NoReturn:
        self.error = self.error or error
        raise error


Bound = Callable[[PoolTools], Any]
"""A pool's function with its options: gives what it awaits its tools in."""


def drive(function: Bound, tools: PoolTools) -> list[int]:
    """Places of the draws that the function chooses from.

    No event loop: what its tools answer is there, so that it runs to its end at once.
    """
    coroutine = function(tools)
    try:
        coroutine.send(None)
    except StopIteration as ended:
        # A function that catches all exceptions has not been answered.
        if tools.error is not None:
            raise tools.error from None
        return _places(ended.value, tools.generations)
    coroutine.close()
    raise Refused("waits for something else than its tools", "await what tools give alone")


def _places(made: Any, drawn: int) -> list[int]:
    if isinstance(made, list | tuple):
        chosen: list[Any] = [*made]  # pyright: ignore[reportUnknownArgumentType]
        if all(isinstance(one, Drawn) and one.place < drawn for one in chosen):
            return [one.place for one in chosen]
    raise Refused(f"gave back {kind_of(made)}", "return a list of the draws to choose from")


class Seen(NamedTuple):
    """A pool's draws as candidates, and the chance that each is right when it is served."""

    candidates: list[Candidate]
    correct: Flags
    orders: Integers
    """Random orders of the draws, one a row, the same for every budget and function."""
    shares: dict[str, float]
    """By class: that its draws are right, of which any is served alike where votes decide."""

    @classmethod
    def of(cls, question: QuestionPool) -> Seen:
        """What functions see of a question's draws."""
        pool = question.draws
        classes, shares = pool.relabelled()
        tokens = np.full(classes.size, np.nan) if pool.tokens is None else pool.tokens
        sure = pool.confidences or [None] * classes.size
        candidates: list[Candidate] = []
        for voted, score, count, one in zip(classes, pool.scores, tokens, sure, strict=True):
            answer = None if voted < 0 else str(voted)
            known = None if math.isnan(score) else float(score)
            candidates.append(Candidate(answer, known, float(count), one))
        orders = shuffles(classes.size, ORDERS, (question.seed, classes.size))
        by_class = {str(one): float(share) for one, share in enumerate(shares)}
        return cls(candidates, pool.correct, orders, by_class)

    def right(self, choice: Choice, selector: str, chosen: Integers) -> float:
        """Chance that what is served of these draws is right."""
        if choice.index is None:
            return 0.0
        if selector == "majority":
            return sum(credit * self.shares[name] for name, credit in choice.credits.items())
        return float(self.correct[chosen[choice.index]])


class _Run(NamedTuple):
    """One run of a function on one order of the draws."""

    accuracy: float
    generations: int
    tokens: float
    requests: int
    latency: float


def _run(
    seen: Seen, order: Integers, function: Bound, declared: Declaration, selector: str
) -> _Run:
    candidates = [seen.candidates[draw] for draw in order]
    tools = PoolTools(candidates, len(candidates), declared)
    places = drive(function, tools)
    choice = SELECTORS[selector]([candidates[place] for place in places])
    tokens = sum(one.tokens for one in candidates[: tools.generations])
    right = seen.right(choice, selector, order[places])
    return _Run(right, tools.generations, tokens, tools.requests, tools.latency)


def estimate(
    seen: Seen, budget: int, function: Bound, declared: Declaration, selector: str
) -> PoolFigure:
    """What the function reaches at a budget, averaged over the random orders of the pool."""
    heads = seen.orders[:, :budget]
    runs = [_run(seen, order, function, declared, selector) for order in heads]
    table: Floats = np.array(runs, dtype=np.float64)
    accuracy, generations, tokens, requests, latency = table.mean(axis=0)
    error = table[:, 0].std(ddof=1) / math.sqrt(len(runs))
    return PoolFigure(
        budget,
        float(accuracy),
        float(error),
        float(generations),
        tokens=float(tokens),
        rounds=float(requests),
        latency=float(latency),
    )


def stop_rule(function: Bound, declared: Declaration, budget: int) -> StopRule:
    """When a served pool stops drawing: where the function asks for no more."""

    def ask(candidates: Sequence[Candidate]) -> _Asked:
        tools = PoolTools(candidates, budget, declared)
        try:
            drive(function, tools)
        except _Short as short:
            return _Asked(None, short.wanted)
        return _Asked(tools.generations, tools.generations)

    def stops_at(candidates: Sequence[Candidate]) -> int | None:
        return ask(candidates).ended

    def next_draws(candidates: Sequence[Candidate]) -> int:
        return ask(candidates).wanted - len(candidates)

    # What it asks for first is drawn at once; one that asks for nothing is shown a draw.
    return StopRule(max(ask(()).wanted, 1), stops_at, next_draws)


class _Asked(NamedTuple):
    """What a function asked for of so many draws."""

    ended: int | None
    """Draws that it asked for in all; None: it asked for more than there are."""
    wanted: int


def choose(
    candidates: Sequence[Candidate],
    function: Bound,
    declared: Declaration,
    selector: str,
    budget: int,
) -> Choice:
    """What the function serves of the draws that it asked for."""
    places = drive(function, PoolTools(candidates, budget, declared))
    choice = SELECTORS[selector]([candidates[place] for place in places])
    if choice.index is None:
        return choice
    return Choice(places[choice.index], choice.answer, choice.credits)
