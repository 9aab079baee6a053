"""Kills whole runs: at random moments, and at random lines inside functions that write.

    PYTHONPATH=. python infra/bench/campaign/kills.py [--n 24] [--seed 0] [--seconds 600]

Runs with a scripted engine, a few kills (SIGKILL) a state folder, each followed by the next run on
the same folder, the last of which ends. Then every draw, score and outcome that was in the journal
at a kill is there, the very same row, once, and the tables are those of a run that nobody killed;
for every third folder also after a rebuild.
"""

from __future__ import annotations

import functools
import importlib
import math
import os
import random
import shutil
import signal
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Any

import homes
from trials import ROOT, Campaign, ask, conduct, cpu_seconds, fork, wait_for

INSIDE = (
    "warehouse.store:Store.append",
    "warehouse.store:Store.append_together",
    "warehouse.store:Store.load_new",
    "warehouse.journal:Journal.write",
    "warehouse.journal:Journal.write_together",
    "warehouse.journal:Journal.replace",
    "warehouse.journal:Journal.names",
    "warehouse.sequence:Sequence._propose",
    "warehouse.sequence:Sequence._write_whole",
    "warehouse.folder:Folder.create",
    "warehouse.folder:write_whole",
    "warehouse.index:Index.merge",
    "warehouse.index:Index.exchange",
    "warehouse.index:Index.forget",
    "warehouse.compaction:_put_together",
    "warehouse.copies:Copies.publish",
    "warehouse.database:open_or_renew",
    "warehouse.disks.lock:take",
    "tasks.runs.opening:open_run",
    "tasks.runs.events:note",
    "tasks.asking.recorder:Recorder.flush",
    "tasks.tracking.outbox:put",
)
"""Functions in which something is half done for a while."""
MOST_KILLS = 6
"""Of one state folder."""


class Lines:
    """Counts the lines of the product that run inside each of some functions, over all calls."""

    def __init__(self, names: Sequence[str], at: int = 0) -> None:
        """`at`: the number of the line before which the process dies; 0 lets it live."""
        self.counts = dict.fromkeys(names, 0)
        self._at = at
        self._turn = threading.Lock()
        self._inside = threading.local()
        for name in names:
            self._trace(name)

    def _trace(self, name: str) -> None:
        module, _, path = name.partition(":")
        holder: Any = importlib.import_module(module)
        *classes, attribute = path.split(".")
        for one in classes:
            holder = getattr(holder, one)
        plain = getattr(holder, attribute)

        @functools.wraps(plain)
        def traced(*arguments: Any, **named: Any) -> Any:
            former = self._names()
            self._inside.names = {*former, name}
            sys.settrace(self._enter)
            try:
                return plain(*arguments, **named)
            finally:
                self._inside.names = former
                if not former:
                    sys.settrace(None)

        # Others may have imported it by its name.
        for one in list(sys.modules.values()):
            if getattr(one, "__dict__", {}).get(attribute) is plain:
                setattr(one, attribute, traced)
        if isinstance(vars(holder).get(attribute), classmethod):
            traced = staticmethod(traced)
        setattr(holder, attribute, traced)

    def _names(self) -> set[str]:
        """Of the functions that this thread is inside of."""
        return getattr(self._inside, "names", set())

    def _enter(self, frame: FrameType, _event: str, _value: object) -> Callable[..., Any] | None:
        ours = frame.f_code.co_filename.startswith(str(ROOT))
        return self._line if ours else None

    def _line(self, _frame: FrameType, event: str, _value: object) -> Callable[..., Any]:
        if event in ("line", "return"):
            with self._turn:
                for name in self._names():
                    self.counts[name] += 1
                    if self.counts[name] == self._at:
                        os.kill(os.getpid(), signal.SIGKILL)
        return self._line


class Killer:
    """Kills runs on one state folder after another."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.rng: random.Random = campaign.rng
        folder = campaign.folder
        self.said = folder / "said"
        self.good = homes.warm(folder)
        self.lasting = self._time()
        self.lines = ask(lambda: _count(folder / "counted"), folder)
        campaign.note(seconds=self.lasting, lines=self.lines)
        self.home = folder / "home"
        self.seen = folder / "seen"
        self.left = 0

    def _time(self) -> float:
        """Seconds of work of an undisturbed run: the machine may be busy, and the clock is not."""
        home = self.campaign.folder / "timed"
        before = cpu_seconds()
        wait_for(fork(lambda: homes.run(home), self.said), self.said)
        shutil.rmtree(home)
        return cpu_seconds() - before

    def kill_one(self) -> None:
        """Starts runs until one was killed; one that is over before is judged."""
        while not self._kill():
            homes.look(self.campaign, self.home, self.good, self.seen, rebuild=self._is_third())
            self.left = 0
        homes.remember(self.home, self.seen)
        self.left -= 1
        if not self.left:
            self.end()

    def _is_third(self) -> bool:
        """Whether the folder is judged after a rebuild too; it is counted."""
        self.campaign.counts["folders"] += 1
        return self.campaign.counts["folders"] % 3 == 0

    def _kill(self) -> bool:
        """Whether the next run on the folder was killed before its end."""
        if not self.left:
            self.left = self.rng.randint(1, MOST_KILLS)
            shutil.rmtree(self.home, ignore_errors=True)
            shutil.rmtree(self.seen, ignore_errors=True)
        # Half of them inside a function, wherever that stands in the run.
        where = self.rng.choice(INSIDE) if self.rng.random() < 0.5 else "anywhere"
        if where == "anywhere":
            code = self._kill_after(self.rng.uniform(0, 0.9 * self.lasting))
        else:
            # Rather early: a run that goes on has less to do than the first one.
            code = self._kill_at(where, 1 + int(self.rng.random() ** 2 * self.lines[where]))
        self.campaign.counts[f"killed {where}"] += code == -signal.SIGKILL
        return code == -signal.SIGKILL

    def _kill_after(self, seconds: float) -> int | None:
        process = fork(lambda: homes.run(self.home), self.said)
        while _worked(process) < seconds:
            time.sleep(0.005)
        os.kill(process, signal.SIGKILL)
        return self._ending(process, f"killed after {seconds:.2f} s")

    def _kill_at(self, name: str, at: int) -> int | None:
        def die() -> None:
            Lines([name], at)
            homes.run(self.home)

        return self._ending(fork(die, self.said), f"killed at line {at} of {name}")

    def _ending(self, process: int, what: str) -> int | None:
        ended = wait_for(process, self.said)
        self.campaign.note(what=what, code=ended.code)
        homes.note_ending(self.campaign, ended, what, allowed=(-signal.SIGKILL,))
        return ended.code

    def end(self) -> None:
        """The folder's run goes on to its end and is judged."""
        homes.finish(self.campaign, self.home, self.good, self.seen, rebuild=self._is_third())
        self.left = 0


def _worked(process: int) -> float:
    """Seconds of work of a process so far; infinity when it is over."""
    stat = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    if stat[0] == "Z":
        return math.inf
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


def _count(home: Path) -> dict[str, int]:
    """Lines that run inside each function in an undisturbed run."""
    lines = Lines(INSIDE)
    homes.run(home)
    return lines.counts


def kill(campaign: Campaign) -> None:
    """Kills by chance, and the folders that are left at the end."""
    killer = Killer(campaign)
    for _ in campaign.tries():
        killer.kill_one()
    if killer.left and not campaign.failed:
        killer.end()


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when anything was lost, doubled, different, hung or a traceback."""
    return conduct(argv, __doc__, kill, n=24)


if __name__ == "__main__":
    sys.exit(main())
