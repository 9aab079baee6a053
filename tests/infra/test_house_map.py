"""The README's map of the house, and its example of a question."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest

from tasks.benchmarks.bundled import questions
from tasks.settings import INFRA, ROOT

README = (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def house_map() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house_map", INFRA / "house_map.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_map_is_as_the_rooms_are(house_map: ModuleType) -> None:
    assert house_map.renew(README) == README, "run python infra/house_map.py"


def test_the_map_names_every_room(house_map: ModuleType) -> None:
    packages = {
        path.parent
        for top in ("flows", "tasks", "warehouse")
        for path in (ROOT / top).rglob("__init__.py")
    }
    named = re.findall(r"^ *(\w+)/", house_map.house_map(), re.MULTILINE)
    assert {package.name for package in packages} <= set(named)


def test_a_room_that_does_not_say_what_it_is_for_is_refused(
    house_map: ModuleType, tmp_path: Path
) -> None:
    for folder in ("flows", "tasks", "tasks/new", "warehouse"):
        (tmp_path / folder).mkdir()
        said = "" if folder == "tasks/new" else '"""Says so."""\n'
        (tmp_path / folder / "__init__.py").write_text(said, encoding="utf-8")
    contract = '[[tool.importlinter.contracts]]\ncontainers = ["tasks"]\nlayers = ["new"]\n'
    (tmp_path / "pyproject.toml").write_text(contract, encoding="utf-8")
    with pytest.raises(ValueError, match=r"tasks/new/__init__\.py: expected a first line"):
        house_map.house_map(tmp_path)


def test_the_readme_is_read_in_one_go() -> None:
    assert len(README.splitlines()) < 150


def test_the_example_is_a_question_of_the_benchmark_with_its_target() -> None:
    shown = README.split("question   ")[1].split("```")[0]
    lines = [line.strip() for line in shown.splitlines()]
    text = "\n".join(lines[:2]) + "\n"
    (question,) = [one for one in questions("test", 100) if one.text == text]
    assert lines[-1].removeprefix("target").strip() == question.target
