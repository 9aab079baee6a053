"""What `ttc doctor` says of one thing it looked at."""

from __future__ import annotations

from typing import Literal, NamedTuple

State = Literal["ok", "warning", "problem"]


class Finding(NamedTuple):
    """One line: what was looked at, how it is, what was seen, what to do when it is not ok."""

    topic: str
    state: State
    seen: str
    advice: str = ""
