"""What the scripts of the campaign share: their options, their counts, and how they end.

A script is `main(argv)`, which hands `conduct` a function that takes a `Campaign` and tries things
until it is told to stop. The last line that it prints is one JSON object of its counts.
"""

from __future__ import annotations

import argparse
import json
import os
import pickle
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
import traceback
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "infra" / "bench"), str(ROOT / "tests" / "fakes")]

FAULTS = ("lost", "doubled", "wrong", "hung", "tracebacks")
"""What may go wrong, each counted; one of any is a failed campaign."""

LONGEST = 900.0
"""Seconds after which a child process is taken for hung."""


class Campaign:
    """One script's run: its options, its chance, its folder and its counts."""

    def __init__(self, options: argparse.Namespace, folder: Path) -> None:
        self.options = options
        self.folder = folder
        """Empty at first, and removed at the end."""
        self.rng = random.Random(options.seed)
        self.counts: Counter[str] = Counter(dict.fromkeys(("tried", *FAULTS), 0))
        self._until = time.monotonic() + options.seconds

    def tries(self) -> Iterator[int]:
        """Numbers from 0 on, one a trial, to be counted as tried when the next one is asked for.

        They end after `--n`, after `--seconds`, and at the first fault unless `--all`.
        """
        while self.goes_on():
            yield self.counts["tried"]
            self.counts["tried"] += 1

    def goes_on(self) -> bool:
        """Whether there is more to try."""
        if self.failed and not self.options.all:
            return False
        return self.counts["tried"] < self.options.n and time.monotonic() < self._until

    def stop(self) -> None:
        """No further trial begins."""
        self._until = 0.0

    def fault(self, kind: str, said: str, number: int = 1) -> None:
        """Counts what went wrong, and says it on stderr."""
        self.counts[kind] += number
        print(f"{kind} ({number}): {said}", file=sys.stderr, flush=True)

    def note(self, **values: object) -> None:
        """A line about one trial, where `--verbose` asks for it."""
        if self.options.verbose:
            print(json.dumps(values, default=str), flush=True)

    @property
    def failed(self) -> bool:
        """Whether anything went wrong."""
        return any(self.counts[kind] for kind in FAULTS)


def conduct(
    argv: Sequence[str] | None,
    doc: str | None,
    trying: Callable[[Campaign], None],
    *,
    n: int,
    more: Callable[[argparse.ArgumentParser], None] | None = None,
) -> int:
    """Exit code of a script: 0, or 1 when anything went wrong. `n`: trials where none are asked.

    `more` adds options of the script's own.
    """
    parser = argparse.ArgumentParser(
        description=doc, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--n", type=int, default=n, help="how often")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--seconds", type=float, default=600.0, help="no new trial after these")
    parser.add_argument("--folder", type=Path, help="where state folders are made")
    parser.add_argument("--json", type=Path, help="a file to which the counts are appended")
    parser.add_argument("--keep", type=Path, help="where a folder is copied that is wrong")
    parser.add_argument("--all", action="store_true", help="go on after something went wrong")
    parser.add_argument("--verbose", action="store_true", help="a line a trial")
    if more:
        more(parser)
    options = parser.parse_args(argv)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ttc-campaign-", dir=options.folder) as name:
        campaign = Campaign(options, Path(name).resolve())
        # What this process keeps for itself, digests of models, is no state of a user's.
        os.environ["TTC_HOME"] = str(campaign.folder / "own")
        # Who stops a long campaign is told what it has found so far.
        signal.signal(signal.SIGTERM, lambda *_: campaign.stop())
        try:
            trying(campaign)
        except Exception:
            campaign.fault("wrong", f"the script itself: {traceback.format_exc()}")
    said: dict[str, Any] = {
        "script": Path(sys.argv[0]).stem,
        **campaign.counts,
        "seed": options.seed,
        "seconds": round(time.monotonic() - started, 1),
        "cpu_seconds": round(cpu_seconds(), 1),
        "date": datetime.now(UTC).strftime("%Y-%m-%d"),
        "commit": _commit(),
    }
    print(json.dumps(said), flush=True)
    if options.json:
        with options.json.open("a") as file:
            file.write(json.dumps(said) + "\n")
    return int(campaign.failed)


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def cpu_seconds() -> float:
    """Of this process and of its children that have ended."""
    kinds = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(kind) for kind in kinds]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def environment(home: Path, **more: str) -> dict[str, str]:
    """Of a child process that works on a state folder, one thread to a library."""
    paths = [str(ROOT), str(ROOT / "tests" / "fakes"), str(ROOT / "tests" / "warehouse")]
    ours: dict[str, Any] = {
        "TTC_HOME": str(home),
        "PYTHONPATH": os.pathsep.join(paths),
        "OMP_NUM_THREADS": "1",
    }
    return os.environ | ours | more


class Ended(NamedTuple):
    """How a child process ended."""

    code: int | None
    """Its exit code, below 0 the signal that killed it; None: it hung, and was killed for it."""
    said: str
    """What it wrote to stdout and stderr."""
    waited: float = 0.0
    """Seconds in which it could have worked and others had the cores."""
    idle: float = 0.0
    """Seconds in which it neither worked nor could have."""


def fork(work: Callable[[], None], said: Path) -> int:
    """Process number of a fork that does the work, then ends: 0, or 1 after a traceback.

    Whatever the parent has imported is there at once. What it says goes to the file. The parent
    must not have used a library with threads of its own (polars, DuckDB): a fork has them not.
    """
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        # Not a session of its own: those have the machine's full attention, however nice we are.
        os.setpgid(0, 0)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        target = os.open(said, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        os.dup2(target, 1)
        os.dup2(target, 2)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        work()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        traceback.print_exc()
    finally:
        # Not the parent's own endings: its temporary folders are its own to remove.
        os._exit(code)


def wait_for(process: int, said: Path, *, seconds: float = LONGEST) -> Ended:
    """How the fork ended; after so many seconds it is killed, with all that it started.

    Those do not count in which others had the cores.
    """
    started = time.monotonic()
    pause = 0.001
    while True:
        ended = os.waitid(os.P_PID, process, os.WEXITED | os.WNOWAIT | os.WNOHANG)
        worked, waited = worked_and_waited(process)
        passed = time.monotonic() - started - waited
        if ended:
            _, status = os.waitpid(process, 0)
            code = os.waitstatus_to_exitcode(status)
            return Ended(code, said.read_text(errors="replace"), waited, passed - worked)
        if passed > seconds:
            break
        time.sleep(pause)
        pause = min(2 * pause, 0.02)
    os.killpg(process, signal.SIGKILL)
    os.waitpid(process, 0)
    return Ended(None, said.read_text(errors="replace"))


def worked_and_waited(process: int) -> tuple[float, float]:
    """Seconds in which the main thread of a process worked, and waited for a core."""
    numbers = Path(f"/proc/{process}/schedstat").read_text().split()
    return int(numbers[0]) / 1e9, int(numbers[1]) / 1e9


def ask(work: Callable[[], Any], folder: Path) -> Any:
    """What the work gives, done in a fork; RuntimeError with what it said where it failed."""
    answer, said = folder / "answer", folder / "asked"

    def write() -> None:
        answer.write_bytes(pickle.dumps(work()))

    ended = wait_for(fork(write, said), said)
    if ended.code != 0:
        raise RuntimeError(f"exit {ended.code}: {ended.said[-3000:]}")
    return pickle.loads(answer.read_bytes())
