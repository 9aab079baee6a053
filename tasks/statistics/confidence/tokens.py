"""The few numbers that stand for the log-probabilities of a completion's tokens (METHOD §13)."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from tasks.protocols import Confidence, Fall
from tasks.statistics.arrays import Floats

TOP: Final = 20
"""Likeliest tokens whose log-probabilities are looked at (Fu et al., arXiv 2508.15260)."""
LONGEST_WINDOW: Final = 2_048
"""Tokens of a window; of completions below ten times as many it is a tenth."""
GRAIN: Final = 64
"""Steps of a confidence of 1 in which falls are told: a long slide is then a few numbers."""
LEAST_LOGPROB: Final = -9_999.0
"""In place of minus infinity, as vLLM's server writes it."""


def confidence_of(tops: Floats, most: int | None = None) -> Confidence:
    """The confidence of a draw by log-probabilities (tokens, of the likeliest at each).

    A token's is −(1/k) Σ log p over the k likeliest. Windows slide by one token. With `most`, the
    tokens that a draw may have, it is told too where confidence falls. ValueError for no token, and
    where they are not known.
    """
    if not tops.size or np.isnan(tops).any():
        raise ValueError(f"expected log-probabilities of 1 token or more, got {tops.shape}")
    tokens = -np.maximum(tops, LEAST_LOGPROB).mean(axis=1)
    window = min(LONGEST_WINDOW, math.ceil(tokens.size / 10))
    summed = np.concatenate([[0.0], np.cumsum(tokens)])
    windows = (summed[window:] - summed[:-window]) / window
    # A tenth of them, rounded up, so that there is one.
    lowest = np.sort(windows)[: math.ceil(windows.size / 10)]
    return Confidence(
        lowest=float(lowest.mean()),
        mean=float(tokens.mean()),
        tail=float(tokens[-window:].mean()),
        falls=() if most is None else _falls(summed, most),
    )


def _falls(summed: Floats, most: int) -> tuple[Fall, ...]:
    """Of the sums of a draw's first tokens, from 0 tokens on; one fall at least.

    The window must be known before the draw's length is: a tenth of what it may have. A draw
    shorter than that has one window.
    """
    tokens = summed.size - 1
    window = min(LONGEST_WINDOW, math.ceil(most / 10), tokens)
    means = (summed[window:] - summed[:-window]) / window
    grains = np.floor(means * GRAIN).astype(np.int64)
    before = np.minimum.accumulate(grains)[:-1]
    places = [0, *(np.flatnonzero(grains[1:] < before) + 1).tolist()]
    return tuple(Fall(window + place, int(grains[place])) for place in places)
