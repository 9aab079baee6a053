"""Options: how public files write them, their order, and how a question shows them."""

import json
from collections import Counter
from pathlib import Path

import pytest

from tasks.benchmarks.files import read_file
from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.question import Question
from warehouse.errors import UserError

CITIES = ["London", "Rome", "Paris", "Oslo"]


def read(folder: Path, *rows: object, kind: AnswerKind | None = None) -> list[Question]:
    path = folder / "b.jsonl"
    path.write_text("\n".join(json.dumps(row) for row in rows), encoding="utf-8")
    return read_file(path, kind).questions


def row(**values: object) -> dict[str, object]:
    return {"id": "q", "question": "Capital of France?"} | values


ROWS_WITH_AN_ORDER = {
    "MMLU-Pro": row(options=CITIES, answer="C", answer_index=2),
    "MMLU": row(choices=CITIES, answer=2),
    "ARC": row(choices={"text": CITIES, "label": ["A", "B", "C", "D"]}, answerKey="C"),
    "ARC, counted": row(choices={"text": CITIES, "label": ["1", "2", "3", "4"]}, answerKey="3"),
    "by letter": row(choices=dict(zip("ABCD", CITIES, strict=True)), answer="C"),
    "letter in brackets": row(choices=CITIES, answer="(C)"),
    "small letter": row(choices=CITIES, answer="c"),
}


@pytest.mark.parametrize("name", ROWS_WITH_AN_ORDER)
def test_a_letter_or_place_as_target_keeps_the_files_order(tmp_path: Path, name: str) -> None:
    (question,) = read(tmp_path, ROWS_WITH_AN_ORDER[name])
    assert question.choices == tuple(CITIES)
    assert question.target == "C"
    assert question.text == "Capital of France?\n\nA) London\nB) Rome\nC) Paris\nD) Oslo"


ROWS_WITHOUT_ONE = {
    "text": row(choices=CITIES, answer="Paris"),
    "GPQA": {
        "Record ID": "q",
        "Question": "Capital of France?",
        "Correct Answer": "Paris",
        "Incorrect Answer 1": "London",
        "Incorrect Answer 2": "Rome",
        "Incorrect Answer 3": "Oslo",
    },
}


@pytest.mark.parametrize("name", ROWS_WITHOUT_ONE)
def test_a_text_as_target_leaves_the_order_to_a_hash_that_is_kept(
    tmp_path: Path, name: str
) -> None:
    (question,) = read(tmp_path, ROWS_WITHOUT_ONE[name])
    # The order hangs on question and options alone, not on the file's.
    assert question == read(tmp_path, row(choices=CITIES[::-1], answer="Paris"))[0]
    assert sorted(question.choices) == sorted(CITIES)
    place = question.choices.index("Paris")
    assert question.target == "ABCD"[place]
    assert f"{question.target}) Paris" in question.text.splitlines()


def test_letters_are_spread_evenly_where_the_file_names_the_right_one_first(
    tmp_path: Path,
) -> None:
    rows = [row(id=n, choices=CITIES, answer="London") for n in range(400)]
    counts = Counter(question.target for question in read(tmp_path, *rows))
    # 100 of each letter expected, of standard deviation 8.7.
    assert all(65 < counts[letter] < 135 for letter in "ABCD"), counts


def test_a_header_names_another_seed_and_then_shuffles_every_question(tmp_path: Path) -> None:
    rows = [row(id=n, choices=CITIES, answer="C") for n in range(20)]
    orders = [
        [question.choices for question in read(tmp_path, {"ttc": {"shuffle": seed}}, *rows)]
        for seed in (1, 2, 1)
    ]
    assert orders[0] == orders[2] != orders[1]
    shuffled = read(tmp_path, {"ttc": {"shuffle": 1}}, *rows)
    assert {q.choices["ABCD".index(q.target)] for q in shuffled} == {"Paris"}


def test_an_option_about_the_others_stays_the_last(tmp_path: Path) -> None:
    options = ["None of the above", "Rome", "Paris", "Oslo"]
    rows = [row(id=n, choices=options, answer="Paris") for n in range(20)]
    assert {question.choices[-1] for question in read(tmp_path, *rows)} == {"None of the above"}


def test_options_that_the_question_shows_are_not_shown_again(tmp_path: Path) -> None:
    text = "Capital of France?\n(A) London\n(B) Rome\n(C) Paris\n(D) Oslo"
    (question,) = read(tmp_path, row(question=text, choices=CITIES, answer="C"))
    assert question.text == text


def test_numbers_as_options_are_told_from_places(tmp_path: Path) -> None:
    values = row(choices=[4, 2, 8], answer=2)
    (question,) = read(tmp_path, values)
    assert question.choices["ABC".index(question.target)] == "2"
    # As texts they are MMLU's, whose whole numbers are places from 0.
    (question,) = read(tmp_path, row(choices=["4", "2", "8"], answer=2))
    assert (question.choices, question.target) == (("4", "2", "8"), "C")


def test_several_letters_may_be_right(tmp_path: Path) -> None:
    (question,) = read(tmp_path, row(choices=CITIES, answer="D and A"))
    assert question.target == "A,D"


def test_another_kind_leaves_options_out_of_the_question(tmp_path: Path) -> None:
    values = row(choices=CITIES, answer="Paris")
    (question,) = read(tmp_path, values, kind=AnswerKind("text"))
    assert (question.text, question.target) == ("Capital of France?", "Paris")


@pytest.mark.parametrize(
    ("values", "words"),
    [
        (row(choices=CITIES, answer="E"), "a letter from A to D or the text of an option, got 'E'"),
        (row(choices=CITIES, answer="Berlin"), "got 'Berlin'"),
        (row(choices=CITIES, answer=4), "a place from 0 to 3 among the options, got 4"),
        (row(choices=["one"], answer="A"), "expected 2 to 26 options"),
        (row(choices=["a", "b", "a"], answer="B"), "expected different options"),
        (row(choices=["B", "A"], answer="A"), "which is both, of two options"),
        (row(choices={"text": ["a"], "label": ["A", "B"]}, answer="A"), "one label an option"),
    ],
)
def test_options_that_leave_open_what_is_right_are_refused(
    tmp_path: Path, values: object, words: str
) -> None:
    with pytest.raises(UserError, match=f"b.jsonl:1: .*{words}"):
        read(tmp_path, values)


def test_a_row_without_options_among_choices_is_refused(tmp_path: Path) -> None:
    rows = [row(id=1, choices=CITIES, answer="C"), row(id=2, answer="C")]
    with pytest.raises(UserError, match=r"b.jsonl:2: expected 2 to 26 options"):
        read(tmp_path, *rows)
