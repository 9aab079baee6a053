"""JSONL benchmarks: what is read, what is refused by line number."""

import json

import pytest

from tasks.benchmarks.benchmark import load_benchmark
from tasks.benchmarks.files import read_jsonl
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
        (["[1, 2]"], "b.jsonl:1: expected a JSON object"),
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
        read_jsonl(written(tmp_path, *lines))


def test_field_names_of_known_benchmarks_are_read(tmp_path):
    path = written(
        tmp_path,
        {"unique_id": "m1", "problem": "p", "answer": "\\frac12", "level": "Level 3"},
        {"question": "q", "answer": "work\n#### 18", "idx": 7},
        {"id": 60, "problem": "p2", "answer": 204},
    )
    got = [(q.question_id, q.target, q.level) for q in read_jsonl(path)]
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
