"""What a strategy is: options, budgets it can spend exactly, how it is estimated and served."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, NamedTuple, Self

from tasks.models.thinking_caps import Cap
from tasks.statistics.estimators import EstimateName, Pool, PoolEstimate, pool_estimates
from tasks.statistics.selectors import Candidate, Choice

Kind = Literal["pool", "search", "groups"]
Value = int | float | str
Options = Mapping[str, Value]

AT: Final = "@T="
"""What a temperature follows, at the very end of a key."""

STEPWISE = ("weighted", "best_of_n", "majority")
"""Selectors of whatever ends with completions of one question, scored at their end."""


class Option(NamedTuple):
    """One option: `read` gives its value, or None for a text that it does not accept."""

    read: Callable[[str], Value | None]
    accepts: str
    """What it accepts, for the refusal of everything else."""
    short: Mapping[str, str] = {}
    """Shorter spellings of some values, for short names."""
    default: Value | None = None
    """What it is where it is left out, and left out where it is that; None: it must be there."""


class PoolKey(NamedTuple):
    """Which pool of a question a strategy chooses from."""

    temperature: float | None = None
    """None: that of the study."""
    cap: Cap | None = None
    """None: its completions think as long as they are drawn."""
    larger: bool = False
    """Whether it is of the study's larger model."""


OWN_POOL: Final = PoolKey()
"""That of the study, which begins with a probe's draws."""
LARGER_POOL: Final = PoolKey(larger=True)
"""That of the study's larger model."""


class Passed(NamedTuple):
    """What a pool strategy leaves to the study's larger model."""

    chance: float
    """Of asking it."""
    draws: int
    """Made at once where it is asked."""


class PoolFigure(NamedTuple):
    """What a pool strategy reaches on one question at one budget; `generations` is a mean.

    All but the accuracy is of the model whose pool it is; what is `passed` comes on top.

    `mc_error` is the standard error of averaging over random orders, 0 for an exact figure.
    """

    budget: int
    accuracy: float
    mc_error: float
    generations: float
    tokens: float | None = None
    """Generated on average; None: as many as so many whole draws."""
    rounds: float = 1.0
    """Requests that follow each other, on average; every one reads the prompt."""
    latency: float | None = None
    """Tokens of the longest path, on average; None: all at once, so those of the longest draw."""
    passed: Passed | None = None

    @property
    def drawn(self) -> float:
        """Generations of all models, on average."""
        return self.generations + (self.passed.chance * self.passed.draws if self.passed else 0.0)


@dataclass(frozen=True, slots=True, eq=False)
class QuestionPool:
    """All whole completions of one question, from which the pool strategies choose."""

    draws: Pool
    budgets: Sequence[int]
    seed: int
    estimates: Sequence[PoolEstimate]
    """Of every selector at every budget, computed once for all strategies that read them."""
    larger: Pool | None = None
    """Draws of the study's larger model; None: it is not asked."""

    @classmethod
    def of(
        cls, draws: Pool, budgets: Sequence[int], *, seed: int, larger: Pool | None = None
    ) -> Self:
        """The pool with its estimates; ValueError for a budget outside the pool."""
        return cls(draws, budgets, seed, pool_estimates(draws, budgets, seed=seed), larger)

    def figures(self, selector: EstimateName) -> list[PoolFigure]:
        """What one selector reaches at every budget; it takes the whole budget."""
        figures: list[PoolFigure] = []
        for one in self.estimates:
            if one.selector == selector:
                spent = float(one.budget)
                figures.append(PoolFigure(one.budget, one.accuracy, one.mc_error, spent))
        return figures


class StopRule(NamedTuple):
    """When to stop drawing one completion after the other."""

    earliest: int
    """It never stops on fewer draws, so that so many may be drawn at once."""
    stops_at: Callable[[Sequence[Candidate]], int | None]
    """Number of these draws after which it stops; None when it would go on."""
    next_draws: Callable[[Sequence[Candidate]], int] = lambda _: 1
    """How many it makes after these, all at once, before it looks at them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """One strategy of the dict: everything that the product knows of it.

    A pool chooses from parallel draws and does not run. A search runs at every budget and returns
    ended completions. Groups (chains, subtrees) run at the largest budget alone: smaller budgets
    are averaged over subsets of them (METHOD §10).
    """

    kind: Kind
    selectors: tuple[str, ...]
    """Those it may end with, the default first."""
    example: str
    """How a study may name it, shown to who misspells it."""
    short: str
    """Its name in tables and figures, before the options."""
    run: Callable[..., Any] | None = None
    """`(root, budget, *, tools, **options)` gives nodes, or lists of them for groups.

    None for a pool.
    """
    estimate: Callable[[QuestionPool, Options], list[PoolFigure]] | None = None
    """What it reaches at every budget of a pool; None for what runs, and leaves it to the selector.
    """
    stop: Callable[[Options, int], StopRule] | None = None
    """When a pool that is served at a budget stops drawing; None where it takes all of it."""
    choose: Callable[[Sequence[Candidate], Options, int], Choice] | None = None
    """How the completion to serve is chosen; None leaves it to the selector."""
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    one_of: bool = False
    """Exactly one of the options is given, instead of all."""
    resolve: Callable[[Options, int], Options] = lambda options, _: options
    """The options that it is run with at a budget."""
    least: Callable[[Options], int] = lambda _: 1
    """Smallest budget at which it exists."""
    unit: Callable[[Options, int], int] = lambda _, __: 1
    """What a budget must be a multiple of."""
    rollouts: Callable[[Options], int] = lambda _: 1
    """Generations that one completion costs."""
    slots: Callable[[Options, int], int] | None = None
    """Completions it can end with at a budget; None: one for so many generations."""
    chain: Callable[[Options], int] | None = None
    """Attempts in sequence, where it makes chains that nest whatever their lengths; else None."""
    revises: bool = False
    """Whether it asks the revision model instead of the generator."""
    shows: Callable[[Options], int] | None = None
    """Most completions of its own that the generator is shown at once; None: it is shown none."""
    selects: bool = False
    """Whether it asks the generator which of them is best, instead of one more."""
    steps: bool | None = None
    """Whether it goes on from unfinished completions; None: all do but pools and revisions."""
    scores: bool | None = None
    """Whether it asks the verifier before it selects; None: searches do, and what goes by steps."""
    cap: Callable[[Options], Cap] | None = None
    """How long its completions may think; None: as long as they are drawn."""
    small: Callable[[Options], int] | None = None
    """Draws of the study's model before the larger one is asked; None: only that model is asked."""
    keeps: Callable[[Sequence[Candidate], Options], bool] | None = None
    """Whether these first draws are answer enough, where the larger model may be asked."""
    needs_confidence: bool = False
    """Whether engines must tell how sure the model was of each of its draws."""
    needs_falls: bool = False
    """Whether they must tell too where in a draw that fell."""


def at_least(smallest: int, default: int | None = None) -> Option:
    """A whole number from `smallest` on; one with a default may be left out."""

    def read(text: str) -> Value | None:
        # `isdecimal` keeps out signs and `²`, which int() or isdigit() would take.
        return int(text) if text.isdecimal() and int(text) >= smallest else None

    return Option(read, f"{smallest} or more", default=default)


def within(smallest: int, largest: int) -> Option:
    """A whole number from one to another."""

    def read(text: str) -> Value | None:
        return int(text) if text.isdecimal() and smallest <= int(text) <= largest else None

    return Option(read, f"{smallest} to {largest}")


def power_of_two() -> Option:
    """1, 2, 4, …"""

    def read(text: str) -> Value | None:
        return int(text) if text.isdecimal() and int(text).bit_count() == 1 else None

    return Option(read, "a power of two")


def share(low: float, high: float) -> Option:
    """A number between two others."""

    def read(text: str) -> Value | None:
        # No sign, exponent or `nan`: one value has few spellings, so that keys stay readable.
        if not re.fullmatch(r"\d*\.?\d+", text):
            return None
        value = float(text)
        return value if low < value < high else None

    return Option(read, f"between {low:g} and {high:g}")


def one_from(*words: str) -> Option:
    """One of these words; the first goes without saying."""

    def read(text: str) -> Value | None:
        return text if text in words else None

    return Option(read, " or ".join(words), default=words[0])


def width() -> Option:
    """M, the prefixes that share one place: 2 or more, or `sqrt`."""

    def read(text: str) -> Value | None:
        return text if text == "sqrt" else at_least(2).read(text)

    return Option(read, "2 or more, or sqrt", {"sqrt": "√N"})


def width_at(m: Value, beams: int) -> int:
    """M at this number of beams: the fixed one, or √beams rounded down to a power of two."""
    if m != "sqrt":
        return int(m)
    # A power of two divides the usual budgets, so that each of them is spent exactly.
    return 2 ** int(math.log2(math.isqrt(beams)))


def least_beams(m: Value) -> int:
    """The fewest beams that M makes sense for; for `sqrt` 4, where M is 2 and not yet 1."""
    return 4 if m == "sqrt" else int(m)
