"""How a study names a strategy of a file, and what is said of one that is not as it should be."""

from __future__ import annotations

import re

import pytest
from own_files import EVERY_KIND, one_function, own

from tasks.strategies import parse
from tasks.strategies.names import short_names
from tasks.strategies.own.reading import digest_of, reference
from warehouse.errors import UserError

DIGEST = digest_of(EVERY_KIND)
FILE = f"mine.py@{DIGEST}"


def test_a_key_has_the_version_of_its_file_and_all_options() -> None:
    assert own("settled").key == f"{FILE}:settled(agree=3)"
    assert own("settled(agree=5)").key == f"{FILE}:settled(agree=5)"
    assert own("good_enough").key == f"{FILE}:good_enough(score=0.9)/weighted"
    assert own("half").key == f"{FILE}:half"


@pytest.mark.parametrize("text", ["settled(agree=5)", "greedy(width=2)/best_of_n", "half"])
def test_a_key_is_read_as_the_strategy_that_has_it(text: str) -> None:
    key = own(text).key
    assert parse(key, {FILE: EVERY_KIND}) == own(text)
    assert parse(key, {FILE: EVERY_KIND}).key == key


def test_another_version_of_a_file_is_another_strategy() -> None:
    other = EVERY_KIND + "\n# changed\n"
    assert own("half", other) != own("half")
    assert own("half", other).key != own("half").key


def test_a_path_gives_the_name_of_its_file_and_a_version_may_be_pinned() -> None:
    named = reference("../lab/mine.py:settled(agree=2)/majority")
    assert named is not None
    assert named.pinned(EVERY_KIND) == f"{FILE}:settled(agree=2)/majority"
    pinned = reference(f"../lab/{FILE}:settled")
    assert pinned is not None and pinned.pinned(EVERY_KIND) == f"{FILE}:settled"
    with pytest.raises(UserError, match=f"expected ../lab/mine.py of the version {DIGEST}, got"):
        pinned.pinned(EVERY_KIND + "#")


def test_names_of_the_product_are_no_references() -> None:
    for text in ("majority", "beam_search(m=4)/weighted", "adaptive(agree=3)"):
        assert reference(text) is None


def test_short_names_leave_file_and_version_out_where_one_is_meant() -> None:
    other = own("half", EVERY_KIND + "#").key
    assert short_names([own("settled").key, own("greedy/best_of_n").key]) == {
        own("settled").key: "settled agree=3",
        own("greedy/best_of_n").key: "greedy width=4 · best_of_n",
    }
    # Two versions of a file in one table: each keeps its key.
    both = [own("half").key, other]
    assert short_names(both) == dict(zip(both, both, strict=True))


def test_what_it_declares_is_what_it_may_need() -> None:
    needs = {
        text: (own(text).needs_verifier, own(text).goes_by_steps, own(text).form.revises)
        for text in ("settled", "good_enough", "greedy", "half", "chains")
    }
    assert needs == {
        "settled": (False, False, False),
        "good_enough": (True, False, False),
        "greedy": (True, True, False),
        "half": (False, False, False),
        "chains": (False, False, True),
    }


WRONG = [
    ("settled(agree=x)", "expected a whole number for agree of mine.py:settled, got 'x'"),
    ("settled(agree)", "expected a whole number for agree"),
    ("settled(width=3)", "among agree, each once and as name=value, got 'width=3'"),
    ("settled(agree=3,agree=4)", "each once and as name=value, got 'agree=4'"),
    ("half(m=2)", "among none, each once"),
    ("nothing", "unknown strategy 'nothing' of mine.py; it declares settled, good_enough, greedy"),
    ("half/weighted", "unknown selector 'weighted' of mine.py:half; known are majority"),
]


@pytest.mark.parametrize(("text", "said"), WRONG)
def test_what_a_file_does_not_have_is_refused(text: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        own(text)


BROKEN = [
    ("def f(:\n", "mine.py:1: the file failed with SyntaxError: invalid syntax"),
    ("import nowhere_at_all\n", "mine.py:1: the file failed with ModuleNotFoundError"),
    ("x = 1\ny = x / 0\n", "mine.py:2: the file failed with ZeroDivisionError: division by zero"),
    (
        "from tasks.strategies.own import pool\n\n@pool\ndef f(tools):\n    return []\n",
        "expected f to be an async function, got another one",
    ),
    (
        "from tasks.strategies.own import pool\n\n@pool\nasync def f(tools, m):\n    return []\n",
        "expected f to take its tools and options by name, got tools, m",
    ),
    (
        "from tasks.strategies.own import groups\n@groups(size='s')\nasync def f(tools):\n    1\n",
        "expected an option of f that is the size of its groups, got 's'",
    ),
]


@pytest.mark.parametrize(("source", "said"), BROKEN)
def test_a_file_that_cannot_be_read_is_refused_with_its_line(source: str, said: str) -> None:
    with pytest.raises(UserError, match=re.escape(said)):
        own("f", source)


def test_an_option_has_a_default_or_is_of_a_kind() -> None:
    source = one_function("return []").replace("m=2", "m: 'list'")
    with pytest.raises(UserError, match=r"option m of mine.py:f to be an int, a float or a str"):
        own("f(m=1)", source)
    whole = one_function("return []").replace("m=2", "m: int")
    assert own("f(m=7)", whole).options == (("m", 7),)
    with pytest.raises(UserError, match=r"which has no default, got nothing; write mine.py:f"):
        own("f", whole)


def test_what_a_file_imports_is_not_its_own() -> None:
    source = "from dataclasses import dataclass\n" + one_function("return []")
    with pytest.raises(UserError, match=r"it declares f$"):
        own("search", source)


def test_a_file_that_nobody_has_read_is_refused() -> None:
    with pytest.raises(UserError, match=r"expected mine.py:half among the strategies of a study"):
        parse("lab/mine.py:half", {FILE: EVERY_KIND})


def test_a_file_whose_text_is_not_there_is_refused() -> None:
    for sources in ({}, {FILE: EVERY_KIND + "#"}):
        with pytest.raises(UserError, match=r"expected the text of mine.py in strategy_files"):
            parse(f"{FILE}:half", sources)
