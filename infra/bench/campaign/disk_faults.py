"""Has calls on the state folder fail, one at a time, and looks at how commands end.

    PYTHONPATH=. python infra/bench/campaign/disk_faults.py [--n 8] [--seed 0]

Some call (open, write, fsync, rename) of a scripted run, a rebuild or a query fails with ENOSPC,
EIO, EROFS or EMFILE, once or from then on. Such a command ends well or with exit code 75 and one
sentence, within SOON seconds; the same command then goes on, and its tables are those of a run that
met no fault. Needs a C compiler (`cc`). Exit code 1 at the first loss, traceback or wait.
"""

from __future__ import annotations

import errno
import random
import shutil
import struct
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

from trials import ROOT, Campaign, conduct, differing_tables, environment

SOON = 10.0
"""Seconds from a fault to the end of its command."""
LONGEST = 300.0
"""Seconds after which a command is taken for hung."""
KINDS = ("open", "write", "fsync", "rename")
ERRORS: dict[str, tuple[int, ...]] = {
    "open": (errno.ENOSPC, errno.EIO, errno.EROFS, errno.EMFILE),
    "write": (errno.ENOSPC, errno.EIO),
    "fsync": (errno.ENOSPC, errno.EIO),
    "rename": (errno.ENOSPC, errno.EIO, errno.EROFS),
}
DOOR = """
import sys
from pathlib import Path
from flows.cli import main
from scripted_runs import run_all, small_study
study = small_study(questions=10, budgets=[1, 2, 4], difficulty_draws=4)
main.app = lambda: run_all(Path(sys.argv[1]) / "warehouse", study)
sys.exit(main.exit_code())
"""
"""A run's stages behind the command line's door, with a scripted engine and without Prefect."""
TTC = "import sys; from flows.cli import main; sys.exit(main.exit_code())"
VERBS = {
    "run": (DOOR,),
    "rebuild": (TTC, "warehouse", "rebuild"),
    "sql": (TTC, "sql", "SELECT count(*) FROM draws"),
}
"""Program and words of each command."""


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
    soon: float
    """Seconds since the fault; 0 where none came."""
    counts: tuple[int, ...]
    """Calls of each kind."""


class Lab:
    """The compiled shim, and a state folder that a run left that met no fault."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._shim = folder / "shim.so"
        source = Path(__file__).with_name("disk_shim.c")
        command = ["cc", "-shared", "-fPIC", "-O1", "-o", str(self._shim), str(source), "-ldl"]
        subprocess.run(command, check=True)
        self.good = folder / "good"
        self.good.mkdir()
        self.counts = {verb: self._count(verb) for verb in VERBS}

    def _count(self, verb: str) -> tuple[int, ...]:
        ending = self.do(self.good, verb)
        if ending.code != 0:
            raise RuntimeError(f"{verb} without a fault: exit {ending.code}, {ending.said}")
        return ending.counts

    def do(self, home: Path, verb: str, fault: Fault | None = None) -> Ending:
        """A command on a state folder."""
        counts = self.folder / "counts"
        counts.write_bytes(bytes(40))
        environment = self._environment(home, counts, fault)
        program, *words = VERBS[verb]
        said = self.folder / "said"
        with said.open("wb") as stderr:
            child = subprocess.Popen(
                [sys.executable, "-c", program, *(words or [str(home)])],
                cwd=ROOT,
                env=environment,
                stdout=subprocess.DEVNULL,
                stderr=stderr,
            )
            try:
                code: int | None = child.wait(LONGEST)
            except subprocess.TimeoutExpired:
                child.kill()
                child.wait()
                code = None
        ended = time.time()
        *calls, moment = struct.unpack("5q", counts.read_bytes())
        soon = ended - moment / 1000 if moment else 0.0
        return Ending(code, said.read_text(errors="replace"), soon, tuple(calls))

    def _environment(self, home: Path, counts: Path, fault: Fault | None) -> dict[str, str]:
        kind = KINDS.index(fault.kind) if fault else -1
        return environment(
            home,
            LD_PRELOAD=str(self._shim),
            FAULT_ROOT=str(home),
            FAULT_COUNTS=str(counts),
            FAULT_KIND=str(kind),
            FAULT_AT=str(fault.at if fault else 0),
            FAULT_ERRNO=str(fault.number if fault else 0),
            FAULT_STAYS=str(int(fault.stays) if fault else 0),
        )

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
        differing = differing_tables(self.good, home)
        return Wrong("wrong", f"tables differ: {', '.join(differing)}") if differing else None


def wrong_in(ending: Ending) -> Wrong | None:
    """What is wrong with how a command ended that met a fault; None: nothing."""
    if ending.code is None or (ending.code == 75 and ending.soon > SOON):
        return Wrong("hung", f"{ending.soon:.0f} s after the fault")
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
        campaign.counts["ended the command"] += ending.code != 0
        line = fault._asdict() | {"errno": errno.errorcode[fault.number], "exit": ending.code}
        campaign.note(**line, seconds=round(ending.soon, 1), wrong=wrong and wrong.said)
        if wrong:
            campaign.fault(wrong.kind, f"{line}: {wrong.said}\n{ending.said[-3000:]}")


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when something was wrong."""
    return conduct(argv, __doc__, try_out, n=8)


if __name__ == "__main__":
    sys.exit(main())
