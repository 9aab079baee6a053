"""Pruning: what only old runs had use for goes, everywhere; a kept run loses nothing."""

from datetime import timedelta
from pathlib import Path

import polars as pl
import pytest
import small_run
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from small_draws import DAY, QUESTIONS
from small_run import frame, rows_of

from warehouse.schema import tables
from warehouse.store import Store

LARGE = ["draws", "scores", "answers", "stated_verdicts"]
BETWEEN = DAY + timedelta(days=1, hours=12)
"""After all that happened to a run of version 1, before a run of version 2."""


def rows(store: Store, table: str) -> list[tuple]:
    return store.read(f'FROM "{table}" ORDER BY ALL').rows()


def fill(store: Store, run: str, *, version: int, model: int | None = None) -> None:
    """A run of version `version`, on a model of another version's fingerprint."""
    for table, its in rows_of(run, version=version).items():
        changed = frame(table, its)
        if "model_fingerprint" in changed.columns and table in ("runs", "draws") and model:
            changed = changed.with_columns(model_fingerprint=pl.lit(f"generator-{model}"))
        store.append(table, changed)


@pytest.fixture
def two(store: Store) -> Store:
    """An old run and a newer one, of two model versions."""
    fill(store, "run-a", version=1)
    fill(store, "run-b", version=2)
    # Else the first run's policy is still in use.
    assert store.read("FROM champions").is_empty()
    return store


def test_draws_of_an_old_version_go_and_those_of_a_kept_run_stay(two: Store) -> None:
    kept = rows(two, "run_draws")
    counts = two.prunable(BETWEEN)
    assert counts["draws"] > 0
    assert rows(two, "run_draws") == kept
    assert two.prune(BETWEEN) == counts
    assert two.read("SELECT DISTINCT run_id FROM draws").rows() == [("run-b",)]
    assert rows(two, "run_draws") == [row for row in kept if row[0] == "run-b"]
    assert two.prunable(BETWEEN) == dict.fromkeys(LARGE, 0)


def test_the_journal_is_pruned_too(two: Store) -> None:
    before = {table: rows(two, table) for table in tables()}
    two.prune(BETWEEN)
    after = {table: rows(two, table) for table in tables()}
    changed = {table for table in tables() if before[table] != after[table]}
    assert changed <= {*LARGE, "settled_costs"}
    folder = two.folder
    two.close()
    with Store.rebuild(folder) as rebuilt:
        assert {table: rows(rebuilt, table) for table in tables()} == after
        assert rebuilt.load_new() == 0


def test_costs_and_outcomes_of_a_pruned_run_stay(two: Store) -> None:
    views = ("cost_by_role", "sharing", "run_history", "accuracy", "policies", "curves")
    before = {view: rows(two, view) for view in views}
    two.prune(BETWEEN)
    assert {view: rows(two, view) for view in views} == before


def test_draws_that_a_kept_run_may_replay_stay_whoever_paid(store: Store) -> None:
    fill(store, "run-a", version=1)
    fill(store, "run-b", version=2, model=1)
    before = {table: rows(store, table) for table in LARGE}
    assert before["draws"]
    assert store.prune(BETWEEN) == dict.fromkeys(LARGE, 0)
    assert {table: rows(store, table) for table in LARGE} == before


def test_draws_whose_run_is_not_known_yet_stay(store: Store) -> None:
    for table in LARGE[:3]:
        store.append(table, frame(table, rows_of("run-x", version=1)[table]))
    assert store.prunable(BETWEEN + timedelta(days=999)) == dict.fromkeys(LARGE, 0)


def test_a_score_of_a_step_that_a_kept_draw_has_too_stays(two: Store) -> None:
    step = two.read("SELECT step_keys[1] FROM draws WHERE run_id = 'run-a' LIMIT 1").item()
    draw = two.read("FROM draws WHERE run_id = 'run-b' LIMIT 1")
    same = draw.with_columns(child=pl.lit(999, pl.Int32), step_keys=pl.lit([step]))
    two.append("draws", same.cast(dict(tables()["draws"].schema)))
    known = "SELECT count(*) FROM scores WHERE node_key = $step"
    before = two.read(known, step=step).item()
    two.prune(BETWEEN)
    assert two.read(known, step=step).item() == before > 0


Runs = st.lists(
    st.tuples(
        st.integers(1, 3), st.integers(1, 4), st.sets(st.sampled_from(QUESTIONS), min_size=1)
    ),
    min_size=1,
    max_size=4,
)


@settings(max_examples=5, deadline=None, suppress_health_check=list(HealthCheck))
@given(Runs, st.integers(1, 5))
def test_whatever_is_pruned_a_kept_run_has_all_of_its_draws(
    tmp_path_factory: pytest.TempPathFactory, runs: list[tuple[int, int, set[str]]], day: int
) -> None:
    before = DAY + timedelta(days=day, hours=-1)
    with Store.open(tmp_path_factory.mktemp("prune")) as store:
        for number, (model, opened, questions) in enumerate(runs):
            name = f"run-{number}"
            its = rows_of(name, version=model)
            its["runs"][0]["opened_at"] = DAY + timedelta(days=opened)
            its["run_events"] = []
            for table in ("run_questions", *LARGE[:3]):
                its[table] = [row for row in its[table] if row["question_id"] in questions]
            for table, content in its.items():
                store.append(table, frame(table, content))
        kept = [f"run-{n}" for n, run in enumerate(runs) if run[1] >= day]
        wanted = "FROM run_draws WHERE list_contains($kept, run_id) ORDER BY ALL"
        draws = store.read(wanted, kept=kept)
        pools = {(runs[int(name[4:])][0], q) for name in kept for q in runs[int(name[4:])][2]}
        store.prune(before)
        assert store.read(wanted, kept=kept).equals(draws)
        stay = store.read("SELECT DISTINCT model_fingerprint, question_id FROM draws").rows()
        # A kept run has paid for nothing that it could not replay, so this is all there is.
        assert {(int(model.rpartition("-")[2]), q) for model, q in stay} == pools


def test_a_pruning_that_is_cut_off_is_finished_by_the_next(
    two: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = two.prunable(BETWEEN)
    replaced: list[str] = []
    plain = two.journal.replace

    def dies(group, kept):
        if len(replaced) == 2:
            raise KeyboardInterrupt
        replaced.append(group[0].name)
        return plain(group, kept)

    monkeypatch.setattr(two.journal, "replace", dies)
    with pytest.raises(KeyboardInterrupt):
        two.prune(BETWEEN)
    monkeypatch.undo()
    costs = rows(two, "cost_by_role")
    assert two.prune(BETWEEN) == counts
    assert rows(two, "cost_by_role") == costs
    folder: Path = two.folder
    after = {table: rows(two, table) for table in LARGE}
    two.close()
    with Store.rebuild(folder) as rebuilt:
        assert {table: rows(rebuilt, table) for table in LARGE} == after


def test_the_run_whose_policy_is_in_use_keeps_its_draws(two: Store) -> None:
    promoted = frame(
        "run_events",
        [
            {
                "run_id": "run-a",
                "event": "promoted",
                "at": DAY + timedelta(days=1),
                "detail": "first",
            }
        ],
    )
    two.append("run_events", promoted)
    assert two.read("SELECT run_id FROM champions").rows() == [("run-a",)]
    assert two.prunable(BETWEEN + timedelta(days=99))["draws"] > 0
    two.prune(BETWEEN + timedelta(days=99))
    assert two.read("SELECT DISTINCT run_id FROM draws").rows() == [("run-a",)]


def test_small_run_has_something_to_prune_in_each_table() -> None:
    assert all(small_run.rows_of("run-a", version=1)[table] for table in LARGE[:3])
