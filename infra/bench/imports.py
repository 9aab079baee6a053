"""What it takes to make a policy of a log: CPU seconds of the real command, and what it left.

    PYTHONPATH=. python infra/bench/imports.py [--questions 500] [--draws 200]

A log of our own rows is made up, with scores, token counts and the source's verdicts, five
paragraphs a completion; then `ttc import` runs twice on it in a state folder of its own.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

WORDS = ("add", "these", "terms", "and", "divide", "by", "two", "so", "the", "result", "follows")


def rows(questions: int, draws: int, rng: random.Random) -> Iterator[dict[str, Any]]:
    """One row a draw; every question has a chance of its own to be answered rightly."""
    for question in range(questions):
        chance = rng.random()
        target = rf"\frac{{{question + 1}}}{{2}}"
        for draw in range(draws):
            right = rng.random() < chance
            answer = f"{question + 1}/2" if right else rng.choice(["1", "2", str(question)])
            body = [" ".join(rng.choices(WORDS, k=60)) for _ in range(5)]
            yield {
                "question_id": f"q{question}",
                "question": f"What is half of {question + 1}?",
                "target": target,
                "draw": draw,
                "text": "\n\n".join([*body, rf"So \boxed{{{answer}}}"]),
                "tokens": rng.randint(200, 900),
                "score": min(1.0, max(0.0, rng.gauss(0.7 if right else 0.4, 0.2))),
                "correct": right,
                "stop": "end",
                "model": "made-up/model",
                "task": "halves",
            }


def cpu_of(command: list[str], home: Path) -> tuple[float, float, str]:
    """CPU and wall seconds of a command with its children, and the last line it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    start = time.monotonic()
    environment = os.environ | {"TTC_HOME": str(home)}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"{' '.join(command)}: {done.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return cpu, time.monotonic() - start, done.stdout.strip().splitlines()[-1]


def segments(home: Path) -> int:
    """Files in the journal."""
    return len(list((home / "warehouse" / "journal").rglob("*.parquet")))


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--questions", type=int, default=500)
    parser.add_argument("--draws", type=int, default=200)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "samples.jsonl"
        with log.open("w", encoding="utf-8") as file:
            for row in rows(asked.questions, asked.draws, random.Random(0)):
                file.write(json.dumps(row) + "\n")
        home = Path(folder) / "home"
        command = [sys.executable, "-m", "flows.cli.main", "import", str(log)]
        print(f"{asked.questions * asked.draws:,} draws, {log.stat().st_size / 1e6:.0f} MB")
        for name in ("first", "again"):
            cpu, wall, said = cpu_of(command, home)
            print(f"{name}: {cpu:.0f} s of CPU, {wall:.0f} s of wall, {segments(home)} segments")
            print(f"  {said}")


if __name__ == "__main__":
    main()
