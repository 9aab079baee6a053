"""Fields of logs, read as the kind of value that they are meant to be."""

from __future__ import annotations

import pytest

from tasks.samples.values import number_of, targets_of


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("['Paris', 'paris']", ["Paris", "paris"]),
        ('["a, b", "c"]', ["a, b", "c"]),
        ("[1, 2]", ["[1, 2]"]),
        ("['a', 2]", ["['a', 2]"]),
        ("['a' 'b']", ["['a' 'b']"]),
        ("[0, 1)", ["[0, 1)"]),
        ("[]", ["[]"]),
        ("[" * 5000 + "]" * 5000, ["[" * 5000 + "]" * 5000]),
        ("so #### 7", ["7"]),
    ],
)
def test_a_list_of_texts_that_was_written_as_one_text_is_read(
    written: str, read: list[str]
) -> None:
    assert targets_of(written) == read


def test_integers_beyond_all_floats_are_no_numbers() -> None:
    assert number_of(10**400) is None
    assert number_of(str(10**400)) is None
