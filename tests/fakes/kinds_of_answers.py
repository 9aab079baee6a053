"""Small benchmarks of every kind of answer, and an engine that answers them in any dress."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

from scripted_runs import small_study
from tiny_models import rlhflow

from tasks.benchmarks.question import Question
from tasks.engines.scripted import ScriptedEngine
from tasks.models.version import Model
from tasks.runs.run import Run
from tasks.study.study import Study

CHANCE = 0.6
"""That a completion is right."""
PLACES = [
    *("Amsterdam", "Berlin", "Copenhagen", "Dublin", "Edinburgh", "Florence", "Geneva"),
    *("Hamburg", "Innsbruck", "Jerusalem", "Kyoto", "Lisbon", "Madrid", "Naples", "Oslo"),
    *("Prague", "Quito", "Rome", "Stockholm", "Toronto"),
]
JUDGE = """
import json, sys
for line in sys.stdin:
    row = json.loads(line)
    right = int(row["answer"]) % 7 == int(row["target"])
    print(json.dumps({"row": row["row"], "verdict": "correct" if right else "wrong"}))
"""

Spell = Callable[[Question, random.Random], str]


class Kind(NamedTuple):
    """One kind: its file's rows, and how its answers are written."""

    rows: list[dict[str, object]]
    right: Spell
    """A right answer, in one of its spellings."""
    wrong: Spell
    spellings: int
    """Classes that the right answers to one question may have."""


def _numbers() -> Kind:
    rows = [{"question": f"A box has 1,250 nails. How many have {n}?"} for n in range(2, 22)]
    targets = [f"work\n#### {1250 * n:,}" for n in range(2, 22)]

    def right(question: Question, rng: random.Random) -> str:
        value = int(question.target.replace(",", ""))
        forms = (f"{value}", f"{value:,}", f"**{value}**", f"{value} nails", f"n = {value}.0")
        return rng.choice(forms)

    def wrong(question: Question, rng: random.Random) -> str:
        return str(int(question.target.replace(",", "")) + rng.choice([-1, 1]))

    return Kind(_with(rows, targets), right, wrong, 1)


def _choices() -> Kind:
    rows = [{"question": f"Which is {n} squared?"} for n in range(2, 22)]
    options = [[n * n, n * n + 1, 2 * n + 50, n * n + 4] for n in range(2, 22)]
    written = [row | {"options": [*map(str, o)]} for row, o in zip(rows, options, strict=True)]
    targets = [str(several[0]) for several in options]

    def spell(question: Question, letter: str, rng: random.Random) -> str:
        text = question.choices["ABCD".index(letter)]
        return rng.choice([letter, f"({letter})", f"**{letter}**", f"{letter}) {text}", text])

    def right(question: Question, rng: random.Random) -> str:
        return spell(question, question.target, rng)

    def wrong(question: Question, rng: random.Random) -> str:
        others = "ABCD".replace(question.target, "")
        return spell(question, rng.choice(others), rng)

    return Kind(_with(written, targets), right, wrong, 1)


def _texts() -> Kind:
    rows = [{"question": f"Which place begins with {place[0]}?"} for place in PLACES]
    targets = [[place, f"City of {place}"] for place in PLACES]

    def right(question: Question, rng: random.Random) -> str:
        name = question.target
        forms = (name, name.upper(), f"**{name}**", f'"{name}"', f"The city of {name}.")
        return rng.choice(forms)

    def wrong(question: Question, rng: random.Random) -> str:
        return rng.choice([place for place in PLACES if place != question.target])

    return Kind(_with(rows, targets), right, wrong, 2)


def _patterns() -> Kind:
    rows: list[dict[str, object]] = [{"question": f"A day in {1900 + n}?"} for n in range(20)]
    targets = [rf"{1900 + n}-(0[1-9]|1[0-2])-\d\d" for n in range(20)]

    def right(question: Question, rng: random.Random) -> str:
        return f"{question.target[:4]}-{rng.choice(['05', '11'])}-07"

    def wrong(question: Question, rng: random.Random) -> str:
        return f"{question.target[:4]}-{rng.choice(['5', '13'])}-07"

    return Kind([{"ttc": {"answer": "pattern"}}, *_with(rows, targets)], right, wrong, 2)


def _judged(folder: Path) -> Kind:
    (folder / "judge.py").write_text(JUDGE, encoding="utf-8")
    rows = [{"question": f"Name a number that is {n % 7} modulo 7 ({n})."} for n in range(20)]
    header = {"answer": "command", "command": [sys.executable, "judge.py"]}

    def right(question: Question, rng: random.Random) -> str:
        return str(int(question.target) + 7 * rng.randrange(3))

    def wrong(question: Question, rng: random.Random) -> str:
        return str(int(question.target) + 7 * rng.randrange(3) + 1)

    targets = [str(n % 7) for n in range(20)]
    return Kind([{"ttc": header}, *_with(rows, targets)], right, wrong, 3)


def _with(rows: Sequence[dict[str, object]], targets: Sequence[object]) -> list[dict[str, object]]:
    return [row | {"answer": target} for row, target in zip(rows, targets, strict=True)]


def kind_of(name: str, folder: Path) -> Kind:
    """The kind of that name; what it needs besides its file lies in the folder then."""
    makers = {"number": _numbers, "choice": _choices, "text": _texts, "pattern": _patterns}
    return makers[name]() if name in makers else _judged(folder)


def study_of(kind: Kind, folder: Path) -> Study:
    """A study of that kind's file, with a tiny model that has never been trained."""
    rlhflow(folder / "model")
    path = folder / "b.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in kind.rows), encoding="utf-8")
    generator = {"models": [str(folder / "model")], "format": "chat-plain", "max_tokens": 100}
    return small_study(
        benchmark=str(path),
        generator=generator,
        verifier=None,
        strategies=["majority", "adaptive(agree=2)"],
        baseline="majority",
    )


class Answering:
    """Engines that answer one kind of question after a step of thought, right with CHANCE."""

    def __init__(self, run: Run, kind: Kind) -> None:
        self._format = run.format
        self._questions = {
            run.format.prompt(question): question for question in run.benchmark.questions
        }
        self._kind = kind
        self.right: dict[tuple[str, str], bool] = {}
        """By question and completion, whether it is right."""
        self.writer = ScriptedEngine(run.format, self._law)

    async def engine(self, _model: Model) -> ScriptedEngine:
        return self.writer

    async def close(self) -> None:
        """Nothing to end."""

    def _law(self, prefix: tuple[int, ...], rng: random.Random) -> str:
        prompt = next(prompt for prompt in self._questions if prefix[: len(prompt)] == prompt)
        if len(prefix) == len(prompt):
            return "Let me see.\n\n"
        question = self._questions[prompt]
        is_right = rng.random() < CHANCE
        spell = self._kind.right if is_right else self._kind.wrong
        text = f"Answer: {spell(question, rng)}"
        self.right[question.question_id, text] = is_right
        return f"{text}<end>"
