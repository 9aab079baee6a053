"""What generators and verifiers are worth on validation questions: the figures of their cards."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from functools import partial
from typing import NamedTuple

import numpy as np
import torch

from tasks.benchmarks.congruences import Line, read_lines, vocabulary
from tasks.statistics import intervals
from tasks.statistics.arrays import Floats
from tasks.training.cards import Figures
from tasks.training.decoder import Decoder
from tasks.training.rollouts import Asked, Labelled, answer_of, ask, draw
from tasks.training.sampling import Texts
from tasks.training.verifier import ProcessRewardModel, step_scores

Values = dict[str, float | None]
"""Name → value; None where nothing was counted."""


class Judged(NamedTuple):
    """One step of many completions; each array has an entry a completion."""

    score: Floats
    """What the verifier says of the step."""
    label: Floats
    """Its soft label, in [0, 1]."""
    correct: Floats
    """1 where the whole completion is right, else 0."""
    question: Floats
    """Number of its question."""
    draws: Floats
    """How often the completion was drawn: its weight."""


def measure_generator(
    weights: Decoder, *, questions: int, draws: int, temperature: float, seed: int
) -> Figures:
    """Accuracy by level, what lines of each kind are worth, and completions without an answer."""
    # The questions never depend on the seed: versions are measured on the same ones.
    asked = ask("validation", questions, seed=0)
    prompts = [question.prompt for question in asked]
    generator = torch.Generator().manual_seed(seed)
    ready = partial(draw, weights, prompts, generator=generator)
    texts = ready(copies=draws, temperature=temperature)
    greedy = ready(copies=1, temperature=0.0)
    answers = [answer_of(text) for copies in texts for text in copies]
    lines = _read_all_lines(asked, texts)
    return {
        "questions": questions,
        "draws": draws,
        "temperature": temperature,
        "accuracy_by_level": _accuracy_by_level(asked, texts),
        "greedy_by_level": _accuracy_by_level(asked, greedy),
        "lines_by_kind": _figures_by_kind(lines),
        "without_answer": _mean([answer is None for answer in answers]),
    }


def measure_prm(verifier: ProcessRewardModel, rows: list[Labelled]) -> Figures:
    """Areas under the curve within and across questions, and calibration: by step, and the last."""
    places = [(row.ids, row.ends) for row in rows]
    scores = step_scores(verifier, places)
    # Every row's last place is its end, the place after its last step.
    longest = max(len(row.ends) for row in rows)
    steps = longest - 1
    by_step: dict[str, Values] = {}
    for step in range(steps):
        judged = _judge_place(rows, scores, place=step)
        by_step[str(step + 1)] = step_figures(judged)
    finished = _judge_place(rows, scores, place=-1)
    by_step["last"] = step_figures(finished)
    return {
        "questions": len({row.question for row in rows}),
        "draws": sum(row.draws for row in rows),
        "steps": by_step,
    }


def auroc(score: Floats, positive: Floats, negative: Floats) -> float | None:
    """Chance that a positive outscores a negative (ties half), by weights; None without both."""
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        return None
    # By distinct score, from the lowest: no pair is looked at alone.
    values, place = np.unique(score, return_inverse=True)
    count = len(values)
    positives = np.bincount(place, positive, count)
    negatives = np.bincount(place, negative, count)
    # Weight of the negatives with a lower score than each value's.
    below = np.cumsum(negatives) - negatives
    # A tie counts half.
    beaten = below + 0.5 * negatives
    won = positives * beaten
    return float(won.sum() / pairs)


def calibration_error(score: Floats, label: Floats, draws: Floats) -> float:
    """Expected calibration error over ten bins of equal width."""
    # A score of 1 belongs to the last bin; there is no eleventh.
    tenth = (score * 10).astype(int)
    place = np.minimum(tenth, 9)
    gaps = (score - label) * draws
    # Summed before the absolute value: within a bin scores too high and too low make up for
    # each other.
    by_bin = np.bincount(place, gaps, 10)
    total = np.abs(by_bin).sum()
    return float(total / draws.sum())


def _judge_place(rows: list[Labelled], scores: list[list[float]], *, place: int) -> Judged:
    """One step of all rows that have it; place −1 is the finished completion."""
    columns: list[tuple[float, ...]] = []
    for row, scored in zip(rows, scores, strict=True):
        # The end of a completion is judged as the last place only, never as a step.
        if place < len(row.ends) - 1:
            label = row.labels[place]
            correct = row.labels[-1]
            columns.append((scored[place], label, correct, row.question, row.draws))
    table = np.array(columns, dtype=np.float64)
    return Judged(*table.T)


def step_figures(judged: Judged) -> Values:
    """Areas under the curve and calibration error of one step; None where nothing can be ranked."""
    right = judged.draws * judged.correct
    wrong = judged.draws * (1 - judged.correct)
    # Within a question is what a search needs: there all candidates are of one difficulty.
    within: list[float] = []
    for question in np.unique(judged.question):
        mine = judged.question == question
        scores = judged.score[mine]
        area = auroc(scores, right[mine], wrong[mine])
        # A question whose completions are all right, or all wrong, ranks nothing.
        if area is not None:
            within.append(area)
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
    ends = intervals.wilson(value, None, count)
    return Share(_in_unit(value), _in_unit(ends.lo), _in_unit(ends.hi))


def _in_unit(value: float) -> float:
    # Rounding can put an end of the interval just outside of [0, 1].
    return round(max(0.0, min(1.0, value)), 4)


def _accuracy_by_level(asked: list[Asked], texts: Texts) -> dict[str, Share]:
    """Level, and `all` → mean over questions of the share of right draws."""
    shares: dict[str, list[float]] = defaultdict(list)
    for question, copies in zip(asked, texts, strict=True):
        right = [answer_of(text) == question.target for text in copies]
        # A question counts once, however many draws it has.
        share = float(np.mean(right))
        shares[str(question.level)].append(share)
        shares["all"].append(share)
    accuracies: dict[str, Share] = {}
    for name, by_question in sorted(shares.items()):
        mean = float(np.mean(by_question))
        accuracies[name] = wilson(mean, len(by_question))
    return accuracies


def _read_all_lines(asked: list[Asked], texts: Texts) -> list[Line]:
    """What the lines of all completions say."""
    words = vocabulary()
    lines: list[Line] = []
    for question, copies in zip(asked, texts, strict=True):
        for text in copies:
            spelled = [words[token] for token in text]
            lines += read_lines(question.stages, spelled)
    return lines


def _figures_by_kind(lines: list[Line]) -> dict[str, Values]:
    """Kind of stage, and `all` → how often a line is right, true in all it says, wrongly marked.

    The last sets how good a verifier can become: wrong guesses that are marked right mislead it.
    """
    figures: dict[str, Values] = {}
    for name in ("1", "2", "3", "all"):
        mine = [line for line in lines if name in ("all", str(line.kind))]
        misleading = [line.marked_right and not line.right for line in mine]
        figures[name] = {
            "right": _mean([line.right for line in mine]),
            "honest": _mean([line.honest for line in mine]),
            "wrong_but_marked_right": _mean(misleading),
        }
    return figures


def _mean(values: Sequence[float | bool]) -> float | None:
    # Nothing counted is unknown, never 0.
    if not values:
        return None
    return round(float(np.mean(values)), 4)
