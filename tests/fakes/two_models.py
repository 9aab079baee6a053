"""A study with a larger model, and engines of which the larger one is always right."""

from __future__ import annotations

import random
from typing import Any

from scripted_runs import ScriptedEngines, small_study

from tasks.engines.scripted import ScriptedEngine
from tasks.models.version import Model
from tasks.runs.run import Run
from tasks.study.study import Study

SMALL, LARGE = "bundled/congruences-generator", "bundled/congruences-large"
CASCADE = "cascade(k=2,agree=1.0)"
OTHER = "cascade(k=3,agree=0.6)"
KEYS = ["majority", CASCADE, "cascade(k=4,agree=0.75)", "larger"]
PRICES = {SMALL: {"prompt": 1.0, "generated": 2.0}, LARGE: {"prompt": 10.0, "generated": 40.0}}
QUESTIONS = 20
POOL = 8
DIFFICULTY = 8


def study(**changes: Any) -> Study:
    values: dict[str, Any] = {
        "strategies": KEYS,
        "baseline": "majority",
        "verifier": None,
        "exchange": {"model": LARGE},
        "prices": PRICES,
        "probe_draws": 3,
    }
    return small_study(**values | changes)


class TwoEngines(ScriptedEngines):
    """The larger model is right in every line."""

    def __init__(self, run: Run, seconds: float = 0.0) -> None:
        super().__init__(run, seconds)
        self.run = run
        self.large = ScriptedEngine(run.format, self._right, seconds=seconds)

    async def engine(self, model: Model) -> ScriptedEngine:
        larger = self.run.larger
        return self.large if larger and model == larger.model else self.writer

    def _right(self, prefix: tuple[int, ...], _: random.Random) -> str:
        return self._law(prefix, Sure())


class Sure(random.Random):
    def random(self) -> float:
        return 0.0
