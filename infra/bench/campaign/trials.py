"""What the scripts of the campaign share: their options, their counts, and how they end.

A script is `main(argv)`, which hands `conduct` a function that takes a `Campaign` and tries things
until it is told to stop. The last line that it prints is one JSON object of its counts.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
sys.path[:0] = [str(ROOT), str(ROOT / "infra" / "bench"), str(ROOT / "tests" / "fakes")]

FAULTS = ("lost", "doubled", "wrong", "hung", "tracebacks")
"""What may go wrong, each counted; one of any is a failed campaign."""


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

    def fault(self, kind: str, said: str, number: int = 1) -> None:
        """Counts what went wrong, and says it on stderr."""
        if kind not in FAULTS:
            raise ValueError(f"expected one of {FAULTS}, got {kind!r}")
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
    parser.add_argument("--json", type=Path, help="a file to which the counts are appended")
    parser.add_argument("--all", action="store_true", help="go on after something went wrong")
    parser.add_argument("--verbose", action="store_true", help="a line a trial")
    if more:
        more(parser)
    options = parser.parse_args(argv)
    started = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="ttc-campaign-") as name:
        campaign = Campaign(options, Path(name).resolve())
        trying(campaign)
    spent = {"seed": options.seed, "seconds": round(time.monotonic() - started, 1)}
    said = dict(campaign.counts) | spent | {"cpu_seconds": round(cpu_seconds(), 1)}
    print(json.dumps(said), flush=True)
    if options.json:
        with options.json.open("a") as file:
            file.write(json.dumps({"script": Path(sys.argv[0]).stem} | said) + "\n")
    return int(campaign.failed)


def differing_tables(home: Path, other: Path) -> list[str]:
    """Tables in which two state folders do not hold the same results, as readers see them."""
    from same_tables import TABLES, rows_of

    from warehouse.snapshot import Snapshot

    before, now = (Snapshot(folder / "warehouse") for folder in (home, other))
    return [table for table in TABLES if not rows_of(before, table).equals(rows_of(now, table))]


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


def in_child(work: Callable[[], None], stderr: Path) -> int:
    """Process number of a fork that does the work and ends: exit code 0, or 1 after a traceback.

    Whatever the parent has imported is there at once. What it says goes to the file.
    """
    process = os.fork()
    if process:
        return process
    code = 1
    try:
        os.setsid()
        target = os.open(stderr, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        os.dup2(target, 2)
        os.dup2(target, 1)
        sys.stdout = os.fdopen(1, "w", buffering=1)
        sys.stderr = os.fdopen(2, "w", buffering=1)
        work()
        code = 0
    except SystemExit as stop:
        code = stop.code if isinstance(stop.code, int) else 1
    except BaseException:
        import traceback

        traceback.print_exc()
    finally:
        # Not the parent's own endings: its temporary folders are its own to remove.
        os._exit(code)
