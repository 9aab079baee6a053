"""Attempts at one question of two congruences, spelled and read back."""

from tasks.benchmarks.congruences import END, Mix, Stage, Writing, vocabulary
from tasks.training.attempts import Revising
from tasks.training.tokenizer import encode

HONEST = (0.0, 0.0, 0.0)
REVISING = Revising(Mix((2, 3), (1, 1, 1)), Writing((0.5, 0.5, 0.5), HONEST), keep=1.0)
WORDS = vocabulary()
# a is 2 (2·2 = 4); b is 1 (3·1 + 2 = 5)
STAGES = [Stage(2, None, None, 4), Stage(3, 2, None, 5)]


def text_of(ids: list[int]) -> str:
    """What the tokens spell."""
    return "".join(WORDS[token] for token in ids)


def completion_of(a: int, b: int) -> list[int]:
    """The tokens of an attempt that answers with these two values."""
    return encode(["Answer: ", "a=", str(a), " b=", str(b), END])
