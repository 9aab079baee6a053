"""What the grader of mathematics gets right, and what it costs beside math-verify alone.

`PYTHONPATH=.:tests/fakes python infra/bench/grading.py [--each 90] [--seed 0] [--cases FILE]
[--targets FILE ...] [--speed] [--quick] [--json PATH]`

Generated pairs of every kind (`tests/fakes/answer_pairs.py`), and, where files are named: cases one
a JSON line (`answer '…' against target '…'` and what is expected, `votes '…' and '…'`), and targets
of benchmarks against themselves and three other spellings. A false join is a class that answers
equal and unequal to one target share; a split class is one whose answers get different verdicts.
"""

from __future__ import annotations

import argparse
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any, NamedTuple

from answer_pairs import Pair, answer_pairs
from grading_pairs import Cases, Targets, read_cases, read_targets
from grading_speed import Speed, measure_speed
from rich.console import Console
from rich.table import Table

from tasks.benchmarks.question import Question
from tasks.grading.math_grader import MathGrader
from tasks.models.thinking import Thinking, choose_marks, known_marks
from tasks.protocols import Grader

FIGURES = ("pairs", "right", "false correct", "false wrong", "unparsed", "other", "false joins")
_ANY = Question("q", "?", "0")
"""Where classes are asked of answers alone."""


class Judged(NamedTuple):
    """A pair, its verdict, and the class of its answer."""

    pair: Pair
    verdict: str
    form: str

    @property
    def figure(self) -> str:
        """Which column it counts in."""
        if self.pair.is_equal:
            known = {"correct": "right", "wrong": "false wrong", "unparsed": "unparsed"}
            return known.get(self.verdict, "other")
        if self.verdict == "correct":
            return "false correct"
        # Of an answer that is not the target, `unparsed` is as true as `wrong`.
        return "right" if self.verdict in ("wrong", "unparsed") else "other"


def judge(grader: Grader, pairs: Sequence[Pair]) -> list[Judged]:
    """Every pair with its verdict and its class."""
    asked = [(Question("q", "?", pair.target), pair.answer) for pair in pairs]
    verdicts, forms = grader.grade(asked), grader.canonical(asked)
    return [Judged(*one) for one in zip(pairs, verdicts, forms, strict=True)]


def false_joins(grader: Grader, judged: Sequence[Judged]) -> list[Judged]:
    """Unequal answers in the class of their target or of an answer that is equal to it."""
    targets = list(dict.fromkeys(one.pair.target for one in judged))
    forms = grader.canonical([(Question("q", "?", target), target) for target in targets])
    right = {target: {form} for target, form in zip(targets, forms, strict=True)}
    for one in judged:
        if one.pair.is_equal:
            right[one.pair.target].add(one.form)
    return [one for one in judged if not one.pair.is_equal and one.form in right[one.pair.target]]


def split_classes(grader: Grader, pairs: Sequence[Pair], *, beside: int = 6) -> int:
    """(target, class) with more than one verdict, each target asked of its neighbours' answers."""
    asked: dict[tuple[str, str], None] = {}
    for place, pair in enumerate(pairs):
        for neighbour in pairs[max(0, place - beside) : place + beside + 1]:
            asked[(pair.target, neighbour.answer)] = None
    questions = [(Question("q", "?", target), answer) for target, answer in asked]
    verdicts: dict[tuple[str, str], set[str]] = defaultdict(set)
    forms, graded = grader.canonical(questions), grader.grade(questions)
    for (question, _), form, verdict in zip(questions, forms, graded, strict=True):
        verdicts[(question.target, form)].add(verdict)
    return sum(len(those) > 1 for those in verdicts.values())


def table_of(title: str, judged: Sequence[Judged], joins: Sequence[Judged]) -> Table:
    """A row a kind, and one of all."""
    table = Table("kind", *FIGURES, title=title)
    kinds = dict.fromkeys(one.pair.kind for one in judged)
    for kind in kinds:
        mine = [one for one in judged if one.pair.kind == kind]
        counts = _counts(mine, [one for one in joins if one.pair.kind == kind])
        table.add_row(kind, *(str(counts[name]) for name in FIGURES))
    table.add_section()
    counts = _counts(judged, joins)
    table.add_row("all", *(str(counts[name]) for name in FIGURES))
    return table


def _counts(judged: Sequence[Judged], joins: Sequence[Judged]) -> Counter[str]:
    counts = Counter(one.figure for one in judged)
    return counts + Counter({"pairs": len(judged), "false joins": len(joins)})


def failures(judged: Iterable[Judged], joins: Iterable[Judged]) -> list[dict[str, Any]]:
    """Everything that is not right, each as a flat record."""
    named = [(one.figure, one) for one in judged if one.figure != "right"]
    named += [("false joins", one) for one in joins]
    return [
        {
            "fault": fault,
            "kind": one.pair.kind,
            "answer": one.pair.answer,
            "target": one.pair.target,
            "expected": "equal" if one.pair.is_equal else "unequal",
            "verdict": one.verdict,
            "class": one.form,
        }
        for fault, one in named
    ]


class Report:
    """Prints each table with its failures, and keeps all figures."""

    def __init__(self) -> None:
        self.console = Console(width=140)
        self.figures: dict[str, Any] = {}
        self.failures: list[dict[str, Any]] = []

    def add(self, title: str, grader: Grader, pairs: Sequence[Pair]) -> None:
        """One set of pairs: figures by kind, then what is not right."""
        judged = judge(grader, pairs)
        joins = false_joins(grader, judged)
        split = split_classes(grader, pairs)
        wrong = failures(judged, joins)
        self.console.print(table_of(f"{title}: grader {grader.version}", judged, joins))
        self.console.print(f"classes with different verdicts: {split}")
        for one in wrong:
            words = (one["fault"], one["kind"], f"{one['answer']!r} ~ {one['target']!r}")
            self._line("  " + " · ".join(words))
        self.figures[title] = {**_counts(judged, joins), "split classes": split}
        self.failures += wrong

    def add_cases(self, grader: Grader, cases: Cases) -> None:
        """Cases of grading, of voting and of reading."""
        self.add("cases", grader, cases.pairs)
        forms = grader.canonical([(_ANY, answer) for pair in cases.votes for answer in pair])
        halves = zip(cases.votes, forms[::2], forms[1::2], strict=True)
        joined = [votes for votes, one, other in halves if one == other]
        misread = [
            (text, answer, expected)
            for marker, text, expected in cases.texts
            if not _is_read(grader, answer := _read(grader, marker, text), expected)
        ]
        self._line(f"votes that are two classes: {len(cases.votes)}, joined: {joined}")
        self._line(f"completions read: {len(cases.texts)}, misread: {len(misread)}")
        for text, answer, expected in misread:
            self._line(f"  {text!r}: read {answer!r}, expected {expected!r}")
        self.figures["votes"] = {"pairs": len(cases.votes), "false joins": len(joined)}
        self.figures["completions"] = {"texts": len(cases.texts), "misread": len(misread)}

    def add_speed(self, title: str, speed: Speed) -> None:
        """Side by side with math-verify alone."""
        self.figures[f"speed, {title}"] = {**speed._asdict(), "ratio": speed.ratio}
        self._line(
            f"{title}, a pool of {speed.pairs:,} pairs ({speed.distinct:,} distinct): "
            f"{speed.ours:.2f} CPU s, math-verify alone {speed.alone:.2f} CPU s, "
            f"ratio {speed.ratio:.1f}"
        )

    def _line(self, text: str) -> None:
        self.console.print(text, markup=False, highlight=False)


def _read(grader: Grader, marker: str, text: str) -> str | None:
    """The answer that a format with this marker finds, whoever wrote the thinking."""
    final = Thinking(choose_marks(list(known_marks()))).final(text)
    return None if final is None else grader.extract(final, (marker,))


def _is_read(grader: Grader, answer: str | None, expected: str | None) -> bool:
    if answer is None or expected is None:
        return answer is expected
    one, other = grader.canonical([(_ANY, answer), (_ANY, expected)])
    return one == other


def main() -> None:
    """Measure what the arguments ask for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=90, help="generated pairs a kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--cases", type=Path)
    parser.add_argument("--targets", type=Path, nargs="*", default=[])
    parser.add_argument("--speed", action="store_true")
    parser.add_argument("--quick", action="store_true", help="six pairs a kind")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    generated = answer_pairs(each=6 if given.quick else given.each, seed=given.seed)
    targets = [read_targets(path) for path in given.targets]
    report = Report()
    with MathGrader() as grader:
        report.add("generated pairs", grader, generated)
        if given.cases:
            report.add_cases(grader, read_cases(given.cases))
    for one in targets:
        with closing(one.grader):
            report.add(one.title, one.grader, one.pairs)
    if given.speed:
        _add_speeds(report, generated, targets, questions=4 if given.quick else 40)
    if given.json:
        everything = report.figures | {"failures": report.failures}
        given.json.write_text(json.dumps(everything, indent=1, ensure_ascii=False), "utf-8")


def _add_speeds(
    report: Report, generated: list[Pair], targets: Sequence[Targets], *, questions: int
) -> None:
    """The pool of each benchmark, and one of all kinds."""
    sets = {one.title: one.pairs for one in targets} | {"generated pairs": generated}
    for title, pairs in sets.items():
        report.add_speed(title, measure_speed(pairs, questions=questions, seed=0))


if __name__ == "__main__":
    main()
