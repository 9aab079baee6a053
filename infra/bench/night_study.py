"""What a night with a scripted engine asks: the ready study of MATH-500 on made-up questions."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

from tasks.study.reading import load_study
from tasks.study.study import Study
from tasks.study.tables import Verifier

STEP = 40
"""Tokens of a step, its separator among them; of the last one, the end of text among them."""
SEARCH_STEPS = 64
"""Steps above which a night draws pools only."""


class Size(NamedTuple):
    """What a night asks: questions, completions a question (its largest budget), their tokens."""

    questions: int
    completions: int
    tokens: int


def study_of(folder: Path, size: Size) -> Study:
    """The ready study, on made-up questions and models in a folder."""
    study = load_study("math500-qwen", max_budget=size.completions)
    steps = size.tokens // STEP
    pools = ("majority", "best_of_n", "weighted")
    return dataclasses.replace(
        study,
        name="night",
        benchmark=str(folder / "made-math.jsonl"),
        answer="math",
        strategies=study.strategies if steps <= SEARCH_STEPS else pools,
        difficulty_draws=size.completions,
        generator=dataclasses.replace(
            study.generator,
            models=(str(folder / "generator"),),
            max_tokens=max(study.generator.max_tokens, size.tokens),
        ),
        verifier=dataclasses.replace(study.verifier or Verifier(), model=str(folder / "verifier")),
        engine=dataclasses.replace(study.engine, max_model_len=None),
    )
