"""Opening a run is one fact: killed at any moment there is a whole run, or nothing of it."""

import dataclasses
from pathlib import Path

import pytest
from dying_place import DyingPlace, Killed

from tasks.runs import opening
from tasks.runs.events import note
from tasks.runs.opening import open_run
from tasks.study.reading import load_study
from warehouse.journal import Journal
from warehouse.store import Store

STUDY = load_study("demo", max_budget=2)
MODEL = STUDY.generator.models[0]
OF_A_RUN = ("run_cells", "run_questions", "run_events")


@pytest.mark.parametrize("moment", [0, 1, 4, 9, 15])
def test_a_run_is_opened_whole_or_not_at_all(tmp_path: Path, moment: int) -> None:
    with Store.open(tmp_path) as store:
        store.journal = Journal(DyingPlace(store.journal.place, moment))
        with pytest.raises(Killed):
            open_run(store, STUDY, MODEL)
    with Store.open(tmp_path) as store:
        runs = store.read("SELECT run_id FROM runs")["run_id"].to_list()
        assert len(runs) == (moment > 0)
        for table in OF_A_RUN:
            assert store.read(f"SELECT DISTINCT run_id FROM {table}")["run_id"].to_list() == runs
        owed = store.read("SELECT count(*) FROM run_questions").item()
        assert owed == len(runs) * store.read("SELECT count(*) FROM questions").item()
        # Run again, it goes on.
        assert open_run(store, STUDY, MODEL) in runs or not runs


@pytest.mark.parametrize(
    ("commit", "stays"), [("abc", True), ("def", False), ("abc+changes", False), ("unknown", False)]
)
def test_a_published_run_stays_as_it_is_for_the_very_code_that_made_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, commit: str, stays: bool
) -> None:
    monkeypatch.setattr(opening, "code_commit", lambda: "abc")
    with Store.open(tmp_path / "w") as store:
        run_id = open_run(store, STUDY, MODEL)
        for event in ("complete", "published"):
            assert opening.unchanged_run(store, STUDY, MODEL) is None
            note(store, run_id, event)
        monkeypatch.setattr(opening, "code_commit", lambda: commit)
        assert opening.unchanged_run(store, STUDY, MODEL) == (run_id if stays else None)
        # Other questions, or other packages, are another run.
        other = dataclasses.replace(STUDY, questions=30)
        assert opening.unchanged_run(store, other, MODEL) is None
        monkeypatch.setattr(opening, "packages", lambda: {"torch": "0"})
        assert opening.unchanged_run(store, STUDY, MODEL) is None
