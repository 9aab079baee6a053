"""Benchmarks by name, their fingerprints, and JSONL files: what is read, what is refused."""

import hashlib
import json

import pytest

from tasks.benchmarks import benchmark
from tasks.benchmarks.benchmark import BENCHMARKS, load_benchmark
from tasks.benchmarks.files import read_file
from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.loaded import benchmark_of, fingerprint_of
from tasks.benchmarks.question import Question
from tasks.protocols import Benchmark
from warehouse.errors import UserError


def written(tmp_path, *lines):
    path = tmp_path / "b.jsonl"
    path.write_text(
        "\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines)
    )
    return path


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (['{"id": 1,'], "b.jsonl:1: expected a JSON object"),
        (["7", "[1, 2]"], "b.jsonl: expected JSON Lines, a JSON array, .* got '7"),
        (['{"id": 1}', "[1, 2]"], "b.jsonl:2: expected a JSON object"),
        (
            [{"id": 1, "question": "q", "answer": "1"}, {"id": 1, "question": "r", "answer": "2"}],
            ":2: id '1' stands twice",
        ),
        (
            [{"id": 1, "question": "q", "answer": "  "}],
            ":1: expected a non-empty 'target' or 'answer'",
        ),
        ([{"id": 1, "answer": "1"}], ":1: expected a non-empty 'question'"),
        ([""], "the file has none"),
    ],
)
def test_a_bad_line_is_refused_with_its_number(tmp_path, lines, words):
    with pytest.raises(UserError, match=words):
        read_file(written(tmp_path, *lines))


def test_field_names_of_known_benchmarks_are_read(tmp_path):
    path = written(
        tmp_path,
        {"unique_id": "m1", "problem": "p", "answer": "\\frac12", "level": "Level 3"},
        {"question": "q", "answer": "work\n#### 18", "idx": 7},
        {"id": 60, "problem": "p2", "answer": 204},
    )
    got = [(q.question_id, q.target, q.level) for q in read_file(path).questions]
    assert got == [("m1", "\\frac12", 3), ("7", "18", None), ("60", "204", None)]


def test_a_larger_count_keeps_the_smaller_ones_questions(tmp_path):
    path = written(tmp_path, *({"id": i, "question": f"q{i}", "answer": "1"} for i in range(50)))
    small = load_benchmark(str(path), count=10, seed=0).questions
    assert load_benchmark(str(path), count=20, seed=0).questions[:10] == small


def test_other_content_is_another_fingerprint(tmp_path):
    one = load_benchmark(
        str(written(tmp_path, {"id": 1, "question": "q", "answer": "1"})), count=None, seed=0
    )
    two = load_benchmark(
        str(written(tmp_path, {"id": 1, "question": "q", "answer": "2"})), count=None, seed=0
    )
    assert one.fingerprint != two.fingerprint


def test_more_questions_than_there_are_are_refused(tmp_path):
    path = written(tmp_path, {"id": 1, "question": "q", "answer": "1"})
    with pytest.raises(UserError, match="questions = 20, but the benchmark has 1"):
        load_benchmark(str(path), count=20, seed=0)


def test_an_unknown_benchmark_is_refused():
    with pytest.raises(UserError, match="expected benchmark 'congruences' or the path"):
        load_benchmark("math600", count=None, seed=0)


def plain(question_id="1", **more):
    return Question(question_id, "Which?", "B", **more)


def test_fingerprints_of_plain_questions_are_those_of_the_runs_before():
    # The last was written down before a question could carry more than text, target and level.
    assert fingerprint_of([plain()]) == hashed([["1", "Which?", "B"]])
    assert load_benchmark("congruences", count=20, seed=0).fingerprint == "26a89802e1984419"
    assert load_benchmark("congruences/train", count=20, seed=3).fingerprint == "783de473b19d2215"


def hashed(content):
    return hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]


def test_the_order_of_questions_does_not_matter_to_the_fingerprint():
    assert fingerprint_of([plain("1"), plain("2")]) == fingerprint_of([plain("2"), plain("1")])


@pytest.mark.parametrize(
    "more", [{"choices": ("red", "blue")}, {"tests": ("f(1) == 2",)}, {"group": "passage 3"}]
)
def test_what_a_grader_needs_is_part_of_the_fingerprint(more):
    assert fingerprint_of([plain(**more)]) != fingerprint_of([plain()])


def test_metadata_and_level_decide_nothing():
    one = plain(metadata={"source": "exam"}, level=3)
    assert fingerprint_of([one]) == fingerprint_of([plain()])
    assert one == plain(level=3)
    assert hash(one) == hash(plain(level=3))


def test_a_line_may_carry_choices_tests_group_and_metadata(tmp_path):
    path = written(
        tmp_path,
        {
            "id": 1,
            "question": "Which?",
            "answer": "B",
            "choices": ["red", 7],
            "tests": ["f(1) == 2"],
            "group": "passage 3",
            "metadata": {"source": "exam", "year": 2024, "tags": ["a"]},
        },
    )
    (question,) = read_file(path, AnswerKind("text")).questions
    assert question == plain(choices=("red", "7"), tests=("f(1) == 2",), group="passage 3")
    assert question.metadata == {"source": "exam", "year": "2024", "tags": '["a"]'}


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"choices": "red, blue"}, "b.jsonl:1: expected 'choices' to be a list, got 'red, blue'"),
        ({"tests": {"a": 1}}, "b.jsonl:1: expected 'tests' to be a list"),
        ({"metadata": ["exam"]}, "b.jsonl:1: expected 'metadata' to be an object"),
    ],
)
def test_what_a_line_carries_in_another_shape_is_refused(tmp_path, more, words):
    path = written(tmp_path, {"id": 1, "question": "Which?", "answer": "B", **more})
    with pytest.raises(UserError, match=words):
        read_file(path)


def test_a_new_kind_of_benchmark_is_one_entry(monkeypatch):
    def load_letters(name, *, count, seed, kind, columns):  # noqa: ARG001
        questions = [plain(f"{name}-{seed}-{i}") for i in range(count)]
        return benchmark_of("letters", questions, kind or AnswerKind("letters"))

    monkeypatch.setattr(benchmark, "BENCHMARKS", {"letters/*": load_letters, **BENCHMARKS})
    letters: Benchmark = load_benchmark("letters/easy", count=2, seed=5)
    assert (letters.name, letters.kind.grader) == ("letters", "letters")
    assert [q.question_id for q in letters.questions] == ["letters/easy-5-0", "letters/easy-5-1"]
    assert load_benchmark("congruences", count=3, seed=5).kind.grader == "math"
