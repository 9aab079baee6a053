"""`ttc policy --by`, the report and MLflow's metrics along axes, on a scripted run."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import get_args

import pytest
from scripted_runs import run_all, small_study

from flows.cli import main as cli
from flows.cli.policy import By
from tasks.publication.headlines import headlines
from tasks.publication.report import html
from tasks.publication.summary import RunSummary, load_summary
from tasks.statistics.axes import AXES
from tasks.tracking.entries import publication_of
from warehouse.snapshot import Snapshot

PRICES = {
    "bundled/congruences-generator": {"prompt": 2.0, "generated": 10.0},
    "bundled/congruences-prm": {"prompt": 1.0},
}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    home = tmp_path_factory.mktemp("by")
    run_all(home / "warehouse", small_study(name="priced", prices=PRICES))
    return home


@pytest.fixture(scope="module")
def summary(home: Path) -> RunSummary:
    reader = Snapshot(home / "warehouse")
    return load_summary(reader, reader.read("SELECT run_id FROM runs").item())


class Ttc:
    """Runs a command; gives exit code, stdout and stderr."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self.monkeypatch = monkeypatch
        self.capsys = capsys

    def __call__(self, *words: str) -> tuple[int, str, str]:
        self.monkeypatch.setattr(sys, "argv", ["ttc", *words])
        code = cli.exit_code()
        printed = self.capsys.readouterr()
        return code, printed.out, printed.err


@pytest.fixture
def ttc(home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Ttc:
    monkeypatch.setenv("TTC_HOME", str(home))
    monkeypatch.setenv("COLUMNS", "120")
    return Ttc(monkeypatch, capsys)


def test_the_command_takes_every_axis_and_no_other() -> None:
    literal = get_args(get_args(By)[0])[0]
    assert set(get_args(literal)) == set(AXES)


@pytest.mark.parametrize("axis", AXES)
def test_a_policy_is_shown_along_every_axis(ttc: Ttc, axis: str) -> None:
    code, out, _ = ttc("policy", "--by", axis)
    assert code == 0
    assert f"policy by {AXES[axis].title}, probe difficulty" in out
    assert "at most" in out
    assert "bin 5" in out
    assert "factor" in out
    assert max(map(len, out.splitlines())) <= 120


def test_scripts_get_the_cells_and_what_they_are_worth(ttc: Ttc) -> None:
    rows = json.loads(ttc("policy", "--by", "money", "--json")[1])
    assert {row["bin"] for row in rows} == {1, 2, 3, 4, 5}
    for row in rows:
        assert row["axis"] == "money"
        assert row["difficulty"] == "probe"
        assert row["cost"] <= row["at_most"] * (1 + 1e-6)
        assert 0 <= row["cross_validated_lo"] <= row["cross_validated"] <= 1


def test_another_axis_is_refused(ttc: Ttc) -> None:
    code, _, err = ttc("policy", "--by", "love")
    assert code == 2
    assert "tokens" in err


def test_without_prices_it_says_what_is_missing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    run_all(tmp_path / "warehouse", small_study(questions=10))
    monkeypatch.setenv("TTC_HOME", str(tmp_path))
    code, _, err = Ttc(monkeypatch, capsys)("policy", "--by", "money")
    assert code == 2
    assert "expected known costs along money" in err
    assert "[prices]" in err


def test_the_factor_along_tokens_stands_beside_that_along_generations(summary: RunSummary) -> None:
    lines = [one for one in headlines(summary) if one.startswith("Efficiency factor")]
    by_generations = [line for line in lines if " at N = " in line]
    by_tokens = [line for line in lines if line.endswith(" tokens a question.")]
    assert by_generations and by_tokens
    assert lines == by_generations + by_tokens


def test_the_report_has_a_table_and_a_figure_for_every_axis(summary: RunSummary) -> None:
    page = html(summary)
    for axis in AXES.values():
        assert f"Policy by {axis.title}, probe difficulty" in page
        assert f"Accuracy against {axis.title}" in page
    assert "the same in tokens over weighted" in page


def test_metrics_have_the_doubling_as_their_step(summary: RunSummary) -> None:
    publication = publication_of(summary)
    curves = summary.cost_curves.filter(difficulty="probe")
    for axis in AXES:
        found = [(m.step, m.value) for m in publication.metrics if m.key == f"by_{axis}/accuracy"]
        rows = curves.filter(axis=axis).select("level", "accuracy").rows()
        assert rows
        assert sorted(found) == sorted(rows)
    assert json.loads(publication.parameters["study.prices"]).keys() == PRICES.keys()


def test_a_requirement_is_answered_with_a_cell_and_its_held_out_rate(ttc: Ttc) -> None:
    words = ("policy", "--accuracy", "0.3", "--tokens", "90", "--seconds", "1000")
    code, out, _ = ttc(*words)
    assert code == 0
    assert "accuracy ≥ 0.3, at most 90 generated tokens, at most 1,000 seconds" in out
    sentence = " ".join(out.split())
    assert "of questions" in sentence and "generated tokens a question" in sentence
    (answer,) = json.loads(ttc(*words, "--json")[1])
    assert answer["conclusion"] in ("reached", "cannot be told", "cannot be reached")
    used = answer[answer["recommended"]]
    assert used["met"]["lo"] <= used["met"]["value"] <= used["met"]["hi"]
    # The probe's tokens are paid by bins alone.
    assert len(answer["by_bin"]["cells"]) == 5 and len(answer["for_all"]["cells"]) == 1


def test_what_no_budget_allows_cannot_be_reached(ttc: Ttc) -> None:
    assert "Cannot be reached" in ttc("policy", "--accuracy", "0.9", "--tokens", "1")[1]
    assert "Nothing is right within these limits" in ttc("policy", "--money", "1e-9")[1]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--accuracy", "90"), "0.9 is 90 %"),
        (("--tokens", "0"), "expected --tokens above 0"),
        (("--accuracy", "0.9", "--by", "tokens"), "got both"),
    ],
)
def test_a_requirement_that_means_nothing_is_refused(
    ttc: Ttc, words: tuple[str, ...], says: str
) -> None:
    code, _, err = ttc("policy", *words)
    assert code == 2 and says in err
