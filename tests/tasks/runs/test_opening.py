"""Opening a run is one fact: killed at any moment there is a whole run, or nothing of it."""

from pathlib import Path

import pytest
from dying_place import DyingPlace, Killed

from tasks.runs.opening import open_run
from tasks.study.reading import load_study
from warehouse.journal import Journal
from warehouse.store import Store

OF_A_RUN = ("run_cells", "run_questions", "run_events")


@pytest.mark.parametrize("moment", [0, 1, 4, 9, 15])
def test_a_run_is_opened_whole_or_not_at_all(tmp_path: Path, moment: int) -> None:
    study = load_study("demo", max_budget=2)
    model = study.generator.models[0]
    with Store.open(tmp_path) as store:
        store.journal = Journal(DyingPlace(store.journal.place, moment))
        with pytest.raises(Killed):
            open_run(store, study, model)
    with Store.open(tmp_path) as store:
        runs = store.read("SELECT run_id FROM runs")["run_id"].to_list()
        assert len(runs) == (moment > 0)
        for table in OF_A_RUN:
            assert store.read(f"SELECT DISTINCT run_id FROM {table}")["run_id"].to_list() == runs
        owed = store.read("SELECT count(*) FROM run_questions").item()
        assert owed == len(runs) * store.read("SELECT count(*) FROM questions").item()
        # Run again, it goes on.
        assert open_run(store, study, model) in runs or not runs
