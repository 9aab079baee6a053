"""From first version to champion, candidate, regression and back, on scripted runs."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from scripted_runs import ScriptedEngines, run_all, small_study

from flows.cli.diff import show_release
from tasks.grading.math_grader import MathGrader
from tasks.runs.events import note
from tasks.statistics.comparisons import SIGNIFICANCE
from tasks.tracking.family import track_of
from tasks.versions.champion import compare_with_champion, promote, rollback
from tasks.versions.comparison import Compared
from tasks.versions.diff import difference
from tasks.versions.gate import worse_at
from tasks.versions.version import (
    Scope,
    alarm_of_run,
    find_versions,
    pair,
    version_of,
    worths_of_runs,
)
from warehouse.errors import UserError
from warehouse.snapshot import Snapshot
from warehouse.store import Store

HALF, WHOLE = "bundled/congruences-generator-half", "bundled/congruences-generator"


class Confused(ScriptedEngines):
    """A model that guesses: its chance of a right line is one in seven."""

    def _law(self, prefix: tuple[int, ...], rng: Any) -> str:
        written = super()._law(prefix, rng)
        return f"{rng.randrange(7)}\n" if written.endswith("\n") else written


def study(model: str, **changes: object) -> Any:
    return small_study(generator={"models": [model]}, questions=40, **changes)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequence[str]]:
    """A warehouse with two versions: a good one, then one that guesses."""
    folder = tmp_path_factory.mktemp("versions")
    good = run_all(folder, study(WHOLE))
    return folder, (good, run_all(folder, study(HALF), engines=Confused))


@pytest.fixture
def versions(measured: tuple[Path, Sequence[str]], tmp_path: Path) -> tuple[Path, Sequence[str]]:
    """A copy of that warehouse, nothing compared yet."""
    from shutil import copytree

    return copytree(measured[0], tmp_path / "warehouse"), measured[1]


def standings(folder: Path) -> dict[int, tuple[str, str]]:
    rows = Snapshot(folder).read("SELECT version, standing, why FROM standings").rows()
    return {version: (standing, why) for version, standing, why in rows}


def test_the_first_version_becomes_champion(versions: tuple[Path, Sequence[str]]) -> None:
    folder, (good, _) = versions
    assert compare_with_champion(folder, good) is False
    assert standings(folder) == {
        1: ("champion", "the first version of its family on this benchmark")
    }


def test_a_version_that_guesses_is_a_regression_and_stays_candidate(
    versions: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, bad) = versions
    compare_with_champion(folder, good)
    assert compare_with_champion(folder, bad) is True
    assert (
        standings(folder)[2][0] == "candidate"
        and "worse than the champion at N = 4" in standings(folder)[2][1]
    )
    assert '"worse_at": [4]' in (alarm_of_run(Snapshot(folder), bad) or "")
    assert alarm_of_run(Snapshot(folder), good) is None


def test_a_version_older_than_the_champion_is_not_compared(
    versions: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, bad) = versions
    with Store.open(folder) as store:
        promote(store, bad)
    compare_with_champion(folder, good)  # the older of the two
    assert standings(folder).keys() == {2}


def test_the_champion_measured_again_stays_champion_with_its_newer_run(
    versions: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, _) = versions
    compare_with_champion(folder, good)
    again = run_all(folder, study(WHOLE))
    assert compare_with_champion(folder, again) is False
    champion = Snapshot(folder).read("SELECT run_id, version FROM champions").row(0)
    assert champion == (again, 1)


def test_a_champion_judged_by_another_version_of_the_grader_is_no_rival(
    versions: tuple[Path, Sequence[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, (good, _) = versions
    compare_with_champion(folder, good)
    monkeypatch.setattr(MathGrader, "version", "100+another")
    later = run_all(folder, study(HALF), engines=Confused)
    # Significantly worse or not: what differs may be the judge.
    assert compare_with_champion(folder, later) is False
    standing, why = standings(folder)[2]
    assert standing == "candidate" and f"judge it anew with ttc regrade {good}" in why


def test_a_rollback_brings_the_champion_before_back_and_keeps_the_other_out(
    versions: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, bad) = versions
    compare_with_champion(folder, good)
    with Store.open(folder) as store:
        assert promote(store, "2").run_id == bad
        former, now = rollback(store)
        assert (former.version, now.version) == (2, 1)
    compare_with_champion(folder, bad)
    assert {version: standing for version, (standing, _) in standings(folder).items()} == {
        1: "champion",
        2: "rolled_back",
    }


def test_without_a_champion_before_nothing_is_rolled_back(
    versions: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, _) = versions
    with Store.open(folder) as store:
        with pytest.raises(UserError, match="expected one champion to be meant, known are: none"):
            rollback(store)
        promote(store, good)
        with pytest.raises(UserError, match="expected a champion of congruences before version 1"):
            rollback(store)


def test_versions_are_found_by_number_name_and_run(versions: tuple[Path, Sequence[str]]) -> None:
    folder, (good, bad) = versions
    store = Snapshot(folder)
    for name in ("2", HALF, "congruences-generator-half", bad):
        assert [one.run_id for one in find_versions(store, name)] == [bad]
    assert pair(store, "1", "2") == (version_of(store, good), version_of(store, bad))
    with pytest.raises(
        UserError,
        match="known are 1 of congruences on congruences, 2 of congruences on congruences",
    ):
        find_versions(store, "3")
    with pytest.raises(UserError, match="known are none yet"):
        find_versions(store, "1", scope=Scope(family="other"))


def test_a_diff_shows_the_loss_and_who_lost(versions: tuple[Path, Sequence[str]]) -> None:
    folder, _ = versions
    store = Snapshot(folder)
    shown = difference(store, *pair(store, "1", "2"))
    assert worse_at(Compared(shown.compared, None), significance=SIGNIFICANCE).budgets == [4]
    assert shown.budget == 4 and shown.cells == 5 * 4
    assert [len(mover.draws["now"]) for mover in shown.losers] == [2, 2, 2]
    loss = shown.losers[0]
    old, new = worths_of_runs(store, shown.before.run_id, shown.now.run_id)
    gaps = new.accuracy[:, new.at(4)] - old.accuracy[:, old.at(4)]
    assert loss.now - loss.before == gaps.min()


def test_a_diff_knows_what_the_strategies_of_a_changed_cell_lost(tmp_path: Path) -> None:
    # The second version is not asked what cells of the first name: those must change.
    asked = (["majority", "best_of_n", "weighted"], ["majority", "weighted"])
    runs = [
        run_all(tmp_path, study(model, strategies=strategies))
        for model, strategies in zip((WHOLE, HALF), asked, strict=True)
    ]
    store = Snapshot(tmp_path)
    sql = """SELECT truncated, no_answer, recommended FROM policies
        WHERE run_id = $run AND difficulty = 'probe' AND (bin, budget) = ($bin, $budget)"""
    shown = difference(store, *pair(store, "1", "2")).changed
    assert shown
    for cell in shown:
        place = {"bin": cell.bin, "budget": cell.budget}
        stored = [store.read(sql, run=run, **place).row(0) for run in runs]
        assert [cell.lost_before, cell.lost_now] == stored
        assert cell.lost_now.truncated is not None


def test_a_version_against_itself_has_no_difference(versions: tuple[Path, Sequence[str]]) -> None:
    store = Snapshot(versions[0])
    shown = difference(store, *pair(store, "1", "1"))
    assert (shown.changed, shown.winners, shown.losers) == ([], [], [])
    assert [one.gain.estimate.value for one in shown.compared] == [0.0]


def test_the_trend_has_a_point_a_version_at_the_headline_budgets(
    versions: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, bad) = versions
    store = Snapshot(folder)
    points = track_of(store, version_of(store, bad)).points()
    assert {key for key, _ in points} == {
        "policy_accuracy/N_004",
        "efficiency_factor/N_004",
        "policy_flops/N_004",
    }
    assert points["policy_accuracy/N_004", 1] > points["policy_accuracy/N_004", 2] + 0.2
    curve = "SELECT accuracy FROM curves WHERE run_id = $r AND difficulty = 'probe' AND budget = 4"
    assert points["policy_accuracy/N_004", 1] == store.read(curve, r=good).item()


def test_what_befalls_a_version_does_not_change_its_runs_state(
    versions: tuple[Path, Sequence[str]],
) -> None:
    folder, (good, _) = versions
    with Store.open(folder) as store:
        note(store, good, "regressed", "{}")
        promote(store, good)
        assert (
            store.read("SELECT state FROM run_history WHERE run_id = $r", r=good).item()
            == "complete"
        )


def test_a_release_is_judged_on_all_benchmarks_of_its_studies(
    versions: tuple[Path, Sequence[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    folder, _ = versions
    words = (folder, "1", "2")
    finding = show_release(*words, studies=["scripted"], family=None, as_json=False)
    assert finding == "worse"
    shown = capsys.readouterr().out
    assert "Release: worse." in shown and "congruences" in shown
    assert show_release(*words, studies=["scripted"], family=None, as_json=True) == "worse"
    (row,) = json.loads(capsys.readouterr().out)["benchmarks"]
    assert row["judged"]["finding"] == "worse" and row["budgets"] == [4]
    with pytest.raises(UserError, match="known are scripted"):
        show_release(*words, studies=["other"], family=None, as_json=False)
    with pytest.raises(UserError, match="different questions"):
        show_release(*words, studies=["scripted"] * 2, family=None, as_json=False)
