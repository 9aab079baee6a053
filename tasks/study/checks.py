"""What is refused of a study in its name and its larger model."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from tasks.study.endpoints import Price
from tasks.study.tables import Exchange
from warehouse.errors import UserError

_LONGEST: Final = 240
"""Characters of a benchmark's name, as of a file's: MLflow takes 500, screens fewer."""


def check_name(name: str | None) -> None:
    """UserError for a name of a benchmark that no screen can show."""
    if name is not None and not (name.strip() and name.isprintable() and len(name) <= _LONGEST):
        raise UserError(
            f"study: expected a benchmark_name of 1 to {_LONGEST} characters on one line, "
            f"got {name!r}; write a shorter one, or leave it out"
        )


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
