"""What a study may say of a strategy: its options, its selectors, the budgets it can spend exactly."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

Kind = Literal["pool", "search", "groups"]
Value = int | float | str
Options = Mapping[str, Value]


class Option(NamedTuple):
    """One option: `read` gives its value, or None for a text that it does not accept."""

    read: Callable[[str], Value | None]
    accepts: str


@dataclass(frozen=True, slots=True)
class Form:
    """One strategy of the dict.

    A pool chooses from parallel draws and does not run. A search runs at every budget and returns ended
    completions. Groups (chains, subtrees) run at the largest budget alone: smaller budgets are averaged over
    subsets of them (METHOD §10).
    """

    kind: Kind
    selectors: tuple[str, ...]
    """Those it may end with, the default first."""
    example: str
    run: Callable[..., Any] | None = None
    """`(root, budget, *, tools, **options)`: a list of nodes, or of lists of nodes for groups; None for a pool."""
    options: Mapping[str, Option] = field(default_factory=dict[str, Option])
    one_of: bool = False
    """Exactly one of the options is given, instead of all."""
    least: Callable[[Options], int] = lambda _: 1
    """Smallest budget at which it exists."""
    unit: Callable[[Options, int], int] = lambda _, __: 1
    """What a budget must be a multiple of."""
    revises: bool = False
    """Whether it asks the revision model instead of the generator."""


def at_least(smallest: int) -> Option:
    """A whole number from `smallest` on."""

    def read(text: str) -> Value | None:
        return int(text) if text.isdecimal() and int(text) >= smallest else None

    return Option(read, f"{smallest} or more")


def power_of_two() -> Option:
    """1, 2, 4, …"""

    def read(text: str) -> Value | None:
        return int(text) if text.isdecimal() and int(text).bit_count() == 1 else None

    return Option(read, "a power of two")


def share(low: float, high: float) -> Option:
    """A number between two others."""

    def read(text: str) -> Value | None:
        plain = re.fullmatch(r"\d*\.?\d+", text)
        return float(text) if plain and low < float(text) < high else None

    return Option(read, f"between {low:g} and {high:g}")


def width() -> Option:
    """M: 2 or more, or `sqrt`."""

    def read(text: str) -> Value | None:
        return text if text == "sqrt" else at_least(2).read(text)

    return Option(read, "2 or more, or sqrt")


def width_at(options: Options, beams: int) -> int:
    """M at this number of beams: the fixed one, or √beams rounded down to a power of two."""
    m = options["m"]
    return int(m) if m != "sqrt" else 2 ** int(math.log2(math.isqrt(beams)))
