"""A run whose journal lies in a bucket: the tables of a run at home, on whichever machine."""

from collections.abc import Iterator
from pathlib import Path

import polars as pl
import pytest
from object_store import make_bucket, serve_s3
from polars.testing import assert_frame_equal
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.evaluation import fit_policy, generate, measure
from tasks.runs.opening import open_run
from warehouse.places import appoint
from warehouse.store import Store

STUDY = small_study(questions=10, budgets=[1, 2, 4])
FINAL = {
    "draws": "prefix_key, sampling_key, replicate, child, text, stop, generated_tokens",
    "scores": "node_key, score, tokens",
    "outcomes": "strategy, budget, question_id, accuracy, answer, generated_tokens, flops",
    "bins": "difficulty, question_id, value, bin",
    "policies": "difficulty, bin, budget, strategy, accuracy, lo, hi, decided",
}


@pytest.fixture
def bucket(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The URL of an empty bucket."""
    with serve_s3() as environment:
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        yield f"{make_bucket('team')}/journal"


def tables(folder: Path) -> dict[str, pl.DataFrame]:
    with Store.open(folder) as store:
        return {
            table: store.read(f"SELECT {columns} FROM {table} ORDER BY ALL")
            for table, columns in FINAL.items()
        }


@pytest.mark.slow
def test_a_run_goes_on_where_its_machine_is_lost(bucket: str, tmp_path: Path) -> None:
    run_all(tmp_path / "home", STUDY)
    expected = tables(tmp_path / "home")
    first, second = tmp_path / "first", tmp_path / "second"
    for machine in (first, second):
        appoint(machine, bucket)
    with Store.open(first) as store:
        run_id = open_run(store, STUDY, STUDY.generator.models[0])
    generate.run(first, run_id, engines=ScriptedEngines)
    # The second has nothing but the bucket.
    measure.run(second, run_id)
    fit_policy.run(second, run_id)
    assert not (second / "journal").exists()
    for machine in (second, first):
        found = tables(machine)
        for table, rows in expected.items():
            assert_frame_equal(found[table], rows)
