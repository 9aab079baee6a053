"""The benchmark "congruences": chains of linear congruences modulo 7, solved by guess and check.

A question has two to five stages; each hides one digit (a, b, …). Three kinds of stage:
  1. `A = 2·a, want A = 4`          one coefficient
  2. `A = 2·a + 3, want A = 4`      and a constant
  3. `B = 5·b + 4·a, want B = 0`    and a multiple of an earlier unknown

Finding the digit at once needs an inverse modulo 7 (hard); checking a guess needs a product and a
sum (easy). A completion writes one line a stage: the stage again, a guess, the arithmetic of the
guess and a mark, then the answer. Wrong guesses are part of the training text, and most of them are
marked as such: a verifier can only learn from a language model that has seen failed checks. The few
that are not make the verifier imperfect.
"""

from __future__ import annotations

import random
from typing import NamedTuple

MODULUS = 7
"""A prime, so that every coefficient has an inverse and every stage one right digit."""
LETTERS = "abcde"
"""Names of the unknowns, one a stage."""
ANSWER_MARKER = "Answer: "
STEP_END = "\n"
"""Ends every line of a completion, which is its step."""
END = "<end>"
PAD = "<pad>"
RIGHT = " ✓"
WRONG = " ✗"
"""Marks at a line's end: its result is the wanted value, or is not."""
OPENING = "Modulo 7: "
CLOSING = ".\nSolution:\n"


class Stage(NamedTuple):
    """One congruence: coefficient·x (+ addend, or + addend·earlier unknown) = target, modulo 7."""

    coefficient: int
    addend: int | None
    """A constant, or what an earlier unknown is multiplied by; None in kind 1."""
    earlier: int | None
    """Index of that unknown; None but in kind 3."""
    target: int

    @property
    def kind(self) -> int:
        """1, 2 or 3, as in the module's text."""
        if self.addend is None:
            return 1
        return 2 if self.earlier is None else 3


class Mix(NamedTuple):
    """How stages of training text are drawn."""

    stages: tuple[int, ...]
    """How many a question: one of these, drawn evenly."""
    kinds: tuple[int, int, int]
    """Weights of kinds 1, 2 and 3; the first stage, which has no earlier unknown, is never of 3."""


class Writing(NamedTuple):
    """How the training text guesses and errs, for kinds 1, 2, 3.

    `right`: chance that a guess is right. `bent`: chance that the result of a wrong guess is
    written as the wanted value; the mark goes by what is written. This is what makes a verifier
    imperfect.
    """

    right: tuple[float, float, float]
    bent: tuple[float, float, float]


class Line(NamedTuple):
    """What one line of a completion says."""

    kind: int
    right: bool
    """Whether its guess is right, given the earlier guesses."""
    honest: bool
    """Whether all that it says is true."""
    marked_right: bool


def vocabulary() -> list[str]:
    """Every token's text, in the order of ids, on which all bundled weights rest."""
    digits = [str(digit) for digit in range(MODULUS)]
    forms = (
        "{up} = ",
        "·{low} + ",
        "·{low}",
        ", want {up} = ",
        ": try {low} = ",
    )
    each = [form.format(low=low, up=low.upper()) for form in forms for low in LETTERS]
    answers = [_answer_name(index) for index in range(len(LETTERS))]
    arithmetic = [" → ", " + ", " = ", RIGHT, WRONG]
    layout = [STEP_END, "; ", OPENING, CLOSING, ANSWER_MARKER]
    # For texts that hold several attempts and what a reviser says of them; new tokens come last.
    attempts = [f"Attempt {number}:\n" for number in range(1, 6)]
    later = ["Verified: ", "nothing", ", ", "keep ", "change ", ".", *attempts]
    return [PAD, END, *digits, *each, *answers, *arithmetic, *layout, *later]


def stage_tokens(stage: Stage, index: int) -> list[str]:
    """Token texts of the stage, as written in question and completion.

    The token before a digit stands before no other digit of the question: a small model can find
    the digit again by it.
    """
    low = LETTERS[index]
    up = low.upper()
    tokens = [f"{up} = ", str(stage.coefficient)]
    if stage.addend is None:
        tokens.append(f"·{low}")
    else:
        tokens += [f"·{low} + ", str(stage.addend)]
    if stage.earlier is not None:
        tokens.append(f"·{LETTERS[stage.earlier]}")
    return [*tokens, f", want {up} = ", str(stage.target)]


def question_tokens(stages: list[Stage]) -> list[str]:
    """The question's token texts."""
    tokens = [OPENING]
    for index, stage in enumerate(stages):
        if index:
            tokens.append("; ")
        tokens += stage_tokens(stage, index)
    return [*tokens, CLOSING]


def solve(stage: Stage, values: list[int]) -> int:
    """The digit that meets the stage, given the earlier unknowns' values."""
    product = stage.target - _rest(stage, values)
    inverse = pow(stage.coefficient, -1, MODULUS)
    return product * inverse % MODULUS


def solution(stages: list[Stage]) -> list[int]:
    """The one right digit of every stage."""
    values: list[int] = []
    for stage in stages:
        values.append(solve(stage, values))
    return values


def answer(values: list[int]) -> str:
    """The answer as written after the marker, e.g. `a=4 b=2`."""
    return "".join(answer_tokens(values))


def document(stages: list[Stage], rng: random.Random, *, writing: Writing) -> list[str]:
    """Token texts of one training completion: a line a stage, the answer, the end token."""
    tokens: list[str] = []
    values: list[int] = []
    for index, stage in enumerate(stages):
        place = stage.kind - 1
        guess = _guess(stage, values, rng, chance=writing.right[place])
        # Only a wrong guess draws again: another order of draws would be another corpus.
        is_wrong = guess != solve(stage, values)
        bent = is_wrong and rng.random() < writing.bent[place]
        tokens += stage_tokens(stage, index)
        tokens += [f": try {LETTERS[index]} = ", str(guess)]
        tokens += check_tokens(stage, guess, values, bent=bent)
        tokens.append(STEP_END)
        values.append(guess)
    return [*tokens, ANSWER_MARKER, *answer_tokens(values), END]


def read_lines(stages: list[Stage], tokens: list[str]) -> list[Line]:
    """What a completion's lines say, up to the first that is not in the format."""
    lines: list[Line] = []
    values: list[int] = []
    rest = tokens
    for index, stage in enumerate(stages):
        before = [*stage_tokens(stage, index), f": try {LETTERS[index]} = "]
        place = len(before)
        end = rest.index(STEP_END) if STEP_END in rest else 0
        # A line goes on after its guess, at least by a mark.
        if end <= place + 1 or not rest[place].isdigit():
            break
        guess = int(rest[place])
        honest = [*before, str(guess), *check_tokens(stage, guess, values, bent=False)]
        line = Line(
            kind=stage.kind,
            right=guess == solve(stage, values),
            honest=rest[:end] == honest,
            marked_right=rest[end - 1] == RIGHT,
        )
        lines.append(line)
        # Later lines are judged by what this one guessed, right or wrong.
        values.append(guess)
        rest = rest[end + 1 :]
    return lines


def draw_stages(rng: random.Random, *, mix: Mix) -> list[Stage]:
    """A chain for training text: as many stages, of such kinds, as the mix draws."""
    count = rng.choice(mix.stages)
    kinds: list[int] = rng.choices((1, 2, 3), weights=mix.kinds, k=count)
    # The first stage has no earlier unknown to refer to.
    if kinds[0] == 3:
        kinds[0] = rng.choice((1, 2))
    return draw_kinds(kinds, rng)


def draw_kinds(kinds: list[int], rng: random.Random) -> list[Stage]:
    """Stages of these kinds; their digits are drawn first, so that each target has its solution."""
    values = [rng.randrange(MODULUS) for _ in kinds]
    stages: list[Stage] = []
    for index, kind in enumerate(kinds):
        # Zero has no inverse.
        coefficient = rng.randrange(1, MODULUS)
        addend = earlier = None
        if kind > 1:
            # Zero times an earlier unknown would not depend on it: kind 3 draws from 1, 2 from 0.
            addend = rng.randrange(kind - 2, MODULUS)
        if kind == 3:
            earlier = rng.randrange(index)
        stage = Stage(coefficient, addend, earlier, target=0)
        total = coefficient * values[index] + _rest(stage, values)
        stages.append(stage._replace(target=total % MODULUS))
    return stages


def _rest(stage: Stage, values: list[int]) -> int:
    """What is added to the product, not yet reduced by the modulus."""
    if stage.addend is None:
        return 0
    if stage.earlier is None:
        return stage.addend
    return stage.addend * values[stage.earlier]


def _guess(stage: Stage, values: list[int], rng: random.Random, *, chance: float) -> int:
    right = solve(stage, values)
    if rng.random() < chance:
        return right
    # Every wrong digit with the same chance.
    distance = rng.randrange(1, MODULUS)
    return (right + distance) % MODULUS


def check_tokens(stage: Stage, guess: int, values: list[int], *, bent: bool) -> list[str]:
    """Token texts of a guess's arithmetic and its mark; `bent`: its result is written as wanted."""
    product = stage.coefficient * guess % MODULUS
    rest = _rest(stage, values) % MODULUS
    result = (product + rest) % MODULUS
    if bent:
        result = stage.target
    # The mark goes by what is written, so that a bent line looks right.
    mark = RIGHT if result == stage.target else WRONG
    ending = [str(result), mark]
    if stage.addend is None:
        return [" → ", *ending]
    return [" → ", str(product), " + ", str(rest), " = ", *ending]


def answer_tokens(values: list[int]) -> list[str]:
    """Token texts of the answer after its marker."""
    tokens: list[str] = []
    for index, value in enumerate(values):
        tokens += [_answer_name(index), str(value)]
    return tokens


def _answer_name(index: int) -> str:
    """The token before an unknown's digit in the answer; all but the first are set apart."""
    gap = " " if index else ""
    return f"{gap}{LETTERS[index]}="
