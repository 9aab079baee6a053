"""A policy that names strategies of files serves them as it replays them, within the budget."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path

import pytest
from own_files import EVERY_KIND
from replays import replay_run
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.runs.loading import load_run
from tasks.serving.controller import Controller, Solved
from tasks.serving.policy import Policy, PolicyCell
from tasks.serving.probe import load_probe
from tasks.serving.solver import open_solver
from tasks.strategies import Strategy
from tasks.study.own_files import read_files
from warehouse.store import Store

OWN = ("settled(agree=2)", "good_enough", "greedy", "half", "chains")
BUDGETS = (2, 4, 8)


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("served")
    (folder / "mine.py").write_text(EVERY_KIND, encoding="utf-8")
    keys, files = read_files(["majority", *(f"mine.py:{one}" for one in OWN)], folder)
    study = small_study(
        questions=10,
        budgets=list(BUDGETS),
        strategies=keys,
        strategy_files=files,
        baseline="majority",
        revisions={},
        difficulty_draws=4,
        probe_draws=2,
    )
    return folder / "w", run_all(folder / "w", study)


def always(strategy: Strategy) -> Policy:
    """A policy that names one strategy everywhere; a probe always pays."""
    row = [PolicyCell(strategy, n, 0.5, 4) for n in BUDGETS]
    return Policy(dict.fromkeys(range(1, 6), row), [cell._replace(accuracy=0.0) for cell in row])


async def served(home: tuple[Path, str], policy: Policy, budget: int) -> list[Solved]:
    async with open_solver(*home, engines=ScriptedEngines) as solver:
        one = dataclasses.replace(solver, policy=policy)
        questions = solver.run.benchmark.questions
        return await asyncio.gather(*(one.solve(question.text, budget) for question in questions))


@pytest.mark.parametrize("place", range(1, 6), ids=OWN)
@pytest.mark.parametrize("budget", [4, 8, 11])
def test_it_is_served_as_it_is_replayed(home: tuple[Path, str], place: int, budget: int) -> None:
    with Store.open(home[0]) as store:
        run = load_run(store, home[1])
        strategy = run.study.strategy(run.study.strategies[place])
        policy = always(strategy)
        controller = Controller(replay_run(store, run), policy, load_probe(store, home[1]))
        wanted = [asyncio.run(controller.solve(one, budget)) for one in run.benchmark.questions]
    assert asyncio.run(served(home, policy, budget)) == wanted
    assert {one.strategy for one in wanted} == {strategy.key}
    assert all(0 < one.cost.generations <= budget for one in wanted)
    # The scripted models are right now and then: what is served is read as answers are.
    assert any(one.answer is not None for one in wanted)


def test_a_pool_that_stops_early_is_served_with_fewer_draws(home: tuple[Path, str]) -> None:
    with Store.open(home[0]) as store:
        run = load_run(store, home[1])
    policy = always(run.study.strategy(run.study.strategies[1]))
    taken = [one.cost.generations for one in asyncio.run(served(home, policy, 8))]
    assert min(taken) < 8
