"""The pairs that graders are examined with: enough of every kind, and labelled as they are made."""

from __future__ import annotations

from collections import Counter, defaultdict
from fractions import Fraction

import pytest
from answer_pairs import KINDS, Pair, answer_pairs
from answers.algebra import is_equal


@pytest.fixture(scope="module")
def pairs() -> list[Pair]:
    return answer_pairs(each=90, seed=0)


def test_there_are_three_thousand_pairs_half_of_them_equal(pairs: list[Pair]) -> None:
    assert len(set(pairs)) == len(pairs) >= 3_000
    by_kind = Counter(pair.kind for pair in pairs)
    equal = Counter(pair.kind for pair in pairs if pair.is_equal)
    assert set(by_kind) == set(KINDS)
    assert all(equal[kind] * 2 == by_kind[kind] == 90 for kind in KINDS)


def test_a_seed_gives_its_pairs_again_and_another_one_gives_others() -> None:
    assert answer_pairs(each=6, seed=3) == answer_pairs(each=6, seed=3)
    assert set(answer_pairs(each=6, seed=3)) != set(answer_pairs(each=6, seed=4))


def test_no_pair_is_both_equal_and_unequal(pairs: list[Pair]) -> None:
    labels: defaultdict[tuple[str, str], set[bool]] = defaultdict(set)
    for pair in pairs:
        labels[(pair.answer, pair.target)].add(pair.is_equal)
    assert [pair for pair, those in labels.items() if len(those) > 1] == []


def _plain(text: str) -> Fraction | None:
    """The value of a number that Python itself can read."""
    try:
        return Fraction(text)
    except ValueError:
        return None


def test_plain_numbers_are_equal_where_python_reads_the_same_value(pairs: list[Pair]) -> None:
    read = [(pair, _plain(pair.answer), _plain(pair.target)) for pair in pairs]
    plain = [one for one in read if one[1] is not None and one[2] is not None]
    assert len(plain) > 100
    assert [pair for pair, a, b in plain if (a == b) != pair.is_equal] == []


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ("(x+2)*(x+3)", "x**2+5*x+6", True),
        ("(x+2)*(x+3)", "x**2+5*x+7", False),
        ("1/(sqrt(3)-sqrt(2))", "sqrt(3)+sqrt(2)", True),
        # A unit in the twentieth digit is no accident.
        ("Rational(1,3)", "Rational(33333333333333333333, 10**20)", False),
        ("2*exp(I*pi/3)", "1+I*sqrt(3)", True),
        ("x", "y", False),
    ],
)
def test_expressions_are_equal_when_their_values_are(one: str, other: str, *, equal: bool) -> None:
    assert is_equal(one, other) == equal
