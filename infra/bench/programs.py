"""The grader of programs on a benchmark with known solutions, against Python's own opinion.

`PYTHONPATH=. python infra/bench/programs.py HumanEval.jsonl [--mutants N]`

The file's own solutions must be correct, as they continue the prompt and as whole programs in a
block; one that returns nothing must not. Then up to N variants of each, with a comparison, a number
or an operator changed: the verdict on each is compared with that of a plain run of program and
check in one process. Prints how often each pair of verdicts came; exits with 1 where one differs.
"""

from __future__ import annotations

import argparse
import ast
import json
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tasks.benchmarks.files import read_file
from tasks.benchmarks.question import Question
from tasks.grading.code.grader import CodeGrader

SECONDS = 5
PLACES = 25
"""Changes are tried at the first so many places of a program."""
SWAPPED: dict[type, type] = {
    ast.Lt: ast.LtE,
    ast.LtE: ast.Lt,
    ast.Gt: ast.GtE,
    ast.GtE: ast.Gt,
    ast.Eq: ast.NotEq,
    ast.NotEq: ast.Eq,
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.Mod: ast.FloorDiv,
    ast.FloorDiv: ast.Div,
    ast.Div: ast.FloorDiv,
}
Row = dict[str, Any]


class Change(ast.NodeTransformer):
    """Changes one place of a program and counts them all."""

    def __init__(self, place: int) -> None:
        self.place = place
        self.places = 0

    def visit(self, node: ast.AST) -> Any:
        self.generic_visit(node)
        kinds = (ast.Compare, ast.BinOp, ast.Constant)
        if not isinstance(node, kinds):
            return node
        self.places += 1
        return _changed(node) if self.places == self.place else node


def _changed(node: ast.Compare | ast.BinOp | ast.Constant) -> ast.AST:
    if isinstance(node, ast.Compare):
        node.ops[0] = SWAPPED.get(type(node.ops[0]), ast.Eq)()
    elif isinstance(node, ast.BinOp):
        node.op = SWAPPED.get(type(node.op), ast.Add)()
    elif type(node.value) is int:
        return ast.Constant(node.value + 1)
    return node


def variants(row: Row, count: int, rng: random.Random) -> Iterator[str]:
    """`count` programs that are the solution but for one place."""
    source = row["prompt"] + row["canonical_solution"]
    for place in rng.sample(range(1, PLACES), PLACES - 1):
        if not count:
            return
        tree, change = ast.parse(source), Change(place)
        for part in tree.body:
            if isinstance(part, ast.FunctionDef) and part.name == row["entry_point"]:
                part.body = [change.visit(statement) for statement in part.body]
        written = ast.unparse(ast.fix_missing_locations(tree))
        if change.places >= place and written != ast.unparse(ast.parse(source)):
            count -= 1
            yield written


def plain_verdict(program: str, row: Row) -> str:
    """What Python says of program and check in one process: for programs that do not lie."""
    child = os.fork()
    if not child:
        signal.alarm(SECONDS)
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        try:
            exec(f"{program}\n{row['test']}\ncheck({row['entry_point']})", {})
        except AssertionError:
            os._exit(1)
        except BaseException:
            os._exit(2)
        os._exit(0)
    _, status = os.waitpid(child, 0)
    named = {0: "correct", 1: "wrong", 2: "crashed", -signal.SIGALRM: "timeout"}
    return named.get(os.waitstatus_to_exitcode(status), "memory")


def main() -> int:
    """Run both parts and print their figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("path", type=Path)
    parser.add_argument("--mutants", type=int, default=2)
    options = parser.parse_args()
    lines = options.path.read_text(encoding="utf-8").splitlines()
    rows = {row["task_id"]: row for row in map(json.loads, lines)}
    questions = read_file(options.path).questions
    asked = list(_known(questions, rows))
    rng = random.Random(0)
    for question in questions:
        row = rows[question.question_id]
        for program in variants(row, options.mutants, rng):
            asked.append((question, program, plain_verdict(program, row)))
    grader = CodeGrader()
    started = time.monotonic()
    verdicts = grader.grade([(question, program) for question, program, _ in asked])
    seconds = (time.monotonic() - started) / len(asked)
    pairs = Counter((wanted, said) for (_, _, wanted), said in zip(asked, verdicts, strict=True))
    for (wanted, said), times in pairs.most_common():
        print(f"{times:6}  expected {wanted:8} said {said}")
    differ = sum(times for (wanted, said), times in pairs.items() if wanted != said)
    print(f"{len(asked)} programs, {differ} differ, {seconds:.3f} s a program")
    return min(differ, 1)


def _known(questions: list[Question], rows: dict[str, Row]) -> Iterator[tuple[Question, str, str]]:
    """(question, program, verdict) of solutions and of programs that return nothing."""
    for question in questions:
        row = rows[question.question_id]
        whole = row["prompt"] + row["canonical_solution"]
        block = CodeGrader(1).extract(f"So:\n```python\n{whole}\n```\n", ())
        yield question, row["canonical_solution"].rstrip(), "correct"
        yield question, block or "", "correct"
        yield question, "    return None", "wrong"


if __name__ == "__main__":
    sys.exit(main())
