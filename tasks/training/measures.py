"""What a trained generator and verifier are worth: the figures of their cards, on validation questions."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tasks.benchmarks.congruences import read_lines, vocabulary
from tasks.training.rollouts import Asked, Labelled, answer_of, ask, draw
from tasks.training.sampling import Decoder
from tasks.training.verifier import ProcessRewardModel, step_scores

Floats = NDArray[np.float64]


class Judged(NamedTuple):
    """One step of many draws: its score, soft label, the draw's correctness, question and weight."""

    score: Floats
    label: Floats
    correct: Floats
    question: Floats
    draws: Floats


def measure_generator(
    weights: Decoder, *, questions: int, draws: int, temperature: float, seed: int
) -> dict[str, object]:
    """Accuracy by level, what the lines of each kind are worth, and completions without an answer."""
    asked = ask("validation", questions, seed=0)
    generator = torch.Generator().manual_seed(seed)
    prompts = [q.prompt for q in asked]
    texts = draw(weights, prompts, copies=draws, temperature=temperature, generator=generator)
    greedy = draw(weights, prompts, copies=1, temperature=0.0, generator=generator)
    return {
        "questions": questions,
        "draws": draws,
        "temperature": temperature,
        "accuracy_by_level": _by_level(asked, texts),
        "greedy_by_level": _by_level(asked, greedy),
        "lines_by_kind": _lines(asked, texts),
        "without_answer": _mean([answer_of(text) is None for found in texts for text in found]),
    }


def measure_prm(verifier: ProcessRewardModel, rows: list[Labelled]) -> dict[str, object]:
    """Areas under the curve within and across questions, and calibration, by step and for the last one."""
    scores = step_scores(verifier, [(row.ids, row.ends) for row in rows])
    steps = max(len(row.ends) for row in rows) - 1
    by_step = {str(step + 1): _judged(rows, scores, place=step) for step in range(steps)}
    return {
        "questions": len({row.question for row in rows}),
        "draws": sum(row.draws for row in rows),
        "steps": {
            name: step_figures(judged)
            for name, judged in {**by_step, "last": _judged(rows, scores, place=-1)}.items()
        },
    }


def auroc(score: Floats, positive: Floats, negative: Floats) -> float | None:
    """Chance that a positive outscores a negative (ties half), by weights of each; None without both."""
    if positive.sum() == 0 or negative.sum() == 0:
        return None
    values, place = np.unique(score, return_inverse=True)
    up = np.bincount(place, positive, len(values))
    down = np.bincount(place, negative, len(values))
    below = np.cumsum(down) - down
    return float((up * (below + 0.5 * down)).sum() / (positive.sum() * negative.sum()))


def calibration_error(score: Floats, label: Floats, draws: Floats) -> float:
    """Expected calibration error over ten bins of equal width."""
    place = np.minimum((score * 10).astype(int), 9)
    gap = np.bincount(place, (score - label) * draws, 10)
    return float(np.abs(gap).sum() / draws.sum())


def _judged(rows: list[Labelled], scores: list[list[float]], *, place: int) -> Judged:
    last = -1 if place == -1 else place
    chosen = [
        (row, found) for row, found in zip(rows, scores, strict=True) if place < len(row.ends) - 1
    ]
    columns = [
        (found[last], row.labels[last], row.labels[-1], row.question, row.draws)
        for row, found in chosen
    ]
    return Judged(*np.array(columns, dtype=np.float64).T)


def step_figures(judged: Judged) -> dict[str, float | None]:
    right, wrong = judged.draws * judged.correct, judged.draws * (1 - judged.correct)
    within: list[float] = []
    for question in np.unique(judged.question):
        mine = judged.question == question
        area = auroc(judged.score[mine], right[mine], wrong[mine])
        within += [] if area is None else [area]
    return {
        "auroc_within_questions": _mean(within),
        "auroc_pooled": auroc(judged.score, right, wrong),
        "calibration_error": calibration_error(judged.score, judged.label, judged.draws),
    }


class Share(NamedTuple):
    """A share with its 95 % interval; None where nothing was counted."""

    value: float | None
    low: float | None = None
    high: float | None = None


def wilson(value: float, count: int) -> Share:
    """A share of `count` independent cases with Wilson's interval.

    For the mean of several draws a question, `count` is the number of questions: never too narrow.
    """
    z = 1.959964
    middle = (value + z * z / (2 * count)) / (1 + z * z / count)
    half = z * math.sqrt(value * (1 - value) / count + (z / (2 * count)) ** 2) / (1 + z * z / count)
    return Share(
        *(round(max(0.0, min(1.0, each)), 4) for each in (value, middle - half, middle + half))
    )


def _by_level(asked: list[Asked], texts: list[list[list[int]]]) -> dict[str, Share]:
    found: dict[str, list[float]] = defaultdict(list)
    for question, drawn in zip(asked, texts, strict=True):
        share = float(np.mean([answer_of(text) == question.target for text in drawn]))
        for name in (str(question.level), "all"):
            found[name].append(share)
    return {name: wilson(float(np.mean(found[name])), len(found[name])) for name in sorted(found)}


def _lines(asked: list[Asked], texts: list[list[list[int]]]) -> dict[str, dict[str, float | None]]:
    words = vocabulary()
    lines = [
        line
        for question, drawn in zip(asked, texts, strict=True)
        for text in drawn
        for line in read_lines(question.stages, [words[token] for token in text])
    ]
    return {
        name: {
            "right": _mean([line.right for line in lines if name in (str(line.kind), "all")]),
            "honest": _mean([line.honest for line in lines if name in (str(line.kind), "all")]),
            "wrong_but_marked_right": _mean(
                [
                    line.marked_right and not line.right
                    for line in lines
                    if name in (str(line.kind), "all")
                ]
            ),
        }
        for name in ("1", "2", "3", "all")
    }


def _mean(values: Sequence[float | bool]) -> float | None:
    return round(float(np.mean(values)), 4) if values else None
