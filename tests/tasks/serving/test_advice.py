"""One strategy for all is served where adapting to difficulty is not ahead of it (METHOD §14)."""

from __future__ import annotations

import asyncio
import dataclasses
from pathlib import Path
from typing import NoReturn

import pytest
from replays import replay_run
from scripted_runs import run_all, small_study

from flows.answers.replies import answer_record
from flows.cli.solve import _text
from tasks.publication.recommendation import recommendation_lines
from tasks.publication.summary import load_summary
from tasks.runs.loading import load_run
from tasks.serving.controller import Controller, Solved
from tasks.serving.policy import Advice, Policy, PolicyCell, load_policy
from tasks.serving.probe import load_probe
from tasks.serving.solver import Solver
from tasks.strategies import parse
from warehouse.store import Store

STRATEGIES = ["majority", "best_of_n", "weighted"]


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    folder = tmp_path_factory.mktemp("advice") / "w"
    return folder, run_all(folder, small_study(strategies=STRATEGIES, probe_draws=2))


def test_no_probe_is_drawn_where_one_strategy_for_all_is_recommended() -> None:
    bins = {1: [PolicyCell(parse("majority"), n, 0.9, 500) for n in (4, 8)]}
    fixed = [PolicyCell(parse("weighted"), n, 0.5, 500) for n in (4, 8)]
    advice = {4: Advice(adapts=True, text="adapt"), 8: Advice(adapts=False, text="weighted")}
    policy = Policy(bins, fixed, advice)
    assert [policy.pays(n, probed=0) for n in (4, 7, 8, 12)] == [True, True, False, False]
    assert [policy.advised(n) for n in (7, 12)] == [advice[4], advice[8]]
    # A run from before it was decided is used as it was.
    assert Policy(bins, fixed).pays(8, probed=0)


def test_a_served_policy_names_and_says_what_its_report_does(home: tuple[Path, str]) -> None:
    folder, run_id = home
    with Store.open(folder) as store:
        _, policy = load_policy(store, load_run(store, run_id))
        told = recommendation_lines(load_summary(store, run_id))
        rows = store.read(
            "SELECT budget, fixed, adapts FROM curves "
            "WHERE run_id = $r AND difficulty = 'probe' ORDER BY budget",
            r=run_id,
        ).rows()
    assert told == [policy.advice[n].text for n in policy.budgets]
    served = [(one.budget, one.strategy.key) for one in policy.fixed]
    assert served == [(budget, fixed) for budget, fixed, _ in rows]
    assert [policy.advice[n].adapts for n in policy.budgets] == [adapts for *_, adapts in rows]


@pytest.mark.parametrize("adapts", [True, False])
def test_an_answer_says_what_is_recommended(home: tuple[Path, str], *, adapts: bool) -> None:
    folder, run_id = home
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        difficulty, stored = load_policy(store, run)
        sure = [cell._replace(accuracy=0.0) for cell in stored.fixed]
        text = "Recommended at N = 8: so and so."
        policy = dataclasses.replace(stored, fixed=sure, advice={8: Advice(adapts, text)})
        controller = Controller(replay_run(store, run), policy, load_probe(store, run_id))
        solved = asyncio.run(controller.solve(run.benchmark.questions[0], 8))
        solver = Solver(run, difficulty, policy, controller.probe, _nobody, _nobody)
        printed = _text(answer_record(solver, solved))
    assert solved.advice == text
    assert printed.endswith(text)
    _follows(solved, policy, adapts=adapts)


def _follows(solved: Solved, policy: Policy, *, adapts: bool) -> None:
    if adapts:
        assert solved.bin is not None
        cell = policy.within(solved.bin, 8, probed=2)
        assert solved.strategy == cell.strategy.key
    else:
        assert solved.bin is None
        assert solved.strategy == policy.unbinned(8).strategy.key


def _nobody(*_: object) -> NoReturn:
    raise AssertionError("nothing is drawn")
