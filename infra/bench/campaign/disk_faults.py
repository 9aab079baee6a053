"""Has calls on the state folder fail, one at a time, and looks at how commands end.

    PYTHONPATH=. python infra/bench/campaign/disk_faults.py [--n 8] [--seed 0]

Some call (open, write, fsync, rename) of a scripted run, a rebuild or a query fails with ENOSPC,
EIO, EROFS or EMFILE, once or from then on. Such a command ends well or with exit code 75 and one
sentence, within SOON seconds; the same command then goes on, and its tables are those of a run that
met no fault. Needs a C compiler (`cc`). Exit code 1 at the first loss, traceback or wait.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import functools
import os
import random
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import homes
from trials import Campaign, ask, conduct, fork, wait_for

SOON = 10.0
"""Seconds from a fault to the end of its command, those not counted in which others had the
cores."""
KINDS = ("open", "write", "fsync", "rename")
ERRORS: dict[str, tuple[int, ...]] = {
    "open": (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE),
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.ENOSPC, errno.EIO),
    "rename": (errno.ENOSPC, errno.EIO, errno.EROFS),
}
VERBS = {
    "run": (),
    "rebuild": ("warehouse", "rebuild"),
    "sql": ("sql", "SELECT count(*) FROM draws"),
}
"""Words of each command; a run is one with a scripted engine and without Prefect."""
SHIM = "TTC_DISK_SHIM"
"""In the environment of the process that has the shim: the folder in which that was made."""


class Fault(NamedTuple):
    """Which call of which command fails, and how."""

    verb: str
    kind: str
    at: int
    number: int
    stays: bool


class Wrong(NamedTuple):
    """What is wrong with an ending: one of the kinds that are counted, and a sentence."""

    kind: str
    said: str


class Ending(NamedTuple):
    """How a command ended."""

    code: int | None
    """None: it hung."""
    said: str
    soon: float | None
    """Seconds since the fault; None where none came."""
    counts: tuple[int, ...]
    """Calls of each kind."""


def command(home: Path, verb: str) -> int:
    """Exit code of a command on a state folder, in this process, by the command line's door."""
    from flows.cli import main
    from warehouse import snapshot

    # The machine may be busy: a query that is stopped for its time is no disk's.
    snapshot.ask = functools.partial(snapshot.ask, seconds=3600.0)
    os.environ["TTC_HOME"] = str(home)
    sys.argv = ["ttc", *VERBS[verb]]
    if verb == "run":
        main.app = functools.partial(homes.run, home)
    # What it prints is no complaint.
    with Path(os.devnull).open("w") as nowhere, contextlib.redirect_stdout(nowhere):
        return main.exit_code()


class Lab:
    """A state folder that a run left that met no fault, and commands on copies of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.good = homes.warm(folder)
        for verb in VERBS:
            homes.learn(functools.partial(command, self.good, verb), folder)
        self.counts = {verb: self._count(verb) for verb in VERBS}

    def _count(self, verb: str) -> tuple[int, ...]:
        home = self.folder / "counted"
        if verb != "run":
            shutil.copytree(self.good, home)
        ending = self.do(home, verb)
        if ending.code != 0:
            raise RuntimeError(f"{verb} without a fault: exit {ending.code}, {ending.said}")
        shutil.rmtree(home)
        return ending.counts

    def do(self, home: Path, verb: str, fault: Fault | None = None) -> Ending:
        """A command on a state folder, in a fork."""
        counts, said = self.folder / "counts", self.folder / "said"
        counts.write_bytes(bytes(48))

        def work() -> None:
            begin(home, counts, fault)
            raise SystemExit(command(home, verb))

        ended = wait_for(fork(work, said), said)
        moment = time.time()
        *calls, at, waited = struct.unpack("6q", counts.read_bytes())
        soon = moment - at / 1000 - (ended.waited - waited / 1e9) if at else None
        return Ending(ended.code, ended.said, soon, tuple(calls))

    def draw(self, rng: random.Random) -> Fault:
        """Some fault that its command meets."""
        verb = rng.choice(list(VERBS))
        counts = dict(zip(KINDS, self.counts[verb], strict=True))
        kind = rng.choice([kind for kind in KINDS if counts[kind]])
        at = rng.randint(1, counts[kind])
        return Fault(verb, kind, at, rng.choice(ERRORS[kind]), rng.random() < 0.5)

    def try_out(self, fault: Fault) -> tuple[Ending, Wrong | None]:
        """How it ended, and what is wrong with that; None: nothing."""
        home = self.folder / "tried"
        shutil.rmtree(home, ignore_errors=True)
        if fault.verb == "run":
            home.mkdir()
        else:
            shutil.copytree(self.good, home)
        ending = self.do(home, fault.verb, fault)
        return ending, wrong_in(ending) or self._wrong_after(home)

    def _wrong_after(self, home: Path) -> Wrong | None:
        """What is wrong once the disk is well and everything was done again."""
        for verb in ("run", "sql"):
            again = self.do(home, verb)
            if again.code != 0 or again.said.strip():
                return Wrong("wrong", f"{verb} again: exit {again.code}, {again.said[-500:]}")
        differing = ask(functools.partial(homes.differing, home, self.good), self.folder)
        return Wrong("wrong", f"tables differ: {', '.join(differing)}") if differing else None


def begin(home: Path, counts: Path, fault: Fault | None) -> None:
    """From now on this process's calls below the state folder are counted, and that one fails."""
    place = (fault.at, fault.number, int(fault.stays)) if fault else (0, 0, 0)
    numbers = (KINDS.index(fault.kind) if fault else -1, *place)
    paths = (os.fsencode(home), os.fsencode(counts))
    ctypes.CDLL(None).fault_begin(*paths, *map(ctypes.c_long, numbers))


def wrong_in(ending: Ending) -> Wrong | None:
    """What is wrong with how a command ended that met a fault; None: nothing."""
    soon = ending.soon or 0.0
    if ending.code is None or (ending.code == 75 and soon > SOON):
        return Wrong("hung", f"{soon:.0f} s after the fault")
    if "Traceback" in ending.said:
        return Wrong("tracebacks", "a traceback")
    if "damaged" in ending.said:
        return Wrong("wrong", "a disk's error called damage")
    if ending.code not in (0, 75):
        return Wrong("wrong", f"exit {ending.code}")
    lines = ending.said.strip().splitlines()
    if ending.code == 75 and (len(lines) != 1 or "free" not in lines[0]):
        return Wrong("wrong", "not one sentence with path and free space")
    return None


def try_out(campaign: Campaign) -> None:
    """Faults drawn by chance, one at a time."""
    lab = Lab(campaign.folder)
    campaign.note(calls=lab.counts)
    for _ in campaign.tries():
        fault = lab.draw(campaign.rng)
        ending, wrong = lab.try_out(fault)
        # A run that was quicker has fewer calls than the one by which the fault was drawn.
        campaign.counts["met"] += ending.soon is not None
        campaign.counts["ended the command"] += ending.code != 0
        line = fault._asdict() | {"errno": errno.errorcode[fault.number], "exit": ending.code}
        campaign.note(**line, seconds=round(ending.soon or 0.0, 1), wrong=wrong and wrong.said)
        if wrong:
            campaign.fault(wrong.kind, f"{line}: {wrong.said}\n{ending.said[-3000:]}")


def with_shim(start: Callable[[], int]) -> int:
    """Exit code of the start, in a process that has the shim: this one, started anew with it."""
    made = os.environ.pop(SHIM, None)
    if made:
        # It is in this process by now; those that this one starts are none of its business.
        del os.environ["LD_PRELOAD"]
        shutil.rmtree(made)
        return start()
    folder = Path(tempfile.mkdtemp(prefix="ttc-shim-"))
    source = Path(__file__).with_name("disk_shim.c")
    words = ["cc", "-shared", "-fPIC", "-O1", "-o", str(folder / "shim.so"), str(source), "-ldl"]
    subprocess.run(words, check=True)
    os.environ |= {SHIM: str(folder), "LD_PRELOAD": str(folder / "shim.so")}
    return os.execv(sys.executable, [sys.executable, *sys.argv])


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when something was wrong."""
    return conduct(argv, __doc__, try_out, n=8)


if __name__ == "__main__":
    sys.exit(with_shim(main))
