"""Kills processes of real runs, vLLM's too: the run itself, its engines, whatever it started.

    PYTHONPATH=. python infra/bench/campaign/real_kills.py [--n 5] [--seed 11] [--seconds 3600]

SIGKILL some seconds after the first new draw, of a process drawn by chance; then the next run on
the same state folder, of fresh draws once a run had no more to draw. Nothing that was in the
journal is lost or changed, no child is there twice, no process outlives a killed run, a run whose
engine was killed ends by itself, without a traceback, and the last run completes.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time

import polars as pl
import psutil
from trials import LONGEST, ROOT, Campaign, conduct, environment

from warehouse.store import Store

STUDY = """
questions = 60
budgets = [1, 2, 4, 8]
difficulty_draws = 16
replicate = {replicate}
[verifier]
model = "bundled/congruences-prm"
"""
COLUMNS = "prefix_key, sampling_key, replicate, child, text, stop"
MOST_SECONDS = 6.0
"""Of drawing before a kill."""
PATIENCE = 60.0
"""Seconds in which all processes of a run are over after a kill, on a machine at other work."""


class Real:
    """Runs on one state folder."""

    def __init__(self, campaign: Campaign) -> None:
        self.campaign = campaign
        self.home = campaign.folder / "home"
        self.home.mkdir()
        self.study = self.home / "kills.toml"
        self.replicate = 0
        self.seen = pl.DataFrame()

    def start(self) -> subprocess.Popen[bytes]:
        """A run of the study."""
        self.study.write_text(STUDY.format(replicate=self.replicate))
        program = "from flows.cli.main import main; main()"
        return subprocess.Popen(
            [sys.executable, "-c", program, "run", str(self.study)],
            cwd=ROOT,
            env=environment(self.home),
            start_new_session=True,
            stdout=subprocess.DEVNULL,
            stderr=(self.home / "stderr").open("ab"),
        )

    def segments(self) -> int:
        """Of draws in the journal."""
        return len(list((self.home / "warehouse" / "journal").rglob("draws*/*.parquet")))

    def kill_one(self) -> None:
        """Runs are started, until one of their processes was killed while it drew."""
        while not self._is_killed():
            self.campaign.counts["over before"] += 1
            self.replicate += 1

    def _is_killed(self) -> bool:
        """Whether the run that is started was killed, and not over before."""
        there = self.segments()
        program = self.start()
        while self.segments() == there and program.poll() is None:
            time.sleep(0.2)
        time.sleep(self.campaign.rng.uniform(0, MOST_SECONDS))
        if program.poll() is not None:
            return False
        top = psutil.Process(program.pid)
        # Before the kill: afterwards its children are no longer its children.
        processes = [top, *top.children(recursive=True)]
        # The run itself every other time.
        victim = top if self.campaign.rng.random() < 0.5 else self.campaign.rng.choice(processes)
        self.campaign.counts[f"killed {_name(victim)}"] += 1
        victim.kill()
        self._wait(program, processes, own=victim.pid == program.pid)
        self._compare()
        return True

    def _wait(
        self, program: subprocess.Popen[bytes], processes: list[psutil.Process], *, own: bool
    ) -> None:
        try:
            program.wait(LONGEST)
        except subprocess.TimeoutExpired:
            self.campaign.fault("hung", "the run whose engine was killed")
            program.kill()
            program.wait()
        _, there = psutil.wait_procs(processes, timeout=PATIENCE)
        alive = [one for one in there if not _is_over(one)]
        if alive:
            names = ", ".join(map(_name, alive))
            self.campaign.fault("hung", f"left over after a kill: {names}", len(alive))
        said = (self.home / "stderr").read_text(errors="replace")
        if "Traceback" in said:
            self.campaign.fault("tracebacks", said[said.index("Traceback") :][-3000:])
        (self.home / "stderr").write_text("")
        self.campaign.note(own=own, code=program.returncode)

    def _compare(self) -> None:
        """What was there before is there now, once."""
        with Store.open(self.home / "warehouse", patience=30) as store:
            now = store.read(f"SELECT {COLUMNS} FROM draws ORDER BY ALL")
        key = COLUMNS.split(", ")[:4]
        if self.seen.height:
            gone = self.seen.join(now, on=COLUMNS.split(", "), how="anti").height
            if gone:
                self.campaign.fault("lost", "draws", gone)
        if doubled := now.height - now.unique(key).height:
            self.campaign.fault("doubled", "draws", doubled)
        self.seen = now

    def end(self) -> None:
        """The last run completes."""
        code = self.start().wait()
        if code != 0:
            said = (self.home / "stderr").read_text(errors="replace")[-3000:]
            self.campaign.fault("wrong", f"the last run: exit {code}, {said}")
        self._compare()


def _is_over(process: psutil.Process) -> bool:
    """Whether it has ended, though nobody may have asked how: its entry stays until then."""
    try:
        return process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def _name(process: psutil.Process) -> str:
    """What a process is, in a word or two."""
    try:
        words = process.cmdline()
    except psutil.Error:
        return "gone"
    return "engine" if words and "EngineCore" in words[0] else "run or worker"


def kill(campaign: Campaign) -> None:
    """Kills, then the end."""
    real = Real(campaign)
    for _ in campaign.tries():
        real.kill_one()
    if not campaign.failed:
        real.end()


def main(argv: list[str] | None = None) -> int:
    """Exit code: 1 when anything was lost, doubled, left over, or did not end."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    return conduct(argv, __doc__, kill, n=5)


if __name__ == "__main__":
    sys.exit(main())
