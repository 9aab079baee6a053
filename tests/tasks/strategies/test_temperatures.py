"""A temperature behind a strategy's name is an arm with a pool of its own (METHOD §13)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from replays import replay_run
from scripted_runs import run_all, small_study

from tasks.asking.plan import plan
from tasks.evaluation.forecast import forecast
from tasks.runs.loading import load_run
from tasks.serving.controller import Controller
from tasks.serving.policy import Policy, PolicyCell
from tasks.serving.probe import load_probe
from tasks.strategies import parse
from tasks.strategies.names import short_names
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.store import Store

ARMS = ["majority@T=0.6", "adaptive(agree=3)@T=0.6", "weighted@T=0.25", "best_of_n@T=0.25"]
PLAIN = ["majority", "weighted"]
QUESTIONS = 20
POOL = 8
DIFFICULTY = 8


def study(strategies: list[str]) -> Study:
    return small_study(strategies=strategies, probe_draws=3)


class Home(NamedTuple):
    """A run without arms, then the same study with them."""

    folder: Path
    store: Store
    plain: str
    tempered: str


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("arms") / "w"
    plain = run_all(folder, study(PLAIN))
    tempered = run_all(folder, study([*PLAIN, *ARMS]))
    with Store.open(folder) as store:
        yield Home(folder, store, plain, tempered)


def drawn(home: Home, run_id: str) -> dict[tuple[float, str], int]:
    """Draws that a run paid for, by temperature and role."""
    rows = home.store.read(
        "SELECT temperature, role, count(*)::INT FROM draws JOIN samplings USING (sampling_key) "
        "WHERE run_id = $run_id GROUP BY ALL",
        run_id=run_id,
    ).iter_rows()
    return {(temperature, role): count for temperature, role, count in rows}


def test_an_arm_draws_a_pool_and_leaves_all_else_as_it_was(home: Home) -> None:
    of_pool, of_bins = QUESTIONS * POOL, QUESTIONS * DIFFICULTY
    assert drawn(home, home.plain) == {(1.0, "proposer"): of_pool, (1.0, "difficulty"): of_bins}
    # The second run finds what the first has drawn: it pays for two further pools alone.
    assert drawn(home, home.tempered) == {(0.6, "proposer"): of_pool, (0.25, "proposer"): of_pool}


def test_the_verifier_is_asked_for_an_arm_that_selects_by_its_scores_alone(home: Home) -> None:
    scored = home.store.read(
        "SELECT DISTINCT temperature FROM draws JOIN samplings USING (sampling_key) "
        "SEMI JOIN scores USING (node_key) WHERE draws.run_id = $run_id "
        "AND node_key NOT IN (SELECT node_key FROM draws WHERE run_id = $plain)",
        run_id=home.tempered,
        plain=home.plain,
    )
    # What both arms or the first pool wrote alike is scored once, whoever asks.
    assert 0.25 in scored.to_series().to_list()
    columns = "avg(verifier_tokens)::INT"
    of_arms = home.store.read(
        f"SELECT strategy, {columns} FROM outcomes WHERE run_id = $run_id AND budget = 8 "
        "GROUP BY strategy",
        run_id=home.tempered,
    )
    tokens = dict(of_arms.iter_rows())
    assert tokens["majority@T=0.6"] == tokens["adaptive(agree=3)@T=0.6"] == 0
    assert tokens["weighted@T=0.25"] == tokens["best_of_n@T=0.25"] > 0


def test_an_arm_is_as_accurate_as_one_of_its_own_draws(home: Home) -> None:
    # At a budget of 1 every selector is right as often as a draw: of its pool, not of another's.
    right = home.store.read(
        "SELECT temperature, avg((verdict = 'correct')::INT) FROM question_draws "
        "WHERE run_id = $run_id AND role = 'proposer' GROUP BY temperature",
        run_id=home.tempered,
    )
    of_draws = dict(right.iter_rows())
    accuracy = home.store.read(
        "SELECT strategy, avg(accuracy) FROM outcomes WHERE run_id = $run_id AND budget = 1 "
        "GROUP BY strategy",
        run_id=home.tempered,
    )
    of_cells = dict(accuracy.iter_rows())
    assert of_draws[0.6] != of_draws[1.0] != of_draws[0.25]
    near = pytest.approx
    assert of_cells["majority@T=0.6"] == near(of_draws[0.6])
    assert of_cells["weighted@T=0.25"] == near(of_draws[0.25])
    assert of_cells["majority"] == of_cells["pass"] == near(of_draws[1.0])


def test_a_forecast_counts_a_pool_an_arm(home: Home) -> None:
    model = "bundled/congruences-generator"
    of_pool, of_bins = QUESTIONS * POOL, QUESTIONS * DIFFICULTY
    there = forecast(home.store, study([*PLAIN, *ARMS]), model)
    assert there.draws == there.there == 3 * of_pool + of_bins
    assert (there.seen, there.tokens) == (QUESTIONS, 0.0)
    more = forecast(home.store, study([*PLAIN, *ARMS, "majority@T=3"]), model)
    assert more.draws == 4 * of_pool + of_bins
    assert more.seen == 0 < more.tokens


def test_every_sampling_of_an_arm_is_planned_once(home: Home) -> None:
    owed = plan(load_run(home.store, home.tempered))
    assert [(arm.pool.temperature, arm.scored) for arm in owed.arms] == [(0.25, True), (0.6, False)]
    wholes = [one for one in owed.sampled.values() if one.until == "end"]
    assert sorted(one.temperature for one in wholes) == [0.25, 0.6, 1.0]


@pytest.mark.parametrize("key", ARMS)
def test_an_arm_is_served_from_its_own_pool_after_the_probe(home: Home, key: str) -> None:
    run = load_run(home.store, home.tempered)
    asking = replay_run(home.store, run)
    cells = [PolicyCell(parse(key), budget, 1.0, 4) for budget in (1, 2, 4, 8)]
    policy = Policy(dict.fromkeys(range(1, 6), cells), cells)
    controller = Controller(asking, policy, load_probe(home.store, home.tempered))
    question = run.benchmark.questions[0]
    solved = asyncio.run(controller.solve(question, 8))
    # Three draws of the probe are of another pool, so that four of eight are left, not eight.
    assert (solved.strategy, solved.measured) == (key, 4)
    probe = asyncio.run(asking.pool(question))[:3]
    arm = asyncio.run(asking.pool_of(question, parse(key).pool))[:4]
    made = solved.cost.generations - 3
    assert made == 4 or key.startswith("adaptive")
    paid = sum(node.generated_tokens for node in (*probe, *arm[:made]))
    assert solved.cost.generated_tokens == paid
    assert solved.text in [node.text for node in arm]


def test_the_temperature_of_the_study_is_no_arm() -> None:
    with pytest.raises(UserError, match=r"another temperature.*majority@T=1, got the same; leave"):
        small_study(strategies=["majority@T=1"], baseline="majority@T=1")


def test_an_arm_says_its_temperature_in_short() -> None:
    keys = ["majority", "majority@T=0.6", "first(m=3)@T=0.6"]
    assert list(short_names(keys).values()) == ["majority", "majority T=0.6", "first m=3 T=0.6"]
