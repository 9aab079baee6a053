"""Questions of a benchmark."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Question:
    """One benchmark item.

    `text` is what the model is asked, `target` the reference answer as written in the
    benchmark, `level` the author's own difficulty (1 = easiest) or None when unknown.
    """

    question_id: str
    text: str
    target: str
    level: int | None = None
