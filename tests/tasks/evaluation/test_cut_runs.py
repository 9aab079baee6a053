"""Whole runs whose limits cut completions: what they name, count and serve."""

import asyncio

import pytest
from replays import replay_run
from scripted_runs import run_all, small_study

from tasks.runs.loading import load_run
from tasks.serving.controller import Controller
from tasks.serving.policy import load_policy
from tasks.serving.probe import load_probe
from warehouse.store import Store

BEAM = "beam_search(m=4)/weighted"


def run_of(tmp_path_factory, **generator):
    folder = tmp_path_factory.mktemp("cut") / "w"
    study = small_study(strategies=["majority", "weighted", BEAM], generator=generator)
    return folder, run_all(folder, study)


@pytest.fixture(scope="module")
def steps_cut(tmp_path_factory):
    """A line is a digit and a line break: a limit of one token cuts every step of every search."""
    return run_of(tmp_path_factory, max_step_tokens=1)


@pytest.fixture(scope="module")
def all_cut(tmp_path_factory):
    return run_of(tmp_path_factory, max_tokens=2)


def read(home, sql):
    folder, run_id = home
    with Store.open(folder) as store:
        return store.read(sql, run_id=run_id)


def test_a_search_whose_steps_are_cut_is_in_no_cell_though_it_is_cheap(steps_cut):
    spent = read(
        steps_cut,
        "SELECT strategy, avg(truncated) AS cut, avg(flops) AS flops FROM run_outcomes "
        "WHERE run_id = $run_id AND budget = 8 GROUP BY strategy",
    )
    by_strategy = {row["strategy"]: row for row in spent.to_dicts()}
    assert by_strategy[BEAM]["cut"] == 1.0
    assert by_strategy[BEAM]["flops"] < by_strategy["majority"]["flops"]
    policies = read(steps_cut, "SELECT * FROM policies WHERE run_id = $run_id")
    assert BEAM not in policies["strategy"].to_list()
    assert policies["recommended"].all() and policies["truncated"].max() == 0.0
    costs = read(steps_cut, "SELECT strategy FROM cost_policies WHERE run_id = $run_id")
    assert set(costs["strategy"]) <= {"majority", "weighted"}


def test_cut_steps_are_counted(steps_cut):
    (row,) = read(steps_cut, "SELECT * FROM run_steps WHERE run_id = $run_id").to_dicts()
    # Searches of 4 and 8 slots on 20 questions share their first draws; all of them were cut.
    assert row["cut_steps"] == row["step_draws"] == 8 * 20
    assert (row["searches"], row["out_of_rounds"]) == (2 * 20, 0)
    assert row["mean_steps"] > 2


def test_searches_that_the_rounds_end_are_counted_and_no_cut_of_the_token_limit(tmp_path_factory):
    home = run_of(tmp_path_factory, max_rounds=1)
    (row,) = read(home, "SELECT * FROM run_steps WHERE run_id = $run_id").to_dicts()
    assert row["cut_steps"] == 0 and row["out_of_rounds"] > 0
    shares = read(
        home,
        "SELECT out_of_rounds, truncated FROM run_outcomes "
        f"WHERE run_id = $run_id AND strategy = '{BEAM}'",
    )
    assert shares["out_of_rounds"].to_list() == shares["truncated"].to_list()
    pools = read(
        home,
        "SELECT out_of_rounds FROM outcomes WHERE run_id = $run_id AND strategy = 'majority'",
    )
    assert pools["out_of_rounds"].null_count() == len(pools)


def test_where_all_is_cut_the_baseline_stands_in_and_is_served_as_such(all_cut):
    policies = read(all_cut, "SELECT * FROM policies WHERE run_id = $run_id")
    assert set(policies["strategy"]) == {"weighted"}
    assert not policies["recommended"].any() and not policies["decided"].any()
    assert policies["truncated"].to_list() == [1.0] * len(policies)
    folder, run_id = all_cut
    with Store.open(folder) as store:
        run = load_run(store, run_id)
        policy = load_policy(store, run)[1]
        controller = Controller(replay_run(store, run), policy, load_probe(store, run_id))
        solved = asyncio.run(controller.solve(run.benchmark.questions[0], 8))
    assert (solved.answer, solved.recommended, solved.lost) == (None, False, 1.0)
    assert policy.unbinned(8).recommended is False
