"""Small sample logs, made by hand."""

from __future__ import annotations

from collections.abc import Sequence

from tasks.benchmarks.question import Question
from tasks.samples.log import Sample, SampleLog


def question(key: str, text: str, target: str = "1") -> Question:
    return Question(question_id=key, text=text, target=target)


def log_of(questions: Sequence[Question], samples: Sequence[Sample]) -> SampleLog:
    return SampleLog(
        format="plain",
        model="org/model",
        task="task",
        questions={one.question_id: one for one in questions},
        samples=list(samples),
        verifier="judge",
    )


def small_log(
    *, questions: int = 10, draws: int = 8, scored: int = 0, text: str = r"So \boxed{1}"
) -> SampleLog:
    """A log whose draws all answer 1; the first so many of each question have a score."""
    asked = [question(f"q{place}", f"What is 1 + {place} - {place}?") for place in range(questions)]
    samples = [
        Sample(
            question_id=one.question_id,
            draw=draw,
            text=f"{draw}. {text}",
            scores=(0.5,) if draw < scored else (),
        )
        for one in asked
        for draw in range(draws)
    ]
    return log_of(asked, samples)
