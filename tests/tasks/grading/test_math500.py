"""All 500 targets of MATH-500 against themselves and against an equivalent spelling.

The data set is not part of this repository; the test reads it where a checkout has it beside
itself.
"""

import json
import re
from collections.abc import Callable
from itertools import pairwise

import pytest
from pairs import grade_pairs

from tasks.grading.math_grader import MathGrader
from tasks.grading.mathematics.canonical import canonical
from tasks.settings import ROOT

DATA = ROOT.parent / "shared" / "data" / "math500.jsonl"

pytestmark = pytest.mark.skipif(
    not DATA.exists(), reason=f"MATH-500 is not bundled; put it at {DATA} to test it"
)

FRACTION = re.compile(r"\\d?frac\{(\d+)\}\{(\d+)\}")
DECIMAL = re.compile(r"(\d*)\.(\d+)")


def decimals(text: str) -> str:
    """Fractions with an exact decimal written as decimals."""

    def exact(found: re.Match[str]) -> str:
        above, below = int(found[1]), int(found[2])
        scaled, rest = divmod(above * 10**8, below)
        mixed = (
            found.start() > 0 and text[found.start() - 1] in "0123456789 "
        )  # `1\frac12` is not `10.5`
        digits = f"{scaled // 10**8}.{scaled % 10**8:08d}".rstrip("0")
        return found[0] if rest or mixed else digits + "0" * digits.endswith(".")

    return FRACTION.sub(exact, text)


def fractions(text: str) -> str:
    r"""Decimals written as `\frac`."""
    return DECIMAL.sub(lambda d: rf"\frac{{{int(d[1] + d[2])}}}{{{10 ** len(d[2])}}}", text)


def thousands(text: str) -> str:
    return f"{int(text):,}" if re.fullmatch(r"\d{4,}", text) else text


REWRITERS: dict[str, Callable[[str], str]] = {
    "dollars": lambda text: f"${text}$",
    "fractions as decimals": decimals,
    "decimals as fractions": fractions,
    "dfrac": lambda text: text.replace(r"\frac", r"\dfrac"),
    "slash": lambda text: re.sub(r"^(-?)\\d?frac\{(\d+)\}\{(\d+)\}$", r"\1\2/\3", text),
    "short frac": lambda text: re.sub(r"\\frac\{(\d)\}\{(\d)\}", r"\\frac\1\2", text),
    "spaces": lambda text: text if "," in text else re.sub(r"(?<=\d)([-+])(?=\d)", r" \1 ", text),
    "left and right": lambda text: re.sub(
        r"(?<!t)(?<!\\)([(\[])(.*?)([)\]])", r"\\left\1\2\\right\3", text
    ),
    "no left and right": lambda text: re.sub(r"\\(?:left|right)", "", text),
    "thousands": thousands,
    "degrees": lambda text: text.replace(r"^\circ", r"^{\circ}"),
    "point zero": lambda text: f"{text}.0" if re.fullmatch(r"-?\d+", text) else text,
    "text": lambda text: re.sub(r"\\text\{(\w+)\}$", r"\1", text),
    "no spaces": lambda text: (
        text if re.search(r"[a-zA-Z] [a-zA-Z]", text) else text.replace(" ", "")
    ),
    "products": lambda text: re.sub(r"(?<=\d)\s*(?=\\sqrt|\\pi)", r" \\cdot ", text),
    "swapped sum": lambda text: re.sub(r"^(\d+)\s*\+\s*([^+\-]+)$", r"\2+\1", text),
}


def targets() -> list[str]:
    return [json.loads(line)["answer"] for line in DATA.read_text(encoding="utf-8").splitlines()]


def test_every_target_is_correct_against_itself():
    with MathGrader() as grader:
        verdicts = grade_pairs(grader, [(target, target) for target in targets()])
    assert set(verdicts.values()) == {"correct"}


def test_every_target_is_correct_against_its_rewritings():
    pairs = {
        (rewritten, target): name
        for target in targets()
        for name, rewrite in REWRITERS.items()
        if (rewritten := rewrite(target)) != target
    }
    with MathGrader() as grader:
        verdicts = grade_pairs(grader, pairs)
    assert {
        pair: (verdict, pairs[pair]) for pair, verdict in verdicts.items() if verdict != "correct"
    } == {}
    assert {target for _, target in pairs} == set(targets())


def test_the_canonical_form_of_a_target_still_reads_as_the_target():
    # The canonical form is what algebra gets to see: its form is itself again.
    unlike = [t for t in set(targets()) if canonical(canonical(t)) != canonical(t)]
    assert unlike == []


def test_no_target_is_correct_for_its_neighbour_unless_they_are_equal():
    distinct = sorted({canonical(target) for target in targets()})
    # Whoever leaves a unit out is right: 15 stands beside 15 cm^2.
    values = {form.partition(" ")[0]: form for form in distinct}
    pairs = list(pairwise(values.values()))
    with MathGrader() as grader:
        verdicts = grade_pairs(grader, pairs)
    correct = [pair for pair, verdict in verdicts.items() if verdict == "correct"]
    assert correct == []
