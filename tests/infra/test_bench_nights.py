"""The benches of whole nights: that they measure what they say, not how fast anything is."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from infra.bench.array_engine import ArrayEngine, ArrayEngines
from infra.bench.made_math import Sizes, write_folder, write_questions
from infra.bench.night_study import STEP, Size, study_of
from infra.bench.room import draw_all
from infra.bench.soak import Measured, slopes
from tasks.asking.plan import plan
from tasks.runs.loading import prepare_run
from tasks.runs.run import Run
from tasks.settings import ROOT

STEPS = 4
SIZE = Size(questions=10, completions=4, tokens=STEPS * STEP)


def report(script: str, path: Path, *options: str) -> dict[str, Any]:
    """What a bench writes as JSON."""
    done = subprocess.run(
        [sys.executable, f"infra/bench/{script}.py", *options, "--json", str(path)],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Run, list[list[str]]]:
    """A run on made-up questions and folders, and the answers to each question."""
    folder = tmp_path_factory.mktemp("made")
    answers = write_questions(folder / "made-math.jsonl", SIZE.questions)
    for name, architecture in (("generator", "ForCausalLM"), ("verifier", "ForProcessRewardModel")):
        write_folder(folder / name, architecture=f"Qwen2{architecture}", sizes=Sizes())
    return prepare_run(study_of(folder, SIZE), str(folder / "generator"), run_id=""), answers


@pytest.fixture
def engine(made: tuple[Run, list[list[str]]]) -> ArrayEngine:
    return ArrayEngines(*made, steps=STEPS).writer


async def test_a_child_of_the_array_engine_is_the_same_alone(made, engine):
    run, _ = made
    prompt = run.format.prompt(run.benchmark.questions[3])
    whole = plan(run).samplings.whole
    several = await draw_all(engine, prompt, 5, sampling=whole, seed=70)
    for place, draw in enumerate(several):
        (alone,) = await draw_all(engine, prompt, 1, sampling=whole, seed=70 + place)
        assert (alone.text, list(alone.ids)) == (draw.text, list(draw.ids))
    assert len({draw.text for draw in several}) == 5


async def test_a_completion_of_the_array_engine_has_the_steps_and_tokens_that_it_says(made, engine):
    run, answers = made
    for place, question in enumerate(run.benchmark.questions):
        prompt = run.format.prompt(question)
        (draw,) = await draw_all(engine, prompt, 1, sampling=plan(run).samplings.whole, seed=9)
        split = run.format.steps.split(draw.ids)
        # The end of text is paid for and not kept.
        assert (draw.tokens, len(draw.ids)) == (STEPS * STEP, STEPS * STEP - 1)
        assert split.ends == [STEP, 2 * STEP, 3 * STEP, 4 * STEP - 1]
        assert "".join(split.texts) == draw.text
        assert run.answer(draw.text) in answers[place]


async def test_step_by_step_the_array_engine_ends_as_it_does_in_one_piece(made, engine):
    run, _ = made
    written = list(run.format.prompt(run.benchmark.questions[0]))
    stops: list[str] = []
    for seed in range(STEPS):
        step = plan(run).samplings.step
        (draw,) = await draw_all(engine, written, 1, sampling=step, seed=seed)
        written += draw.ids
        stops.append(draw.stop)
    assert stops == ["step", "step", "step", "end"]


async def test_the_array_engine_has_as_many_slots_as_a_batch(made, engine):
    run, _ = made
    whole = plan(run).samplings.whole
    prompts = [run.format.prompt(question) for question in run.benchmark.questions]
    drawing = (draw_all(engine, one, 60, sampling=whole, seed=1) for one in prompts)
    counts = Counter(len(draws) for draws in await asyncio.gather(*drawing))
    # 600 children in batches of 256: the second and third wait.
    assert counts == {60: 10}
    assert engine.generated_tokens == 600 * STEPS * STEP


def nights(count: int) -> list[Measured]:
    """Nights that cost alike, a new version every fifth; every row buys 100 bytes."""
    rows = 0
    found: list[Measured] = []
    for night in range(count):
        new = night % 5 == 0
        rows += 3_000 if new else 200
        found.append(
            Measured(
                night=night,
                new=new,
                seconds=2.0 + new + 0.01 * (night % 3),
                cpu=1.0 + new + 0.01 * (night % 3),
                memory=5e8 + 1e5 * (night % 4),
                rows=rows,
                segments=40 + rows // 100,
                journal=100.0 * rows,
                database=3e6 + 300.0 * rows,
                mlflow_runs=2 + night // 5,
            )
        )
    return found


def meanings(several: list[Measured]) -> dict[str, str]:
    return {one.figure: one.meaning for one in slopes(several)}


def test_nights_that_cost_alike_have_no_slope_but_the_datas_own():
    found = meanings(nights(60))
    flat = [name for name in found if name.startswith(("seconds", "cpu", "memory"))]
    assert len(flat) == 5
    assert {found[name] for name in flat} == {"no slope"}
    assert all(found[name].startswith("data's: ") for name in ("segments", "journal", "database"))


def test_nights_that_take_longer_and_longer_rise():
    slower = [
        one._replace(cpu=one.cpu * (1 + one.night / 100), seconds=one.seconds + one.night / 20)
        for one in nights(60)
    ]
    found = meanings(slower)
    kinds = ("seconds, unchanged", "seconds, new version", "cpu, unchanged", "cpu, new version")
    assert {found[kind] for kind in kinds} == {"RISES"}
    assert found["memory"] == "no slope"


def test_nights_that_wait_for_others_longer_and_longer_are_told_apart():
    waiting = [one._replace(seconds=one.seconds + one.night / 20) for one in nights(60)]
    found = meanings(waiting)
    assert found["seconds, unchanged"] == "rises, its CPU does not: others use the machine"
    assert found["cpu, unchanged"] == "no slope"


def test_files_that_grow_by_blocks_have_no_slope_but_the_datas_own():
    # 4 MB more or less by the night, as DuckDB's checkpoints leave them.
    jagged = [one._replace(database=one.database + 4e6 * (one.night % 3)) for one in nights(60)]
    assert meanings(jagged)["database"].startswith("data's: ")


def test_memory_that_every_night_leaves_behind_rises():
    leaky = [one._replace(memory=one.memory + 2e6 * one.night) for one in nights(60)]
    assert meanings(leaky)["memory"] == "RISES"


def test_segments_that_are_more_than_the_rows_buy_grow_faster():
    scattered = [one._replace(segments=one.segments + one.night**2) for one in nights(60)]
    assert meanings(scattered)["segments"].startswith("GROWS FASTER")


def test_of_a_few_nights_no_slope_is_told():
    assert set(meanings(nights(5)).values()) == {"too few nights"}


@pytest.mark.slow
def test_a_night_is_measured_stage_by_stage(tmp_path: Path):
    size = ("--questions", "10", "--completions", "4")
    (night,) = report("night", tmp_path / "night.json", *size)["nights"]
    names = [stage["stage"] for stage in night["stages"]]
    assert names == [
        "open_run", "generate", "measure", "fit_policy", "compare_with_champion", "publish",
    ]  # fmt: skip
    assert all(stage["cpu"] > 0 and stage["peak"] > 0 for stage in night["stages"])
    assert 0 < night["baseline"] < night["highest"]
    # Four draws of the pool and four that set the bin, 480 tokens each, and the searches' steps.
    assert night["counts"]["generated_tokens"] > 10 * 8 * 480
    assert night["counts"]["rows"]["outcomes"] > 0


@pytest.mark.slow
def test_five_nights_on_one_state_folder(tmp_path: Path):
    found = report("soak", tmp_path / "soak.json", "--nights", "5")
    first, *others = found["nights"]
    assert (first["new"], [one["new"] for one in others]) == (True, [False] * 4)
    # An unchanged model draws nothing: what it leaves are outcomes, the same number every night.
    gains = {b["rows"] - a["rows"] for a, b in zip(found["nights"], others, strict=False)}
    assert len(gains) == 1
    assert max(gains) < first["rows"] / 5
    assert all(one["mlflow_runs"] >= 1 for one in found["nights"])


@pytest.mark.slow
def test_the_gpu_bench_runs_dry(tmp_path: Path):
    figures = report("gpu", tmp_path / "gpu.json", "--dry")["figures"]
    values = {one["name"]: one["value"] for one in figures}
    assert "FAILED" not in values.values()
    # What must be equal on a CPU: seeded draws of n children, and the bundled family's answers.
    assert values["draws of n equal to single ones"] == "16/16"
    assert values["bundled generator as on CPU"] == "10/10"
