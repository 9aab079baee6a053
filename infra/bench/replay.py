"""How many question-replays a second and core `ttc replay` makes of pools in files.

    PYTHONPATH=.:tests/fakes python infra/bench/replay.py [--quick] [--json PATH]

A run of the bundled benchmark is drawn by a scripted engine, then every pool of infra/strategies is
judged on it. A question-replay is one run of the strategy on one question at one budget, over one
random order of its draws; a figure of a question at a budget takes 64 of them. Reading the draws
from the warehouse is in the time, loading the run's models is not.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.table import Table
from scripted_runs import run_all, small_study

from tasks.evaluation.arena import replay_strategies
from warehouse.snapshot import Snapshot

POOLS = (
    "esc.py:windows",
    "adaptive_consistency.py:certain",
    "good_enough.py:good_enough",
)


class Pace(NamedTuple):
    """What replaying one strategy took, on one core."""

    strategy: str
    replays: int
    seconds: float
    """Of the CPU."""

    @property
    def a_second(self) -> float:
        """Question-replays a second and core."""
        return self.replays / self.seconds


def measure(folder: Path, *, questions: int, budget: int) -> list[Pace]:
    """The pace of every pool that is shipped, on a run of so many questions and draws."""
    budgets = [2**power for power in range(budget.bit_length())]
    strategies = ["majority", "best_of_n", "weighted"]
    study = small_study(questions=questions, budgets=budgets, strategies=strategies)
    run_id = run_all(folder / "warehouse", study)
    reader = Snapshot(folder / "warehouse")
    # Once for what is compiled and read from files at first.
    replay_strategies(reader, run_id, POOLS[:1], folder)
    return [_pace(reader, run_id, one, folder) for one in POOLS]


def _pace(reader: Snapshot, run_id: str, strategy: str, folder: Path) -> Pace:
    began = time.process_time()
    wall = time.monotonic()
    replayed = replay_strategies(reader, run_id, [strategy], folder)
    loading = time.monotonic() - wall - replayed.seconds
    spent = time.process_time() - began - loading
    # Threads of the database add CPU beyond the wall: the slower of the two counts.
    return Pace(strategy, replayed.replays, max(spent, replayed.seconds))


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few questions and draws")
    parser.add_argument("--json", type=Path, help="file for the figures")
    options = parser.parse_args()
    sizes = {"questions": 20, "budget": 8} if options.quick else {"questions": 200, "budget": 64}
    with tempfile.TemporaryDirectory() as folder:
        paces = measure(Path(folder), **sizes)
    title = f"{sizes['questions']} questions, budgets up to {sizes['budget']}"
    table = Table("strategy", "question-replays", "seconds", "a second and core", title=title)
    for one in paces:
        pace = f"{one.a_second:,.0f}"
        table.add_row(one.strategy, f"{one.replays:,}", f"{one.seconds:.2f}", pace)
    Console(width=100).print(table)
    if options.json:
        figures = {one.strategy: one.a_second for one in paces}
        options.json.write_text(json.dumps(figures, indent=1), encoding="utf-8")


if __name__ == "__main__":
    main()
