"""What a study is said to cost, against what it took: of a run that was stopped on its way."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.asking.recording import Standing
from tasks.engines.pace import Clock
from tasks.engines.vllm_process import on_gpu
from tasks.evaluation import generate
from tasks.evaluation.footprint import ENGINE_BYTES, OWN_BYTES, weight_bytes
from tasks.evaluation.forecast import Forecast, forecast
from tasks.models.version import load_model
from tasks.runs.opening import open_run
from tasks.runs.run import Run
from tasks.study.study import Study
from warehouse.store import Store

QUESTIONS = 40
STRATEGIES = ["majority", "best_of_n", "weighted", "beam_search(m=4)", "lookahead(k=1,m=4)"]
POOLS = STRATEGIES[:3]
REVISIONS = {
    "strategies": [*STRATEGIES, "revisions(s=2)"],
    "revisions": {"model": "bundled/congruences-revision"},
}
"""Chains, too, and from another model."""
START = datetime(2026, 11, 1, tzinfo=UTC)


def study_of(**changes: object) -> Study:
    values: dict[str, object] = {"questions": QUESTIONS, "strategies": STRATEGIES}
    return small_study(**(values | changes))


class Whole(NamedTuple):
    """All draws and scores of a study that was run to its end, and its questions in order."""

    draws: pl.DataFrame
    scores: pl.DataFrame
    samplings: pl.DataFrame
    questions: list[str]


def read_whole(folder: Path) -> Whole:
    with Store.open(folder) as store:
        names = store.read("SELECT question_id FROM run_questions")["question_id"].to_list()
        tables = (store.read(f"FROM {table}") for table in ("draws", "scores", "samplings"))
        draws, scores, samplings = tables
    return Whole(draws, scores, samplings, names)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Whole:
    folder = tmp_path_factory.mktemp("whole")
    run_all(folder, study_of(**REVISIONS))
    return read_whole(folder)


def stop_after(whole: Whole, complete: int, begun: int, *, seed: int, store: Store) -> float:
    """Store what a run had drawn that was stopped with so many questions complete and begun.

    Returns the tokens that it had still to generate.
    """
    rng = random.Random(seed)
    order = rng.sample(whole.questions, len(whole.questions))
    parts: list[pl.DataFrame] = []
    for place, name in enumerate(order[: complete + begun]):
        rows = whole.draws.filter(pl.col("question_id") == name).sort("depth", "child")
        if place >= complete:
            # Of one that was begun the first rounds are there.
            rows = rows.head(max(1, int(rng.uniform(0.1, 0.9) * rows.height)))
        # The next ones are begun before the last ones end.
        at = START + timedelta(seconds=min(place, complete - 1 + place / 100))
        parts.append(rows.with_columns(drawn_at=pl.lit(at)))
    store.append("samplings", whole.samplings)
    store.append("scores", whole.scores)
    there = store.append("draws", pl.concat(parts)) and pl.concat(parts)["generated_tokens"].sum()
    return whole.draws["generated_tokens"].sum() - there


def told(store: Store, study: Study) -> Forecast:
    return forecast(store, study, study.generator.models[0])


@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize(("complete", "begun"), [(10, 0), (10, 12), (30, 8)])
def test_after_ten_questions_the_tokens_are_right_within_half(
    whole: Whole, tmp_path: Path, complete: int, begun: int, seed: int
) -> None:
    with Store.open(tmp_path) as store:
        left = stop_after(whole, complete, begun, seed=seed, store=store)
        cost = told(store, study_of(**REVISIONS))
    assert complete <= cost.seen <= complete + 2
    assert left / 1.5 <= cost.tokens <= left * 1.5


def at_work(store: Store) -> float:
    """Seconds in which engines were asked for something."""
    return float(store.read("SELECT sum(seconds) FROM paces").item())


class Stopped(Exception):
    """A night was ended before its time."""


def test_a_run_that_was_stopped_after_ten_questions_is_told_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tasks.asking.recording.FLUSH_SECONDS", 0.05)
    study = study_of(engine={"max_num_seqs": 64})
    with Store.open(tmp_path) as store:
        run_id = open_run(store, study, study.generator.models[0])
    made: list[ScriptedEngines] = []

    def engines(run: Run) -> ScriptedEngines:
        made.append(ScriptedEngines(run, 0.02))
        return made[-1]

    def now() -> float:
        # An engine that takes the same for every request, however busy the machine is.
        return sum(one.writer.requests for one in made) / 100

    monkeypatch.setattr("tasks.evaluation.generate.Clock", partial(Clock, now))

    def stop(now: Standing) -> None:
        if now.done >= 10:
            raise Stopped

    with pytest.raises(Stopped):
        generate.run(tmp_path, run_id, engines=engines, progress=stop)
    with Store.open(tmp_path) as store:
        cost, before = told(store, study), at_work(store)
    tokens = generate.run(tmp_path, run_id, engines=engines)
    with Store.open(tmp_path) as store:
        seconds = at_work(store) - before
    assert 10 <= cost.seen < QUESTIONS
    assert tokens / 1.5 <= cost.tokens <= tokens * 1.5
    assert cost.seconds is not None
    assert seconds / 2 <= cost.seconds <= seconds * 2


def test_after_ten_questions_the_disk_is_right_within_half(whole: Whole, tmp_path: Path) -> None:
    ten, all_of_them = tmp_path / "ten", tmp_path / "all"
    study = study_of(**REVISIONS)
    with Store.open(ten) as store:
        open_run(store, study, study.generator.models[0])
        stop_after(whole, 10, 0, seed=0, store=store)
        store.publish_snapshot()
        added = told(store, study).disk
        before = size_of(ten)
    with Store.open(all_of_them) as store:
        open_run(store, study, study.generator.models[0])
        stop_after(whole, QUESTIONS, 0, seed=0, store=store)
        store.publish_snapshot()
        after = size_of(all_of_them)
    assert added > 0
    assert after / 1.5 <= before + added <= after * 1.5


def size_of(folder: Path) -> int:
    """Bytes of a warehouse: journal, databases, snapshots."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def test_of_a_study_that_ran_nothing_is_left(whole: Whole, tmp_path: Path) -> None:
    with Store.open(tmp_path) as store:
        assert stop_after(whole, QUESTIONS, 0, seed=0, store=store) == 0
        cost = told(store, study_of(**REVISIONS))
    assert (cost.seen, cost.tokens, cost.disk) == (QUESTIONS, 0, 0)


def test_before_the_first_question_the_token_limit_bounds_it(tmp_path: Path) -> None:
    study = study_of()
    with Store.open(tmp_path) as store:
        cost = told(store, study)
    assert cost.seen == cost.there == 0
    assert cost.tokens == cost.draws * study.generator.max_tokens
    assert cost.seconds is None


def test_questions_of_a_smaller_study_are_not_taken_for_complete(tmp_path: Path) -> None:
    smaller = study_of(strategies=POOLS, budgets=[1, 2, 4], difficulty_draws=4)
    run_all(tmp_path, smaller)
    with Store.open(tmp_path) as store:
        cost = told(store, study_of())
    assert cost.seen == 0 and cost.there > 0 and cost.tokens > 0


def test_of_a_larger_study_only_what_is_owed_counts(whole: Whole, tmp_path: Path) -> None:
    pools = study_of(strategies=POOLS, budgets=[1, 2, 4], difficulty_draws=4)
    with Store.open(tmp_path) as store:
        stop_after(whole, 10, 0, seed=0, store=store)
        cost = told(store, pools)
    # Of every question 4 draws for the pool and 4 for the bin, of about as many tokens each.
    assert cost.seen == 10 and cost.a_draw is not None
    assert cost.tokens == pytest.approx(30 * 8 * cost.a_draw, rel=0.25)


@pytest.mark.skipif(on_gpu(), reason="where weights lie on a GPU, less is told")
def test_memory_is_that_of_every_model_and_of_the_process_that_asks(tmp_path: Path) -> None:
    study = study_of(strategies=STRATEGIES)
    with Store.open(tmp_path) as store:
        cost = told(store, study)
    # Half a million parameters in 16 bits are nothing beside a KV cache of a GiB.
    two = 2 * (ENGINE_BYTES + 2**30)
    assert OWN_BYTES + two < cost.memory < OWN_BYTES + two + 20e6


def test_weights_are_counted_in_the_dtype_that_is_asked_for() -> None:
    model = load_model("bundled/congruences-generator", "")
    assert model.all_parameters
    half, full = weight_bytes(model, "auto"), weight_bytes(model, "float32")
    assert full == 2 * half
    # With the embeddings, which the other count leaves out.
    assert half >= 2 * model.all_parameters
