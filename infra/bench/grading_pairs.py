"""Pairs that a benchmark of grading reads from files: cases, and targets in other spellings."""

from __future__ import annotations

import ast
import json
import random
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from answer_pairs import Pair

from tasks.benchmarks.benchmark import load_benchmark
from tasks.grading.graders import make_grader
from tasks.protocols import Grader

_FRACTION = re.compile(r"\\frac(?![a-zA-Z])")
_PLAIN_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_INTEGER = re.compile(r"\d+")


class Cases(NamedTuple):
    """What a file of cases says, by what is asked."""

    pairs: list[Pair]
    votes: list[tuple[str, str]]
    """Answers that are two classes."""
    texts: list[tuple[str, str, str | None]]
    """Marker, completion, and the answer that stands in it."""


class Targets(NamedTuple):
    """The targets of a benchmark in other spellings, and the grader of its kind."""

    title: str
    grader: Grader
    pairs: list[Pair]


def read_cases(path: Path) -> Cases:
    """The cases of a JSONL file; those of convention count as neither and are left out."""
    found = Cases([], [], [])
    for line in path.read_text(encoding="utf-8").splitlines():
        case = json.loads(line)
        given, expected = case["input"], case["expected"]
        if case["area"] == "voting":
            found.votes.append(_two_texts(given, "votes ", " and "))
        if case["area"] == "extraction":
            marker, text = _two_texts(given, "marker ", ": ")
            found.texts.append((marker, text, ast.literal_eval(expected)))
        if case["area"] == "grading" and expected in ("correct", "wrong"):
            answer, target = _two_texts(given, "answer ", " against target ")
            found.pairs.append(Pair(case["kind"], answer, target, expected == "correct"))
    return found


def _two_texts(text: str, prefix: str, between: str) -> tuple[str, str]:
    """The two quoted texts of a case; the words between them may stand inside of one, too."""
    rest = text.removeprefix(prefix)
    for place in (match.start() for match in re.finditer(re.escape(between), rest)):
        try:
            one = ast.literal_eval(rest[:place])
            return one, ast.literal_eval(rest[place + len(between) :])
        except SyntaxError:
            continue
    raise ValueError(f"expected two quoted texts with {between!r} between them, got {text!r}")


def read_targets(path: Path) -> Targets:
    """Every target against itself and three spellings that are certainly the same."""
    benchmark = load_benchmark(str(path), count=None, seed=0)
    targets = dict.fromkeys(question.target for question in benchmark.questions)
    title = f"targets of {path.stem} ({benchmark.kind.grader})"
    pairs = [
        Pair(path.stem, spelling, target, True)
        for target in targets
        for spelling in respellings(target)
    ]
    return Targets(title, make_grader(benchmark.kind), pairs)


def respellings(target: str) -> list[str]:
    """The target; dressed in dollars; in other LaTeX commands; with a name, and a full stop."""
    commands = _FRACTION.sub(r"\\dfrac", target)
    commands = commands.replace("\\left", "").replace("\\right", "")
    named = f"x = {target}" if _PLAIN_NUMBER.fullmatch(target) else f" {target} "
    return [target, f"$\\boxed{{{target}}}$", commands, f"{named}."]


def slips(target: str, rng: random.Random) -> Iterator[str]:
    """Wrong answers without end that look like the target: another number in place of one of its.

    None where it holds no number.
    """
    numbers = list(_INTEGER.finditer(target))
    while numbers:
        place = rng.choice(numbers)
        other = abs(int(place[0]) + rng.choice((-2, -1, 1, 2, 3, 10)))
        yield f"{target[: place.start()]}{other}{target[place.end() :]}"
