"""Studies of several benchmarks and models: each pair is a run, as of a study of its own."""

import dataclasses
import json
from pathlib import Path

import pytest

from tasks.benchmarks.names import Columns
from tasks.runs.loading import prepare_run
from tasks.study.reading import load_study
from tasks.study.study import Study, study_from
from warehouse.errors import UserError

MODELS = ["bundled/congruences-generator", "bundled/congruences-generator-half"]


def write(folder: Path, text: str) -> Study:
    for name in ("a.jsonl", "b.csv"):
        (folder / name).write_text("", encoding="utf-8")
    path = folder / "s.toml"
    path.write_text(text, encoding="utf-8")
    return load_study(path)


def test_a_list_of_benchmarks_is_a_run_each_and_model(tmp_path: Path) -> None:
    models = json.dumps(MODELS)
    study = write(
        tmp_path,
        'benchmark = ["a.jsonl", "congruences", "hf:x/y:test"]\nquestions = 20\n'
        f"[verifier]\n[generator]\nmodels = {models}\n",
    )
    named = [str(tmp_path / "a.jsonl"), "congruences", "hf:x/y:test"]
    assert [(one.benchmark, model) for one, model in study.pairs()] == [
        (benchmark, model) for benchmark in named for model in MODELS
    ]
    assert {one.questions for one, _ in study.pairs()} == {20}


def test_a_table_says_what_is_different_for_its_benchmark(tmp_path: Path) -> None:
    study = write(
        tmp_path,
        'questions = 20\nanswer = "math"\n[verifier]\n'
        '[[benchmarks]]\nbenchmark = "a.jsonl"\nbenchmark_name = "first"\nanswer = "text"\n'
        '[[benchmarks]]\nbenchmark = "b.csv"\nquestions = 40\ncolumns = { question = "Frage" }\n',
    )
    (one, _), (other, _) = study.pairs()
    assert (one.benchmark_name, one.answer, one.questions) == ("first", "text", 20)
    assert (other.benchmark_name, other.answer, other.questions) == (None, "math", 40)
    assert (one.columns, other.columns) == (Columns(), Columns(question="Frage"))
    assert other.benchmark == str(tmp_path / "b.csv")


def test_a_run_of_several_goes_on_where_one_of_a_single_study_stopped() -> None:
    alone = study_from({"name": "s", "questions": 20})
    several = study_from({"name": "s", "questions": 20, "benchmark": ["congruences", "x.jsonl"]})
    assert several.pairs()[0][0].digest() == alone.digest()
    assert several.pairs()[0][0] == alone


def test_names_and_columns_are_no_part_of_what_decides_a_result() -> None:
    alone = study_from({"name": "s"})
    named = dataclasses.replace(alone, benchmark_name="mine", columns=Columns(answer="x"))
    assert named.digest() == alone.digest()


def test_a_study_of_several_survives_its_own_json(tmp_path: Path) -> None:
    study = write(tmp_path, 'benchmark = ["a.jsonl", "b.csv"]\n[verifier]\n')
    assert study_from(json.loads(study.to_json())) == study


def test_a_folder_that_is_a_data_set_is_found_beside_its_study(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    study = write(tmp_path, 'benchmark = "hf:set:main:test"\n[verifier]\n')
    assert study.benchmark == f"hf:{tmp_path / 'set'}:main:test"


def test_a_file_with_a_colon_is_found_beside_its_study(tmp_path: Path) -> None:
    (tmp_path / "50 %: a.jsonl").write_text("", encoding="utf-8")
    study = write(tmp_path, 'benchmark = "50 %: a.jsonl"\n[verifier]\n')
    assert study.benchmark == str(tmp_path / "50 %: a.jsonl")


def test_a_command_of_one_benchmark_is_found_beside_its_study(tmp_path: Path) -> None:
    (tmp_path / "judge.py").write_text("", encoding="utf-8")
    study = write(
        tmp_path,
        '[verifier]\n[[benchmarks]]\nbenchmark = "a.jsonl"\nanswer = "command"\n'
        'answer_command = ["python", "judge.py"]\n',
    )
    ((one, _),) = study.pairs()
    assert one.answer_command == ("python", str(tmp_path / "judge.py"))


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"benchmark": ["a", "a"]}, "benchmarks must be named once each"),
        ({"benchmark": "a", "benchmarks": [{"benchmark": "b"}]}, "got both benchmark 'a' and 1"),
        ({"benchmark": ["a"], "benchmark_name": "n"}, "write all of them as"),
        ({"benchmarks": [{"benchmark": "a", "question": 3}]}, "unknown key 'question'"),
        ({"benchmarks": [{"benchmark": "a", "questions": 3}]}, "questions must be at least 10"),
        ({"columns": {"frage": "x"}}, "unknown key 'frage'; known are accepted, answer"),
        ({"benchmarks": [{"benchmark": "a", "answer": "command"}]}, "expected a command"),
        ({"benchmark": [3, 4]}, "study: benchmarks"),
        ({"benchmark_name": " "}, "benchmark_name"),
        ({"benchmark_name": "x" * 241}, "benchmark_name"),
        ({"benchmark_name": "a\nb"}, "benchmark_name"),
    ],
)
def test_what_cannot_be_meant_is_refused(values: dict[str, object], words: str) -> None:
    with pytest.raises(UserError, match=words):
        study_from({"name": "s", **values})


def test_what_needs_one_benchmark_says_so() -> None:
    several = study_from({"name": "s", "benchmark": ["congruences", "x.jsonl"]})
    with pytest.raises(UserError, match="expected a study of one benchmark here, got 2"):
        prepare_run(several, MODELS[0], run_id="")
