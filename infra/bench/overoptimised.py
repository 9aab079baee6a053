"""Whether a search loses accuracy where it may look longer and questions are easy.

`PYTHONPATH=. python infra/bench/overoptimised.py --home STATE [--questions 400]`

What is claimed was written down before it was run: of test questions of level 1 that no run before
has asked (its 80 first are among those of `ttc run phenomena`), beam search at 64 generations is
right on fewer than at 4, by the paired 95 % interval over all of them. It is one comparison. What
stands beside it explains: weighted votes and best-of-N at the same budgets. A run that was stopped
goes on by running again with the same STATE.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

from rich.console import Console

from flows.cli.sql import as_table
from tasks.benchmarks.bundled import questions
from tasks.settings import ROOT
from warehouse.snapshot import Snapshot

SEEN = 400
"""Test questions of `ttc run phenomena`, the five levels in turn."""
STUDY = """
benchmark = {benchmark}
questions = {questions}
answer = "text"
budgets = [1, 4, 64]
strategies = ["majority", "best_of_n", "weighted", "beam_search(m=4)"]
difficulty_draws = 8

[generator]
models = ["bundled/congruences-generator"]
format = "congruences"
temperature = 1.0
max_tokens = 128
max_step_tokens = 40

[verifier]
model = "bundled/congruences-prm"
format = "congruences-prm"
aggregate = "last"
"""
BEAM = "beam_search(m=4)/weighted"
CONTRASTS = """
SELECT name AS strategy, n AS budget, other, m AS other_budget, c.* EXCLUDE bin
FROM (VALUES
    (1, $beam, 64, $beam, 4),
    (2, $beam, 4, 'weighted', 4),
    (3, $beam, 64, 'weighted', 64),
    (4, 'best_of_n', 64, 'best_of_n', 4),
    (5, 'weighted', 64, 'weighted', 4)
) AS asked(place, name, n, other, m),
    LATERAL (FROM contrast($run, 'oracle', name, n, other, m)) AS c
WHERE c.bin = 0 ORDER BY place
"""


def evaluate(home: Path, *, count: int) -> None:
    """Run the study on `count` new questions of level 1."""
    home.mkdir(parents=True, exist_ok=True)
    unseen = questions("test", SEEN + 5 * count)[SEEN:]
    asked = [one for one in unseen if one.level == 1]
    rows = [{"id": one.question_id, "question": one.text, "answer": one.target} for one in asked]
    benchmark = home / "level-1.jsonl"
    benchmark.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    study = home / "overoptimised.toml"
    named = json.dumps(str(benchmark.resolve()))
    study.write_text(STUDY.format(benchmark=named, questions=len(rows)), encoding="utf-8")
    ttc = "from flows.cli.main import main; main()"
    subprocess.run(
        [sys.executable, "-c", ttc, "run", str(study)],
        cwd=ROOT,
        env=os.environ | {"TTC_HOME": str(home)},
        check=True,
    )


def main() -> None:
    """Run, and print the contrasts, the one that is claimed first."""
    parser = argparse.ArgumentParser(description="Does a search lose on easy questions?")
    parser.add_argument("--home", type=Path, required=True, help="folder for the run's state")
    parser.add_argument("--questions", type=int, default=400)
    options = parser.parse_args()
    evaluate(options.home, count=options.questions)
    reader = Snapshot(options.home / "warehouse")
    latest = "SELECT run_id FROM complete_runs ORDER BY completed_at DESC LIMIT 1"
    run = str(reader.read(latest).item())
    Console(width=110).print(as_table(reader.read(CONTRASTS, run=run, beam=BEAM)))


if __name__ == "__main__":
    main()
