"""What the figures of the house count, on small made-up modules; and the house held to them."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from tasks.settings import INFRA, ROOT

AT_MOST = {
    "files flat in tasks": 5,
    "largest folder": 22,
    "syntax nodes a code line": 5.0,
    "lines over 100 characters": 0,
    "public names without docstring, %": 7,
    "function lines, p90": 20,
    "function lines, most": 60,
    "files over 300 lines": 0,
    "words with more than one meaning": 0,
}
AT_LEAST = {"comments a hundred lines": 3}


@pytest.fixture(scope="module")
def house() -> ModuleType:
    spec = importlib.util.spec_from_file_location("house", INFRA / "bench" / "house.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Checkout:
    """A made-up repository, and its figures."""

    def __init__(self, house: ModuleType, root: Path) -> None:
        self.house, self.root = house, root

    def write(self, path: str, text: str) -> Checkout:
        """The checkout with one more file."""
        place = self.root / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text, encoding="utf-8")
        return self

    def figures(self) -> dict[str, Any]:
        return self.house.figures(self.house.modules(self.root))

    def words(self) -> dict[str, list[str]]:
        return self.house.words(self.house.modules(self.root))


@pytest.fixture
def checkout(house: ModuleType, tmp_path: Path) -> Checkout:
    return Checkout(house, tmp_path)


def function(name: str, lines: int) -> str:
    """A function of so many lines, its `def` line included."""
    return f"def {name}():\n" + "    pass\n" * (lines - 1) + "\n\n"


def test_a_checkout_without_files_has_figures(checkout: Checkout) -> None:
    found = checkout.figures()
    assert found["files"] == found["function lines, most"] == 0
    assert found["longest function"] == ""


def test_nodes_are_those_of_the_syntax_tree_without_the_marks_of_names(checkout: Checkout) -> None:
    # Module, Assign, Name x, BinOp, Name y, Add, Constant 1: seven, the Store and the Load left
    # out. Two lines are written, the comment one of them; the empty one is not.
    checkout.write("tasks/a.py", "# why\n\nx = y + 1\n")
    assert checkout.figures()["syntax nodes a code line"] == 3.5


def test_only_comments_for_a_reader_count(checkout: Checkout) -> None:
    text = '# why\nx = "# text"  # fmt: skip\ny = 1  # why\nz = 2  # noqa: E501\n'
    # The first and the third of four lines; a `#` in a string and what speaks to tools do not.
    assert checkout.write("tasks/a.py", text).figures()["comments a hundred lines"] == 50


def test_a_line_is_long_from_101_characters_on(checkout: Checkout) -> None:
    checkout.write("tasks/a.py", f"# {'a' * 98}\n# {'a' * 99}\n")
    assert checkout.figures()["lines over 100 characters"] == 1


def test_lengths_of_functions_have_docstring_and_decorators_in(checkout: Checkout) -> None:
    # decorator, def, docstring, return
    text = '@property\ndef width(self):\n    """Its width."""\n    return 1\n'
    found = checkout.write("tasks/a.py", text).figures()
    assert found["function lines, most"] == 4
    assert found["longest function"] == "tasks/a.py:width"


def test_quantiles_are_lengths_of_functions(checkout: Checkout) -> None:
    # Lengths 2 … 11: the median is the sixth of ten, the p90 the tenth.
    checkout.write("tasks/a.py", "".join(function(f"f{n}", n) for n in range(2, 12)))
    found = checkout.figures()
    assert (found["function lines, median"], found["function lines, p90"]) == (7, 11)


def test_public_names_are_those_that_others_can_reach(checkout: Checkout) -> None:
    text = (
        'class Open:\n    """Has a docstring."""\n\n'
        "    def method(self):\n        def inside():\n            pass\n\n"
        "    def _own(self):\n        pass\n\n\n"
        "def _private():\n    pass\n"
    )
    # Open and its method are public, one of them is bare.
    found = checkout.write("tasks/a.py", text).figures()
    assert found["public names without docstring, %"] == 50


def test_files_are_counted_by_folder_and_by_length(checkout: Checkout) -> None:
    checkout.write("tasks/__init__.py", "").write("tasks/a.py", "x = 1\n" * 301)
    checkout.write("tasks/room/b.py", "x = 1\n" * 300).write("tests/test_c.py", "x = 1\n")
    found = checkout.figures()
    # Tests are no files of the product; what makes tasks a package is not flat in it.
    assert (found["files"], found["files flat in tasks"], found["largest folder"]) == (3, 1, 2)
    assert found["files over 300 lines"] == 1


@pytest.mark.parametrize(
    "text",
    [
        "verdict = 1\n",
        "def f(verdicts): ...\n",
        "def _worst_verdict(): ...\n",
        "class Verdict: ...\n",
    ],
)
def test_a_word_away_from_its_rooms_has_another_meaning(checkout: Checkout, text: str) -> None:
    assert list(checkout.write("tasks/serving/a.py", text).words()) == ["verdict"]
    assert checkout.figures()["words with more than one meaning"] == 1


def test_a_word_in_its_room_or_inside_of_another_word_means_one_thing(checkout: Checkout) -> None:
    checkout.write("tasks/grading/a.py", "verdict = 1\n")
    # Read and not given: the name is another file's.
    checkout.write("tasks/serving/a.py", "leveled = graded.verdict\n")
    assert checkout.words() == {}


def test_a_class_that_is_one_is_defined_once(checkout: Checkout) -> None:
    checkout.write("tasks/a.py", "class Cell: ...\n")
    assert checkout.words() == {}
    checkout.write("tasks/b.py", "class _Cell: ...\n")
    assert checkout.words() == {"Cell": ["tasks/a.py: Cell", "tasks/b.py: _Cell"]}


def test_names_that_say_nothing_are_counted(checkout: Checkout) -> None:
    checkout.write("tasks/a.py", "def _found(): ...\n").write("tasks/b.py", "told = found = 1\n")
    assert checkout.words() == {"found": ["tasks/a.py: def _found"], "told": ["tasks/b.py: told"]}


def test_the_house_reads_as_it_is_meant_to(house: ModuleType) -> None:
    several = house.modules(ROOT)
    found = house.figures(several)
    over = {name: found[name] for name, most in AT_MOST.items() if found[name] > most}
    under = {name: found[name] for name, least in AT_LEAST.items() if found[name] < least}
    assert over | under == {}, json.dumps(house.words(several), indent=1)
