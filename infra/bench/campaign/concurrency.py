"""Many processes at one warehouse at once.

    PYTHONPATH=. python infra/bench/campaign/concurrency.py [--n 2] [--seed 0] [--runs 4]

A round: `--runs` runs of one study at once on one state folder, with readers that ask throughout;
two processes that append the same and other rows to its journal; segments copied in, in place and
slowly, while a loader opens and opens; and a clock that jumps back for one of the writers. Every
row is there once, readers meet no error and never fewer rows than before, and the tables are those
of a single run.
"""

from __future__ import annotations

import argparse
import functools
import random
import shutil
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import homes
from trials import Campaign, Ended, ask, conduct, fork, wait_for

from warehouse import journal, snapshot
from warehouse.errors import Busy
from warehouse.journal import Journal
from warehouse.store import Store

LONGEST_PAUSE = 3.0
APPENDS = 12
"""Of each writer a round."""


def run_in_turn(home: Path) -> None:
    """A run that waits for the warehouse as often as another one has it."""
    pause = 0.1
    while True:
        try:
            homes.run(home)
        except Busy:
            # Trying takes a core too: of twenty that tried all the time none would get on.
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(2 * pause, LONGEST_PAUSE)
            continue
        return


def read_throughout(home: Path) -> None:
    """Asks until it is stopped by the file `over`; AssertionError for what no reader should see."""
    most = 0
    while not (home / "over").exists():
        if (home / "warehouse" / "snapshot.duckdb").exists():
            sql = "SELECT count(*) AS n, count(DISTINCT run_id) AS runs FROM run_events"
            now = snapshot.query(home / "warehouse", sql)["n"].item()
            if now < most:
                raise AssertionError(f"{now} rows after {most}")
            most = now
        time.sleep(0.05)


def append_rows(home: Path, writer: int) -> None:
    """Appends shared and own rows to the journal; the second writer's clock goes back midway."""
    for number in range(APPENDS):
        if writer and number == APPENDS // 2:
            journal._stamp = _stamp_of_the_past
        rows = [_event("both", number), _event(f"writer {writer}", number)]
        Journal.of(home / "warehouse").append("run_events", _frame(rows))


def _stamp_of_the_past() -> str:
    past = datetime.now(UTC) - timedelta(hours=3)
    return past.strftime("%Y%m%dT%H%M%S.%fZ")


def _event(run: str, number: int) -> dict[str, Any]:
    # A moment of its own, as a row's key is run, event and moment.
    moment = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(seconds=number)
    return {"run_id": run, "at": moment, "event": "noted", "detail": str(number)}


def _frame(rows: list[dict[str, Any]]) -> Any:
    import polars as pl

    from warehouse.schema import tables

    schema = tables()["run_events"].schema
    return pl.DataFrame([{name: row.get(name) for name in schema} for row in rows], schema=schema)


def copy_slowly(source: Path, home: Path) -> None:
    """Copies a journal's segments into another one in place, a part of each at a time."""
    for segment in sorted((source / "warehouse" / "journal").glob("*/[!.]*.parquet")):
        target = home / "warehouse" / "journal" / segment.parent.name / segment.name
        target.parent.mkdir(parents=True, exist_ok=True)
        content = segment.read_bytes()
        with target.open("wb") as file:
            for at in range(0, len(content), len(content) // 3 + 1):
                file.write(content[at : at + len(content) // 3 + 1])
                file.flush()
                time.sleep(0.005)


def load_over_and_over(home: Path) -> None:
    """Opens the warehouse until `over`, then once more."""
    while True:
        over = (home / "over").exists()
        try:
            with Store.open(home / "warehouse") as store:
                store.publish_snapshot(whole=True)
        except Busy:
            continue
        if over:
            return


class Round:
    """One round's processes, each with a file of what it said."""

    def __init__(self, campaign: Campaign, home: Path) -> None:
        self.campaign = campaign
        self.home = home
        self.running: dict[str, tuple[int, Path]] = {}

    def start(self, name: str, work: Callable[[], None]) -> None:
        """One more process."""
        said = self.campaign.folder / f"said {name}"
        self.running[name] = (fork(work, said), said)

    def wait(self, *beginnings: str) -> None:
        """For all processes whose names begin so; what is wrong with how they ended is counted."""
        for name in [name for name in self.running if name.startswith(beginnings)]:
            ended: Ended = wait_for(*self.running.pop(name))
            self.campaign.counts["processes"] += 1
            homes.note_ending(self.campaign, ended, name)


def runs_at_once(campaign: Campaign, good: Path, runs: int) -> None:
    """Runs of one study, readers, and two writers of the journal."""
    home = campaign.folder / "runs"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    round_ = Round(campaign, home)
    for number in range(runs):
        round_.start(f"run {number}", functools.partial(run_in_turn, home))
    for number in range(2):
        round_.start(f"reader {number}", functools.partial(read_throughout, home))
        round_.start(f"writer {number}", functools.partial(append_rows, home, number))
    round_.wait("run", "writer")
    (home / "over").touch()
    round_.wait("reader")
    for sentence in ask(functools.partial(_judge_runs, home, good), campaign.folder):
        campaign.fault("wrong", sentence)


def _judge_runs(home: Path, good: Path) -> list[str]:
    with Store.open(home / "warehouse") as store:
        store.publish_snapshot(whole=True)
        sql = "SELECT count(*) AS n FROM run_events WHERE event = 'noted'"
        noted = store.read(sql)["n"].item()
    said = [f"{table} differs" for table in homes.differing(home, good)] + homes.untidy(home)
    if noted != 3 * APPENDS:
        said.append(f"{noted} rows of two writers, not {3 * APPENDS}")
    return said


def copied_while_loading(campaign: Campaign, good: Path) -> None:
    """A loader at a journal into which another one is being copied."""
    home = campaign.folder / "copied"
    shutil.rmtree(home, ignore_errors=True)
    home.mkdir()
    round_ = Round(campaign, home)
    said = campaign.folder / "said loader"
    loader = fork(functools.partial(load_over_and_over, home), said)
    round_.start("copier", functools.partial(copy_slowly, good, home))
    round_.wait("copier")
    (home / "over").touch()
    ended = wait_for(loader, said)
    if ended.code != 0:
        campaign.fault("tracebacks", f"loader: exit {ended.code}, {ended.said[-3000:]}")
        return
    for table in ask(functools.partial(homes.differing, home, good), campaign.folder):
        campaign.fault("lost", f"{table} differs after it was copied in: {ended.said[-2000:]}")


def at_once(campaign: Campaign) -> None:
    """Rounds."""
    good = homes.warm(campaign.folder)
    for _ in campaign.tries():
        runs_at_once(campaign, good, campaign.options.runs)
        copied_while_loading(campaign, good)


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when a row was lost or doubled, or anybody met an error."""

    def more(parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--runs", type=int, default=4, help="at once")

    return conduct(argv, __doc__, at_once, n=2, more=more)


if __name__ == "__main__":
    sys.exit(main())
