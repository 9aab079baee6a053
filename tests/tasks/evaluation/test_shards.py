"""Generating in shards: the tables of one process, however the questions are shared out."""

import dataclasses
import itertools
import random
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from object_store import make_bucket, serve_s3
from polars.testing import assert_frame_equal
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.engines.scripted import ScriptedEngine, ScriptedVerifier
from tasks.evaluation import fit_policy, measure, shards
from tasks.models.version import Model
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from warehouse.errors import UserError
from warehouse.places import appoint
from warehouse.store import Store

QUESTIONS = 10
STUDY = small_study(
    questions=QUESTIONS,
    budgets=[1, 2, 4],
    difficulty_draws=4,
    strategies=["majority", "weighted", "beam_search(m=2)/weighted"],
)
# All but the run's id and what depends on the moment.
WITHOUT = {
    "draws": "run_id, drawn_at, requests, prompt_tokens, cached_tokens",
    "scores": "run_id, scored_at, requests",
    "answers": "",
    "outcomes": "run_id, latency_seconds, engine_seconds",
    "bins": "run_id",
    "policies": "run_id",
}


class Killed(Exception):
    """A worker ended in the middle."""


class DyingEngines(ScriptedEngines):
    """Write so many steps, then die."""

    def __init__(self, run: Run, steps: int) -> None:
        super().__init__(run)
        self._left = steps

    def _law(self, prefix: tuple[int, ...], rng: random.Random) -> str:
        self._left -= 1
        if self._left < 0:
            raise Killed
        return super()._law(prefix, rng)


class NoEngines(ScriptedEngines):
    """Nothing may be asked of them."""

    async def engine(self, _model: Model) -> ScriptedEngine:
        raise AssertionError("an engine was started")

    async def verifier(self, _model: Model) -> ScriptedVerifier:
        raise AssertionError("a verifier was started")


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    with Store.open(folder) as store:
        found: dict[str, pl.DataFrame] = {}
        for table, left_out in WITHOUT.items():
            exclude = f"EXCLUDE ({left_out})" if left_out else ""
            found[table] = store.read(f"SELECT * {exclude} FROM {table} ORDER BY ALL")
        return found


def assert_same(found: dict[str, pl.DataFrame], expected: dict[str, pl.DataFrame]) -> None:
    for table, rows in expected.items():
        assert_frame_equal(found[table], rows)


def open_shared(folder: Path) -> str:
    with Store.open(folder) as store:
        return open_run(store, STUDY, STUDY.generator.models[0])


def finish(folder: Path, run_id: str) -> None:
    shards.close_shards(folder, run_id, 60.0)
    measure.run(folder, run_id)
    assert fit_policy.run(folder, run_id) is None


@pytest.fixture(scope="module")
def expected(tmp_path_factory: pytest.TempPathFactory) -> dict[str, pl.DataFrame]:
    """The tables of a run in one process."""
    folder = tmp_path_factory.mktemp("alone")
    run_all(folder, STUDY)
    return tables(folder)


@st.composite
def sittings(draw: st.DrawFn) -> list[tuple[int, int, int | None]]:
    """Ranges that have every question, in any order, some twice; and the step at which each dies.

    None: it ends. One that dies is done again.
    """
    cuts = draw(st.sets(st.integers(1, QUESTIONS - 1)))
    ends = [0, *sorted(cuts), QUESTIONS]
    ranges = list(itertools.pairwise(ends))
    again = draw(st.lists(st.sampled_from(ranges), max_size=2))
    order = draw(st.permutations(ranges + again))
    planned: list[tuple[int, int, int | None]] = []
    for first, end in order:
        death = draw(st.none() | st.integers(0, 40 * (end - first)))
        planned.append((first, end, death))
        if death is not None:
            planned.append((first, end, None))
    return planned


@settings(max_examples=5)
@given(plan=sittings())
def test_any_partition_in_any_order_gives_the_tables_of_one_process(
    expected: dict[str, pl.DataFrame], plan: list[tuple[int, int, int | None]]
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "warehouse"
        run_id = open_shared(folder)
        sit(folder, run_id, plan)
        finish(folder, run_id)
        assert_same(tables(folder), expected)


def sit(folder: Path, run_id: str, plan: list[tuple[int, int, int | None]]) -> None:
    (whole,) = shards.write_shards(folder, run_id, 1)
    for first, end, death in plan:
        shard = dataclasses.replace(whole, first=first, end=end)
        with suppress(Killed):
            shards.ask(shard, folder.parent / "logs", engines=engines_that(death))


def engines_that(die: int | None) -> Callable[[Run], ScriptedEngines]:
    return ScriptedEngines if die is None else lambda run: DyingEngines(run, die)


@pytest.mark.slow
def test_a_bucket_gives_them_too(
    expected: dict[str, pl.DataFrame], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serve_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        folder = tmp_path / "warehouse"
        appoint(folder, f"{make_bucket('team')}/journal")
        run_id = open_shared(folder)
        sit(folder, run_id, [(4, 10, None), (0, 3, 60), (0, 3, None), (3, 4, None), (4, 6, None)])
        finish(folder, run_id)
        assert_same(tables(folder), expected)
        assert not (folder / "journal").exists()


def test_a_shard_that_is_done_again_asks_nothing(tmp_path: Path) -> None:
    run_id = open_shared(tmp_path)
    (shard,) = shards.write_shards(tmp_path, run_id, 1)
    logs = tmp_path / "logs"
    assert shards.ask(shard, logs, engines=ScriptedEngines) > 0
    assert shards.ask(shard, logs, engines=NoEngines) == 0
    # Nor does one that knows of those draws by its extract, or after the loader has put the
    # segments together.
    for count in (1, 3):
        for later in shards.write_shards(tmp_path, run_id, count):
            assert shards.ask(later, logs, engines=NoEngines) == 0


def test_shards_have_every_question_once_and_those_of_the_same_words_together(
    tmp_path: Path,
) -> None:
    run_id = open_shared(tmp_path)
    for count in (1, 2, 4, 6, 9):
        made = shards.write_shards(tmp_path, run_id, count)
        places = [place for one in made for place in range(one.first, one.end)]
        assert places == list(range(QUESTIONS)) and len(made) == min(count, QUESTIONS)
        sizes = [one.end - one.first for one in made]
        assert max(sizes) - min(sizes) <= 1


def test_a_worker_without_the_journal_says_so(tmp_path: Path) -> None:
    run_id = open_shared(tmp_path)
    (shard,) = shards.write_shards(tmp_path, run_id, 1)
    elsewhere = dataclasses.replace(shard, journal=str(tmp_path / "nowhere"))
    with pytest.raises(UserError, match="every worker must reach the journal"):
        shards.ask(elsewhere, tmp_path / "logs", engines=NoEngines)
    assert not (tmp_path / "nowhere").exists()


def test_extracts_go_when_all_is_over(tmp_path: Path) -> None:
    run_id = open_shared(tmp_path)
    shards.write_shards(tmp_path, run_id, 3)
    shards.write_shards(tmp_path, run_id, 2)
    assert len(list((tmp_path / "journal" / "extracts").iterdir())) == 2
    shards.close_shards(tmp_path, run_id, 60.0)
    assert not list((tmp_path / "journal" / "extracts").iterdir())
