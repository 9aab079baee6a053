"""Every recipe of infra/CONTRIBUTING.md, performed on a copy of the repository."""

from __future__ import annotations

import re
import shlex
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from recipe_proofs import PROOFS
from recipes import Recipe, python, recipes

from tasks.settings import ROOT

DOCUMENT = (ROOT / "infra" / "CONTRIBUTING.md").read_text(encoding="utf-8")
RECIPES = recipes(DOCUMENT)
COPIED = ("flows", "tasks", "warehouse", "infra", "tests", "pyproject.toml", "README.md")
LINKED = Path("infra/models")
"""Too large to copy, and no recipe changes it."""
LONGEST_FILE = 300
"""As in tests/test_house.py."""


def lint(folder: Path, paths: list[str]) -> None:
    """Fails where an import contract is broken, a file too long or not as ruff would have it."""
    contracts = "from importlinter.cli import lint_imports_command; lint_imports_command()"
    python(folder, "-c", contracts, "--no-cache")
    if paths:
        python(folder, "-m", "ruff", "check", "--no-cache", *paths)
        python(folder, "-m", "ruff", "format", "--check", "--no-cache", *paths)
    lengths = {path: len((folder / path).read_text("utf-8").splitlines()) for path in paths}
    assert {path: lines for path, lines in lengths.items() if lines > LONGEST_FILE} == {}


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a copy by its path; neither models nor what Python compiled."""
    files = [path for name in COPIED for path in (folder / name, *(folder / name).rglob("*"))]
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in files
        if path.is_file() and "__pycache__" not in path.parts
    }


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The copy. One for all recipes, so that what numba compiled for one serves the next."""
    folder = tmp_path_factory.mktemp("house")

    def left_out(place: str, names: list[str]) -> set[str]:
        linked = {LINKED.name} if Path(place) == ROOT / LINKED.parent else set[str]()
        return {"__pycache__", *linked} & set(names)

    for name in COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, folder / name, ignore=left_out)
        else:
            shutil.copy2(ROOT / name, folder / name)
    (folder / LINKED).symlink_to(ROOT / LINKED)
    return folder


@pytest.fixture
def copy(house: Path) -> Iterator[Path]:
    """The copy as the repository is; afterwards what a recipe changed is put back."""
    before = contents(house)
    yield house
    for path in differences(before, contents(house)):
        if path in before:
            (house / path).write_bytes(before[path])
        else:
            (house / path).unlink()


def differences(before: dict[str, bytes], after: dict[str, bytes]) -> list[str]:
    """Paths that are new, gone or different."""
    return sorted(path for path in before | after if before.get(path) != after.get(path))


def sources(paths: list[str]) -> list[str]:
    return [path for path in paths if path.endswith(".py")]


@pytest.mark.parametrize("recipe", RECIPES, ids=lambda recipe: recipe.title)
def test_a_recipe_works_with_the_files_that_it_names(
    copy: Path, tmp_path: Path, recipe: Recipe
) -> None:
    before = contents(copy)
    for edit in recipe.edits:
        edit.apply(copy)
    touched = differences(before, contents(copy))
    assert touched == sorted({edit.path for edit in recipe.edits})
    assert len(touched) == recipe.files
    lint(copy, sources(touched))
    printed = python(copy, "tests/fakes/recipe_proofs.py", recipe.title, str(tmp_path))
    assert printed.splitlines()[-1] == "proven"
    for arguments in recipe.tests:
        python(copy, "-m", "pytest", "-p", "no:cacheprovider", *shlex.split(arguments))


def test_the_recipes_are_those_that_are_proven() -> None:
    assert [recipe.title for recipe in RECIPES] == list(PROOFS)


def test_only_a_new_kind_of_verifier_takes_more_than_two_files() -> None:
    larger = [recipe.title for recipe in RECIPES if recipe.files > 2]
    assert larger == ["A verifier format of a new kind"]


def test_no_line_is_longer_than_100_characters() -> None:
    assert [line for line in DOCUMENT.splitlines() if len(line) > 100] == []


@pytest.mark.slow
def test_all_recipes_together_have_no_wrong_type(copy: Path) -> None:
    before = contents(copy)
    for recipe in RECIPES:
        for edit in recipe.edits:
            edit.apply(copy)
    touched = sources(differences(before, contents(copy)))
    lint(copy, touched)
    python(copy, "-m", "pyright", "--pythonpath", sys.executable, *touched)


MADE_UP = """
## Recipes

### A line
Files: 1.

`a.py` (after the line `x = 1`, add)

```python
y = 2
```
"""


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("after the line `x = 1`, add", "x = 1\ny = 2\nz = 3\n"),
        ("before the line `x =`, add", "y = 2\nx = 1\nz = 3\n"),
        ("instead of the line `x = 1`", "y = 2\nz = 3\n"),
        ("at the end, add", "x = 1\nz = 3\ny = 2\n"),
    ],
)
def test_a_block_goes_to_its_place(tmp_path: Path, place: str, text: str) -> None:
    (tmp_path / "a.py").write_text("x = 1\nz = 3\n")
    [recipe] = recipes(MADE_UP.replace("after the line `x = 1`, add", place))
    [edit] = recipe.edits
    edit.apply(tmp_path)
    assert (tmp_path / "a.py").read_text() == text


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("x = 1", "q = 1", "'q = 1' begins 0 lines"),
        ("x = 1", "x", "'x' begins 2 lines"),
        ("after the line `x = 1`, add", "somewhere", "expected a known place"),
        ("after the line `x = 1`, add", "new", "expected a file that exists, or"),
        ("`a.py`", "`b.py`", "expected a file that exists, or"),
        ("Files: 1.", "", "expected a line 'Files: n.'"),
        ("```python\ny = 2\n```\n", "", "expected one block of code"),
    ],
)
def test_a_recipe_that_cannot_be_followed_is_refused(
    tmp_path: Path, old: str, new: str, words: str
) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 2\n")
    with pytest.raises(ValueError, match=re.escape(words)):
        recipes(MADE_UP.replace(old, new))[0].edits[0].apply(tmp_path)
