"""What a user says of a log besides the log."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What a user says besides the log."""

    benchmark: str | None = None
    """Where texts and targets of the questions stand; left out: in the log."""
    answer: str | None = None
    """Kind of answer; left out: as benchmark or questions say."""
    model: str | None = None
    """Name of the model; left out: as the log says."""
    family: str | None = None
    """What the model is a version of; left out: the model's name."""
    name: str | None = None
    """Name of benchmark and study; left out: the log's task."""
    marker: tuple[str, ...] = ()
    """What answers follow, may be repeated; none: those of format `imported`."""
    aggregate: Literal["last", "min", "prod", "mean"] = "last"
    """How scores of steps become one of the completion."""
    draws: int | None = None
    """Draws a question that are taken; left out: as many as nine of ten questions have."""


NO_WISHES = Wishes()
