"""No answer takes long, whatever its kind: answers of a million characters, made to be searched."""

import sys
import time
from collections.abc import Iterator

import pytest

from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.question import Question
from tasks.grading.graders import make_grader
from tasks.protocols import Grader

HOSTILE = {
    "letters": "a" * 1_000_000,
    "digits": "9" * 1_000_000,
    "bold": "**" * 500_000 + "5",
    "nested": r"\text{" * 150_000 + "5" + "}" * 150_000,
    "dollars": "$" * 1_000_000,
    "brackets": "(" * 1_000_000,
    "braces": "{" * 500_000 + "}" * 500_000,
    "list": "A, " * 300_000 + "?",
    "short list": "A, " * 40 + "?",
    "spaced list": "(A )  ,  " * 100 + "?",
    "marks": "." * 1_000_000 + "(",
    "sentences": "a. " * 300_000,
    "quotes": "'" * 1_000_000,
    "groups": "1," * 500_000,
    "short groups": "1," * 90 + "x",
    "equations": "=" * 1_000_000,
    "steps": "1+1=" * 45,
    "spaces": " " * 1_000_000 + "x",
    "lines": "\n" * 1_000_000,
    "articles": "the " * 250_000,
    "dashes": "-" * 1_000_000,
    "dashed words": "a-" * 500_000,
    "stated": "the answer is A " * 60_000,
    "stated far": "answer" + " " * 1_000_000 + "is" + " " * 1_000_000,
    "marked": "#### " * 200_000,
    "units": "5 m" + "m" * 190,
    "words after": "6 " + "for " * 45,
    "surrogates": "\ud800" * 1_000,
}
TARGETS = {"number": "5", "choice": "A", "text": "Paris", "pattern": "(a+)+b"}


@pytest.fixture(scope="module")
def graders() -> Iterator[dict[str, Grader]]:
    made = {kind: make_grader(AnswerKind(kind)) for kind in TARGETS}
    yield made
    for grader in made.values():
        grader.close()


@pytest.mark.parametrize("kind", TARGETS)
@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_takes_a_second_at_most(graders: dict[str, Grader], kind: str, name: str) -> None:
    grader = graders[kind]
    question = Question("q", "How many?", TARGETS[kind], choices=("Paris", "Rome"))
    answer = HOSTILE[name]
    start = time.process_time()
    grader.extract(answer, ["Answer: "])
    asked = [(question, answer), (question, TARGETS[kind])]
    (form, _), (verdict, beside) = grader.canonical(asked), grader.grade(asked)
    assert time.process_time() - start < 1.0
    form.encode("utf-8")
    assert verdict != "correct"
    assert beside == ("wrong" if kind == "pattern" else "correct")


def test_a_command_gets_a_long_answer_as_it_is() -> None:
    judge = (
        "import json, sys\n"
        "for line in sys.stdin:\n"
        "    row = json.loads(line)\n"
        "    print(json.dumps({'row': row['row'], 'verdict': str(len(row['answer']))}))\n"
    )
    grader = make_grader(AnswerKind("command", command=(sys.executable, "-c", judge)))
    question = Question("q", "?", "5")
    assert grader.grade([(question, HOSTILE["letters"]), (question, "ab")]) == ["1000000", "2"]
