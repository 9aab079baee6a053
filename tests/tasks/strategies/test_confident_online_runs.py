"""Whole runs of draws that are stopped where their confidence falls."""

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
from tasks.statistics.confidence.online import Rule, Watched, choose_online, follow
from tasks.strategies import parse
from tasks.study.study import Study
from warehouse.errors import UserError
from warehouse.store import Store

MODEL = "bundled/congruences-generator"
KEY = "confident_online(top=0.5,warmup=3)"
RULE = Rule(0.5, 3, 0.95)


def study(*strategies: str) -> Study:
    return small_study(
        strategies=["majority", *strategies], baseline="majority", verifier=None, probe_draws=3
    )


class Home(NamedTuple):
    """A complete run, and the requests that the same made once more."""

    store: Store
    run_id: str
    requests: int


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    folder = tmp_path_factory.mktemp("online") / "w"
    asked: list[ScriptedEngines] = []

    class Kept(ScriptedEngines):
        def __init__(self, run: Run, seconds: float) -> None:
            super().__init__(run, seconds)
            asked.append(self)

    run_id, _ = (run_all(folder, study(KEY), engines=Kept) for _ in range(2))
    with Store.open(folder) as store:
        yield Home(store, run_id, asked[1].writer.requests)


def test_where_confidence_fell_is_stored_with_every_whole_draw(home: Home) -> None:
    rows = home.store.read("SELECT text, confidence_falls FROM draws").rows()
    assert len(rows) > 100
    for text, stored in rows:
        assert stored == [number for fall in sure_of(text).falls for number in fall]
    assert home.requests == 0


def test_it_exists_from_its_first_draws_on_and_costs_what_was_written(home: Home) -> None:
    rows = home.store.read(
        "SELECT budget, min(generations), max(generations), avg(generated_tokens), "
        "avg(latency_tokens), avg(prompt_tokens - cached_tokens) / avg(prompt_tokens) "
        "FROM outcomes WHERE strategy = $key GROUP BY budget ORDER BY budget",
        key=KEY,
    ).rows()
    whole = dict(
        home.store.read(
            "SELECT budget, avg(generated_tokens) FROM outcomes WHERE strategy = 'majority' "
            "GROUP BY budget"
        ).iter_rows()
    )
    assert [row[0] for row in rows] == [4, 8]
    for budget, least, most, tokens, latency, read in rows:
        assert 3 <= least <= most <= budget
        # Stopped draws write less, and what follows the first three adds to the wait.
        assert tokens < whole[budget] and latency < tokens
        # Every request but the first finds the prompt in the cache.
        assert read < 1


def test_it_is_served_as_its_stored_draws_say(home: Home) -> None:
    run = load_run(home.store, home.run_id)
    cells = [PolicyCell(parse(KEY), 8, 1.0, 8)]
    policy = Policy(dict.fromkeys(range(1, 6), cells), cells)
    controller = Controller(
        replay_run(home.store, run), policy, load_probe(home.store, home.run_id)
    )
    for question in run.benchmark.questions[:8]:
        drawn = home.store.read(
            "SELECT class, text, generated_tokens FROM question_draws "
            "WHERE run_id = $run AND question_id = $question AND replicate = 0 ORDER BY child",
            run=home.run_id,
            question=question.question_id,
        ).rows()
        watched = [Watched(vote, sure_of(text).falls, float(n)) for vote, text, n in drawn]
        made = [*follow(watched, RULE)][-1].draws
        solved = asyncio.run(controller.solve(question, 8))
        assert solved.canonical == choose_online(watched, RULE).answer
        assert solved.cost.generations == made


def test_draws_of_which_nobody_told_where_it_fell_are_refused(tmp_path: Path) -> None:
    class Silent(ScriptedEngines):
        def __init__(self, run: Run, seconds: float) -> None:
            super().__init__(run, seconds)
            self.writer.sure = lambda text: sure_of(text)._replace(falls=())

    folder = tmp_path / "w"
    run_all(folder, study("confident(top=0.5)"), engines=Silent)
    with Store.open(folder) as store:
        assert open_run(store, study("confident(top=0.25)"), MODEL)
        with pytest.raises(UserError, match=r"confidence of every draw for confident_online"):
            open_run(store, study(KEY), MODEL)


def test_what_goes_without_saying_is_not_in_its_key() -> None:
    with pytest.raises(UserError, match="warmup must be 2 or more"):
        parse("confident_online(top=0.1,warmup=1)")
    assert parse("confident_online(agree=0.95,warmup=16,top=0.1)").key == (
        "confident_online(top=0.1)"
    )
