"""A scripted engine that thinks, the longer the likelier it is right, and a study that caps it."""

from __future__ import annotations

import json
import random
from pathlib import Path

from scripted_runs import small_study
from tiny_models import qwen_prm

from tasks.engines.scripted import ScriptedEngine
from tasks.models.version import Model
from tasks.runs.run import Run
from tasks.study.study import Study

TARGETS = {f"What is {n} plus {n}?": 2 * n for n in range(10, 30)}
QUESTIONS = len(TARGETS)
POOL = 8
CAPS = (0, 20, 60, 120)
ANSWER = 12
KEYS = tuple(f"think(cap={cap},answer={ANSWER})/majority" for cap in CAPS)


def study_of(folder: Path, **changes: object) -> Study:
    """A study of sums by a tiny model that has never been trained."""
    qwen_prm(folder / "model")
    rows = [{"question": text, "answer": str(target)} for text, target in TARGETS.items()]
    path = folder / "sums.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    generator = {
        "models": [str(folder / "model")],
        "format": {"name": "ponder", "like": "think-math", "forced_end": "{end}\n"},
        "max_tokens": CAPS[-1] + ANSWER,
    }
    values: dict[str, object] = {
        "benchmark": str(path),
        "generator": generator,
        "verifier": None,
        "strategies": ["majority", *KEYS],
        "difficulty_draws": 4,
        "baseline": "majority",
    }
    return small_study(**(values | changes))


class Pondering:
    """Thinks line by line for as long as it takes; the more lines, the likelier it is right."""

    def __init__(self, run: Run, _: float) -> None:
        self._format = run.format
        self._prompts = {
            run.format.prompt(question): question for question in run.benchmark.questions
        }
        self.writer = ScriptedEngine(run.format, self._law)

    async def engine(self, _model: Model) -> ScriptedEngine:
        return self.writer

    async def close(self) -> None:
        """Nothing to end."""

    def _law(self, prefix: tuple[int, ...], rng: random.Random) -> str:
        prompt = next(prompt for prompt in self._prompts if prefix[: len(prompt)] == prompt)
        said = self._format.tokenizer.decode(prefix[len(prompt) :])
        lines = said.count("?")
        if "</think>" in said:
            is_right = rng.random() < lines / 8
            target = self._prompts[prompt].target
            return f"\\boxed{{{target if is_right else rng.randrange(9)}}}<end>"
        opening = "" if said else "<think>"
        return f"{opening}{rng.randrange(10)}?" if rng.random() < 0.95 else f"{opening}</think>\n"
