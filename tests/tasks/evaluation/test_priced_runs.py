"""Costs of whole runs with a scripted engine: money, latency, and policies along every axis."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from replays import replay_run
from scripted_runs import run_all, small_study

from tasks.runs.loading import load_run
from tasks.statistics.axes import AXES, COST_COLUMNS
from tasks.statistics.subsets import expected_longest
from warehouse.store import Store

WRITER = "bundled/congruences-generator"
JUDGE = "bundled/congruences-prm"
PRICES = {
    WRITER: {"prompt": 2.0, "cached": 0.5, "generated": 10.0},
    JUDGE: {"prompt": 1.0},
}
STUDY: dict[str, Any] = {
    "revisions": {},
    "strategies": [
        "majority",
        "weighted",
        "adaptive(agree=2)",
        "beam_search(m=4)",
        "revisions(s=2)",
    ],
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run at prices, one without, and one at other prices."""
    folder = tmp_path_factory.mktemp("priced") / "w"
    run_all(folder, small_study(name="priced", prices=PRICES, **STUDY))
    run_all(folder, small_study(name="free", **STUDY))
    dear = PRICES | {JUDGE: {"prompt": 1000.0}}
    run_all(folder, small_study(name="dear", prices=dear, **STUDY))
    return folder


@pytest.fixture
def store(folder: Path) -> Iterator[Store]:
    with Store.open(folder) as store:
        yield store


def run_of(store: Store, study: str) -> str:
    return str(store.read("SELECT run_id FROM runs WHERE study = $study", study=study).item())


def test_money_is_tokens_at_the_prices_of_who_was_asked(store: Store) -> None:
    sql = """
    SELECT
        count(*),
        max(abs(money - (
            (prompt_tokens - cached_tokens) * 2 + cached_tokens * 0.5 + generated_tokens * 10
            + verifier_tokens
        ) / 1e6))
    FROM outcomes WHERE run_id = $run_id
    """
    rows, gap = store.read(sql, run_id=run_of(store, "priced")).row(0)
    assert rows
    assert gap < 1e-15


def test_without_prices_money_is_unknown_and_there_is_no_policy_by_it(store: Store) -> None:
    free = run_of(store, "free")
    sql = "SELECT count(*), count(money), count(latency_tokens), count(latency_seconds) "
    rows, priced, waited, timed = store.read(
        f"{sql} FROM outcomes WHERE run_id = $run_id", run_id=free
    ).row(0)
    assert (priced, waited, timed) == (0, rows, rows)
    axes = "SELECT DISTINCT axis FROM cost_curves WHERE run_id = $run_id"
    assert set(store.read(axes, run_id=free)["axis"]) == set(AXES) - {"money"}
    assert set(store.read(axes, run_id=run_of(store, "priced"))["axis"]) == set(AXES)


def test_other_prices_are_another_run_that_draws_nothing(store: Store) -> None:
    drawn = store.read("SELECT DISTINCT run_id FROM draws")["run_id"].to_list()
    assert drawn == [run_of(store, "priced")]
    identities = store.read("SELECT DISTINCT identity FROM runs")
    assert len(identities) == 3


def test_the_policy_by_money_rests_on_the_prices(store: Store) -> None:
    # A verifier that costs a thousand times as much is not asked where majority can be afforded.
    sql = """
    SELECT count(*) FILTER (strategy IN ('weighted', 'beam_search(m=4)/weighted')) / count(*)
    FROM cost_policies JOIN outcomes USING (run_id, strategy, budget)
    WHERE run_id = $run_id AND axis = 'money' AND difficulty = 'oracle' AND level <= 3
    """
    cheap, dear = (
        store.read(sql, run_id=run_of(store, name)).item() for name in ("priced", "dear")
    )
    assert dear < cheap


def test_parallel_draws_take_as_long_as_the_longest(store: Store) -> None:
    run_id = run_of(store, "priced")
    run = load_run(store, run_id)
    question = run.benchmark.questions[0]
    pool = asyncio.run(replay_run(store, run).pool(question))
    tokens = [node.generated_tokens for node in pool]
    sql = (
        "SELECT budget, latency_tokens FROM outcomes WHERE run_id = $run_id "
        "AND question_id = $question AND strategy = 'majority' ORDER BY budget"
    )
    rows = store.read(sql, run_id=run_id, question=question.question_id).rows()
    import numpy as np

    expected = [expected_longest(np.array(tokens), budget) for budget in (1, 2, 4, 8)]
    assert [latency for _, latency in rows] == pytest.approx(expected)
    assert rows[0][1] == pytest.approx(sum(tokens) / 8)
    assert rows[3][1] == max(tokens)


def test_what_goes_on_step_by_step_or_in_chains_waits_longer_than_its_tokens_of_one(
    store: Store,
) -> None:
    sql = """
    SELECT strategy, budget, min(latency_tokens), bool_and(latency_tokens <= generated_tokens)
    FROM outcomes WHERE run_id = $run_id AND strategy IN $searches GROUP BY ALL ORDER BY ALL
    """
    searches = ["beam_search(m=4)/weighted", "revisions(s=2)/hierarchical"]
    found = store.read(sql.replace("$searches", str(tuple(searches))), run_id=run_of(store, "free"))
    assert {strategy for strategy, *_ in found.rows()} == set(searches)
    for _, _, least, is_within in found.rows():
        assert least > 0
        assert is_within


def test_fewer_chains_take_what_the_first_of_them_take(store: Store) -> None:
    # Chains go on together: the slowest first attempt, then the slowest second one.
    run_id = run_of(store, "priced")
    run = load_run(store, run_id)
    asking = replay_run(store, run)
    question = run.benchmark.questions[3]
    (strategy, budget), *_ = [one for one in asking.plan.searches if one[0].kind == "groups"]
    assert budget == 8
    chains = asyncio.run(asking.search(question, strategy, budget)).groups
    sql = (
        "SELECT budget, latency_tokens FROM outcomes WHERE run_id = $run_id "
        "AND question_id = $question AND strategy = $strategy ORDER BY budget"
    )
    rows = store.read(
        sql, run_id=run_id, question=question.question_id, strategy=strategy.key
    ).rows()
    expected = []
    for count in (1, 2, 4):
        places = zip(*chains[:count], strict=True)
        slowest = [max(node.generated_tokens for node in place) for place in places]
        expected.append((2 * count, sum(slowest)))
    assert rows == expected


def test_seconds_of_waiting_are_tokens_in_a_row_at_the_pace_of_requests(store: Store) -> None:
    run_id = run_of(store, "priced")
    pace = store.read(
        "SELECT sum(waited_seconds) / sum(waited_tokens) FROM paces WHERE run_id = $run_id",
        run_id=run_id,
    ).item()
    sql = """
    SELECT max(abs(latency_seconds / latency_tokens - $pace)), bool_and(latency_seconds > 0)
    FROM outcomes WHERE run_id = $run_id
    """
    gap, is_known = store.read(sql, run_id=run_id, pace=pace).row(0)
    assert gap < 1e-9
    assert is_known


def test_a_run_resumed_by_its_study_has_its_prices(store: Store) -> None:
    run = load_run(store, run_of(store, "priced"))
    price = run.study.price(WRITER)
    assert price is not None
    assert (price.prompt, price.of_cached, price.generated) == (2.0, 0.5, 10.0)


def test_every_cost_of_the_list_is_a_column_of_outcomes_and_of_the_view(store: Store) -> None:
    for table in ("outcomes", "accuracy"):
        assert set(COST_COLUMNS) <= set(store.read(f"SELECT * FROM {table} LIMIT 0").columns)


def test_the_probes_own_cost_is_in_every_axis_of_its_policy(store: Store) -> None:
    # With the probe's difficulty the cheapest level costs more than under a difficulty that is
    # known, along all axes.
    sql = """
    SELECT axis, min(cost) FILTER (difficulty = 'probe') > min(cost) FILTER (difficulty = 'oracle')
    FROM cost_curves WHERE run_id = $run_id GROUP BY axis
    """
    found = dict(store.read(sql, run_id=run_of(store, "priced")).rows())
    assert found == dict.fromkeys(AXES, True)
