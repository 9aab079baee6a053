"""Accuracy by thinking cap: the figures of the thinking model's card (METHOD §12).

A trace is drawn once, up to the largest cap. Cut at a smaller one it is a trace of that cap, whose
end is written and whose answer is then drawn; where it ended by itself before, larger caps share
its answer.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import torch

from tasks.benchmarks.congruences import END
from tasks.statistics.arrays import Floats
from tasks.training.cards import Figures
from tasks.training.chains import resample, share
from tasks.training.decoder import Decoder
from tasks.training.measures import Share
from tasks.training.rollouts import Asked, answer_of
from tasks.training.sampling import Sampling, Texts, sample
from tasks.training.thinking.traces import end_of_thinking, thinking_prompt
from tasks.training.tokenizer import END_THINKING, Ids, token_ids

CAPS = (32, 64, 128, 256, 512)
"""Thinking caps in tokens; a question of three easy stages takes about 40."""
ANSWER_TOKENS = 16
"""Reserved for the answer: that of five unknowns takes 12."""
POSITIONS = 1024
"""Longest text that a decoder must hold."""


class Capped(NamedTuple):
    """Figures by (question, draw) at one cap."""

    correct: Floats
    answered: Floats
    """1 where the answer is whole."""
    forced: Floats
    """1 where the cap cut the thinking."""
    thinking: Floats
    """Tokens of thinking."""
    answer: Floats
    """Tokens of the answer."""


class Measured(NamedTuple):
    """What caps gave, and what they took together."""

    by_cap: dict[int, Capped]
    answers: int
    """Tokens of all answers that were drawn: caps that share one count it once."""


def measure_thinking(
    weights: Decoder,
    *,
    asked: list[Asked],
    seed: int,
    draws: int = 4,
    caps: tuple[int, ...] = CAPS,
) -> Figures:
    """Accuracy by cap, overall and by level, how often a cap cut, and what all caps cost together.

    `tokens_of_all_caps` is relative to the tokens of the largest cap alone.
    """
    generator = torch.Generator().manual_seed(seed)
    measured = draw_by_cap(weights, asked, draws=draws, caps=caps, generator=generator)
    levels = np.array([question.level for question in asked])
    by_cap: Figures = {}
    by_level: Figures = {}
    for cap, capped in measured.by_cap.items():
        by_cap[str(cap)] = _figures(capped, seed=seed)
        by_level[str(cap)] = {
            str(level): _accuracy(capped.correct[levels == level], seed=seed)
            for level in sorted(set(levels.tolist()))
        }
    return {
        "questions": len(asked),
        "draws": draws,
        "temperature": 1.0,
        "tokens_of_all_caps": tokens_of_all(measured),
        "by_cap": by_cap,
        "by_level": by_level,
    }


def draw_by_cap(
    weights: Decoder,
    asked: list[Asked],
    *,
    draws: int,
    caps: tuple[int, ...],
    generator: torch.Generator,
) -> Measured:
    """Traces of every question up to the largest cap, and an answer at each cap."""
    prompts = [thinking_prompt(question.prompt) for question in asked]
    sampling = Sampling(copies=draws, stops=_stops(), max_tokens=max(caps), rows=256)
    traces = sample(weights, prompts, sampling=sampling, generator=generator)
    asking = _prefixes(prompts, traces, caps)
    sampling = Sampling(copies=1, stops=(token_ids()[END],), max_tokens=ANSWER_TOKENS)
    drawn = sample(weights, list(asking.values()), sampling=sampling, generator=generator)
    answers = {key: texts[0] for key, texts in zip(asking, drawn, strict=True)}
    return judge_draws(asked, traces, answers, caps)


Key = tuple[int, int, int]
"""Question, draw and number of its thinking tokens that are kept."""


def _stops() -> tuple[int, ...]:
    ids = token_ids()
    return ids[END_THINKING], ids[END]


def _thought(trace: Ids) -> Ids:
    """A trace without the token that ends it."""
    return trace[:-1] if trace and trace[-1] in _stops() else trace


def _prefixes(prompts: list[Ids], traces: Texts, caps: tuple[int, ...]) -> dict[Key, Ids]:
    """What is asked for an answer, each once: caps beyond a trace's own end share one."""
    asking: dict[Key, Ids] = {}
    for question, copies in enumerate(traces):
        for copy, trace in enumerate(copies):
            thought = _thought(trace)
            for cap in caps:
                kept = thought[:cap]
                prefix = [*prompts[question], *kept, *end_of_thinking()]
                asking[question, copy, len(kept)] = prefix
    return asking


def judge_draws(
    asked: list[Asked], traces: Texts, answers: dict[Key, Ids], caps: tuple[int, ...]
) -> Measured:
    """Figures of traces drawn up to the largest cap, and of the answers after their beginnings."""
    by_cap: dict[int, Capped] = {}
    for cap in caps:
        rows = [
            [
                _judge_draw(question.target, trace, answers, (number, copy, cap))
                for copy, trace in enumerate(copies)
            ]
            for number, (question, copies) in enumerate(zip(asked, traces, strict=True))
        ]
        # (questions, draws, figures), one array a figure.
        by_figure = np.moveaxis(np.array(rows, dtype=np.float64), -1, 0)
        by_cap[cap] = Capped(*by_figure)
    return Measured(by_cap, sum(map(len, answers.values())))


def _judge_draw(
    target: str, trace: Ids, answers: dict[Key, Ids], place: Key
) -> tuple[float, float, float, float, float]:
    """The figures of Capped for one draw; `place` is its question, its number and the cap."""
    question, copy, cap = place
    thought = _thought(trace)
    kept = min(len(thought), cap)
    # A trace without its end was cut at the largest cap.
    has_ended = len(thought) < len(trace) and len(thought) <= cap
    text = answers[question, copy, kept]
    answer = answer_of(text)
    return answer == target, answer is not None, not has_ended, kept, len(text)


def tokens_of_all(measured: Measured) -> float:
    """Tokens that all caps took together, relative to those of the largest alone."""
    largest = measured.by_cap[max(measured.by_cap)]
    thinking = largest.thinking.sum()
    alone = thinking + largest.answer.sum()
    return round(float((thinking + measured.answers) / alone), 4)


def _figures(capped: Capped, *, seed: int) -> Figures:
    return {
        "correct": _accuracy(capped.correct, seed=seed),
        "forced": _mean(capped.forced),
        "without_answer": _mean(1 - capped.answered),
        "thinking_tokens": _mean(capped.thinking),
    }


def _mean(values: Floats) -> float:
    return round(float(values.mean()), 4)


def _accuracy(correct: Floats, *, seed: int) -> Share:
    """Share of right draws with its interval over questions."""
    resampled = resample(len(correct), seed=seed)
    return share(correct, np.ones_like(correct), resampled)
