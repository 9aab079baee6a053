"""The field names of the usual sets, a row of each; and the columns that a study names."""

import json
from pathlib import Path
from typing import Any

import pytest

from tasks.benchmarks.files import QuestionFile, read_file
from tasks.benchmarks.names import Columns
from tasks.benchmarks.question import Question
from warehouse.errors import UserError


def read(folder: Path, *rows: dict[str, Any], columns: Columns | None = None) -> QuestionFile:
    path = folder / "b.jsonl"
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    return read_file(path, None, columns or Columns())


def messages(*texts: str) -> list[dict[str, str]]:
    roles = ("user", "assistant")
    return [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)]


# Rows in the layout of each set: its keys, with contents of our own.
PLAIN: dict[str, tuple[dict[str, Any], tuple[str, str, str]]] = {
    "MATH": (
        {"problem": "p", "level": "Level 2", "type": "Algebra", "solution": r"is \boxed{3x}."},
        ("line-1", "p", "3x"),
    ),
    "MATH-500": (
        {"problem": "p", "solution": r"\boxed{3x}", "answer": "3x", "unique_id": "t/1.json"},
        ("t/1.json", "p", "3x"),
    ),
    "GSM8K": ({"question": "q", "answer": "<<1+1=2>>\n#### 2"}, ("line-1", "q", "2")),
    "AIME 2024": (
        {"id": 60, "problem": "p", "solution": "s", "answer": "204", "url": "u", "year": "2024"},
        ("60", "p", "204"),
    ),
    "AIME 2024, capitals": (
        {"ID": "2024-I-1", "Problem": "p", "Solution": "s", "Answer": 204},
        ("2024-I-1", "p", "204"),
    ),
    "AIME 2025": ({"question": "q", "answer": "70"}, ("line-1", "q", "70")),
    "HMMT": (
        {"problem_idx": 3, "answer": r"\frac{1}{2}", "problem": "p", "problem_type": ["Algebra"]},
        ("3", "p", r"\frac{1}{2}"),
    ),
    "AMC": ({"id": 0, "problem": "p", "answer": 142.0, "url": "u"}, ("0", "p", "142")),
    "OlympiadBench": (
        {"id": 7, "question": "q", "solution": ["s"], "final_answer": ["2"], "context": None},
        ("7", "q", "2"),
    ),
    "Minerva": (
        {"problem": "p", "type": "Physics", "solution": r"\boxed{4.5e33}", "idx": 0},
        ("0", "p", "4.5e33"),
    ),
    "SimpleQA": (
        {"metadata": "{'topic': 'Science'}", "problem": "p", "answer": "Ada Lovelace"},
        ("line-1", "p", "Ada Lovelace"),
    ),
    "TriviaQA": (
        {
            "question": "q",
            "question_id": "tc_1",
            "answer": {"value": "Paris", "aliases": ["Paname"], "normalized_value": "paris"},
        },
        ("tc_1", "q", "Paris"),
    ),
    "TriviaQA in a table": (
        {"question": "q", "answer": "{'value': 'Paris', 'aliases': ['Paname']}"},
        ("line-1", "q", "Paris"),
    ),
    "a list that is the answer": ({"question": "q", "answer": "[1, 2]"}, ("line-1", "q", "[1, 2]")),
    "Natural Questions in a table": (
        {"question": "q", "answer": "['one', 'two']"},
        ("line-1", "q", "one"),
    ),
    "Natural Questions": ({"question": "q", "answer": ["one", "two"]}, ("line-1", "q", "one")),
    "BIG-bench Hard": ({"input": "i", "target": "True"}, ("line-1", "i", "True")),
    "NeMo-Skills": ({"problem": "p", "expected_answer": "5"}, ("line-1", "p", "5")),
    "verl": (
        {
            "data_source": "openai/gsm8k",
            "prompt": messages("q"),
            "reward_model": {"style": "rule", "ground_truth": "72"},
            "extra_info": {"split": "train", "index": 4},
        },
        ("4", "q", "72"),
    ),
    "verl, flat": (
        {"prompt": json.dumps(messages("q")), "reward_model.ground_truth": "72"},
        ("line-1", "q", "72"),
    ),
    "OpenAI's evals": (
        {"input": [{"role": "system", "content": "s"}, *messages("q")], "ideal": "5"},
        ("line-1", "s\n\nq", "5"),
    ),
    "messages": (
        {"messages": messages("q", r"so \boxed{5}")},
        ("line-1", "q", "5"),
    ),
    "messages in parts": (
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}], "answer": "5"},
        ("line-1", "q", "5"),
    ),
    "ShareGPT": (
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "5"}]},
        ("line-1", "q", "5"),
    ),
    "BoolQ": (
        {"question": "q", "passage": "p", "answer": True},
        ("line-1", "p\n\nq", "True"),
    ),
    "instruction with input": (
        {"instruction": "Add.", "input": "1 and 2", "output": "3"},
        ("line-1", "Add.\n\n1 and 2", "3"),
    ),
    "instruction alone": (
        {"instruction": "Add 1 and 2.", "input": "", "output": "3"},
        ("line-1", "Add 1 and 2.", "3"),
    ),
}


@pytest.mark.parametrize("name", PLAIN)
def test_rows_of_the_usual_sets_are_read(tmp_path: Path, name: str) -> None:
    row, read_as = PLAIN[name]
    (question,) = read(tmp_path, row).questions
    assert (question.question_id, question.text, question.target) == read_as


# The options, the right one.
OPTIONS: dict[str, tuple[dict[str, Any], set[str], str]] = {
    "GPQA": (
        {
            "Record ID": "rec1",
            "Question": "q",
            "Correct Answer": "w",
            "Incorrect Answer 1": "x",
            "Incorrect Answer 2": "y",
            "Incorrect Answer 3": "z",
        },
        {"w", "x", "y", "z"},
        "w",
    ),
    "MMLU": (
        {"question": "q", "subject": "law", "choices": ["w", "x", "y", "z"], "answer": 2},
        {"w", "x", "y", "z"},
        "y",
    ),
    "MMLU in other languages": (
        {"Question": "q", "A": "w", "B": "x", "C": "y", "D": "z", "Answer": "C"},
        {"w", "x", "y", "z"},
        "y",
    ),
    "MMLU-Pro": (
        {
            "question_id": 1,
            "question": "q",
            "options": ["w", "x"],
            "answer": "B",
            "answer_index": 1,
        },
        {"w", "x"},
        "x",
    ),
    "ARC": (
        {
            "id": "1",
            "question": "q",
            "choices": {"text": ["w", "x"], "label": ["1", "2"]},
            "answerKey": "2",
        },
        {"w", "x"},
        "x",
    ),
    "MedMCQA": (
        {"id": "1", "question": "q", "opa": "w", "opb": "x", "opc": "y", "opd": "z", "cop": 0},
        {"w", "x", "y", "z"},
        "w",
    ),
    "SciQ": (
        {"question": "q", "distractor1": "x", "distractor2": "y", "correct_answer": "w"},
        {"w", "x", "y"},
        "w",
    ),
    "lighteval": (
        {"query": "q", "choices": ["w", "x"], "gold_index": 1},
        {"w", "x"},
        "x",
    ),
    "options in a cell of a table": (
        {"question": "q", "choices": "['w', 'x']", "answer": "B"},
        {"w", "x"},
        "x",
    ),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_options_of_the_usual_sets_are_shown_and_the_right_one_is_known(
    tmp_path: Path, name: str
) -> None:
    row, options, right = OPTIONS[name]
    file = read(tmp_path, row)
    (question,) = file.questions
    assert file.kind.grader == "choice"
    assert set(question.choices) == options
    assert question.choices["ABCD".index(question.target)] == right
    assert all(option in question.text for option in options)


# Programs: id, and what their question says; test_programs.py reads their tests.
def test_programs_of_the_usual_sets_are_read(tmp_path: Path) -> None:
    humaneval = {
        "task_id": "HumanEval/0",
        "prompt": 'def f(x):\n    """Double."""\n',
        "canonical_solution": "    return 2 * x\n",
        "entry_point": "f",
        "test": "def check(f):\n    assert f(1) == 2\n",
    }
    mbpp = {
        "task_id": 2,
        "code": "def g(x):\n    return x\n",
        "prompt": "Write g.",
        "test_imports": [],
        "test_list": ["assert g(1) == 1"],
        "test": "assert g(2) == 2",
    }
    livecodebench = {
        "question_content": "Print the input.",
        "question_id": "abc_a",
        "starter_code": "",
        "public_test_cases": json.dumps([{"input": "1", "output": "1", "testtype": "stdin"}]),
        "private_test_cases": "[]",
        "metadata": "{}",
    }
    file = read(tmp_path, humaneval, mbpp, livecodebench)
    ids = [question.question_id for question in file.questions]
    assert (file.kind.grader, ids) == ("code", ["HumanEval/0", "2", "abc_a"])
    assert all(question.tests for question in file.questions)


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"messages": messages("q", "a", "r", "b")}, "got a conversation of 4 messages"),
        (
            {"prompt": [{"role": "user", "content": [{"type": "image"}]}], "answer": "5"},
            "leave out questions with pictures",
        ),
        ({"prompt": messages("q")}, "expected a non-empty 'target'"),
    ],
)
def test_conversations_that_are_no_question_are_refused(
    tmp_path: Path, row: dict[str, Any], words: str
) -> None:
    with pytest.raises(UserError, match=words):
        read(tmp_path, row)


FOREIGN = {"Frage": "q", "Loesung": 5, "nr": 3, "answer": "no", "tief": {"er": "Level 4"}}


def mapped(folder: Path, **columns: str) -> Question:
    (question,) = read(folder, FOREIGN, columns=Columns(**columns)).questions
    return question


def test_a_study_names_the_columns_of_a_file(tmp_path: Path) -> None:
    question = mapped(tmp_path, question="Frage", answer="Loesung", id="nr", level="tief.er")
    assert question == Question("3", "q", "5", level=4)


def test_what_the_study_does_not_name_has_its_usual_name(tmp_path: Path) -> None:
    assert mapped(tmp_path, question="Frage").target == "no"


def test_a_named_column_that_is_empty_is_not_replaced_by_another(tmp_path: Path) -> None:
    rows = (FOREIGN, FOREIGN | {"Loesung": " ", "nr": 4})
    with pytest.raises(UserError, match=":2: expected a non-empty 'target'"):
        read(tmp_path, *rows, columns=Columns(question="Frage", answer="Loesung", id="nr"))


@pytest.mark.parametrize("column", ["Antwort", "tief.oben", "nr.x"])
def test_a_column_that_is_not_there_is_refused_with_those_that_are(
    tmp_path: Path, column: str
) -> None:
    words = f"expected the column '{column}' .* for answer, got columns 'Frage', 'Loesung', 'nr'"
    with pytest.raises(UserError, match=words):
        mapped(tmp_path, question="Frage", answer=column)
