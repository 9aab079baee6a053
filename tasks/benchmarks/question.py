"""One question of a benchmark."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Question:
    """One benchmark item.

    `text` is what the model is asked, `target` the reference answer as written in the
    benchmark, `level` the author's own difficulty (1 = easiest) or None when unknown.
    The rest is for the benchmark's grader; a prompt shows `text` alone.
    """

    question_id: str
    text: str
    target: str
    level: int | None = None
    accepted: tuple[str, ...] = ()
    """What is as right as the target."""
    choices: tuple[str, ...] = ()
    """The answers to choose from, in the order in which `text` shows them under letters from A."""
    tests: tuple[str, ...] = ()
    """What an answer must pass, e.g. assertions on a program."""
    group: str | None = None
    """What questions share that belong together, e.g. the passage they are about."""
    metadata: Mapping[str, str] = field(default_factory=dict[str, str], compare=False)
    """Whatever else the author says, e.g. its source: decides nothing, so equality, hash and the
    benchmark's fingerprint leave it out."""

    @property
    def targets(self) -> tuple[str, ...]:
        """All that is right: the target, and what is accepted beside it."""
        return (self.target, *self.accepted)
