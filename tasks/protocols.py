"""What rooms say to each other: strategies, sampler and engines; what a user may bring of his own.

Who brings an engine, a verifier, a grader or a benchmark writes a class with these methods; it need
not import this file.
"""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import AsyncGenerator, Iterable, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, runtime_checkable

from tasks.benchmarks.kinds import AnswerKind
from tasks.benchmarks.question import Question

Stop = Literal["end", "step", "limit"]
Role = Literal[
    "proposer",
    "difficulty",
    "lookahead",
    "revision",
    "exchange",
    "extension",
    "answer",
    "selection",
]
"""What a draw is for.

The two before the last go on from thinking that was cut (METHOD §12), the last says which attempt
is best (§13).
"""
TokenIds: TypeAlias = "array[int]"
"""Token ids as integers of 32 bits, four bytes each: `array("i", ids)`."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """Parameters that decide the distribution of a draw."""

    temperature: float
    top_p: float
    top_k: int
    max_tokens: int
    until: Literal["end", "step"]
    """A draw ends at the completion's end, or already with the token that ends a step."""

    @property
    def key(self) -> str:
        """Stable text of all five, part of every draw's key."""
        return (
            f"T={self.temperature:g},p={self.top_p:g},k={self.top_k},"
            f"max={self.max_tokens},until={self.until}"
        )


class Fall(NamedTuple):
    """Where the mean confidence of the window behind a token is lower than ever before."""

    tokens: int
    """Generated up to there."""
    mean: int
    """In 64ths, rounded down."""


class Confidence(NamedTuple):
    """How sure a model was of a completion: means over its tokens (METHOD §13)."""

    lowest: float
    """Of the tenth of its windows with the lowest mean."""
    mean: float
    """Of all its tokens."""
    tail: float
    """Of its last window."""
    falls: tuple[Fall, ...] = ()
    """Of windows of one length, whatever that of the completion; empty: nobody told."""


class Draw(NamedTuple):
    """One child of a prefix."""

    token_ids: TokenIds | None
    """What was generated, the end-of-text token left out; None: known by its text alone."""
    text: str
    stop: Stop
    tokens: float
    """Generated tokens as the engine counts them, the end-of-text token included; NaN: not told."""
    thinking_tokens: int | None = None
    """Of these, thinking, as a server counts it; None: to be counted from the token ids."""
    confidence: Confidence | None = None
    """None: the engine was not asked, or cannot tell."""

    @property
    def ids(self) -> TokenIds:
        """Its token ids; ValueError for a draw that is known by its text alone."""
        if self.token_ids is None:
            raise ValueError("expected a draw of token ids, got one known by its text alone")
        return self.token_ids


class Reply(NamedTuple):
    """Children of a prefix that ended, and what was asked for them."""

    draws: dict[int, Draw]
    """By place among the children that were asked for, from 0."""
    prompt_tokens: float
    """NaN where a server does not tell, like the next."""
    cached_tokens: float
    """Prompt tokens that came from the prefix cache."""
    requests: int = 1
    """How often a model was asked for it; the prompt tokens are those of all."""


class Engine(Protocol):
    """What draws children of a prefix: vLLM, a server, a script."""

    def draw(
        self, prefix: Sequence[int], n: int, *, sampling: Sampling, seed: int
    ) -> AsyncGenerator[Reply]:
        """n independent children of the prefix of token ids, each as soon as it ends.

        Child i is drawn under seed + i. What fails is raised after the children that are there:
        they were paid for, and are kept.
        """
        ...


class StepScore(NamedTuple):
    """A verifier's opinion at one step's end."""

    score: float
    """In [0, 1]."""
    tokens: float
    """Verifier tokens from the question to this step's end; NaN where nobody counted them."""


class Verifier(Protocol):
    """What scores steps; it never sees the target."""

    async def score(self, question: str, steps: Sequence[str]) -> list[StepScore]:
        """One score a step; raises VerifierFailure when it cannot say."""
        ...


class ServedModel(Protocol):
    """What a verifier adapter may ask of a served model, in this process's vLLM or behind HTTP."""

    async def head_rows(self, token_ids: Sequence[int], places: Sequence[int]) -> list[list[float]]:
        """Raw outputs (logits) of the model's head, one row for each of these token offsets."""
        ...

    async def next_logprobs(self, token_ids: Sequence[int], wanted: Sequence[int]) -> list[float]:
        """Log-probabilities of the wanted tokens as the one that follows."""
        ...

    async def token_logprobs(self, token_ids: Sequence[int]) -> list[float]:
        """Log-probability of every token but the first, given those before it."""
        ...


class VerifierFailure(Exception):
    """A verifier call that gave no usable score: the score is missing, never zero."""


class Benchmark(Protocol):
    """The questions of a study, and what kind of answer they have."""

    @property
    def name(self) -> str:
        """What tables and screens call it."""
        ...

    @property
    def fingerprint(self) -> str:
        """Hash of all that decides what is asked and what is right."""
        ...

    @property
    def content(self) -> str:
        """The same hash over all questions that there are, those left out included."""
        ...

    @property
    def questions(self) -> Sequence[Question]:
        """The questions, their ids unique."""
        ...

    @property
    def kind(self) -> AnswerKind:
        """What kind of answer its questions have; with it goes the grader."""
        ...


class Grader(Protocol):
    """Says which answers are one answer, and which are right.

    Making one starts nothing: every stage that loads a run makes one. What grading needs starts
    with the first call of `grade` that needs it, and `close` ends it; grading again starts it
    again.
    """

    def check(self, questions: Sequence[Question]) -> None:
        """UserError for a question that it cannot grade, such as a target that it cannot read.

        Asked before the first token; starts nothing.
        """
        ...

    @property
    def version(self) -> str:
        """Its name and version: stands with every grade, and is part of a run's identity.

        Another version grades every answer again.
        """
        ...

    def extract(self, text: str, markers: Sequence[str]) -> str | None:
        """The answer as the model wrote it; None where it gives none.

        `text` is a completion without its thinking, `markers` what the format says that an answer
        follows.
        """
        ...

    def canonical(self, asked: Sequence[tuple[Question, str]]) -> list[str]:
        """The class in a vote of each (question, answer), in their order.

        Always the same under one version. Answers of different questions never meet in a vote.
        """
        ...

    def grade(self, asked: Iterable[tuple[Question, str]]) -> list[str]:
        """One verdict a (question, answer) pair, in their order.

        `correct`, `wrong`, or another word that says why it is neither, such as `timeout`. Answers
        of one class must have one verdict: what is chosen by vote is a class (METHOD §4).
        """
        ...

    def close(self) -> None:
        """End what grading started; closing twice is allowed."""
        ...


@runtime_checkable
class FineGrader(Grader, Protocol):
    """A Grader whose verdict is on less than a voting class.

    Its canonical form is what a verdict is on. Two programs that agree on the public inputs are one
    class, and only one of them may pass the hidden tests.
    """

    def classes(self, asked: Sequence[tuple[Question, str]]) -> list[str | None]:
        """The class in a vote of each (question, answer), in their order; None: it has no vote."""
        ...


def key_of(token_ids: Sequence[int]) -> str:
    """Stable key of a prefix: BLAKE2b-128 of its token ids as 32-bit integers, in hex."""
    # Of ids, not of text: two ways to split one text are two prefixes to a model.
    return running_key(token_ids).hexdigest()


def running_key(token_ids: Sequence[int]) -> hashlib.blake2b:
    """What `key_of` is the digest of; updated with further ids it is that of the longer prefix."""
    return hashlib.blake2b(array("i", token_ids).tobytes(), digest_size=16)


def text_key(before: str, text: str) -> str:
    """Stable key of what is known by its text alone, written after the prefix of a key."""
    return hashlib.blake2b(f"{before}|{text}".encode(), digest_size=16).hexdigest()
