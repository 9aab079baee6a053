"""A temperature as a part of a strategy's key: `majority@T=0.6` (METHOD §13)."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from tasks.strategies.forms import AT
from warehouse.errors import UserError

_HIGHEST: Final = 5.0
"""As of a study's own temperature."""


class Tempered(NamedTuple):
    """A key without its temperature, and that; None: it has none."""

    key: str
    temperature: float | None


def split_temperature(text: str) -> Tempered:
    """The two parts of a key; UserError for a temperature that nothing can be drawn at."""
    key, at, written = text.rpartition(AT)
    if not at:
        return Tempered(text, None)
    written = written.replace(" ", "")
    # No sign, exponent or `nan`: one value has few spellings, so that keys stay readable.
    is_number = re.fullmatch(r"\d*\.?\d+", written)
    if not is_number or not 0 < float(written) <= _HIGHEST:
        raise UserError(
            f"study: expected a temperature above 0 and up to {_HIGHEST:g} after {AT}, "
            f"got {text!r}; write e.g. majority{AT}0.6"
        )
    return Tempered(key, float(written))
