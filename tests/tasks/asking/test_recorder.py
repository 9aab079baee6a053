"""What is recorded keeps its value, whatever kind of number an engine or a verifier gives."""

from __future__ import annotations

from pathlib import Path

from scripted_runs import ScriptedEngines, run_all, small_study

from warehouse.store import Store


class Rounding(ScriptedEngines):
    """A verifier that says 1 and 0 as whole numbers, and all between them as fractions."""

    def _opinion(self, question, steps):
        score = super()._opinion(question, steps)
        return round(score) if score > 0.7 else score


def test_scores_that_are_whole_numbers_are_recorded_among_fractions(tmp_path: Path) -> None:
    study = small_study(questions=10, budgets=[1, 2, 4], difficulty_draws=2)
    run_all(tmp_path, study, engines=Rounding)
    with Store.open(tmp_path) as store:
        kinds = store.read("SELECT count(*), count(*) FILTER (score = 1) FROM scores").row(0)
    assert 0 < kinds[1] < kinds[0]
