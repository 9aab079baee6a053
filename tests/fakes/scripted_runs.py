"""Whole runs with a scripted engine: the stages as a nightly run calls them, without Prefect.

Also a program, to be killed: `python tests/fakes/scripted_runs.py FOLDER SECONDS_PER_REPLY`.
"""

from __future__ import annotations

import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

from tasks.engines.scripted import ScriptedEngine, ScriptedVerifier
from tasks.evaluation import fit_policy, generate, measure
from tasks.models.version import Model
from tasks.protocols import Confidence, Fall
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.study.study import Study, study_from
from warehouse.store import Store

CHANCES = (0.95, 0.85, 0.7, 0.5, 0.35)
"""Chance that a line's digit is right, by level."""


def small_study(**changes: object) -> Study:
    values: dict[str, object] = {
        "name": "scripted",
        "questions": 20,
        "budgets": [1, 2, 4, 8],
        "difficulty_draws": 8,
    }
    return study_from(values | changes)


def sure_of(text: str) -> Confidence:
    """A confidence that depends on the text alone, its three numbers apart; it falls twice."""
    rng = random.Random(text)
    three = [10 + 5 * rng.random() for _ in range(3)]
    start = rng.randrange(10 * 64, 15 * 64)
    falls = (Fall(2, start), Fall(4, start - rng.randrange(1, 200)))
    return Confidence(*three, falls)


class ScriptedEngines:
    """Solves congruences line by line with a known chance; the verifier is right but noisy."""

    def __init__(self, run: Run, seconds: float = 0.0) -> None:
        self._format = run.format
        self._questions = {run.format.prompt(q): q for q in run.benchmark.questions}
        self._targets = {q.text: q.target.split() for q in run.benchmark.questions}
        self._lengths = sorted({len(prompt) for prompt in self._questions})
        sure = sure_of if run.asks_confidence else None
        self.writer = ScriptedEngine(run.format, self._law, seconds=seconds, sure=sure)
        self.judge = ScriptedVerifier(self._opinion, seconds=seconds)

    async def engine(self, _model: Model) -> ScriptedEngine:
        return self.writer

    async def verifier(self, _model: Model) -> ScriptedVerifier:
        return self.judge

    async def close(self) -> None:
        """Nothing to end."""

    def _law(self, prefix: tuple[int, ...], rng: random.Random) -> str:
        length = next(n for n in self._lengths if prefix[:n] in self._questions)
        question = self._questions[prefix[:length]]
        wanted = question.target.split()
        attempts = re.split(r"Attempt \d:\n", self._format.tokenizer.decode(prefix[length:]))
        if "Verified: " in attempts[-1]:
            return f"Answer: {self._choose(attempts[1:], wanted, rng)}<end>"
        written = attempts[-1].splitlines()
        if len(written) < len(wanted):
            right = rng.random() < CHANCES[(question.level or 1) - 1]
            return f"{wanted[len(written)][-1] if right else rng.randrange(7)}\n"
        digits = " ".join(part[:-1] + digit for part, digit in zip(wanted, written, strict=True))
        return f"Answer: {digits}<end>"

    def _choose(self, attempts: Sequence[str], wanted: Sequence[str], rng: random.Random) -> int:
        """The number of a right attempt more often than that of another."""
        digits = "".join(part[-1] for part in wanted)
        numbers = range(1, len(attempts) + 1)
        told = [re.sub(r"\D", "", one.partition("Answer: ")[2]) for one in attempts]
        right = [number for number in numbers if told[number - 1] == digits]
        return rng.choice(right if right and rng.random() < CHANCES[2] else numbers)

    def _opinion(self, question: str, steps: Sequence[str]) -> float:
        target = next(parts for text, parts in self._targets.items() if question.startswith(text))
        lines = [line for step in steps for line in step.splitlines()]
        wrong = sum(
            line[:1] != part[-1]
            for part, line in zip(target, lines, strict=False)
            if line.strip().isdigit()
        )
        noise = random.Random(question + "|".join(steps)).random()
        return 0.1 + 0.6 / (1 + wrong) + 0.3 * noise


def run_all(
    folder: Path, study: Study, *, seconds: float = 0.0, engines: type = ScriptedEngines
) -> str:
    """All stages to the fitted policy; the run's id."""
    with Store.open(folder) as store:
        run_id = open_run(store, study, study.generator.models[0])
    generate.run(folder, run_id, engines=lambda run: engines(run, seconds))
    measure.run(folder, run_id)
    fit_policy.run(folder, run_id)
    return run_id


if __name__ == "__main__":
    print(run_all(Path(sys.argv[1]), small_study(), seconds=float(sys.argv[2])))
