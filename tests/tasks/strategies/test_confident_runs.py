"""How sure the model was is stored with the draws of a study that asks, and of no other."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from replays import replay_run
from scripted_runs import ScriptedEngines, run_all, small_study, sure_of

from tasks.runs.loading import load_run
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.serving.controller import Controller
from tasks.serving.policy import Policy, PolicyCell
from tasks.serving.probe import load_probe
from tasks.statistics.confidence.votes import choose_confident
from tasks.strategies import parse
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.store import Store

MODEL = "bundled/congruences-generator"
CONFIDENT = ["confident(top=0.25)", "confident(top=0.5,by=tail)", "confident(top=0.5)@T=0.6"]
COLUMNS = "lowest_confidence, mean_confidence, tail_confidence"


def study(strategies: list[str], **changes: object) -> Study:
    values = {"baseline": "majority", "verifier": None, "probe_draws": 3}
    return small_study(strategies=["majority", *strategies], **(values | changes))


class Home(NamedTuple):
    """A complete run that asks for confidence, and the same once more."""

    store: Store
    run_id: str
    again: str
    requests: int
    """That the second one made of its engine."""


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("confident") / "w"
    asked: list[ScriptedEngines] = []

    class Kept(ScriptedEngines):
        def __init__(self, run: Run, seconds: float) -> None:
            super().__init__(run, seconds)
            asked.append(self)

    first, second = (run_all(folder, study(CONFIDENT), engines=Kept) for _ in range(2))
    with Store.open(folder) as store:
        yield Home(store, first, second, asked[1].writer.requests)


def test_every_whole_draw_has_the_three_numbers_that_its_engine_told(home: Home) -> None:
    rows = home.store.read(f"SELECT text, {COLUMNS} FROM draws").iter_rows()
    told = {text: numbers for text, *numbers in rows}
    assert len(told) > 100
    assert all(numbers == list(sure_of(text))[:3] for text, numbers in told.items())


def test_the_draws_are_those_of_a_study_that_does_not_ask(home: Home, tmp_path: Path) -> None:
    run_all(tmp_path / "w", study(["majority@T=0.6"]))
    keys = "SELECT node_key, sampling_key, replicate, child FROM draws ORDER BY ALL"
    with Store.open(tmp_path / "w") as plain:
        assert plain.read(keys).equals(home.store.read(keys))
        known = f"SELECT count(*) FROM draws WHERE {COLUMNS.replace(',', ' IS NOT NULL OR')}"
        assert plain.read(f"{known} IS NOT NULL").item() == 0


def test_the_same_study_again_asks_for_nothing_and_finds_the_same(home: Home) -> None:
    assert home.requests == 0
    figures = "strategy, budget, question_id, accuracy, mc_error"
    sql = f"SELECT {figures} FROM outcomes WHERE run_id = $run_id ORDER BY ALL"
    first = home.store.read(sql, run_id=home.run_id)
    assert home.store.read(sql, run_id=home.again).equals(first)
    assert set(first["strategy"]) == {"pass", "majority", *CONFIDENT}


@pytest.mark.parametrize("key", CONFIDENT)
def test_all_of_a_pool_is_the_vote_of_its_stored_numbers(home: Home, key: str) -> None:
    strategy = parse(key)
    options = dict(strategy.options)
    column = f"{options.get('by', 'lowest')}_confidence"
    rows = home.store.read(
        f"SELECT question_id, canonical, {column}, verdict = 'correct' "
        "FROM question_draws WHERE run_id = $run_id AND replicate = 0 AND temperature = $at "
        "ORDER BY question_id, child",
        run_id=home.run_id,
        at=strategy.temperature or 1.0,
    )
    accuracy = home.store.read(
        "SELECT question_id, accuracy FROM outcomes "
        "WHERE run_id = $run_id AND strategy = $key AND budget = 8",
        run_id=home.run_id,
        key=key,
    )
    stored = dict(accuracy.iter_rows())
    assert len(stored) == 20
    for (question,), drawn in rows.group_by("question_id"):
        _, answers, sure, right = drawn.get_columns()
        choice = choose_confident(answers.to_list(), sure.to_list(), top=float(options["top"]))
        assert stored[question] == float(right[choice.index])


@pytest.mark.parametrize("key", CONFIDENT)
def test_it_is_served_by_the_confidence_of_what_is_drawn(home: Home, key: str) -> None:
    run = load_run(home.store, home.run_id)
    cells = [PolicyCell(parse(key), 4, 1.0, 4)]
    policy = Policy(dict.fromkeys(range(1, 6), cells), cells)
    probe = load_probe(home.store, home.run_id)
    replayed = Controller(replay_run(home.store, run), policy, probe)
    for question in run.benchmark.questions[:5]:
        solved = asyncio.run(replayed.solve(question, 4))
        assert solved.strategy == key
        assert solved.text is not None


def test_draws_without_it_are_refused_in_one_sentence(tmp_path: Path) -> None:
    run_all(tmp_path / "w", study([]))
    with Store.open(tmp_path / "w") as store:
        wanted = r"confidence of every draw for confident\(top=0.25\), got 160 draws of bundled"
        with pytest.raises(UserError, match=wanted):
            open_run(store, study(["confident(top=0.25)"]), MODEL)
        # Of a pool of its own, in another replicate, at another temperature, nothing is there yet.
        open_run(store, study(["confident(top=0.25)@T=0.6"]), MODEL)
        open_run(store, study(["confident(top=0.25)"], replicate=1), MODEL)


def test_a_pool_that_lacks_some_is_refused_where_it_is_estimated(tmp_path: Path) -> None:
    class Silent(ScriptedEngines):
        def __init__(self, run: Run, seconds: float) -> None:
            super().__init__(run, seconds)
            self.writer.sure = None

    with pytest.raises(UserError, match=r"for the strategy confident, got 0 of 8; set another"):
        run_all(tmp_path / "w", study(["confident(top=0.25)"]), engines=Silent)
