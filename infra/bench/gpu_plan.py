"""What is measured on a GPU: models of which shapes, how many questions, under which study."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import NamedTuple

from infra.bench.made_math import write_questions
from infra.bench.night_study import Size
from infra.bench.night_study import study_of as ready_study
from tasks.engines.vllm_process import on_gpu
from tasks.models.formats import load_format
from tasks.study.reading import load_study
from tasks.study.study import Study

CHILDREN = 16
"""Draws of a question in plain sampling."""
SHARE = 0.42
"""Of the GPU's memory, for each of the two models."""


class Plan(NamedTuple):
    """How much is measured: tokens of a step and a completion, questions, the largest budget."""

    step: int
    completion: int
    questions: int
    budget: int
    sweep_seconds: float
    """What the whole sweep may take: its questions are chosen by the pace of search."""


# A round of search waits for its longest step, so that a question keeps a third of its children in
# flight: 32 questions left two thirds of an H100's batch empty.
REAL = Plan(step=40, completion=480, questions=96, budget=4, sweep_seconds=60)
DRY = Plan(step=8, completion=32, questions=10, budget=4, sweep_seconds=6)


def make_models(folder: Path, *, tiny: bool) -> None:
    """The two folders and the benchmark."""
    from infra.bench import random_models as made

    plan = DRY if tiny else REAL
    shape = made.TINY if tiny else made.QWEN_1_5B
    # A folder with a tokenizer and nothing else tells how steps end.
    made.write_verifier(folder / "verifier", shape)
    format = load_format("qwen-math", folder / "verifier")
    word = format.tokenizer.encode(" so")
    ending = sorted(
        token for token in format.steps.stops if format.steps.ended([*word, token]) is not None
    )
    lengths = made.Lengths(plan.step, plan.completion, ending[0])
    made.write_generator(folder / "generator", shape, lengths)
    write_questions(folder / "made-math.jsonl", plan.questions)


def study_of(folder: Path, plan: Plan, *, questions: int | None = None) -> Study:
    """The ready study of MATH-500 on the models of a folder."""
    study = ready_study(folder, Size(plan.questions, plan.budget, plan.completion))
    generator = dataclasses.replace(
        study.generator,
        temperature=1.0,
        max_tokens=4 * plan.completion,
        max_step_tokens=8 * plan.step,
    )
    engine = dataclasses.replace(
        study.engine,
        dtype="bfloat16",
        max_model_len=4_096,
        gpu_memory_utilization=SHARE,
        enforce_eager=not on_gpu(),
    )
    return dataclasses.replace(
        study,
        name="gpu",
        questions=questions or plan.questions,
        generator=generator,
        engine=engine,
    )


def bundled_study() -> Study:
    """The bundled family in 32 bits, on few questions."""
    study = load_study("demo")
    return dataclasses.replace(
        study,
        questions=10,
        engine=dataclasses.replace(study.engine, dtype="float32", gpu_memory_utilization=0.2),
        strategies=("majority",),
        baseline="majority",
        verifier=None,
        revisions=None,
        exchange=None,
    )
