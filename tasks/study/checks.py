"""What is refused of a study in its name and its larger model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Final

from tasks.study.endpoints import Price
from tasks.study.tables import Exchange
from warehouse.errors import UserError

MOST_DRAWS: Final = 2**16
"""Of a budget: six times the most that was ever published (10,000, arXiv 2407.21787)."""
MOST_TOKENS: Final = 2**31 - 1
"""Of a budget in tokens, as its column holds them."""
_LONGEST: Final = 240
"""Characters of a benchmark's name, as of a file's: MLflow takes 500, screens fewer."""


def check_name(name: str | None) -> None:
    """UserError for a name of a benchmark that no screen can show."""
    if name is not None and not (name.strip() and name.isprintable() and len(name) <= _LONGEST):
        raise UserError(
            f"study: expected a benchmark_name of 1 to {_LONGEST} characters on one line, "
            f"got {name!r}; write a shorter one, or leave it out"
        )


def check_budgets(budgets: Sequence[int], most: int) -> None:
    """UserError for budgets that do not rise, or whose last one nobody could spend."""
    is_rising = all(smaller < larger for smaller, larger in pairwise(budgets))
    if not budgets or budgets[0] < 1 or not is_rising:
        raise UserError(
            f"study: budgets must rise strictly from 1 or more, got {tuple(budgets)}; "
            "write e.g. budgets = [1, 2, 4, 8]"
        )
    if budgets[-1] > most:
        raise UserError(
            f"study: budgets must be at most {most:,}, got {_shown(budgets[-1])}; "
            "take out what is above it"
        )


def check_dial(top: int) -> None:
    """UserError for a largest budget that is none."""
    if not 1 <= top <= MOST_DRAWS:
        raise UserError(
            f"study: expected --max-budget from 1 to {MOST_DRAWS:,}, got {_shown(top)}; "
            "name one between"
        )


def _shown(number: int) -> str:
    """A number of any length, in a few characters."""
    # Python refuses to write out more than 4300 digits.
    return str(number) if number.bit_length() < 128 else f"one of {number.bit_length()} bits"


def check_larger(
    keys: Sequence[str], exchange: Exchange | None, prices: Mapping[str, Price]
) -> None:
    """UserError where strategies of these keys ask a model that is not named, or has no price."""
    if not keys:
        return
    if exchange is None:
        raise UserError(
            f"study: {keys[0]} needs a larger model, got none; add e.g. "
            'exchange = { model = "bundled/congruences-large" }, or drop the strategy'
        )
    # With prices of some models alone the money of most questions would be unknown.
    if prices and exchange.model not in prices:
        raise UserError(
            f"study: expected a price of the larger model {exchange.model!r} beside those of "
            f"{', '.join(prices)} for {keys[0]}, got none; add it to [prices], or take all prices "
            "out: money is then unknown"
        )
