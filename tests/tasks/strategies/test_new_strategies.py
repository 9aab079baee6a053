"""A strategy that a user adds is one Form: no other file has to know its name or its options."""

from __future__ import annotations

import asyncio
import dataclasses
import math
import random

import pytest
from replays import replay_run
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.evaluation import generate, grade, measure
from tasks.evaluation.forecast import forecast
from tasks.runs.loading import load_run
from tasks.runs.opening import open_run
from tasks.serving.controller import Controller
from tasks.serving.policy import Policy, PolicyCell, load_policy
from tasks.serving.probe import load_probe
from tasks.serving.solver import open_solver
from tasks.statistics.selectors import Candidate, Choice, majority
from tasks.strategies import STRATEGIES, parse
from tasks.strategies.forms import Form, PoolFigure, at_least, share
from tasks.strategies.names import short_names
from tasks.strategies.tools import split_ended
from tasks.training.harvest import harvest, harvest_study
from warehouse.errors import UserError
from warehouse.store import Store

MODEL = "bundled/congruences-generator"
TOP_SHARE = "top_share(q=0.5)"
LONGEST = "longest(keep=2)"


def choose_top_share(candidates, options, _budget):
    """Majority among the best share q by score; index counts through all candidates."""
    scored = [place for place, one in enumerate(candidates) if one.score is not None]
    ranked = sorted(scored, key=lambda place: -candidates[place].score)
    kept = sorted(ranked[: math.ceil(options["q"] * len(ranked))])
    choice = majority([candidates[place] for place in kept])
    if choice.index is None:
        return choice
    return Choice(kept[choice.index], choice.answer, choice.credits)


def estimate_top_share(pool, options):
    """Averaged over 20 seeded random subsets at each budget."""
    draws = pool.draws
    right = {str(answer): bool(ok) for answer, ok in zip(draws.answers, draws.correct, strict=True)}
    candidates = [
        Candidate(None if answer < 0 else str(answer), None if math.isnan(score) else float(score))
        for answer, score in zip(draws.answers, draws.scores, strict=True)
    ]
    rng = random.Random(pool.seed)
    figures = []
    for budget in pool.budgets:
        shares = []
        for _ in range(20):
            choice = choose_top_share(rng.sample(candidates, budget), options, budget)
            shares.append(sum(part * right[answer] for answer, part in choice.credits.items()))
        figures.append(PoolFigure(budget, sum(shares) / 20, 0.0, float(budget)))
    return figures


async def keep_longest(root, budget, *, keep, tools):
    """Completions that go on from the `keep` prefixes whose text is longest, at every step."""
    ended = []
    open_ = split_ended(await tools.next_steps(root, budget), ended)
    for _ in range(tools.rounds):
        if not open_:
            break
        best = sorted(open_, key=lambda node: -len(node.text))[:keep]
        grown = [await tools.next_steps(node, len(open_) // len(best)) for node in best]
        open_ = split_ended([child for children in grown for child in children], ended)
    return ended


@pytest.fixture(scope="module", autouse=True)
def _registered():
    """The dict of strategies with a pool and a search more, each with an option of its own."""
    with pytest.MonkeyPatch.context() as patch:
        form = Form(
            kind="pool",
            selectors=("top_share",),
            example=TOP_SHARE,
            short="top",
            estimate=estimate_top_share,
            choose=choose_top_share,
            options={"q": share(0.0, 1.0)},
        )
        patch.setitem(STRATEGIES, "top_share", form)
        form = Form(
            kind="search",
            selectors=("weighted", "majority"),
            example=LONGEST,
            short="longest",
            run=keep_longest,
            options={"keep": at_least(1)},
            least=lambda options: options["keep"],
        )
        patch.setitem(STRATEGIES, "longest", form)
        yield


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A warehouse with one run of both, fitted to its policy."""
    folder = tmp_path_factory.mktemp("new") / "w"
    study = small_study(
        strategies=["majority", TOP_SHARE, LONGEST], baseline="majority", probe_draws=2
    )
    return folder, run_all(folder, study)


def policy_of(key):
    """A table that names one strategy everywhere, at every budget."""
    row = [PolicyCell(parse(key), n, 0.5, 4) for n in (1, 2, 4, 8) if parse(key).fits(n)]
    return Policy(dict.fromkeys(range(1, 6), row), [cell._replace(accuracy=0.0) for cell in row])


async def serve(home, key):
    """One answer by the strategy to each of the run's questions, every draw asked anew."""
    async with open_solver(*home, engines=ScriptedEngines) as solver:
        one = dataclasses.replace(solver, policy=policy_of(key))
        return [await one.solve(q.text, 8) for q in solver.run.benchmark.questions]


async def replay(home, key):
    folder, run_id = home
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        asking, probe = replay_run(store, run), load_probe(store, run_id)
    controller = Controller(asking, policy_of(key), probe)
    return [await controller.solve(question, 8) for question in run.benchmark.questions]


def harvest_of(folder, key):
    asked = {"questions": 10, "strategies": [key], "budget": 8, "least_score": 0.5}
    study = harvest_study(small_study(distill=asked), MODEL, 1)
    with Store.open(folder) as store:
        run_id = open_run(store, study, MODEL)
    generate.run(folder, run_id, engines=ScriptedEngines)
    grade.run(folder, run_id)
    return harvest(folder, run_id, by="verifier", least_score=0.5)


@pytest.mark.parametrize("key", [TOP_SHARE, LONGEST])
def test_a_new_strategy_is_estimated_on_every_question_at_every_budget(home, key):
    folder, run_id = home
    with Store.open(folder) as store:
        rows = store.read(
            "SELECT budget, count(*) FROM outcomes WHERE strategy = $key AND run_id = $run "
            "GROUP BY budget ORDER BY budget",
            key=parse(key).key,
            run=run_id,
        )
    budgets = [budget for budget in (1, 2, 4, 8) if parse(key).fits(budget)]
    assert rows.rows() == [(budget, 20) for budget in budgets]


def test_the_policy_may_name_a_new_strategy(home):
    folder, run_id = home
    with Store.open(folder) as store:
        _, policy = load_policy(store, load_run(store, run_id))
    assert policy.budgets == [1, 2, 4, 8]
    named = {cell.strategy.name for row in policy.cells.values() for cell in row}
    assert named <= {"majority", "top_share", "longest"} and named - {"majority"}


@pytest.mark.parametrize("key", [TOP_SHARE, LONGEST])
def test_a_new_strategy_is_served_as_it_is_replayed(home, key):
    wanted = asyncio.run(replay(home, key))
    assert asyncio.run(serve(home, key)) == wanted
    assert {solved.strategy for solved in wanted} == {parse(key).key}
    assert all(solved.answer is not None for solved in wanted)


@pytest.mark.parametrize("key", [TOP_SHARE, LONGEST])
def test_what_a_new_strategy_serves_can_be_learnt(tmp_path, key):
    learnt = harvest_of(tmp_path / "w", key)
    assert 0 < len(learnt.texts) <= learnt.served <= 10


def test_a_new_pool_chooses_by_its_own_option():
    # Of four scores the best two are kept: b wins among them, though a has most votes.
    candidates = [
        Candidate("a", 0.1),
        Candidate("a", 0.2),
        Candidate("b", 0.8),
        Candidate("b", 0.9),
    ]
    strict, loose = parse("top_share(q=0.5)"), parse("top_share(q=.99)")
    assert strict.choose([candidates], 3).answer == "b"
    assert loose.choose([[*candidates, Candidate("a", 0.3)]], 4).answer == "a"


def test_a_new_strategy_has_a_short_name_and_its_options_are_checked():
    keys = [TOP_SHARE, "top_share(q=0.25)", "longest(keep=2)/majority"]
    assert list(short_names(keys).values()) == [
        "top q=0.5",
        "top q=0.25",
        "longest keep=2 · majority",
    ]
    with pytest.raises(UserError, match="q must be between 0 and 1"):
        parse("top_share(q=2)")


def test_a_new_strategy_is_forecast_at_its_budgets(tmp_path):
    study = small_study(strategies=["majority", TOP_SHARE, LONGEST], baseline="majority")
    with Store.open(tmp_path / "w") as store:
        cost = forecast(store, study, MODEL)
    # Of a question: a pool of 8 that both pools share, 8 draws for its difficulty, and searches at
    # 2, 4 and 8.
    assert cost.draws == 20 * (8 + 8 + 14)


def test_a_run_with_a_new_strategy_can_be_estimated_again(home):
    assert measure.run(*home) == 0
