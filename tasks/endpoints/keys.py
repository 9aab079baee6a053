"""The key of a server, read from the environment and written nowhere."""

from __future__ import annotations

import os
from dataclasses import dataclass, field

from warehouse.errors import UserError


@dataclass(frozen=True, slots=True)
class Key:
    """A key and the variable that it came from; only the variable's name is ever shown."""

    name: str
    value: str = field(repr=False)

    @property
    def headers(self) -> dict[str, str]:
        """How a request shows it."""
        return {"Authorization": f"Bearer {self.value}"}

    def hide(self, text: str) -> str:
        """The text without the key: servers quote what they were sent."""
        return text.replace(self.value, "…")


def load_key(variable: str | None) -> Key | None:
    """The key in an environment variable; None for None, UserError where it is not set."""
    if variable is None:
        return None
    value = os.environ.get(variable, "").strip()
    if not value:
        raise UserError(
            f"engine: expected an API key in the environment variable {variable}, it is not set; "
            "export it where `ttc` runs, for nightly runs where `ttc up` does"
        )
    # As a header it is sent as latin-1, and a line break would end it.
    if not value.isascii() or not value.isprintable():
        raise UserError(
            f"engine: expected printable ASCII as the key in {variable}, got other characters; "
            "copy it again"
        )
    return Key(variable, value)
