"""A run from opening to policy, with a scripted engine: complete, exact, resumable, killable."""

import os
import random
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest
from polars.testing import assert_frame_equal
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.evaluation import fit_policy, generate, measure
from tasks.runs.opening import open_run
from tasks.study.study import study_from
from warehouse import database, snapshot
from warehouse.store import Store

ROOT = Path(__file__).parents[3]
FINAL = {
    "outcomes": "strategy, budget, question_id, accuracy, mc_error, answer, generated_tokens, "
    "verifier_tokens, flops",
    "bins": "difficulty, question_id, value, bin",
    "policies": "difficulty, bin, budget, strategy, accuracy, lo, hi, gain, gain_lo, gain_hi, "
    "over_majority, decided",
    "curves": "difficulty, budget, accuracy, lo, hi",
    "efficiencies": "difficulty, budget, factor, lo, hi, beyond",
    "draws": "prefix_key, sampling_key, replicate, child, text, stop, generated_tokens",
    "scores": "node_key, score, tokens",
}


def final_tables(folder):
    with Store.open(folder) as store:
        return {
            table: store.read(f"SELECT {columns} FROM {table} ORDER BY ALL")
            for table, columns in FINAL.items()
        }


def spent(folder):
    with Store.open(folder) as store:
        return store.read(
            "SELECT run_id, sum(generated_tokens) AS tokens, count(*) AS draws "
            "FROM draws GROUP BY run_id"
        )


class Counted(ScriptedEngines):
    """Keeps the engines of the last run."""

    last: "Counted"

    def __init__(self, run, seconds=0.0):
        super().__init__(run, seconds)
        Counted.last = self


def test_the_ledger_equals_the_engines_own_counters(tmp_path):
    run_all(tmp_path / "w", small_study(), engines=Counted)
    engine, judge = Counted.last.writer, Counted.last.judge
    with Store.open(tmp_path / "w") as store:
        generated, prompt, requests = store.read(
            "SELECT sum(generated_tokens)::INT, sum(prompt_tokens)::INT, sum(requests)::INT "
            "FROM draws"
        ).row(0)
        read, calls = store.read(
            "SELECT (sum(tokens) FILTER (requests = 1))::INT, sum(requests)::INT FROM scores"
        ).row(0)
    assert (generated, prompt, requests) == (
        engine.generated_tokens,
        engine.prompt_tokens,
        engine.requests,
    )
    assert (read, calls) == (judge.read_tokens, judge.requests)


def test_an_unchanged_model_costs_no_tokens_and_gives_the_same_tables(tmp_path):
    folder = tmp_path / "w"
    first = run_all(folder, small_study())
    second = run_all(folder, small_study(), engines=Counted)
    assert first != second
    assert Counted.last.writer.requests == 0 and Counted.last.judge.requests == 0
    assert spent(folder)["run_id"].to_list() == [first]


def test_a_larger_budget_draws_only_the_difference(tmp_path):
    # Pools grow from 8 to 16 draws: 8 more a question, and the search at 16 shares its first 8
    # first steps.
    folder = tmp_path / "w"
    run_all(folder, small_study(strategies=["majority", "weighted"]))
    second = run_all(
        folder, small_study(strategies=["majority", "weighted"], budgets=[1, 2, 4, 8, 16])
    )
    counts = dict(spent(folder).select("run_id", "draws").iter_rows())
    assert counts[second] == 20 * 8


def test_readers_see_all_of_a_complete_run_though_copies_take_long(tmp_path, monkeypatch):
    plain = database.copy

    def slow(path, target):
        if path.name == database.LARGE_FILE:
            time.sleep(0.2)
        plain(path, target)

    monkeypatch.setattr(database, "copy", slow)
    run_all(tmp_path, small_study())
    with Store.open(tmp_path) as store:
        for table in ("draws", "scores", "answers"):
            counted = f"SELECT count(*) FROM {table}"
            assert snapshot.query(tmp_path, counted).item() == store.read(counted).item() > 0


def test_an_interrupted_run_is_resumed_under_its_id(tmp_path):
    folder, study = tmp_path / "w", small_study()
    with Store.open(folder) as store:
        opened = open_run(store, study, study.generator.models[0])
    assert run_all(folder, study) == opened


def test_a_run_without_draws_stays_incomplete_and_says_so(tmp_path):
    folder, study = tmp_path / "w", small_study()
    with Store.open(folder) as store:
        run_id = open_run(store, study, study.generator.models[0])
    with pytest.raises(RuntimeError, match="engine broke"):
        generate.run(folder, run_id, engines=Broken)
    assert measure.run(folder, run_id) == 0
    assert "lack outcomes" in (fit_policy.run(folder, run_id) or "")
    with Store.open(folder) as store:
        assert store.read("SELECT count(*) FROM policies").item() == 0


class Broken(ScriptedEngines):
    async def engine(self, _model):
        raise RuntimeError("engine broke")


def test_a_study_without_verifier_needs_none(tmp_path):
    study = study_from(
        {
            "name": "plain",
            "questions": 20,
            "budgets": [1, 4],
            "difficulty_draws": 4,
            "strategies": ["majority"],
            "baseline": "majority",
            "verifier": None,
        }
    )
    run_all(tmp_path / "w", study)
    with Store.open(tmp_path / "w") as store:
        found = (
            store.read("SELECT DISTINCT difficulty FROM policies ORDER BY ALL")
            .to_series()
            .to_list()
        )
        assert found == ["frozen", "oracle", "predicted", "probe"]


@pytest.mark.slow
def test_kills_lose_nothing_and_change_nothing(tmp_path):
    calm, killed = tmp_path / "calm", tmp_path / "killed"
    run_all(calm, small_study())
    rng = random.Random(7)
    latest = 5.0
    # As often as a suite can bear; the campaign kills a thousand.
    for _ in range(12):
        program = start(killed, seconds=0.25)
        # From when it has the warehouse: on a busy machine a start alone takes seconds.
        while program.poll() is None and not holds(program, killed):
            time.sleep(0.05)
        time.sleep(rng.uniform(0.0, latest))
        # One that came to its end is no longer there.
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
        if not drew(killed):
            latest += 5.0
    # What was killed had begun to draw: a program that cannot start would be killed in vain.
    assert drew(killed)
    run_all(killed, small_study())
    for (table, want), have in zip(
        final_tables(calm).items(), final_tables(killed).values(), strict=True
    ):
        keys = want.columns
        (
            assert_frame_equal(
                have.unique(keys).sort(keys), want.unique(keys).sort(keys), check_exact=True
            ),
            table,
        )


@pytest.mark.slow
def test_a_hundred_queries_during_a_run_are_all_answered_from_fresh_data(tmp_path):
    folder = tmp_path / "w"
    program = start(folder, seconds=6.0)
    try:
        while snapshot.age_seconds(folder) is None:
            assert program.poll() is None, "the run ended before it published anything"
            time.sleep(0.1)
        counts, ages = [], []
        # Draws are there after 20 s at the latest: as often is a snapshot published.
        while len(counts) < 100 or not counts[-1]:
            assert program.poll() is None, "the run was over before the last query"
            counts.append(snapshot.query(folder, "SELECT count(*) FROM draws").item())
            ages.append(snapshot.age_seconds(folder))
            time.sleep(0.2)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(program.pid, signal.SIGKILL)
        program.wait()
    assert counts == sorted(counts)
    assert max(ages) < 60


def drew(folder):
    """Whether any draw is in the folder's journal."""
    return any((folder / "journal" / "draws").glob("*.parquet"))


def holds(program, folder):
    """Whether the program is the one that writes the folder."""
    held = folder / "warehouse.lock"
    return held.exists() and held.read_text().strip() == str(program.pid)


def start(folder, *, seconds):
    command = [
        sys.executable,
        str(ROOT / "tests/fakes/scripted_runs.py"),
        str(folder),
        str(seconds),
    ]
    return subprocess.Popen(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": str(ROOT)}, start_new_session=True
    )
