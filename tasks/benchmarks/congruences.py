"""The benchmark "congruences": chains of linear congruences modulo 7, solved by guess and check.

A question has two to five stages; each hides one digit (a, b, …). Three kinds of stage:
  1. `A = 2·a, want A = 4`          one coefficient
  2. `A = 2·a + 3, want A = 4`      and a constant
  3. `B = 5·b + 4·a, want B = 0`    and a multiple of an earlier unknown
Finding the digit at once needs an inverse modulo 7 (hard); checking a guess needs a product and a sum
(easy). A completion writes one line a stage: the stage again, a guess, the arithmetic of the guess and a
mark, then the answer. Wrong guesses are part of the training text, and most of them are marked as such: a
verifier can only learn from a language model that has seen failed checks. The few that are not make the
verifier imperfect.
"""

from __future__ import annotations

import random
from typing import NamedTuple

MODULUS = 7
LETTERS = "abcde"
ANSWER_MARKER = "Answer: "
STEP_END = "\n"
END = "<end>"
PAD = "<pad>"
RIGHT, WRONG = " ✓", " ✗"
OPENING, CLOSING = "Modulo 7: ", ".\nSolution:\n"


class Stage(NamedTuple):
    """One congruence: coefficient·x (+ addend, or + addend·earlier unknown) = target, modulo 7."""

    coefficient: int
    addend: int | None
    earlier: int | None
    target: int

    @property
    def kind(self) -> int:
        """1, 2 or 3, as in the module's text."""
        return 1 if self.addend is None else 2 if self.earlier is None else 3


class Mix(NamedTuple):
    """How stages are drawn: how many a question, and the weights of kinds 1, 2, 3 after the first stage."""

    stages: tuple[int, ...]
    kinds: tuple[int, int, int]


class Level(NamedTuple):
    """What a question of one level is made of: sorted lists of kinds, one list drawn evenly."""

    kinds: tuple[tuple[int, ...], ...]


class Writing(NamedTuple):
    """How the training text guesses and errs, for kinds 1, 2, 3.

    `right`: chance that a guess is right. `bent`: chance that the result of a wrong guess is written as
    the wanted value; the mark goes by what is written. This is what makes a verifier imperfect.
    """

    right: tuple[float, float, float]
    bent: tuple[float, float, float]


class Line(NamedTuple):
    """One line of a completion: is its guess right given the earlier guesses, is all it says true."""

    kind: int
    right: bool
    honest: bool
    marked_right: bool


LEVELS: dict[int, Level] = {
    1: Level(((1, 1, 1), (1, 1, 1, 1))),
    2: Level(((1, 2), (1, 1, 2))),
    3: Level(((2, 2), (1, 2, 2))),
    4: Level(((2, 2, 2), (2, 2, 2, 2))),
    5: Level(((2, 2, 2, 3),)),
}


def vocabulary() -> list[str]:
    """Every token's text, in the order of ids; the last ones are kept for several attempts in a text."""
    each = [
        form.format(low=low, up=low.upper())
        for form in ("{up} = ", "·{low} + ", "·{low}", ", want {up} = ", ": try {low} = ")
        for low in LETTERS
    ]
    answers = [("" if low == "a" else " ") + f"{low}=" for low in LETTERS]
    attempts = [f"Attempt {number}:\n" for number in range(1, 6)]
    later = ["Verified: ", "nothing", ", ", "keep ", "change ", ".", *attempts]
    marks = [" → ", " + ", " = ", RIGHT, WRONG, STEP_END, "; ", OPENING, CLOSING, ANSWER_MARKER]
    return [PAD, END, *map(str, range(MODULUS)), *each, *answers, *marks, *later]


def stage_tokens(stage: Stage, index: int) -> list[str]:
    """The stage as written in question and completion; before each digit stands a token that is unique there."""
    low, up = LETTERS[index], LETTERS[index].upper()
    want = [f", want {up} = ", str(stage.target)]
    if stage.addend is None:
        return [f"{up} = ", str(stage.coefficient), f"·{low}", *want]
    head = [f"{up} = ", str(stage.coefficient), f"·{low} + ", str(stage.addend)]
    return head + ([] if stage.earlier is None else [f"·{LETTERS[stage.earlier]}"]) + want


def question_tokens(stages: list[Stage]) -> list[str]:
    """The question's token texts."""
    tokens = [OPENING]
    for index, stage in enumerate(stages):
        tokens += [*(["; "] if index else []), *stage_tokens(stage, index)]
    return [*tokens, CLOSING]


def solve(stage: Stage, values: list[int]) -> int:
    """The digit that meets the stage, given the earlier unknowns' values."""
    rest = stage.target - _rest(stage, values)
    return rest * pow(stage.coefficient, -1, MODULUS) % MODULUS


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
        guess = _guess(stage, values, rng, chance=writing.right[stage.kind - 1])
        bent = guess != solve(stage, values) and rng.random() < writing.bent[stage.kind - 1]
        tokens += [*stage_tokens(stage, index), f": try {LETTERS[index]} = ", str(guess)]
        tokens += [*check_tokens(stage, guess, values, bent=bent), STEP_END]
        values.append(guess)
    return [*tokens, ANSWER_MARKER, *answer_tokens(values), END]


def read_lines(stages: list[Stage], tokens: list[str]) -> list[Line]:
    """What a completion's lines say, up to the first that is not in the format (then the list is short)."""
    lines: list[Line] = []
    values: list[int] = []
    rest = tokens
    for index, stage in enumerate(stages):
        before = [*stage_tokens(stage, index), f": try {LETTERS[index]} = "]
        end = rest.index(STEP_END) if STEP_END in rest else 0
        if end <= len(before) + 1 or not rest[len(before)].isdigit():
            break
        guess = int(rest[len(before)])
        honest = [*before, str(guess), *check_tokens(stage, guess, values, bent=False)]
        lines.append(
            Line(
                stage.kind,
                guess == solve(stage, values),
                rest[:end] == honest,
                rest[end - 1] == RIGHT,
            )
        )
        values.append(guess)
        rest = rest[end + 1 :]
    return lines


def draw_stages(rng: random.Random, *, mix: Mix) -> list[Stage]:
    """A chain for training text: number and kinds of stages drawn at random, the first never of kind 3."""
    count = rng.choice(mix.stages)
    kinds: list[int] = rng.choices((1, 2, 3), weights=mix.kinds, k=count)
    if kinds[0] == 3:
        kinds[0] = rng.choice((1, 2))
    return _draw(kinds, rng)


def draw_level(rng: random.Random, *, level: int) -> list[Stage]:
    """A chain of one benchmark level, its kinds in random order, the first never of kind 3."""
    kinds = list(rng.choice(LEVELS[level].kinds))
    rng.shuffle(kinds)
    while kinds[0] == 3:
        rng.shuffle(kinds)
    return _draw(kinds, rng)


def _draw(kinds: list[int], rng: random.Random) -> list[Stage]:
    values = [rng.randrange(MODULUS) for _ in kinds]
    stages: list[Stage] = []
    for index, kind in enumerate(kinds):
        coefficient = rng.randrange(1, MODULUS)
        addend = None if kind == 1 else rng.randrange(kind - 2, MODULUS)
        earlier = rng.randrange(index) if kind == 3 else None
        loose = Stage(coefficient, addend, earlier, 0)
        target = (coefficient * values[index] + _rest(loose, values)) % MODULUS
        stages.append(loose._replace(target=target))
    return stages


def _rest(stage: Stage, values: list[int]) -> int:
    if stage.addend is None:
        return 0
    return stage.addend * (1 if stage.earlier is None else values[stage.earlier])


def _guess(stage: Stage, values: list[int], rng: random.Random, *, chance: float) -> int:
    right = solve(stage, values)
    if rng.random() < chance:
        return right
    return (right + rng.randrange(1, MODULUS)) % MODULUS


def check_tokens(stage: Stage, guess: int, values: list[int], *, bent: bool) -> list[str]:
    """Token texts of a guess's arithmetic and its mark; `bent`: the result is written as the wanted value."""
    product = stage.coefficient * guess % MODULUS
    rest = _rest(stage, values) % MODULUS
    result = stage.target if bent else (product + rest) % MODULUS
    mark = RIGHT if result == stage.target else WRONG
    if stage.addend is None:
        return [" → ", str(result), mark]
    return [" → ", str(product), " + ", str(rest), " = ", str(result), mark]


def answer_tokens(values: list[int]) -> list[str]:
    """Token texts of the answer after its marker."""
    tokens: list[str] = []
    for index, value in enumerate(values):
        tokens += [("" if index == 0 else " ") + f"{LETTERS[index]}=", str(value)]
    return tokens
