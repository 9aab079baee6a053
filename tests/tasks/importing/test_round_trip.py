"""A run of ours, exported and imported again: the same outcomes, bins and policy."""

from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from scripted_runs import run_all, small_study

from tasks.evaluation import fit_policy, generate, measure
from tasks.importing.exports import log_of_run
from tasks.importing.imports import prepare_import, write_import
from tasks.importing.wishes import Wishes
from tasks.samples.log import SampleLog
from tasks.samples.reading import read_logs
from tasks.samples.writers.plain import write_plain
from warehouse.store import Store

POOLS = ["majority", "adaptive(agree=3)", "first(m=3)", "best_of_n", "weighted"]
WISHES = Wishes(marker=("Answer: ",), answer="math")


@pytest.fixture(scope="module")
def generated(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Folder and run of a study that drew itself."""
    folder = tmp_path_factory.mktemp("generated") / "warehouse"
    return folder, run_all(folder, small_study(strategies=POOLS))


@pytest.fixture(scope="module")
def log(generated: tuple[Path, str], tmp_path_factory: pytest.TempPathFactory) -> SampleLog:
    """The run as a log, written and read."""
    folder, run_id = generated
    with Store.open(folder) as store:
        said = log_of_run(store, run_id)
    path = write_plain(said, tmp_path_factory.mktemp("log") / "samples.jsonl")
    (read,) = read_logs([path])
    return read


def import_log(home: Path, log: SampleLog) -> str:
    """All stages of an imported log; the run's id."""
    folder = home / "warehouse"
    imported = prepare_import(log, home, WISHES)
    with Store.open(folder) as store:
        written = write_import(store, imported)
    if written.is_new:
        generate.run(folder, written.run_id)
        measure.run(folder, written.run_id)
        assert fit_policy.run(folder, written.run_id) is None
    return written.run_id


@pytest.fixture(scope="module")
def imported(log: SampleLog, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """State folder and run of the log."""
    home = tmp_path_factory.mktemp("imported")
    return home, import_log(home, log)


def table(folder: Path, run_id: str, sql: str) -> pl.DataFrame:
    with Store.open(folder) as store:
        return store.read(f"{sql} WHERE run_id = $run_id ORDER BY ALL", run_id=run_id)


@pytest.mark.parametrize(
    "sql",
    [
        "SELECT question_id, strategy, budget, accuracy, mc_error, generated_tokens, truncated, "
        "no_answer FROM outcomes",
        "SELECT difficulty, question_id, value, bin FROM bins",
        "SELECT difficulty, bin, budget, strategy, accuracy, lo, hi, gain, decided FROM policies",
        "SELECT * EXCLUDE (run_id) FROM curves",
    ],
)
def test_imported_draws_give_what_the_same_draws_gave_here(
    generated: tuple[Path, str], imported: tuple[Path, str], sql: str
) -> None:
    home, run_id = imported
    theirs = table(home / "warehouse", run_id, sql)
    ours = table(*generated, sql)
    assert len(ours)
    assert theirs.equals(ours), theirs.join(ours, on=ours.columns, how="anti")


def test_importing_again_changes_nothing(imported: tuple[Path, str], log: SampleLog) -> None:
    home, run_id = imported
    before = sorted((home / "warehouse" / "journal").rglob("*.parquet"))
    assert import_log(home, log) == run_id
    assert sorted((home / "warehouse" / "journal").rglob("*.parquet")) == before


def test_what_a_log_does_not_tell_is_null(imported: tuple[Path, str]) -> None:
    home, run_id = imported
    outcomes = table(home / "warehouse", run_id, "SELECT * FROM outcomes")
    assert outcomes["flops"].null_count() == outcomes["prompt_tokens"].null_count() == len(outcomes)
    assert outcomes["generated_tokens"].null_count() == 0
    draws = table(home / "warehouse", run_id, "SELECT * FROM draws")
    assert draws["token_ids"].null_count() == draws["prompt_tokens"].null_count() == len(draws)
    # Its tokens were counted: a policy is known by those, and by nothing that needs more.
    axes = table(home / "warehouse", run_id, "SELECT * FROM cost_policies")["axis"]
    assert set(axes) == {"generations", "tokens", "latency"}


def test_our_own_verdicts_come_back_as_stated_and_agree(imported: tuple[Path, str]) -> None:
    home, run_id = imported
    with Store.open(home / "warehouse") as store:
        assert store.read("SELECT count(*) FROM stated_verdicts").item() > 100
    assert not len(table(home / "warehouse", run_id, "SELECT * FROM stated_against_ours"))


def test_a_source_that_says_otherwise_is_listed(tmp_path: Path, log: SampleLog) -> None:
    first, *others = log.samples
    (said,) = first.stated
    turned = type(said)(said.metric, 1 - (said.value or 0.0), said.answer)
    changed = type(log)(
        **{name: getattr(log, name) for name in log.__slots__}
        | {"samples": [_with_stated(first, turned), *others]}
    )
    run_id = import_log(tmp_path, changed)
    found = table(tmp_path / "warehouse", run_id, "SELECT * FROM stated_against_ours")
    assert found["question_id"].to_list() == [first.question_id]
    assert found["text"].to_list() == [first.text]


def _with_stated(sample, stated):
    import dataclasses

    return dataclasses.replace(sample, stated=(stated,))
