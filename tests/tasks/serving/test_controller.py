"""The policy at work: probe, bin, strategy, answer and what it costs, scripted."""

from __future__ import annotations

import asyncio
import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from replays import replay_run
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.draws.sampler import MissingDraws
from tasks.runs.loading import load_run
from tasks.serving.controller import Controller
from tasks.serving.offline import accuracy_of_answers, replay_answers
from tasks.serving.policy import Policy, PolicyCell, load_policy, policy_run
from tasks.serving.probe import load_probe
from tasks.serving.solver import open_solver
from tasks.statistics.adaptive import Rule, _posteriors, stops_at
from tasks.statistics.kernels import walk_orders
from tasks.strategies import parse
from warehouse.errors import UserError
from warehouse.store import Store

STOPPED = ["adaptive(agree=3)", "adaptive(posterior=0.9)", "window(w=3)"]
POOLS = ["majority", "best_of_n", "weighted", *STOPPED]
RUNNING = [
    "beam_search(m=4)",
    "dvts(m=4)",
    "rebase",
    "revisions(s=1)",
    "revisions(s=2)",
    "revisions(s=2)/majority",
    "revision_search(m=2)",
]
BUDGETS = (1, 2, 4, 8)
PROBE = 3
ASKED = (1, 2, 4, 7, 8, 12, 100)


@pytest.fixture(scope="module")
def home(tmp_path_factory):
    """A warehouse with one complete run of every kind of strategy, and the run's id."""
    folder = tmp_path_factory.mktemp("controller") / "w"
    return folder, run_all(
        folder, small_study(strategies=[*POOLS, *RUNNING], probe_draws=PROBE, revisions={})
    )


@pytest.fixture(scope="module")
def offline(home):
    """The controller over what is stored."""
    folder, run_id = home
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        return Controller(
            replay_run(store, run),
            load_policy(store, run)[1],
            load_probe(store, run_id),
        )


def table(strategy, *, budgets=BUDGETS):
    """A policy that names one strategy everywhere.

    Its single strategies are never right, so that a probe always pays.
    """
    one = parse(strategy)
    row = [PolicyCell(one, n, 0.5, 4) for n in budgets if one.fits(n)]
    return Policy(dict.fromkeys(range(1, 6), row), [cell._replace(accuracy=0.0) for cell in row])


def under(controller, strategy, question, budget):
    return asyncio.run(
        dataclasses.replace(controller, policy=table(strategy)).solve(question, budget)
    )


def pool(controller, question, n):
    sampling, replicate = controller.asking.plan.samplings.whole, controller.asking.plan.replicate
    root = controller.asking.root(question)
    children = controller.asking.proposing.sampler.children(
        root, n, sampling=sampling, replicate=replicate
    )
    return root, asyncio.run(children)


async def solved_afresh(home, policies, budgets):
    """Answers to the run's questions as they are served: every draw asked for once more."""
    folder, run_id = home
    async with open_solver(folder, run_id, engines=ScriptedEngines) as solver:
        solvers = [
            dataclasses.replace(solver, policy=policy or solver.policy) for policy in policies
        ]
        pairs = [
            (one, q.text, n)
            for one in solvers
            for q in solver.run.benchmark.questions
            for n in budgets
        ]
        return await asyncio.gather(*(one.solve(text, n) for one, text, n in pairs))


def test_what_is_served_is_what_the_offline_controller_says(home, offline):
    questions = offline.asking.run.benchmark.questions
    wanted = [asyncio.run(offline.solve(question, n)) for question in questions for n in ASKED]
    served = asyncio.run(solved_afresh(home, [None], ASKED))
    assert len(served) == 20 * len(ASKED)
    assert served == wanted


def test_every_strategy_is_served_as_it_is_replayed(home, offline):
    questions = offline.asking.run.benchmark.questions
    policies = [table(strategy) for strategy in (*POOLS, *RUNNING)]
    controllers = [dataclasses.replace(offline, policy=policy) for policy in policies]
    wanted = [asyncio.run(one.solve(question, 8)) for one in controllers for question in questions]
    assert asyncio.run(solved_afresh(home, policies, [8])) == wanted
    assert len(wanted) == 260
    assert {solved.strategy for solved in wanted} == {
        parse(text).key for text in (*POOLS, *RUNNING)
    }


@pytest.mark.parametrize("strategy", [*POOLS, *RUNNING])
@pytest.mark.parametrize("budget", [4, 7, 8, 12])
def test_an_answer_never_takes_more_generations_than_its_budget(offline, strategy, budget):
    for question in offline.asking.run.benchmark.questions[:6]:
        assert under(offline, strategy, question, budget).cost.generations <= budget


def test_a_pool_strategy_pays_for_the_probes_draws_once(offline):
    question = offline.asking.run.benchmark.questions[0]
    root, nodes = pool(offline, question, 8)
    solved = under(offline, "weighted", question, 8)
    assert solved.cost.generations == 8
    assert solved.cost.generated_tokens == sum(node.generated_tokens for node in nodes)
    # The request of the probe, and that of the rest.
    assert solved.cost.prompt_tokens == 2 * len(root.token_ids)


def test_a_search_pays_for_the_probe_beside_it(offline):
    # Of a budget of 8 the probe takes 3; what is left is spent on the search at the next smaller
    # budget, 4.
    question = offline.asking.run.benchmark.questions[0]
    _, nodes = pool(offline, question, PROBE)
    solved = under(offline, "beam_search(m=4)", question, 8)
    alone = asyncio.run(offline.asking.search(question, parse("beam_search(m=4)"), 4))
    assert (solved.measured, solved.cost.generations) == (4, 4 + PROBE)
    written = alone.meter.generated_tokens + sum(node.generated_tokens for node in nodes)
    assert solved.cost.generated_tokens == written


def test_first_attempts_that_are_the_probes_draws_are_paid_once(offline):
    # The generator revises its own attempts, so the four chains of one attempt are the first four
    # of the pool.
    question = offline.asking.run.benchmark.questions[0]
    _, nodes = pool(offline, question, 4)
    solved = under(offline, "revisions(s=1)", question, 8)
    assert (solved.measured, solved.cost.generations) == (4, 4)
    assert solved.cost.generated_tokens == sum(node.generated_tokens for node in nodes)


def test_a_budget_that_the_policy_lacks_uses_the_largest_below(offline):
    question = offline.asking.run.benchmark.questions[0]
    assert [under(offline, "majority", question, n).measured for n in (4, 7, 100)] == [4, 4, 8]


def test_a_budget_without_room_beside_a_probe_is_spent_without_one(offline):
    question = offline.asking.run.benchmark.questions[0]
    assert [under(offline, "majority", question, n).bin is None for n in (1, 3, 4)] == [
        True,
        True,
        False,
    ]


def test_a_probe_is_drawn_only_where_it_promises_more():
    # Beside a probe of 4 a budget of 8 leaves room for the search at 4: 0.6, below the interval of
    # the best single strategy at 8 (0.7 ± 0.03 on 1,000 questions). At 12 there is room for the
    # search at 8: (0.9 + 0.8) / 2.
    search, best = parse("beam_search(m=4)"), parse("weighted")
    bins = {
        b: [PolicyCell(search, 4, 0.6, 500), PolicyCell(search, 8, top, 500)]
        for b, top in ((1, 0.9), (2, 0.8))
    }
    policy = Policy(bins, [PolicyCell(best, 4, 0.5, 1000), PolicyCell(best, 8, 0.7, 1000)])
    assert [policy.pays(n, probed=4) for n in (4, 7, 8, 12)] == [False, False, False, True]
    assert policy.unbinned(9) == PolicyCell(best, 8, 0.7, 1000)


def test_a_bin_that_the_table_lacks_takes_the_nearest():
    policy = Policy(
        {
            1: [PolicyCell(parse("majority"), 4, 0.5, 1)],
            4: [PolicyCell(parse("weighted"), 4, 0.5, 1)],
        },
        [],
    )
    chosen = [policy.within(b, 8, probed=0).strategy.name for b in (1, 2, 3, 5)]
    assert chosen == ["majority", "majority", "weighted", "weighted"]


def test_a_budget_below_the_smallest_measured_one_is_refused(offline):
    with pytest.raises(UserError, match="at least 1"):
        asyncio.run(offline.solve(offline.asking.run.benchmark.questions[0], 0))


def test_the_first_of_tied_answers_is_served(offline):
    for question in offline.asking.run.benchmark.questions:
        _, (first, second) = pool(offline, question, 2)
        answers = [offline.asking.run.answer(node.text) for node in (first, second)]
        if answers[0] != answers[1]:
            assert under(offline, "majority", question, 2).text == first.text
            return
    raise AssertionError("expected a question whose first two answers differ")


def test_a_replay_asks_for_no_draw_that_is_not_there(offline):
    known = offline.asking.run.benchmark.questions[0]
    question = dataclasses.replace(known, question_id="another", text="another question")
    with pytest.raises(MissingDraws):
        asyncio.run(offline.solve(question, 8))


def test_a_served_majority_of_eight_is_right_as_often_as_the_first_eight_draws_say(home):
    folder, run_id = home
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        served = replay_answers(store, run, [1, 8])
        rows = {row["budget"]: row for row in accuracy_of_answers(store, run, served).to_dicts()}
    targets = {q.question_id: q.target for q in run.benchmark.questions}
    right = sum(
        one.solved.answer == targets[one.question.question_id]
        for one in served
        if one.solved.budget == 8
    )
    assert rows[8]["accuracy"] == right / 20
    assert rows[1]["generations"] == 1
    assert rows[8]["lo"] < rows[8]["accuracy"] <= rows[8]["hi"]


@given(
    answers=st.lists(st.sampled_from([None, "a", "b", "c"]), min_size=1, max_size=20),
    rule=st.one_of(
        st.integers(2, 5).map(lambda k: Rule(agree=k)),
        st.floats(0.55, 0.99).map(lambda p: Rule(posterior=p)),
        st.integers(2, 5).map(lambda w: Rule(window=w)),
    ),
)
def test_draws_stop_where_the_estimator_stops_them(answers, rule):
    names = sorted({one for one in answers if one is not None})
    classes = np.array([-1 if one is None else names.index(one) for one in answers], dtype=np.int64)
    order, budgets = np.arange(len(answers))[None, :], np.array([len(answers)], dtype=np.int64)
    _, spent, _, _ = walk_orders(
        classes,
        np.zeros(max(len(names), 1)),
        np.ones(len(answers)),
        order,
        budgets,
        (rule.run or len(answers) + 1, rule.earliest, rule.every),
        *_posteriors(len(answers), rule.posterior),
    )
    assert (stops_at(answers, rule) or len(answers)) == spent[0, 0]


def test_an_empty_question_is_refused(home):
    async def asked():
        async with open_solver(*home, engines=ScriptedEngines) as solver:
            await solver.solve("  ", 8)

    with pytest.raises(UserError, match="expected a question"):
        asyncio.run(asked())


def test_a_policy_is_named_by_run_or_as_the_latest(home):
    folder, run_id = home
    with Store.open(folder) as store:
        assert [policy_run(store, name) for name in (None, "latest", "20260101-000000-aaaa")] == [
            run_id,
            run_id,
            "20260101-000000-aaaa",
        ]
        with pytest.raises(UserError, match="champion"):
            policy_run(store, "champion")
