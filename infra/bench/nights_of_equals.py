"""How often nights of equal versions end in an alarm or a promotion, and how soon a loss is seen.

`PYTHONPATH=. python infra/bench/nights_of_equals.py [--quick] [--series N] [--json PATH] [--write]`

Nights are drawn by `infra.bench.nights_family`, which shares no code with what is judged: each
night brings a new version, compared with the champion on the same questions and on draws of its
own, as `tasks.versions.champion` does it. The champion is measured again as the product would.

- series of 30 nights of equal versions: the shares with an alarm, and with a promotion.
- the first nights of versions that are worse, after some nights of equal ones: the share of these
  nights with an alarm, by points lost and questions.
"""

from __future__ import annotations

import argparse
import json
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import polars as pl

from infra.bench.nights_family import (
    BASELINE,
    BUDGETS,
    Floats,
    Night,
    Version,
    abilities,
    columns_of,
    night_of,
    question_names,
    version_of,
)
from tasks.settings import INFRA
from tasks.statistics.curves import fold_of
from tasks.statistics.difficulty import bins
from tasks.statistics.outcomes import grid_of
from tasks.statistics.worth import PolicyWorth, worth_of
from tasks.study.tables import Gate
from tasks.versions.comparison import compare
from tasks.versions.gate import worse_at
from tasks.versions.promotion import decide
from tasks.versions.reigns import Challenge, Reign, significance_of

FIRST_NIGHT: Final = datetime(2026, 1, 1, tzinfo=UTC)
SEEN: Final = 3
"""Nights of a worse version after which it should have been found."""
METHOD: Final = INFRA / "METHOD.md"
BEGINNING: Final = "<!-- power: written by python infra/bench/nights_of_equals.py --write -->"
ENDING: Final = "<!-- power ends -->"
POINTS: Final = (2, 5, 10, 20)


class Sizes(NamedTuple):
    """How much is simulated; `before`: equal nights that come before those of a worse version."""

    series: int
    nights: int
    questions: tuple[int, ...]
    worse: int
    before: tuple[int, ...]
    resamples: int


FULL = Sizes(200, nights=30, questions=(100, 200, 500), worse=40, before=(1,), resamples=400)
QUICK = Sizes(4, nights=4, questions=(100,), worse=4, before=(1,), resamples=100)


class Month:
    """One family over its nights: who is champion, and what was measured of it."""

    def __init__(
        self,
        questions: int,
        *,
        seed: int,
        resamples: int,
        every: int = Gate().again,
    ) -> None:
        self._rng = np.random.default_rng([seed, questions])
        self._resamples = resamples
        self._every = every
        self._ability = abilities(questions, self._rng)
        self._champion = self.new()
        self._reign = Reign(since=FIRST_NIGHT)
        self._clock = 0
        self._measured = [(FIRST_NIGHT, self._measure(self._champion))]
        self.alarms = 0
        self.promotions = 0

    def new(self, *, worse: float = 0.0) -> Version:
        """A version of the family, so much worse than its usual ones."""
        return version_of(self._ability, self._rng, worse=worse)

    def night(self, version: Version) -> bool:
        """A night with a new version: whether it raised an alarm."""
        if self._reign.is_due(self._measured, every=self._every):
            self._measured.append((self._now(), self._measure(self._champion)))
        challenge = Challenge("nights", str(self._clock), 0)
        significance = significance_of(self._reign.place_of(challenge))
        worth = self._measure(version)
        compared = compare(
            [worth],
            self._reign.reference(self._measured),
            budgets=BUDGETS,
            seed=0,
            resamples=self._resamples,
        )
        at = self._now()
        if decide(compared, significance=significance).promoted:
            self.promotions += 1
            self._champion = version
            self._measured = [(at, worth)]
            self._reign = Reign(since=self._now(), is_first=False)
        else:
            self._reign.compared.append(challenge)
        is_alarm = bool(worse_at(compared, significance=significance))
        self.alarms += is_alarm
        return is_alarm

    @property
    def measured(self) -> int:
        """How often the champion was, the night that made it champion counted."""
        return len(self._measured)

    def _measure(self, version: Version) -> PolicyWorth:
        return worth_of_night(night_of(version, self._rng))

    def _now(self) -> datetime:
        self._clock += 1
        return FIRST_NIGHT + timedelta(hours=self._clock)


def worth_of_night(night: Night) -> PolicyWorth:
    """What a night's policy is worth, as the product judges it."""
    names = question_names(night.reading.size)
    values = pl.DataFrame({"question_id": names, "value": night.reading})
    outcomes = pl.DataFrame(columns_of(night))
    grid = grid_of(outcomes, bins(values), costs=("generated_tokens",), baseline=BASELINE)
    return worth_of(grid, fold_of(grid, seed=0))


def equal_series(questions: int, sizes: Sizes) -> dict[str, float]:
    """Shares in percent of series of equal versions with an alarm, and with a promotion."""
    months: list[Month] = []
    for seed in range(sizes.series):
        month = Month(questions, seed=seed, resamples=sizes.resamples)
        for _ in range(sizes.nights):
            month.night(month.new())
        months.append(month)
    alarmed = [month.alarms > 0 for month in months]
    promoted = [month.promotions > 0 for month in months]
    return {"alarm": 100 * float(np.mean(alarmed)), "promotion": 100 * float(np.mean(promoted))}


def power(
    questions: int,
    points: float,
    *,
    before: int,
    sizes: Sizes,
) -> Floats:
    """Shares in percent of the first nights of worse versions with an alarm: (SEEN,)."""
    found = np.zeros((sizes.worse, SEEN))
    for seed in range(sizes.worse):
        month = Month(questions, seed=1000 + seed, resamples=sizes.resamples)
        for _ in range(before):
            month.night(month.new())
        found[seed] = [month.night(month.new(worse=points / 100)) for _ in range(SEEN)]
    return 100 * found.mean(axis=0)


def main(sizes: Sizes, *, equals: bool = True, losses: bool = True) -> dict[str, Any]:
    """Both measurements."""
    started = time.monotonic()
    report: dict[str, Any] = {"sizes": sizes._asdict()}
    if equals:
        # At the size that is named for it; the others would take hours more.
        questions = 200 if 200 in sizes.questions else sizes.questions[0]
        report["equal"] = {"questions": questions, **equal_series(questions, sizes)}
        print(json.dumps(report["equal"]), flush=True)
    report["power"] = []
    for before in sizes.before if losses else ():
        for questions in sizes.questions:
            for points in POINTS:
                found = power(questions, points, before=before, sizes=sizes)
                row = {"before": before, "questions": questions, "points": points}
                report["power"].append({**row, "nights": found.tolist()})
                print(json.dumps(report["power"][-1]), flush=True)
    report["seconds"] = round(time.monotonic() - started, 1)
    return report


def table_of(power: list[dict[str, Any]]) -> str:
    """The shares of nights with an alarm as a Markdown table, a column a size of benchmark."""
    questions = sorted({row["questions"] for row in power})
    places = sorted({(row["before"], row["points"]) for row in power})
    found = {(row["before"], row["points"], row["questions"]): row["nights"] for row in power}
    lines = [
        f"| equal nights before | points lost | {' | '.join(map(str, questions))} questions |",
        f"| --: | --: |{' --: |' * len(questions)}",
    ]
    for before, points in places:
        means = [np.mean(found[before, points, count]) for count in questions]
        shown = " | ".join(f"{mean:.0f} %" for mean in means)
        lines.append(f"| {before} | {points} | {shown} |")
    return "\n".join(lines)


def write_table(power: list[dict[str, Any]]) -> None:
    """Put the table in its place in METHOD."""
    text = METHOD.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGINNING)
    _, _, after = rest.partition(ENDING)
    METHOD.write_text(
        f"{before}{BEGINNING}\n\n{table_of(power)}\n\n{ENDING}{after}", encoding="utf-8"
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="equal and worse versions over nights")
    parser.add_argument("--quick", action="store_true", help="a small form of all parts")
    parser.add_argument("--series", type=int, help="series of equal versions")
    parser.add_argument("--worse", type=int, help="families with worse versions, a cell")
    only = parser.add_mutually_exclusive_group()
    only.add_argument("--equals", dest="losses", action="store_false", help="equal versions alone")
    only.add_argument("--losses", dest="equals", action="store_false", help="worse versions alone")
    parser.add_argument("--json", type=Path, metavar="PATH", help="where to write the figures")
    parser.add_argument("--write", action="store_true", help="the table into infra/METHOD.md")
    options = parser.parse_args()
    base = QUICK if options.quick else FULL
    asked = base._replace(series=options.series or base.series, worse=options.worse or base.worse)
    found = main(asked, equals=options.equals, losses=options.losses)
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    if options.write and options.losses:
        write_table(found["power"])
