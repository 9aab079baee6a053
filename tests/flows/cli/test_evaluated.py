"""What is printed of two versions of a model, and what is said before the demo starts."""

from __future__ import annotations

import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from scripted_runs import ScriptedEngines, run_all, small_study

from flows.cli.evaluated import announce, show_runs
from tasks.evaluation.forecast import forecast
from tasks.publication.first_lines import first_lines
from tasks.publication.summary import load_summary
from tasks.study.study import Study
from tasks.versions.champion import compare_with_champion, promote
from warehouse.snapshot import Snapshot
from warehouse.store import Store

HALF, WHOLE = "bundled/congruences-generator-half", "bundled/congruences-generator"


class Confused(ScriptedEngines):
    """A model that guesses: its chance of a right line is one in seven."""

    def _law(self, prefix: tuple[int, ...], rng: Any) -> str:
        written = super()._law(prefix, rng)
        return f"{rng.randrange(7)}\n" if written.endswith("\n") else written


def study(*models: str) -> Study:
    return small_study(generator={"models": list(models)}, questions=40)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Sequence[str]]:
    """A warehouse with two versions, a good one and then one that guesses; both were compared."""
    folder = tmp_path_factory.mktemp("evaluated")
    runs = [run_all(folder, study(WHOLE)), run_all(folder, study(HALF), engines=Confused)]
    for run_id in runs:
        compare_with_champion(folder, run_id)
    return folder, runs


def printed(folder: Path, run_ids: Sequence[str], width: int = 80) -> str:
    out = io.StringIO()
    console = Console(file=out, width=width, color_system=None, markup=False)
    show_runs(Snapshot(folder), run_ids, console)
    text = out.getvalue()
    assert max(map(len, text.splitlines())) <= width
    return text


def joined(text: str) -> str:
    return " ".join(text.split())


def test_the_version_that_answers_is_shown_in_full_and_the_other_as_a_diff(
    measured: tuple[Path, Sequence[str]],
) -> None:
    folder, runs = measured
    shown = printed(folder, runs)
    # One grid alone, that of the champion, above all that is said of the other version.
    assert shown.count("policy by") == shown.count("┏") == 1
    assert shown.index("congruences-generator v1 on") < shown.index("Version 2")
    reader = Snapshot(folder)
    for run_id in runs:
        for line in first_lines(load_summary(reader, run_id)):
            assert line in joined(shown)
    assert "worse" in shown.partition("Version 2")[2]
    assert "ttc diff 1 2 lists them" in joined(shown)


def test_who_answers_and_how_to_take_the_other_is_said(
    measured: tuple[Path, Sequence[str]],
) -> None:
    folder, runs = measured
    last = joined(printed(folder, runs).partition("ttc diff")[2])
    assert "ttc solve and ttc serve answer with version 1 (congruences-generator)" in last
    assert "the first version of its family on this benchmark" in last
    assert "Version 2 is candidate: worse than the champion" in last
    assert "ttc policy promote 2" in last


def test_one_version_alone_has_no_diff(measured: tuple[Path, Sequence[str]]) -> None:
    folder, runs = measured
    shown = joined(printed(folder, runs[:1], width=100))
    assert "ttc diff" not in shown and "promote" not in shown
    assert "ttc solve and ttc serve answer with version 1" in shown


def test_the_table_is_that_of_the_version_that_was_promoted_by_hand(
    measured: tuple[Path, Sequence[str]], tmp_path: Path
) -> None:
    from shutil import copytree

    folder = copytree(measured[0], tmp_path / "warehouse")
    with Store.open(folder) as store:
        promote(store, "2")
    shown = printed(folder, measured[1])
    assert shown.index("congruences-generator-half v2 on") < shown.index("Version 1,")
    assert "answer with version 2 (congruences-generator-half): by hand" in joined(shown)
    assert "ttc policy promote 1" in shown


def test_it_is_said_before_what_is_about_to_happen(
    measured: tuple[Path, Sequence[str]], capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    both = study(WHOLE, HALF)
    with Store.open(tmp_path / "new") as store:
        costs = [forecast(store, one, model) for one, model in both.pairs()]
    announce(both, costs, tmp_path)
    said = capsys.readouterr().err
    # The folder's name is as long as it is.
    assert max(map(len, said.splitlines()[:-1])) <= 80
    names = "congruences-generator, congruences-generator-half"
    assert f"2 versions of one model: {names}" in said
    assert "40 questions of congruences" in said and "1, 2, 4, 8 generations" in said
    assert "the first time takes about" in said and str(tmp_path) in said
    with Store.open(measured[0]) as store:
        there = [forecast(store, one, model) for one, model in both.pairs()]
    announce(both, there, tmp_path)
    assert "Nothing is left to draw" in capsys.readouterr().err
