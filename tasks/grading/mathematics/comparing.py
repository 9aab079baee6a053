r"""Whether two forms say the same: by their structure, part by part, down to single expressions.

Every comparison has three outcomes: True, False, or None where only algebra can say. What an
expression equals is asked of `equal`, so that the same rules hold with algebra and without.
"""

from __future__ import annotations

import functools
import operator
import re
from collections.abc import Callable, Sequence
from fractions import Fraction
from itertools import product
from typing import NamedTuple

from tasks.grading.mathematics.canonical import form_of
from tasks.grading.mathematics.numbers import rational
from tasks.grading.mathematics.real_sets import Interval, RealSet, read_set, says_a_set
from tasks.grading.mathematics.splitting import inside, split_answers, without_indices
from tasks.grading.mathematics.units import COUNT, Quantity, read_quantity
from tasks.grading.mathematics.words import is_product, is_words

Outcome = bool | None
Equal = Callable[[str, str], Outcome]
"""Whether two expressions, neither of them several things, are worth the same."""

_DOES_NOT_APPLY = object()
_CHOICE = re.compile(r"[A-Z]")
_READ_CHOICE = re.compile(
    r"(?:(?:option|choice|answer) )?\(?([A-Za-z])(?:[).:]|$)(?:[).: ].*|[^=<>+*/^-].*)?",
    re.IGNORECASE | re.DOTALL,
)
_LETTERS = re.compile(r"[A-Za-z]{2,}|[A-Za-z]+(?:[ -][A-Za-z]+)+")
_NOTHING = frozenset(
    ("no solution", "no solutions", "none", "empty set", "no real solutions", "no real solution")
)
_SPACED = re.compile(r"[0-9.]+(?: [0-9.]+)+")
_CLOCK = re.compile(r"([0-9]{1,2}):([0-9]{2})(?: ([ap]m))?")
_MEMBER = re.compile(r"([A-Za-z]|\\[A-Za-z]+)\\in(?![A-Za-z]) ?(.+)", re.DOTALL)
_RATIO = re.compile(r"[0-9./]+(?::[0-9./]+)+")
_BASE = re.compile(r"([0-9A-Z]+)_(?:([0-9])|\{([0-9]{2})\})")
_MATRIX = re.compile(r"\\begin\{pmatrix\}(.*)\\end\{pmatrix\}", re.DOTALL)
_PLUS_MINUS = re.compile(r"\\(pm|mp)(?![A-Za-z]) ?")
_MOST_SIGNS = 4
"""Plus-minus signs that are written out; 16 answers are more than anybody gives."""
_EQUATION = re.compile(r"(?<![<>!])(?:=|\\approx(?![A-Za-z]))")
_NAME = re.compile(
    r"(?:[A-Za-z]+|\\[A-Za-z]+|\\(?:overline|angle|vec)(?: ?\{?[A-Z]+\}?)|[A-Za-z]+ [A-Za-z]+)"
    r"(?:_\w|_\{\w+\}|\(\w(?:,\w)*\)|'|[0-9])*"
)


def compare(answer: str, target: str, equal: Equal) -> Outcome:
    """Whether the two forms say the same; None where `equal` could not say."""
    if answer == target:
        return True
    for rule in _RULES:
        outcome = rule(answer, target, equal)
        if outcome is not _DOES_NOT_APPLY:
            return outcome  # type: ignore[return-value]
    return equal(answer, target)


def plain_equal(answer: str, target: str) -> Outcome:
    """Equality of two expressions as far as plain numbers go; None for anything else."""
    values = rational(answer), rational(target)
    return None if None in values else values[0] == values[1]


def _all(outcomes: Sequence[Outcome]) -> Outcome:
    """False as soon as one is, None when one is not known."""
    if False in outcomes:
        return False
    return None if None in outcomes else True


def _ordered(answers: Sequence[str], targets: Sequence[str], equal: Equal) -> Outcome:
    if len(answers) != len(targets):
        return False
    pairs = zip(answers, targets, strict=True)
    return _all([compare(answer, target, equal) for answer, target in pairs])


def _unordered(answers: Sequence[str], targets: Sequence[str], equal: Equal) -> Outcome:
    """Whether each answer has a target of its own."""
    if len(answers) != len(targets):
        return False
    left = list(targets)
    unknown = False
    for answer in answers:
        outcomes = [compare(answer, target, equal) for target in left]
        if True in outcomes:
            left.pop(outcomes.index(True))
        elif None in outcomes:
            unknown = True
        else:
            return False
    return None if unknown else True


def _choices(answer: str, target: str, _equal: Equal) -> object:
    if not _CHOICE.fullmatch(target):
        return _DOES_NOT_APPLY
    _, sign, value = answer.rpartition("=")
    letter = _READ_CHOICE.fullmatch(value if sign else answer)
    return bool(letter) and letter[1].upper() == target


def _words(answer: str, target: str, _equal: Equal) -> object:
    if r"\emptyset" in (answer, target):
        return {answer, target} & _NOTHING != set()
    letters = [bool(_LETTERS.fullmatch(form)) for form in (answer, target)]
    if all(letters):
        if is_product(answer) and is_product(target):
            return sorted(answer) == sorted(target)
        return answer.lower() == target.lower()
    # Words against anything else; letters alone may be a name, as in AB = 5.
    is_phrase = is_words(target, is_marked=False) or (letters[0] and not is_product(answer))
    return False if is_phrase and "=" not in answer + target else _DOES_NOT_APPLY


def _numbers(answer: str, target: str, _equal: Equal) -> object:
    # `1 2` is no number, and no product either.
    if _SPACED.fullmatch(answer) or _SPACED.fullmatch(target):
        return False
    answers, targets = _readings(answer), _readings(target)
    if not answers or not targets:
        return _DOES_NOT_APPLY
    # What has the sign on both sides means the same by it.
    if answer.endswith("%") and target.endswith("%"):
        return answer == target
    return bool(answers & targets)


def _readings(form: str) -> set[Fraction]:
    """The values that a plain number may have; of 50% both: benchmarks write 50 as well as 1/2."""
    value = rational(form.removesuffix("%"))
    if value is None:
        return set()
    return {value, value / 100} if form.endswith("%") else {value}


def _quantities(answer: str, target: str, equal: Equal) -> object:
    one, other = _quantity(answer), _quantity(target)
    if one.unit == other.unit == COUNT:
        return _DOES_NOT_APPLY
    # Who leaves a unit out, or the benchmark that does, means the other's.
    if one.unit == other.unit or COUNT in (one.unit, other.unit):
        return compare(one.value, other.value, equal)
    if one.unit.dimensions != other.unit.dimensions:
        # `＄18 per day` for ＄18: the price is what was asked for.
        same_price = one.unit.is_price and other.unit.is_price and _above(one) == _above(other)
        return compare(one.value, other.value, equal) if same_price else False
    values = rational(one.value), rational(other.value)
    if values[0] is None or values[1] is None:
        return False
    return values[0] * one.unit.factor == values[1] * other.unit.factor


def _above(quantity: Quantity) -> list[tuple[str, int]]:
    return [part for part in quantity.unit.powers if part[1] > 0]


def _quantity(form: str) -> Quantity:
    found = read_quantity(form)
    is_plain = found is not None and found.times == 1 and found.unit != COUNT
    return found if found and is_plain else Quantity(form, 1, COUNT)


def _bases(answer: str, target: str, _equal: Equal) -> object:
    one, other = _BASE.fullmatch(answer), _BASE.fullmatch(target)
    if not one and not other:
        return _DOES_NOT_APPLY
    # 52 to the base 8 is 42, but who is asked for it in base 8 has to say 52.
    return bool(one and other) and one[0] == other[0]


def _clocks(answer: str, target: str, _equal: Equal) -> object:
    one, other = _CLOCK.fullmatch(answer), _CLOCK.fullmatch(target)
    if not one or not other:
        return _DOES_NOT_APPLY
    same_half = one[3] == other[3] or None in (one[3], other[3])
    return one.groups()[:2] == other.groups()[:2] and same_half


def _ratios(answer: str, target: str, _equal: Equal) -> object:
    ratios = [form for form in (answer, target) if _RATIO.fullmatch(form)]
    if not ratios:
        return _DOES_NOT_APPLY
    # 3:4 may be written as 3/4, but 1:30 is a time as well.
    if len(ratios) == 1 and _CLOCK.fullmatch(ratios[0]):
        return False
    one, other = (_proportions(form) for form in (answer, target))
    return one is not None and one == other


def _proportions(form: str) -> list[Fraction] | None:
    """Parts of a ratio, or of a fraction, divided by the first; None when they are no numbers."""
    number = rational(form)
    if number is not None:
        parts = [Fraction(number.numerator), Fraction(number.denominator)]
    else:
        values = [rational(part) for part in form.split(":")]
        parts = [value for value in values if value is not None]
        if len(parts) < len(values):
            return None
    return [part / parts[0] for part in parts] if parts[0] else None


def _real_sets(answer: str, target: str, equal: Equal) -> object:
    if not (says_a_set(answer) or says_a_set(target)):
        return _DOES_NOT_APPLY
    one, other = read_set(answer), read_set(target)
    if one is None or other is None:
        return _DOES_NOT_APPLY
    return _same_set(one, other, equal)


def _same_set(one: RealSet, other: RealSet, equal: Equal) -> Outcome:
    # `x>2` and `y>2` are about two things; an interval alone may be about either.
    if None not in (one.name, other.name) and one.name != other.name:
        return False
    if len(one.intervals) != len(other.intervals):
        # Overlapping or touching intervals may be fewer.
        return equal_sets_unknown(one, other)
    left = list(other.intervals)
    unknown = False
    for interval in one.intervals:
        outcomes = [_same_interval(interval, rival, equal) for rival in left]
        if True in outcomes:
            left.pop(outcomes.index(True))
        elif None in outcomes:
            unknown = True
        else:
            return False
    return None if unknown else True


def equal_sets_unknown(one: RealSet, other: RealSet) -> Outcome:
    """Sets of different numbers of intervals: different, unless some interval may be several."""
    return False if one.intervals and other.intervals else None


def _same_interval(one: Interval, other: Interval, equal: Equal) -> Outcome:
    opens = (one.is_open_below, one.is_open_above)
    if opens != (other.is_open_below, other.is_open_above):
        return False
    return _all([compare(one.low, other.low, equal), compare(one.high, other.high, equal)])


def _members(answer: str, target: str, equal: Equal) -> object:
    one, other = _MEMBER.fullmatch(answer), _MEMBER.fullmatch(target)
    if not one and not other:
        return _DOES_NOT_APPLY
    if one and other and one[1] != other[1]:
        return False
    return compare(one[2] if one else answer, other[2] if other else target, equal)


class _Assigned(NamedTuple):
    """Names and what each is said to be, in the order written."""

    names: list[str]
    values: list[str]

    @property
    def is_one_name(self) -> bool:
        """Whether all values are of one thing: `x=1, x=2`, and `x_1=1, x_2=2` too."""
        bare = {re.sub(r"_\w$|_\{\w+\}$", "", name) for name in self.names}
        return len(bare) == 1


def _assignments(answer: str, target: str, equal: Equal) -> object:
    one, other = _assigned(answer), _assigned(target)
    if one and other:
        return _same_assignments(one, other, equal)
    if one and not _is_equation(target):
        return _values_against(one, target, equal, is_answer=True)
    if other and not _is_equation(answer):
        return _values_against(other, answer, equal, is_answer=False)
    _, _, value = answer.rpartition("=")
    # Of `x+y=5` what it ends in is the answer; what the target asks for must be met whole.
    if _is_equation(answer) and not _is_equation(target) and not says_a_set(answer):
        return compare(form_of(value, 1), target, equal)
    return _DOES_NOT_APPLY


def _is_equation(form: str) -> bool:
    return bool(_EQUATION.search(without_indices(form)))


def _same_assignments(one: _Assigned, other: _Assigned, equal: Equal) -> Outcome:
    if one.is_one_name and other.is_one_name and len(one.names) > 1:
        same_names = one.names[0][:1] == other.names[0][:1]
        return same_names and _unordered(one.values, other.values, equal)
    if sorted(one.names) != sorted(other.names):
        return False
    outcomes: list[Outcome] = []
    for name in set(one.names):
        mine = [value for key, value in zip(*one, strict=True) if key == name]
        theirs = [value for key, value in zip(*other, strict=True) if key == name]
        outcomes.append(_unordered(mine, theirs, equal))
    return _all(outcomes)


def _values_against(given: _Assigned, form: str, equal: Equal, *, is_answer: bool) -> Outcome:
    """Values with names against a form without: in order, unless one name has them all."""
    values = given.values
    if len(values) == 1:
        pair = (values[0], form) if is_answer else (form, values[0])
        return compare(*pair, equal)
    items = _items(form)
    if items is None:
        return False
    if given.is_one_name:
        return _unordered(values, items.forms, equal)
    return False if items.kind == "set" else _ordered(values, items.forms, equal)


def _assigned(form: str) -> _Assigned | None:
    """The assignments that a form consists of; None when there is anything else in it."""
    inner = inside(form, r"\{", r"\}")
    parts = split_answers(inner if inner is not None else form)
    names: list[str] = []
    values: list[str] = []
    for part in parts.texts if parts else [form]:
        sides = _EQUATION.split(part)
        # `x=1, 2`: the second is of the same name.
        if len(sides) == 1 and names:
            sides = [names[-1], part]
        if len(sides) != 2 or not all(side.strip() for side in sides):
            return None
        name, value = (side.strip() for side in sides)
        several = _tuple_of(name, value)
        if several is None and not _NAME.fullmatch(name):
            return None
        for key, one in several or [(name, value)]:
            names.append(key)
            values.append(form_of(one, 1))
    return _Assigned(names, values)


def _tuple_of(name: str, value: str) -> list[tuple[str, str]] | None:
    """`(x,y)=(1,2)` as two assignments."""
    inner = [inside(side, "(", ")") for side in (name, value)]
    parts = [split_answers(side) if side else None for side in inner]
    if parts[0] is None or parts[1] is None or len(parts[0].texts) != len(parts[1].texts):
        return None
    return list(zip(parts[0].texts, parts[1].texts, strict=True))


def _matrices(answer: str, target: str, equal: Equal) -> object:
    one, other = _rows(answer), _rows(target)
    if one and other:
        if [len(row) for row in one] != [len(row) for row in other]:
            return False
        pairs = zip(functools.reduce(operator.iadd, one, []), functools.reduce(operator.iadd, other, []), strict=True)
        return _all([compare(mine, theirs, equal) for mine, theirs in pairs])
    rows, form = (one, target) if one else (other, answer)
    items = _items(form)
    # A column is a vector, which may be written as a tuple.
    if rows and items and items.kind == "()" and 1 in (len(rows), len(rows[0])):
        entries = functools.reduce(operator.iadd, rows, [])
        pair = (entries, items.forms) if one else (items.forms, entries)
        return _ordered(*pair, equal)
    return False if rows and items else _DOES_NOT_APPLY


def _rows(form: str) -> list[list[str]] | None:
    """Rows of a matrix, written as one or as lists in square brackets; None for anything else."""
    match = _MATRIX.fullmatch(form)
    if match:
        return [row.split("&") for row in match[1].split(r"\\")]
    inner = inside(form, "[", "]")
    parts = split_answers(inner) if inner else None
    if parts is None:
        return None
    rows = [inside(row, "[", "]") for row in parts.texts]
    if None in rows:
        return None
    return [[cell.strip() for cell in str(row).split(",")] for row in rows]


class _Items(NamedTuple):
    """Several things in one form, and how they stand: a `set`, a `list`, or their brackets."""

    kind: str
    forms: list[str]


def _lists(answer: str, target: str, equal: Equal) -> object:
    one, other = _items(answer), _items(target)
    if one is None and other is None:
        return _DOES_NOT_APPLY
    if one is None or other is None:
        several, single = (one, target) if one else (other, answer)
        if several and len(several.forms) == 1:
            pair = (several.forms[0], single) if one else (single, several.forms[0])
            return compare(*pair, equal)
        return False
    free = ("set", "list")
    if one.kind in free and other.kind in free:
        return _unordered(one.forms, other.forms, equal)
    kinds = {one.kind, other.kind}
    # A tuple may be written without its brackets; that a list stands in [ ] says more.
    if len(kinds) > 1 and kinds != {"list", "()"}:
        return False
    return _ordered(one.forms, other.forms, equal)


def _items(form: str) -> _Items | None:
    if form == r"\emptyset":
        return _Items("set", [])
    signs = len(_PLUS_MINUS.findall(form))
    if 0 < signs <= _MOST_SIGNS and not _is_equation(form):
        return _Items("set", [part for one in _texts(form) for part in _signs(one)])
    members = inside(form, r"\{", r"\}")
    if members is not None:
        parts = split_answers(members)
        return _Items("set", parts.texts if parts else [members])
    angles = inside(form, r"\langle", r"\rangle")
    brackets = "()" if angles is not None else form[:1] + form[-1:]
    inner = angles if angles is not None else inside(form, form[:1], form[-1:])
    if brackets in ("()", "[]", "(]", "[)") and inner:
        parts = split_answers(inner)
        return _Items(brackets, parts.texts) if parts else None
    parts = split_answers(form)
    return _Items("list" if parts.join == "," else "set", parts.texts) if parts else None


def _texts(form: str) -> list[str]:
    members = inside(form, r"\{", r"\}")
    parts = split_answers(members if members is not None else form)
    return parts.texts if parts else [form]


def _signs(form: str) -> list[str]:
    r"""Both forms of `2\pm\sqrt3`, all four of two signs; `\mp` goes against `\pm`."""
    marks = _PLUS_MINUS.findall(form)
    if not marks:
        return [form]
    choices = [(1, -1)] if "mp" in marks and "pm" in marks else product((1, -1), repeat=len(marks))
    if "mp" in marks and "pm" in marks:
        choices = [(sign,) * len(marks) for sign in (1, -1)]
    forms: list[str] = []
    for signs in choices:
        left = iter(zip(marks, signs, strict=True))

        def sign_of(_match: re.Match[str]) -> str:
            mark, sign = next(left)  # noqa: B023
            return "+" if (mark == "pm") == (sign > 0) else "-"

        text = _PLUS_MINUS.sub(sign_of, form)
        forms.append(form_of(re.sub(r"(^|[({\[])\+", r"\1", text), 1))
    return forms


_RULES: tuple[Callable[[str, str, Equal], object], ...] = (
    _members,
    _choices,
    _quantities,
    _words,
    _numbers,
    _bases,
    _clocks,
    _ratios,
    _real_sets,
    _assignments,
    _matrices,
    _lists,
)
