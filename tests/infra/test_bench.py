"""The benchmark of search on the engine, in its quick version: that it measures, not how fast it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from tasks.settings import ROOT
from tasks.strategies import STRATEGIES, parse

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    path = tmp_path_factory.mktemp("bench") / "figures.json"
    command = [sys.executable, "infra/bench/engine_room.py", "--quick", "--json", str(path)]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | {"PYTHONPATH": "."}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "side by side in one run" in done.stdout
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_figure_is_there_and_above_zero(report: dict[str, Any]) -> None:
    found = {name: value for name, value in report["ratios"].items() if name != "verifier_calls_per_draw"}
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
    assert measured >= {name for name, form in STRATEGIES.items() if not form.revises}


def test_no_strategy_asks_the_verifier_more_than_once_a_draw(report: dict[str, Any]) -> None:
    calls = report["ratios"]["verifier_calls_per_draw"]
    assert all(0 <= value <= 1 for value in calls.values())
    assert all((value > 0) == parse(key).needs_verifier for key, value in calls.items())


def test_what_is_compared_did_the_same_work(report: dict[str, Any]) -> None:
    assert report["ratios"]["search_tokens_lockstep_to_together"] == pytest.approx(1, abs=0.3)
    assert report["ratios"]["engine_tokens_search_to_plain"] == pytest.approx(1, abs=0.3)


def test_the_ledgers_tokens_are_the_engines_less_those_for_difficulty(report: dict[str, Any]) -> None:
    drawn, generated = report["measured"]["ledger"]["drawn_tokens"], report["measured"]["sweep"]["tokens"]
    assert 0.8 * generated < drawn < generated
    assert drawn < report["measured"]["ledger"]["alone_tokens"]
