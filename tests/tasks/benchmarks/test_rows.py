"""Rows of public benchmarks: which field is what, and what is refused."""

import json
from pathlib import Path

import pytest

from tasks.benchmarks.files import read_file
from tasks.benchmarks.question import Question
from warehouse.errors import UserError


def read(folder: Path, content: str | bytes) -> list[Question]:
    path = folder / "b.jsonl"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_file(path).questions


def read_row(folder: Path, **values: object) -> Question:
    (question,) = read(folder, json.dumps({"id": 1, "question": "q", "answer": "5"} | values))
    return question


@pytest.mark.parametrize(
    ("row", "read_as"),
    [
        ({"ID": "2024-I-1", "Problem": "p", "Answer": 33}, ("2024-I-1", "p", "33")),
        ({"problem": "p", "solution": r"so \boxed{\frac{1}{2}}."}, ("line-1", "p", r"\frac{1}{2}")),
        ({"question": "q", "final_answer": ["5"]}, ("line-1", "q", "5")),
        ({"question": "q", "answer": "2 + 3 = 5\n#### 5"}, ("line-1", "q", "5")),
        ({"question": "q", "answer": 7.0}, ("line-1", "q", "7")),
        ({"question": "q", "answer": 1e3}, ("line-1", "q", "1000")),
        ({"question": "q", "answer": 0}, ("line-1", "q", "0")),
        ({"question": "q", "answer": True}, ("line-1", "q", "True")),
    ],
)
def test_fields_are_read_whatever_their_capitals(
    tmp_path: Path, row: object, read_as: tuple[str, str, str]
) -> None:
    (question,) = read(tmp_path, json.dumps(row))
    assert (question.question_id, question.text, question.target) == read_as


@pytest.mark.parametrize(
    ("values", "accepted"),
    [
        ({"answer": ["Paris", "City of Light"]}, ("City of Light",)),
        ({"answer": {"value": "Paris", "aliases": ["Paname"]}}, ("Paname",)),
        ({"answer": "Paris", "accepted": ["Paname"]}, ("Paname",)),
        ({"answer": "Paris"}, ()),
    ],
)
def test_several_targets_are_one_and_what_is_accepted_beside_it(
    tmp_path: Path, values: dict[str, object], accepted: tuple[str, ...]
) -> None:
    question = read_row(tmp_path, **values)
    assert (question.target, question.accepted) == ("Paris", accepted)
    assert question.targets == ("Paris", *accepted)


@pytest.mark.parametrize(
    ("level", "number"),
    [
        (3, 3),
        ("Level 3", 3),
        (5.0, 5),
        ("Level 3 of 5", 3),
        ("2024-01-01 12:30", None),
        ("²", None),
        ("Level ?", None),
        (-1, None),
        (202401011230, None),
        (None, None),
    ],
)
def test_a_level_is_one_small_number(tmp_path: Path, level: object, number: int | None) -> None:
    assert read_row(tmp_path, level=level).level == number


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"PAR1\x15\x04", "expected a whole Parquet file, got a broken one"),
        (b"\x1f\x8b\x08\x00", "expected a whole compressed file, got a broken one"),
        ('{"a": 1}'.encode("utf-16"), "got a text in UTF-16"),
        ('{"a": 1}'.encode("utf-16-le"), "got a text in UTF-16"),
        ('{"question": "a\\ud800b", "answer": "5"}', ":1: expected a JSON object"),
        ("[" * 100_000, "expected one JSON array of objects"),
        ('{"a": ' + "[" * 100_000, ":1: expected a JSON object"),
        ('{"question": "q", "answer": "work\\n####  "}', "expected a non-empty target after ####"),
        ('{"question": "q", "answer": ""}', "expected a non-empty 'target' or 'answer'"),
        ('{"prompt": [{"role": "user"}], "answer": "5"}', "expected 'prompt' to be a text"),
        ('{"question": "q", "answer": "5", "accepted": "five"}', "'accepted' to be a list"),
        ('{"question": "q", "answer": NaN}', ":1: expected a JSON object"),
    ],
)
def test_what_is_no_row_is_refused_as_what_it_is(
    tmp_path: Path, content: str | bytes, words: str
) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, content)


def test_a_byte_order_mark_is_no_part_of_the_first_row(tmp_path: Path) -> None:
    (question,) = read(tmp_path, '﻿{"question": "q", "answer": "5"}')
    assert question.target == "5"
