"""The policy that is registered, shown, reported, served and compared is one table.

The run has kinds of difficulty that give different tables, so a reader that took another kind than
the used one would be seen.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import json
import re
from collections.abc import AsyncGenerator
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pandas as pd
import pytest
from scripted_runs import ScriptedEngines, run_all, small_study

from flows.answers.application import application
from flows.cli import main
from tasks.benchmarks import bundled
from tasks.evaluation import publish
from tasks.publication.recommendation import recommendation_lines
from tasks.publication.report import html
from tasks.publication.summary import load_summary
from tasks.serving.solver import Solver, open_solver
from tasks.settings import Settings
from tasks.statistics.difficulty import DIFFICULTIES
from tasks.versions.champion import compare_with_champion
from tasks.versions.version import worths_of_runs
from warehouse.snapshot import Snapshot
from warehouse.store import Store

pytestmark = pytest.mark.slow

QUESTIONS = 90
# Pool strategies alone: they go on from the probe's draws, so that a probe is worth its price and
# the endpoint bins its questions. Of a search's budget the probe would take a part.
STRATEGIES = ["majority", "best_of_n", "weighted"]
Table = dict[tuple[int, int], str]
"""Strategy by bin and budget."""


class Home(NamedTuple):
    """A state folder with one published run, and the run's policy by kind of difficulty."""

    settings: Settings
    run_id: str
    tables: dict[str, Table]
    for_all: dict[int, str]
    """By budget the one strategy that is recommended in place of the used cells."""

    @property
    def used(self) -> Table:
        return self.tables["probe"]

    @property
    def advised(self) -> Table:
        """The strategy to use."""
        return {place: self.for_all.get(place[1], key) for place, key in self.used.items()}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Home:
    settings = Settings(home=tmp_path_factory.mktemp("one"))
    study = small_study(questions=QUESTIONS, strategies=STRATEGIES, probe_draws=2)
    run_id = run_all(settings.warehouse, study)
    compare_with_champion(settings.warehouse, run_id)
    publish.run(settings, run_id)
    rows = Snapshot(settings.warehouse).read(
        "SELECT difficulty, bin, budget, strategy FROM policies WHERE run_id = $r", r=run_id
    )
    tables: dict[str, Table] = {}
    for kind, bin_, budget, strategy in rows.iter_rows():
        tables.setdefault(kind, {})[bin_, budget] = strategy
    judged = Snapshot(settings.warehouse).read(
        "SELECT budget, fixed FROM curves "
        "WHERE run_id = $r AND difficulty = 'probe' AND NOT adapts",
        r=run_id,
    )
    return Home(settings, run_id, tables, dict(judged.rows()))


def test_the_kinds_of_difficulty_give_different_tables(home: Home) -> None:
    assert set(home.tables) == set(DIFFICULTIES)
    for kind in DIFFICULTIES:
        cells = home.tables[kind]
        differing = [place for place in cells if cells[place] != home.used[place]]
        assert (kind == "probe") == (not differing), kind


def test_adapting_is_not_ahead_everywhere_so_that_two_tables_differ(home: Home) -> None:
    assert home.advised != home.used


def test_the_registered_model_names_the_strategy_to_use(home: Home) -> None:
    import mlflow

    uri = home.settings.mlflow_store()
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(uri)
    model = mlflow.pyfunc.load_model("models:/ttc-policy-congruences-congruences@champion")
    places = sorted(home.used)
    asked = pd.DataFrame(places, columns=["bin", "budget"])
    assert dict(zip(places, model.predict(asked), strict=True)) == home.advised


def test_ttc_policy_shows_the_used_cells(
    home: Home, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TTC_HOME", str(home.settings.home))
    monkeypatch.setattr("sys.argv", ["ttc", "policy", "--json"])
    assert main.exit_code() == 0
    latest = json.loads(capsys.readouterr().out)["latest"]
    assert {(cell["bin"], cell["budget"]): cell["strategy"] for cell in latest} == home.used
    assert {(cell["bin"], cell["budget"]): cell["advised"] for cell in latest} == home.advised


def test_the_report_opens_with_the_used_cells(home: Home) -> None:
    page = html(load_summary(Snapshot(home.settings.warehouse), home.run_id))
    start = page.index("Policy by probe difficulty")
    first_grid = page[start : page.index("</svg>", start)]
    # Every cell of the grid has a title such as `bin 1, N = 4: majority, undecided`.
    cells = re.findall(r"<title>bin (\d), N = (\d+): ([^<]*?)(?:, undecided)?</title>", first_grid)
    assert {(int(bin_), int(n)): unescape(key) for bin_, n, key in cells} == home.used
    assert page.index("Policy by probe difficulty") < page.index("Policy by predicted difficulty")


def test_the_endpoint_uses_what_is_recommended_and_says_so(home: Home) -> None:
    told = recommendation_lines(load_summary(Snapshot(home.settings.warehouse), home.run_id))
    for reply in _answers(home, budget=8):
        assert reply["strategy"] == home.advised[reply["bin"] or 1, 8]
        assert reply["advice"] == told[-1]


def test_the_endpoint_answers_by_the_used_cells(home: Home) -> None:
    replies = _answers(home, budget=8, adapts=True)
    binned = [reply for reply in replies if reply["bin"] is not None]
    assert binned, "no question was worth a probe: the test shows nothing"
    for reply in binned:
        assert reply["difficulty"] == "probe"
        assert reply["strategy"] == home.used[reply["bin"], reply["measured"]]
    other = home.tables["predicted"]
    assert any(reply["strategy"] != other[reply["bin"], reply["measured"]] for reply in binned)


def test_the_champion_is_compared_under_the_used_bins(home: Home) -> None:
    with Store.open(home.settings.warehouse) as store:
        champion = store.read("SELECT run_id FROM champions").item()
        (worth,) = worths_of_runs(store, champion)
        bins = store.read(
            "SELECT question_id, bin FROM bins WHERE run_id = $r AND difficulty = 'probe' "
            "ORDER BY question_id",
            r=champion,
        )
    assert champion == home.run_id
    assert list(worth.questions) == bins["question_id"].to_list()
    assert worth.grid.bins.tolist() == bins["bin"].to_list()


def _answers(home: Home, *, budget: int, adapts: bool = False) -> list[dict[str, Any]]:
    """What the endpoint tells of each question's answer; `adapts`: whatever is recommended."""
    folder = Path(home.settings.warehouse)

    @contextlib.asynccontextmanager
    async def solvers() -> AsyncGenerator[Solver]:
        async with open_solver(folder, home.run_id, engines=ScriptedEngines) as solver:
            policy = dataclasses.replace(solver.policy, advice={})
            yield dataclasses.replace(solver, policy=policy) if adapts else solver

    app = application(solvers, hosts={"x"})
    questions = bundled.questions("test", QUESTIONS)

    async def ask() -> list[dict[str, Any]]:
        transport = httpx.ASGITransport(app)
        client = httpx.AsyncClient(transport=transport, base_url="http://x")
        async with app.router.lifespan_context(app), client:
            replies = [
                await client.post(
                    "/v1/chat/completions",
                    json={
                        "messages": [{"role": "user", "content": question.text}],
                        "budget": budget,
                    },
                )
                for question in questions
            ]
        return [reply.json()["ttc"] for reply in replies]

    return asyncio.run(ask())
