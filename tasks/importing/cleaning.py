"""A log without what no table can keep: halves of characters, white space around ids."""

from __future__ import annotations

import dataclasses

from tasks.benchmarks.question import Question
from tasks.samples.log import Sample, SampleLog, Stated


def clean(text: str) -> str:
    """The text without halves of characters, which JSON can spell and nothing else can keep."""
    return text.encode("utf-8", "replace").decode()


def clean_log(log: SampleLog) -> SampleLog:
    """The log with clean texts, and ids without white space around them."""
    questions = [_clean_question(one) for one in log.questions.values()]
    return dataclasses.replace(
        log,
        model=clean(log.model).strip() if log.model else None,
        task=clean(log.task).strip() if log.task else None,
        verifier=clean(log.verifier).strip() if log.verifier else None,
        questions={one.question_id: one for one in questions},
        samples=[_clean_sample(one) for one in log.samples],
    )


def _clean_question(question: Question) -> Question:
    return dataclasses.replace(
        question,
        question_id=clean(question.question_id).strip(),
        text=clean(question.text),
        target=clean(question.target),
        accepted=tuple(map(clean, question.accepted)),
        choices=tuple(map(clean, question.choices)),
        tests=tuple(map(clean, question.tests)),
        group=clean(question.group) if question.group else None,
    )


def _clean_sample(sample: Sample) -> Sample:
    return dataclasses.replace(
        sample,
        question_id=clean(sample.question_id).strip(),
        text=clean(sample.text),
        stated=tuple(map(_clean_stated, sample.stated)),
    )


def _clean_stated(stated: Stated) -> Stated:
    answer = None if stated.answer is None else clean(stated.answer)
    return Stated(clean(stated.metric), stated.value, answer)
