"""infra/STRATEGIES.md: every strategy is there, costs are as measured, its studies are valid."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tasks.settings import INFRA
from tasks.strategies import STRATEGIES
from tasks.study.own_files import SHIPPED, read_files
from tasks.study.reading import load_study

PAGE = (INFRA / "STRATEGIES.md").read_text(encoding="utf-8")
LINES = ["Does", "Pays", "Cost", "Source", "Key"]
FOUND = re.findall(r"^### `([\w.]+)`\n(.*?)(?=^#|\Z)", PAGE, flags=re.M | re.S)
SECTIONS = dict(FOUND)
WANTED = [*STRATEGIES, *sorted(path.name for path in SHIPPED.glob("*.py"))]


@pytest.fixture(scope="module")
def costs() -> ModuleType:
    spec = importlib.util.spec_from_file_location("strategy_costs", INFRA / "strategy_costs.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_page_has_every_strategy_and_no_other() -> None:
    assert sorted(name for name, _ in FOUND) == sorted(WANTED)


@pytest.mark.parametrize("name", WANTED)
def test_each_has_its_five_lines_and_keys_that_a_study_may_write(name: str) -> None:
    lines = [line for line in SECTIONS[name].splitlines() if line]
    assert [re.match(r"- \*\*(\w+)\*\*: \S", line)[1] for line in lines] == LINES
    keys = re.findall(r"`([^`]+)`", lines[-1])
    named = [key for key in keys if not key.startswith("/")]
    assert named and all(key.startswith(name) for key in named)
    # UserError for what names no strategy.
    read_files(named, Path("/nowhere"))


def test_the_costs_are_as_they_are_measured(costs: ModuleType, tmp_path: Path) -> None:
    table = costs.cost_table(tmp_path / "w")
    assert costs.renew(PAGE, table) == PAGE, "run infra/strategy_costs.py"
    # A row a strategy: what was added since would else be missed by the page alone.
    rows = [form.example.split(" or ")[0] for form in STRATEGIES.values() if form.cap is None]
    assert all(f"`{row}`" in table for row in rows)


def test_marks_that_are_gone_are_refused(costs: ModuleType) -> None:
    with pytest.raises(ValueError, match="put them back"):
        costs.renew("# Strategies\n", "table")


@pytest.mark.parametrize("name", ["reasoning", "math500-qwen", "api", "cascade", "own"])
def test_the_studies_that_it_begins_with_are_valid(name: str) -> None:
    assert f"(studies/{name}.toml)" in PAGE
    study = load_study(name)
    kinds = {key: study.strategy(key) for key, _ in study.cells()}
    judged = any(strategy.needs_verifier for strategy in kinds.values())
    assert judged == (study.verifier is not None) == (name in ("math500-qwen", "own"))
    # Endpoints give texts: nothing goes on from the middle of one.
    steps = any(strategy.goes_by_steps for strategy in kinds.values())
    assert steps == (name in ("math500-qwen", "own"))
    assert bool(study.endpoints) == (name == "api")
