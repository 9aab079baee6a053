"""What a sample log says, whatever tool wrote it: questions, draws and what became of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tasks.benchmarks.question import Question

Ending = Literal["end", "limit"]
"""How a completion ended: by itself, or cut at the token limit."""
Role = Literal["proposer", "difficulty"]
"""What a draw is for: to be chosen among, or to tell how hard its question is."""


@dataclass(frozen=True, slots=True)
class Stated:
    """What the source itself says of one draw."""

    metric: str
    """The source's name for it."""
    value: float | None
    """1.0 right, 0.0 wrong, else as the source has it; None where it does not know."""
    answer: str | None = None
    """The answer as the source read it out of the completion."""


@dataclass(frozen=True, slots=True)
class Sample:
    """One completion of one question."""

    question_id: str
    draw: int
    """Which of the question's draws it is, from 0 in the order of the source: epoch, seed or
    position."""
    text: str
    stop: Ending | None = None
    """None where the log does not say."""
    tokens: int | None = None
    """Generated tokens, thinking included, None where the log does not count them for one draw."""
    prompt_tokens: int | None = None
    thinking_tokens: int | None = None
    """The part of `tokens` that is thinking."""
    scores: tuple[float, ...] = ()
    """A verifier's: one a step, or one for the whole; empty where there is none."""
    stated: tuple[Stated, ...] = ()
    role: Role | None = None
    place: str = ""
    """File and line, for what is said about it."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """What was not taken from a log, and why."""

    reason: str
    count: int
    """How many draws, lines or files."""
    example: str
    """The place of the first of them."""


@dataclass(slots=True)
class SampleLog:
    """All that files of one format say about one model on one task."""

    format: str
    model: str | None
    task: str | None
    questions: dict[str, Question]
    """By id. Where the log has no text or no target, that field is "" and a benchmark must be
    named beside the log."""
    samples: list[Sample]
    """By question as they first stand in the source, then by draw."""
    verifier: str | None = None
    """What the scores are called; None where there are none."""
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    max_tokens: int | None = None
    refused: list[Refusal] = field(default_factory=list[Refusal])
    paths: list[Path] = field(default_factory=list[Path])
