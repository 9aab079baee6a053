"""A user's program as grader: what it gets, what it may answer, and what it may do wrong."""

import json
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

from tasks.benchmarks.question import Question
from tasks.grading.command_grader import CommandGrader
from warehouse.errors import UserError

QUESTION = Question("q", "?", "5", accepted=("five",), group="g", metadata={"source": "exam"})

JUDGE = """
import json, os, sys, time
for line in sys.stdin:
    row = json.loads(line)
    answer = row["answer"]
    if answer == "sleep": time.sleep(60)
    if answer == "die": os._exit(1)
    if answer == "raise": raise ValueError("cannot judge this")
    if answer == "babble": print("hm"); continue
    if answer == "number": print(json.dumps({"row": row["row"], "verdict": 1})); continue
    if answer == "no row": print(json.dumps({"verdict": "correct"})); continue
    if answer == "flood": print("x" * 3_000_000)
    if answer == "close": os.close(1); time.sleep(60)
    if answer == "fork":
        child = os.fork()
        if child == 0: time.sleep(60)
        with open(sys.argv[1], "w") as file: file.write(str(child))
    if answer == "dump": open(sys.argv[1], "w").write(line)
    right = answer in (row["target"], *row["accepted"])
    verdict = json.dumps({"row": row["row"], "verdict": "correct" if right else "wrong"})
    print(verdict)
    if answer == "twice": print(verdict)
    if answer == "die late": time.sleep(0.1); os._exit(1)
"""


@pytest.fixture
def judge(tmp_path: Path) -> list[str]:
    path = tmp_path / "judge.py"
    path.write_text(JUDGE, encoding="utf-8")
    return [sys.executable, str(path), str(tmp_path / "row.json")]


def grade(command: list[str], *answers: str, seconds: float = 1.0) -> list[str]:
    with closing(CommandGrader(command, seconds)) as grader:
        return grader.grade([(QUESTION, answer) for answer in answers])


def test_the_program_says_the_verdict_on_every_class_of_answers(judge: list[str]) -> None:
    answers = ["5", "**5**", "7", "five", "7"]
    assert grade(judge, *answers) == ["correct", "correct", "wrong", "correct", "wrong"]


def test_the_program_is_shown_the_whole_question_and_the_answer(
    judge: list[str], tmp_path: Path
) -> None:
    grade(judge, "dump")
    assert json.loads((tmp_path / "row.json").read_text("utf-8")) == {
        "row": 1,
        "id": "q",
        "question": "?",
        "target": "5",
        "accepted": ["five"],
        "choices": [],
        "tests": [],
        "group": "g",
        "metadata": {"source": "exam"},
        "answer": "dump",
    }


@pytest.mark.parametrize(
    ("answer", "verdict"),
    [
        ("sleep", "timeout"),
        ("close", "crashed"),
        ("die", "crashed"),
        ("raise", "crashed"),
        ("babble", "crashed"),
        ("number", "crashed"),
        ("flood", "crashed"),
        ("no row", "crashed"),
        # Judged, but for what comes after, which the next row must not suffer from.
        ("twice", "wrong"),
        ("die late", "wrong"),
        ("fork", "wrong"),
    ],
)
def test_a_row_on_which_it_fails_takes_no_other_down(
    judge: list[str], answer: str, verdict: str
) -> None:
    assert grade(judge, "7", answer, "5", "9") == ["wrong", verdict, "correct", "wrong"]


def test_what_it_started_ends_with_it(judge: list[str], tmp_path: Path) -> None:
    assert grade(judge, "fork", "5") == ["wrong", "correct"]
    child = int((tmp_path / "row.json").read_text("utf-8"))
    deadline = time.monotonic() + 5
    while _runs(child) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not _runs(child)


def test_one_program_serves_batch_after_batch_until_the_grader_is_closed(
    judge: list[str], tmp_path: Path
) -> None:
    row = tmp_path / "row.json"
    with closing(CommandGrader(judge, 1.0)) as grader:
        asked = []
        for answer in ("5", "7", "dump"):
            grader.grade([(QUESTION, answer)])
        asked.append(json.loads(row.read_text("utf-8"))["row"])
    grader.grade([(QUESTION, "dump")])
    grader.close()
    asked.append(json.loads(row.read_text("utf-8"))["row"])
    assert asked == [3, 1]


def test_a_program_that_never_answers_is_broken_and_says_its_last_words(tmp_path: Path) -> None:
    path = tmp_path / "broken.py"
    path.write_text("raise SystemExit('no such model')", encoding="utf-8")
    with pytest.raises(UserError, match=r"(?s)expected a line \{\"row\".*no such model"):
        grade([sys.executable, str(path)], "1", "2", "3", "4")


def test_three_bad_answers_in_front_are_no_broken_program(judge: list[str]) -> None:
    verdicts = grade(judge, "die", "raise", "babble", "5")
    assert verdicts == ["crashed", "crashed", "crashed", "correct"]


def test_a_program_that_is_not_there_is_refused_before_the_first_token() -> None:
    with pytest.raises(UserError, match="expected a program that can be run, got 'no-such-judge'"):
        CommandGrader(["no-such-judge"], 1.0).check([QUESTION])


def test_another_program_is_another_version_wherever_it_lies(
    judge: list[str], tmp_path: Path
) -> None:
    version = CommandGrader(judge, 1.0).version
    moved = tmp_path / "elsewhere" / "judge.py"
    moved.parent.mkdir()
    moved.write_text(JUDGE, encoding="utf-8")
    assert CommandGrader([judge[0], str(moved), judge[2]], 9.0).version == version
    moved.write_text(JUDGE + "\n", encoding="utf-8")
    assert CommandGrader([judge[0], str(moved), judge[2]], 1.0).version != version
    assert CommandGrader([*judge, "--strict"], 1.0).version != version


def _runs(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    # Killed, but not yet waited for by whoever waits for orphans here.
    return status.exists() and status.read_text("utf-8").rpartition(")")[2].split()[0] != "Z"
