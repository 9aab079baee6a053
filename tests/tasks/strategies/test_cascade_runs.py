"""Cascades in whole runs: two pools, the costs of two models, replay and serving."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from replays import replay_run
from scripted_runs import run_all
from two_models import (
    CASCADE,
    DIFFICULTY,
    KEYS,
    LARGE,
    OTHER,
    POOL,
    QUESTIONS,
    SMALL,
    TwoEngines,
    study,
)

from tasks.asking.plan import plan
from tasks.engines.scripted import ScriptedEngine
from tasks.evaluation.arena import replay_strategies
from tasks.evaluation.forecast import forecast
from tasks.models.version import Model
from tasks.runs.loading import load_run
from tasks.serving.controller import Controller, Solved
from tasks.serving.policy import Policy, PolicyCell
from tasks.serving.probe import load_probe
from tasks.serving.solver import open_solver
from tasks.strategies import parse
from tasks.strategies.forms import LARGER_POOL
from warehouse.store import Store


class Home(NamedTuple):
    store: Store
    folder: Path
    run_id: str
    again: str
    """The same with one cascade more."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("cascades") / "w"
    run_id = run_all(folder, study(), engines=TwoEngines)
    again = run_all(folder, study(strategies=[*KEYS, OTHER]), engines=TwoEngines)
    with Store.open(folder) as store:
        yield Home(store, folder, run_id, again)


def cells(home: Home, columns: str) -> dict[tuple[str, int], tuple[float, ...]]:
    rows = home.store.read(
        f"SELECT strategy, budget, {columns} FROM outcomes WHERE run_id = $run_id GROUP BY ALL",
        run_id=home.run_id,
    )
    return {(key, budget): tuple(rest) for key, budget, *rest in rows.iter_rows()}


def test_both_models_draw_one_pool_and_only_the_small_one_tells_difficulty(home: Home) -> None:
    rows = home.store.read(
        "SELECT model, role, count(*)::INT FROM draws JOIN model_versions "
        "USING (model_fingerprint) WHERE run_id = $run_id GROUP BY ALL",
        run_id=home.run_id,
    )
    counts = {(model, role): count for model, role, count in rows.iter_rows()}
    assert counts == {
        (SMALL, "proposer"): QUESTIONS * POOL,
        (SMALL, "difficulty"): QUESTIONS * DIFFICULTY,
        (LARGE, "proposer"): QUESTIONS * POOL,
    }


def test_a_cascade_takes_what_its_draws_do_not_agree_on(home: Home) -> None:
    found = cells(home, "avg(accuracy), avg(generations)")
    # The larger model is always right: what is passed on is won.
    assert found["larger", 8][0] == 1.0
    assert found["majority", 2][0] < found[CASCADE, 4][0] <= 1.0
    for budget in (4, 8):
        accuracy, generations = found[CASCADE, budget]
        passed = (generations - 2) / (budget - 2)
        assert 0 < passed < 1
        # Right if passed on, or if kept and right.
        assert passed <= accuracy
    # 2 draws leave nothing to pass on to, and 4 of 4 neither.
    assert (CASCADE, 2) not in found
    assert ("cascade(k=4,agree=0.75)", 4) not in found


def test_every_cost_is_that_of_both_models(home: Home) -> None:
    """Of one question, from the draws of both models and how often the small one's agree."""
    run = load_run(home.store, home.run_id)
    assert run.larger
    (row,) = home.store.read(
        "SELECT * FROM outcomes WHERE run_id = $run_id AND strategy = $key AND budget = 8 "
        "AND generations > 2.1 ORDER BY question_id LIMIT 1",
        run_id=home.run_id,
        key=CASCADE,
    ).to_dicts()
    means = home.store.read(
        "SELECT model_fingerprint = $large AS large, avg(generated_tokens) AS tokens, "
        "max(generated_tokens)::DOUBLE AS longest, min(generated_tokens)::DOUBLE AS shortest "
        "FROM draws WHERE run_id = $run_id AND question_id = $question AND role = 'proposer' "
        "GROUP BY ALL ORDER BY large",
        large=run.larger.model.fingerprint,
        run_id=home.run_id,
        question=row["question_id"],
    ).to_dicts()
    small, large = means
    question = next(q for q in run.benchmark.questions if q.question_id == row["question_id"])
    prompt = len(run.format.prompt(question))
    passed = (row["generations"] - 2) / 6
    near = pytest.approx
    assert row["generated_tokens"] == near(2 * small["tokens"] + 6 * passed * large["tokens"])
    assert row["prompt_tokens"] == near(prompt * (1 + passed))
    first, second = run.generator.flops_a_token, run.larger.model.flops_a_token
    assert first and second
    own, other = 2 * small["tokens"] + prompt, passed * (6 * large["tokens"] + prompt)
    assert row["flops"] == near(own * first + other * second)
    money = prompt * 1.0 + 2 * small["tokens"] * 2.0
    money += passed * (prompt * 10.0 + 6 * large["tokens"] * 40.0)
    assert row["money"] == near(money / 1e6)
    # The lines of a question are as many in every completion: all take the same time.
    assert small["shortest"] == small["longest"] == large["longest"]
    assert row["latency_tokens"] == near(small["longest"] + passed * large["longest"])
    assert row["verifier_tokens"] == 0


def test_the_larger_model_alone_costs_its_own_alone(home: Home) -> None:
    run = load_run(home.store, home.run_id)
    assert run.larger and run.larger.model.flops_a_token
    found = cells(home, "sum(flops), sum(generated_tokens + prompt_tokens), avg(generations)")
    flops, tokens, generations = found["larger", 4]
    assert generations == 4
    assert flops == pytest.approx(tokens * run.larger.model.flops_a_token)


def test_stored_pools_of_both_models_are_all_that_a_cascade_needs(home: Home) -> None:
    replayed = replay_strategies(home.store, home.run_id, [OTHER], home.folder)
    assert replayed.missing == []
    # At a budget of 4 and of 8.
    assert len(replayed.outcomes) == QUESTIONS * 2
    # A run of it draws nothing new either.
    drawn = home.store.read("SELECT count(*) FROM draws WHERE run_id = $run_id", run_id=home.again)
    assert drawn.item() == 0
    accuracy = home.store.read(
        "SELECT question_id, budget, accuracy FROM outcomes "
        "WHERE run_id = $run_id AND strategy = $key ORDER BY ALL",
        run_id=home.again,
        key=OTHER,
    )
    told = replayed.outcomes.select("question_id", "budget", "accuracy")
    assert sorted(told.iter_rows()) == list(accuracy.iter_rows())


def test_a_forecast_counts_the_pool_of_the_larger_model(home: Home) -> None:
    there = forecast(home.store, study(), SMALL)
    assert there.draws == there.there == QUESTIONS * (2 * POOL + DIFFICULTY)
    assert (there.seen, there.tokens) == (QUESTIONS, 0.0)


def test_seeds_of_the_two_models_are_apart(home: Home) -> None:
    run = load_run(home.store, home.run_id)
    assert run.larger
    assert run.seed_of(run.generator) == run.study.seed != run.seed_of(run.larger.model)
    assert [arm.pool for arm in plan(run).arms] == [LARGER_POOL]


def served(home: Home, key: str, place: int, budget: int = 8) -> Solved:
    run = load_run(home.store, home.run_id)
    asking = replay_run(home.store, run)
    rows = [PolicyCell(parse(key), one, 1.0, 4) for one in (4, 8)]
    policy = Policy(dict.fromkeys(range(1, 6), rows), rows)
    controller = Controller(asking, policy, load_probe(home.store, home.run_id))
    return asyncio.run(controller.solve(run.benchmark.questions[place], budget))


def test_a_cascade_is_served_by_its_draws_or_by_the_larger_model(home: Home) -> None:
    run = load_run(home.store, home.run_id)
    assert run.larger and run.larger.model.flops_a_token and run.generator.flops_a_token
    asking = replay_run(home.store, run)
    made: set[int] = set()
    for place, question in enumerate(run.benchmark.questions):
        solved = served(home, CASCADE, place)
        pool = asyncio.run(asking.pool(question))
        agreed = len({run.answer(node.text) for node in pool[:2]}) == 1
        # The probe has three draws: one more than the cascade's own two. A budget of 8 and that
        # one are too many, so that the cell of 4 is used.
        assert solved.measured == 4
        assert solved.cost.generations == (3 if agreed else 5)
        if not agreed:
            large = asyncio.run(asking.first(question, LARGER_POOL, 2))
            assert solved.text in [node.text for node in large]
            extra = sum(node.generated_tokens for node in large) + asking.root(question).length
            own = sum(node.generated_tokens for node in pool[:3]) + asking.root(question).length
            flops = own * run.generator.flops_a_token + extra * run.larger.model.flops_a_token
            assert solved.cost.flops == pytest.approx(flops)
        made.add(solved.cost.generations)
    assert made == {3, 5}


def test_the_larger_model_is_served_alone(home: Home) -> None:
    solved = served(home, "larger", 0)
    run = load_run(home.store, home.run_id)
    (text,) = {
        n.text
        for n in asyncio.run(
            replay_run(home.store, run).first(run.benchmark.questions[0], LARGER_POOL, 1)
        )
    }
    assert (solved.strategy, solved.text) == ("larger", text)


async def test_serving_starts_the_larger_model_and_asks_it_afresh(home: Home) -> None:
    started: list[str] = []

    class Counting(TwoEngines):
        async def engine(self, model: Model) -> ScriptedEngine:
            started.append(model.name)
            return await super().engine(model)

    async with open_solver(home.folder, home.run_id, engines=Counting, eager=True) as solver:
        assert sorted(set(started)) == [SMALL, LARGE]
        question = solver.run.benchmark.questions[0]
        solved = await solver.solve(question.text, 8)
    # The larger model is always right, so that the policy is not without it.
    assert solved.strategy.startswith(("larger", "cascade", "majority"))
    assert solved.cost.flops > 0


@pytest.mark.parametrize("key", [CASCADE, "larger"])
async def test_it_is_served_as_it_is_replayed(home: Home, key: str) -> None:
    rows = [PolicyCell(parse(key), one, 1.0, 4) for one in (4, 8)]
    policy = Policy(dict.fromkeys(range(1, 6), rows), rows)
    run = load_run(home.store, home.run_id)
    replayed = Controller(replay_run(home.store, run), policy, load_probe(home.store, home.run_id))
    async with open_solver(home.folder, home.run_id, engines=TwoEngines) as solver:
        fresh = dataclasses.replace(solver, policy=policy)
        for question in run.benchmark.questions:
            # Drawn anew under the same seeds, those of the larger model its own.
            assert await fresh.solve(question.text, 8) == await replayed.solve(question, 8)
