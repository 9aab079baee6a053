"""How often a champion was challenged, and what significance the next comparison may take.

A night's comparison is one of many. All comparisons with one champion share one SIGNIFICANCE,
spent by a schedule that is known before: whatever they have in common, equal versions raise an
alarm or are promoted in all of its time no more often than that (METHOD §7).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, NamedTuple, TypeVar

from scipy import special  # pyright: ignore[reportMissingTypeStubs]

from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.versions.version import Version
from warehouse.reader import Reader

Measured = TypeVar("Measured")

POWER: Final = 1.5
"""Levels fall with this power of the place: just above 1 they would hardly fall, but start low."""
DELAY: Final = 5
"""Places that are skipped, so that the first comparison does not take most of the level."""


def significance_of(place: int) -> float:
    """Significance of the place-th comparison with one champion, from 1; all sum to SIGNIFICANCE.

    Raises ValueError for a place below 1.
    """
    if place < 1:
        raise ValueError(f"expected a place from 1, got {place}")
    # Σ (k + DELAY)^−POWER over k ≥ 1 is Hurwitz's zeta function.
    total = float(special.zeta(POWER, DELAY + 1))  # pyright: ignore
    return SIGNIFICANCE * (place + DELAY) ** -POWER / total


class Challenge(NamedTuple):
    """What a comparison is of: runs alike in this have the same draws, and it is made once."""

    study: str
    model_fingerprint: str
    replicate: int


@dataclass(slots=True)
class Reign:
    """The time of one champion: since when, and what was compared with it, in order."""

    since: datetime | None = None
    is_first: bool = True
    """Whether it was never chosen among versions: nobody was champion of its track before."""
    compared: list[Challenge] = field(default_factory=list[Challenge])

    def place_of(self, challenge: Challenge) -> int:
        """The place of a comparison, from 1: its own again, or the next one."""
        if challenge in self.compared:
            return self.compared.index(challenge) + 1
        return len(self.compared) + 1

    def reference(self, measured: Sequence[tuple[datetime, Measured]]) -> list[Measured]:
        """What counts of the champion's measurements, each with the time when it began.

        What made it champion is lucky among all that might have: once there are later ones, these
        alone count. The first version was not chosen, and all of its own count.
        """
        fresh = self._fresh(measured)
        return fresh or [one for _, one in measured]

    def is_due(self, measured: Sequence[tuple[datetime, object]], *, every: int) -> bool:
        """Whether the champion should be measured again before the next comparison.

        So at once where it was chosen, and after so many comparisons; 0: never.
        """
        wanted = 1 + len(self.compared) // every if every else 0
        return len(self._fresh(measured)) < wanted

    def _fresh(self, measured: Sequence[tuple[datetime, Measured]]) -> list[Measured]:
        """The measurements by which it was not chosen."""
        since = None if self.is_first else self.since
        return [one for at, one in measured if since is None or at > since]


def challenge_of(store: Reader, run: Version) -> Challenge:
    """What the comparison of a run is of."""
    sql = f"SELECT {', '.join(Challenge._fields)} FROM runs WHERE run_id = $run_id"
    return Challenge(*store.read(sql, run_id=run.run_id).row(0))


def reign_of(store: Reader, like: Version) -> Reign:
    """The reign of the champion of a version's family and benchmark, from what befell its runs."""
    names = ", ".join(f"runs.{name}" for name in Challenge._fields)
    rows = store.read(
        f'SELECT said.event, said."at", {names} '
        "FROM run_events AS said JOIN runs USING (run_id) JOIN run_benchmarks USING (run_id) "
        "WHERE coalesce(runs.family, runs.model) = $family "
        "AND run_benchmarks.benchmark = $benchmark "
        "AND said.event IN ('promoted', 'candidate', 'rolled_back') ORDER BY said.\"at\"",
        family=like.family,
        benchmark=like.benchmark,
    ).rows()
    reign = Reign()
    champion: str | None = None
    for event, at, *columns in rows:
        challenge = Challenge(*columns)
        if event == "candidate":
            if challenge not in reign.compared:
                reign.compared.append(challenge)
        elif event == "rolled_back" or challenge.model_fingerprint != champion:
            reign = Reign(since=at, is_first=reign.since is None)
            # Whoever was champion before one that was rolled back has no event of its own.
            champion = None if event == "rolled_back" else challenge.model_fingerprint
    return reign
