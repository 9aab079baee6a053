"""Standings of model versions as MLflow shows them: a real file store, scripted engines."""

import random
from pathlib import Path
from typing import Any

import pytest
from scripted_runs import ScriptedEngines, run_all, small_study

from tasks.evaluation import publish
from tasks.evaluation.publish import mirror_standings
from tasks.settings import Settings
from tasks.versions.champion import compare_with_champion, rollback
from warehouse.store import Store

pytestmark = pytest.mark.slow

NAME = "ttc-policy-congruences-congruences"
MODELS = ("bundled/congruences-generator-half", "bundled/congruences-generator")


class Confused(ScriptedEngines):
    """A model that guesses nine lines in ten."""

    def _law(self, prefix: tuple[int, ...], rng: random.Random) -> str:
        written = super()._law(prefix, rng)
        return f"{rng.randrange(7)}\n" if written.endswith("\n") and rng.random() < 0.9 else written


class Family:
    """A published family: version 1 errs, version 2 is better, each compared when it was done."""

    def __init__(self, home: Path) -> None:
        from mlflow import MlflowClient

        self.settings = Settings(home=home)
        self.runs = [
            self.night(model, engines)
            for model, engines in zip(MODELS, (Confused, ScriptedEngines), strict=True)
        ]
        self.client = MlflowClient(self.settings.mlflow_store(), self.settings.mlflow_store())

    def night(self, model: str, engines: type = ScriptedEngines) -> str:
        study = small_study(generator={"models": [model]}, questions=40)
        run_id = run_all(self.settings.warehouse, study, engines=engines)
        compare_with_champion(self.settings.warehouse, run_id)
        publish.run(self.settings, run_id)
        return run_id

    def aliases(self) -> dict[str, str]:
        return {
            alias: str(version)
            for alias, version in self.client.get_registered_model(NAME).aliases.items()
        }

    def trends(self) -> list[Any]:
        experiment = self.client.get_experiment_by_name("congruences")
        assert experiment is not None
        return list(
            self.client.search_runs(
                [experiment.experiment_id], "tags.`ttc.trend` = 'congruences/scripted'"
            )
        )


@pytest.fixture(scope="module")
def family(tmp_path_factory: pytest.TempPathFactory) -> Family:
    return Family(tmp_path_factory.mktemp("home"))


def test_the_better_version_is_champion_and_nobody_candidate(family: Family) -> None:
    assert family.aliases() == {"champion": "2"}
    assert (
        "Champion: model version 2, better than the champion"
        in family.client.get_registered_model(NAME).description
    )


def test_a_description_says_why(family: Family) -> None:
    first, second = (
        family.client.get_model_version(NAME, str(version)).description for version in (1, 2)
    )
    assert first.startswith("Former: the first version of its family")
    assert second.startswith("Champion: better than the champion")
    assert f"Model version 2 ({MODELS[1]})" in second


def test_the_trend_has_one_run_with_the_version_as_step(family: Family) -> None:
    (trend,) = family.trends()
    history = family.client.get_metric_history(trend.info.run_id, "policy_accuracy/N_004")
    assert trend.info.run_name == "trend"
    assert [point.step for point in history] == [1, 2] and history[0].value < history[1].value


def test_publishing_again_doubles_nothing(family: Family) -> None:
    before = family.trends()[0].info.run_id
    publish.run(family.settings, family.runs[1])
    (trend,) = family.trends()
    assert trend.info.run_id == before
    assert len(family.client.get_metric_history(before, "policy_accuracy/N_004")) == 2
    assert len(family.client.search_model_versions(f"name = '{NAME}'")) == 2


def test_a_rollback_moves_the_aliases(family: Family) -> None:
    with Store.open(family.settings.warehouse) as store:
        _, now = rollback(store)
        assert mirror_standings(family.settings, store, now.run_id)
    assert family.aliases() == {"champion": "1"}
    assert family.client.get_model_version(NAME, "2").description.startswith(
        "Rolled back: by hand."
    )
