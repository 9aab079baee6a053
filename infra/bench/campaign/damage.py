"""Damages files of state folders, one at a time, and looks whether anybody is told nonsense.

    PYTHONPATH=. python infra/bench/campaign/damage.py [--n 40] [--seed 0] [--seconds 600]

Bits are turned, blocks zeroed, ends cut off, of every kind of file: segments, entries of the order,
bundles, both databases and their logs, readers' copies, what waits for MLflow, notes. Then readers
ask, `verify` looks, the warehouse is opened, the run goes on, and all is rebuilt. Each gives the
tables of the undamaged folder, or a sentence that names what is damaged: never another table, never
a traceback. What lies outside of the journal can be made from it: there the tables are the same.
"""

from __future__ import annotations

import contextlib
import functools
import io
import os
import random
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import homes
from kills import Lines
from same_tables import rows_of
from trials import Campaign, ask, conduct, fork, wait_for

from tasks.tracking import outbox
from warehouse import verification
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

HEAD = 12 << 10
"""Bytes at the beginning of a database file in which it says where everything is."""
STOPS = {
    "bundle": ("warehouse.journal:Journal._take_out", 3),
    "logs": ("tasks.evaluation.bin_difficulty:bin_questions", 2),
}
"""Homes of killed runs by what they have, and the line inside a function at which they died."""


class Said(NamedTuple):
    """What came of one thing that was done with a damaged folder."""

    refused: str
    """The sentence with which it was refused; empty where it was not."""
    lines: str
    """What stood on stderr."""
    crash: str
    """A traceback."""
    tables: tuple[str, ...]
    """Tables that are other ones than those of the undamaged folder."""


class Damage(NamedTuple):
    """What was done to which file."""

    home: str
    kind: str
    path: Path
    """Relative to the state folder."""
    how: str


def kind_of(path: Path) -> str:
    """Which kind of file it is, as its place in the state folder says."""
    parts = path.parts
    if "journal" in parts and path.suffix == ".parquet":
        return "segment"
    if "journal" in parts:
        return "whole order" if path.name.endswith(".whole.json") else parts[-2]
    if "outbox" in parts:
        return "outbox " + ("summary" if path.suffix == ".json" else "table")
    return path.name


class Lab:
    """State folders to damage copies of."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        folder = campaign.folder
        self.good = homes.warm(folder)
        self.homes = {"whole": self.good}
        for name, (function, at) in STOPS.items():
            self.homes[name] = folder / name
            self._die(self.homes[name], function, at)
        (self.good / "warehouse" / "verified").write_text("draws/2")
        self.files = {
            name: sorted(path.relative_to(home) for path in self._files(home))
            for name, home in self.homes.items()
        }

    def _files(self, home: Path) -> list[Path]:
        inside = [*(home / "warehouse").rglob("*"), *(home / "outbox").rglob("*")]
        return [path for path in inside if path.is_file()]

    def _die(self, home: Path, function: str, at: int) -> None:
        def die() -> None:
            Lines([function], at)
            homes.run(home)

        said = self.campaign.folder / "said"
        ended = wait_for(fork(die, said), said)
        if ended.code != -signal.SIGKILL:
            raise RuntimeError(f"{function} did not die: {ended}")

    def draw(self) -> Damage:
        """Some damage: first the kind of file is chosen, then the file."""
        rng = self.campaign.rng
        name = rng.choice(["whole", "whole", *STOPS])
        kinds: dict[str, list[Path]] = {}
        for path in self.files[name]:
            kinds.setdefault(kind_of(path), []).append(path)
        kind = rng.choice(sorted(kinds))
        how = rng.choice(["bit", "bit", "block", "cut", "empty"])
        return Damage(name, kind, rng.choice(kinds[kind]), how)

    def copy(self, damage: Damage) -> Path:
        """A copy of the folder, damaged."""
        home = self.campaign.folder / "tried"
        shutil.rmtree(home, ignore_errors=True)
        shutil.copytree(self.homes[damage.home], home)
        spoil(home / damage.path, damage.how, self.campaign.rng)
        return home


def spoil(path: Path, how: str, rng: random.Random) -> None:
    """Changes a file where it lies; its time of change is an old one, as nobody is writing it."""
    content = bytearray(path.read_bytes())
    if how in ("bit", "block") and content:
        # Half of them where a database says what it is.
        end = min(HEAD, len(content)) if rng.random() < 0.5 else len(content)
        at = rng.randrange(end)
        if how == "bit":
            content[at] ^= 1 << rng.randrange(8)
        else:
            content[at : at + 512] = bytes(len(content[at : at + 512]))
    elif content:
        del content[0 if how == "empty" else rng.randrange(len(content)) :]
    path.write_bytes(content)
    os.utime(path, (path.stat().st_atime - 3600, path.stat().st_mtime - 3600))


def do(work: Callable[[], object], good: Path | None, home: Path) -> Said:
    """What comes of the work; `good`: afterwards the tables are compared with that folder's."""
    said = io.StringIO()
    refused = crash = ""
    tables: list[str] = []
    try:
        with contextlib.redirect_stderr(said):
            work()
            tables = homes.differing(home, good) if good else []
    except UserError as error:
        refused = str(error)
    except BaseException:
        crash = traceback.format_exc()
    return Said(refused, said.getvalue(), crash, tuple(tables))


def read(home: Path, good: Path) -> None:
    """Raises AssertionError where a reader is given another table than the undamaged one."""
    import polars as pl

    for table in homes.TABLES:
        try:
            rows = rows_of(Snapshot(home / "warehouse"), table)
        except UserError:
            continue
        if not rows.equals(pl.read_parquet(good / "tables" / f"{table}.parquet")):
            raise AssertionError(f"{table} reads otherwise, without a word")


def verify(home: Path) -> None:
    """Says what of the journal is damaged, on stderr."""
    checked = list(verification.check_all(home / "warehouse"))
    verification.check_some(home / "warehouse", 1)
    for one in checked:
        if not one.is_whole:
            print(verification.advice(one, home / "warehouse"), file=sys.stderr)


def open_and_publish(home: Path, *, rebuild: bool = False) -> None:
    """Opens the warehouse and shows it to readers; anew where it is refused with "run again"."""
    opening = Store.rebuild if rebuild else Store.open
    try:
        with opening(home / "warehouse") as store:
            store.publish_snapshot(whole=True)
    except UserError as error:
        print(error, file=sys.stderr)
        with Store.open(home / "warehouse") as store:
            store.publish_snapshot(whole=True)


def go_on(home: Path) -> None:
    """The run goes on to its end, in a second try where it is refused with "run again"."""
    try:
        homes.run(home)
    except UserError as error:
        print(error, file=sys.stderr)
        homes.run(home)


def read_outbox(home: Path, good: Path) -> None:
    """Raises AssertionError where something else waits for MLflow than was put there."""
    there = {folder.name: outbox.get(folder) for folder in outbox.waiting(good / "outbox")}
    for folder in outbox.waiting(home / "outbox"):
        try:
            summary = outbox.get(folder)
        except outbox.Torn as error:
            print(f"outbox {folder.name}: {error}", file=sys.stderr)
            continue
        before = there[folder.name]
        same = all(frame.equals(before.frames[name]) for name, frame in summary.frames.items())
        if not same or (summary.run, summary.mdd) != (before.run, before.mdd):
            raise AssertionError("what waits for MLflow is not what was put there")


def try_out(home: Path, good: Path, *, whole: bool) -> dict[str, Said]:
    """What comes of everything that may be done with a folder; `whole`: its run was over."""
    there = good if whole else None
    said = {"verify": do(functools.partial(verify, home), None, home)}
    if whole:
        said["read"] = do(functools.partial(read, home, good), None, home)
        said["outbox"] = do(functools.partial(read_outbox, home, good), None, home)
    said["open"] = do(functools.partial(open_and_publish, home), there, home)
    if not whole:
        said["go on"] = do(functools.partial(go_on, home), good, home)
    work = functools.partial(open_and_publish, home, rebuild=True)
    said["rebuild"] = do(work, good, home)
    return said


def faults(damage: Damage, said: dict[str, Said]) -> list[tuple[str, str]]:
    """Kinds of faults and sentences."""
    named = damage.path.name
    in_journal = "journal" in damage.path.parts
    told = "\n".join(one.lines + one.refused for one in said.values())
    wrong: list[tuple[str, str]] = []
    for what, one in said.items():
        if "without a word" in one.crash or "not what was put" in one.crash:
            wrong.append(("wrong", f"{what}: {one.crash.splitlines()[-1]}"))
        elif one.crash:
            wrong.append(("tracebacks", f"{what}: {one.crash}"))
        if one.refused and "damaged" not in one.refused:
            wrong.append(("wrong", f"{what} is refused: {one.refused}"))
        if one.tables and not one.refused and not (in_journal and named in told):
            wrong.append(("wrong", f"{what}: {', '.join(one.tables)} differ"))
    if in_journal and "journal/damaged" not in str(damage.path) and named not in told:
        wrong.append(("wrong", "the journal's damaged file is named nowhere"))
    return wrong


def damage_all(campaign: Campaign) -> None:
    """One damaged file a trial."""
    lab = Lab(campaign)
    for _ in campaign.tries():
        damage = lab.draw()
        home = lab.copy(damage)
        whole = damage.home == "whole"
        work = functools.partial(try_out, home, lab.good, whole=whole)
        answer: dict[str, Any] | None = None
        try:
            answer = ask(work, campaign.folder)
        except (RuntimeError, TimeoutError) as error:
            campaign.fault("tracebacks", f"{damage}: {error}")
        campaign.counts[f"of kind {damage.kind}"] += 1
        campaign.note(damage=damage, said=answer)
        for kind, sentence in faults(damage, answer or {}) if answer else []:
            campaign.fault(kind, f"{damage}: {sentence}")


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when anything was silently wrong or a traceback."""
    return conduct(argv, __doc__, damage_all, n=40)


if __name__ == "__main__":
    sys.exit(main())
