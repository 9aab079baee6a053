"""Strategies with a cap on thinking as they are served: nothing is written far beyond the cap."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from pondering import ANSWER, KEYS, POOL, Pondering, study_of
from replays import replay_run
from scripted_runs import run_all

from tasks.runs.loading import load_run
from tasks.runs.run import Run
from tasks.serving.controller import Controller, Solved
from tasks.serving.policy import Policy, PolicyCell
from tasks.serving.probe import load_probe
from tasks.serving.solver import open_solver
from tasks.strategies import parse
from warehouse.store import Store

EXTENDED = f"think(cap=60,answer={ANSWER},extend=1)/majority"
PROBE = 2


class Home(NamedTuple):
    """A complete run, and the controller over what is stored of it."""

    folder: Path
    run_id: str
    offline: Controller


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("served")
    study = study_of(folder, strategies=["majority", *KEYS, EXTENDED], probe_draws=PROBE)
    run_id = run_all(folder / "state", study, engines=Pondering)
    with Store.open(folder / "state") as store:
        run = load_run(store, run_id)
        probe = load_probe(store, run_id)
        offline = Controller(replay_run(store, run), only(KEYS[0]), probe)
        yield Home(folder / "state", run_id, offline)


def only(key: str, *, right: float = 1.0) -> Policy:
    """A policy that names one strategy everywhere; what it is right in says whether it probes."""
    row = [PolicyCell(parse(key), budget, 0.5, 4) for budget in (1, 2, 4, POOL)]
    return Policy(dict.fromkeys(range(1, 6), row), [cell._replace(accuracy=right) for cell in row])


async def serve(home: Home, policy: Policy, budget: int) -> tuple[list[Solved], int]:
    """Every question as it is served, and how many tokens the engine wrote for them."""
    started: list[Pondering] = []

    def engines(run: Run) -> Pondering:
        started.append(Pondering(run, 0.0))
        return started[-1]

    async with open_solver(home.folder, home.run_id, engines=engines) as solver:
        served = dataclasses.replace(solver, policy=policy)
        asked = [served.solve(one.text, budget) for one in solver.run.benchmark.questions]
        solved = await asyncio.gather(*asked)
    return solved, started[-1].writer.generated_tokens


async def replay(home: Home, policy: Policy, budget: int) -> list[Solved]:
    controller = dataclasses.replace(home.offline, policy=policy)
    questions = controller.asking.run.benchmark.questions
    return [await controller.solve(question, budget) for question in questions]


@pytest.mark.parametrize("key", [*KEYS, EXTENDED])
@pytest.mark.parametrize("right", [0.0, 1.0])
async def test_what_is_served_is_what_was_measured(home: Home, key: str, right: float) -> None:
    policy = only(key, right=right)
    served, _ = await serve(home, policy, POOL)
    assert served == await replay(home, policy, POOL)


@pytest.mark.parametrize("key", [*KEYS, EXTENDED])
async def test_little_is_written_that_is_not_paid_for(home: Home, key: str) -> None:
    # No probe: it would draw whole completions.
    served, written = await serve(home, only(key), POOL)
    paid = sum(one.cost.generated_tokens for one in served)
    draws = sum(one.cost.generations for one in served)
    assert draws == POOL * len(served)
    cap = parse(key).cap
    assert cap
    # What is cut may have gone on for as long as its answer might, in each of its requests.
    assert paid <= written <= paid + draws * ANSWER * (1 + cap.extend)
    assert max(one.cost.generated_tokens for one in served) <= POOL * cap.limit


async def test_a_probes_whole_draws_are_not_written_again(home: Home) -> None:
    # Few outlast this cap: the pool's first draws are the probe's own.
    served, written = await serve(home, only(KEYS[-1], right=0.0), POOL)
    assert {one.bin is None for one in served} == {False}
    paid = sum(one.cost.generated_tokens for one in served)
    assert written < paid
