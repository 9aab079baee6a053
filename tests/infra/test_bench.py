"""The benchmarks in their quick versions: that they measure, not how fast anything is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tasks.settings import ROOT
from tasks.strategies import STRATEGIES, parse

pytestmark = pytest.mark.slow


def measured(name: str, path: Path, *, title: str) -> Any:
    """The report of a benchmark's quick version, which prints a table of this title too."""
    command = [sys.executable, f"infra/bench/{name}.py", "--quick", "--json", str(path)]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": "."},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert title in done.stdout
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("bench") / "figures.json"
    return measured("engine_room", path, title="side by side in one run")


def test_every_figure_is_there_and_above_zero(report: dict[str, Any]) -> None:
    found = {
        name: value for name, value in report["ratios"].items() if name != "verifier_calls_per_draw"
    }
    assert set(found) == {
        "sweep_tokens_shared_to_alone",
        "search_wall_lockstep_to_together",
        "search_cpu_lockstep_to_together",
        "search_tokens_lockstep_to_together",
        "engine_pace_search_to_plain",
        "engine_tokens_search_to_plain",
        "engine_cpu_verifier_to_generator",
        "scaling_questions",
        "scaling_wall",
        "scaling_cpu",
    }
    assert all(value > 0 for value in found.values())


def test_no_strategy_is_left_out_but_for_a_missing_model(report: dict[str, Any]) -> None:
    measured = {parse(key).name for key in report["ratios"]["verifier_calls_per_draw"]}
    # The nightly study has none of them: votes without a verifier, texts shown to the model, and
    # what goes to a larger one.
    apart = {"window", "confident", "confident_online", "select", "aggregate", "cascade", "larger"}
    plain = {name for name, form in STRATEGIES.items() if not form.revises and form.cap is None}
    assert measured >= plain - apart


def test_no_strategy_asks_the_verifier_more_than_once_a_draw(report: dict[str, Any]) -> None:
    calls = report["ratios"]["verifier_calls_per_draw"]
    assert all(0 <= value <= 1 for value in calls.values())
    assert all((value > 0) == parse(key).needs_verifier for key, value in calls.items())


def test_what_is_compared_did_the_same_work(report: dict[str, Any]) -> None:
    assert report["ratios"]["search_tokens_lockstep_to_together"] == pytest.approx(1, abs=0.3)
    assert report["ratios"]["engine_tokens_search_to_plain"] == pytest.approx(1, abs=0.3)


def test_the_ledgers_tokens_are_the_engines_less_those_for_difficulty(
    report: dict[str, Any],
) -> None:
    drawn, generated = (
        report["measured"]["ledger"]["drawn_tokens"],
        report["measured"]["sweep"]["tokens"],
    )
    assert 0.8 * generated < drawn < generated
    assert drawn < report["measured"]["ledger"]["alone_tokens"]


def test_aggregation_fills_the_views_from_draws(tmp_path: Path) -> None:
    report = measured("aggregation", tmp_path / "figures.json", title="CPU seconds")
    (case,) = report["cases"]
    assert set(case["seconds"]) == {
        "pools",
        "estimators",
        "outcomes written",
        "bins",
        "policies",
        "views read",
    }
    assert case["sum"] == pytest.approx(sum(case["seconds"].values()))
    # 4 selectors × 6 budgets over all questions and in 5 bins of 2 difficulties
    assert case["views"]["accuracy"] == 4 * 6 * (1 + 2 * 5)
    assert case["views"]["compute_optimal_curve"] == 2 * 6


def test_coverage_is_told_for_every_figure(tmp_path: Path) -> None:
    report = measured(
        "intervals", tmp_path / "figures.json", title="intervals of 95 % that hold the truth"
    )
    assert {"accuracy, Wilson", "difference, bootstrap", "curve, bootstrap", "factor, reached"} <= {
        row["figure"] for row in report["covered"]
    }
    assert all(
        0 <= row["lowest"] <= row["covered"] <= row["highest"] <= 100 for row in report["covered"]
    )
    assert [row["interval"] for row in report["null"]] == ["alone", "paired"]


def test_reading_finds_the_answers_and_counts_of_completions_that_think(tmp_path: Path) -> None:
    report = measured("reading", tmp_path / "figures.json", title="completions that think")
    assert {one["format"] for one in report["readings"]} == {"think-math", "gpt-oss"}
    for one in report["readings"]:
        assert one["right_answers"] == one["right_counts"] == one["completions"] > 0
        assert one["cpu_seconds"] > 0
    assert len(report["ratios"]) == 2


def test_starting_is_measured_for_every_verb_that_is_named(tmp_path: Path) -> None:
    rows = measured("start", tmp_path / "figures.json", title="what the command line takes")
    seconds = {row["command"]: row["cpu_seconds"] for row in rows}
    assert {"--help", "sql SELECT 1"} <= set(seconds)
    assert seconds["--help"] <= 1 and seconds["sql SELECT 1"] <= 1


def test_what_is_told_of_disk_is_right_within_half(tmp_path: Path) -> None:
    report = measured("disk", tmp_path / "figures.json", title="bytes of draws and scores")
    assert report["shapes"]
    for one in report["shapes"]:
        assert 1 / 1.5 <= one["told"] / one["bytes"] <= 1.5


def test_what_a_writer_pays_is_measured_of_a_small_warehouse(tmp_path: Path) -> None:
    rows = measured("snapshot", tmp_path / "figures.json", title="costs its writer")
    assert [row["gigabytes"] for row in rows] == [0.1]
    costs = rows[0]["costs"]
    assert set(costs) == {"snapshot", "merge", "opening", "whole copy"}
    assert costs["snapshot"]["mb_written"] < costs["whole copy"]["mb_written"] / 10


def test_workers_that_are_killed_lose_and_double_nothing() -> None:
    done = subprocess.run(
        [sys.executable, "infra/bench/shards.py", "2"],
        cwd=ROOT,
        env=os.environ | {"PYTHONPATH": ".:tests/fakes"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    total = json.loads(done.stdout.splitlines()[-1])
    assert total["kills"] == 2 and total["rows"] > 0
    assert (total["failed"], total["lost"], total["doubled"], total["other"]) == (0, 0, 0, 0)
