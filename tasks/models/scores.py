"""How scores are read from a served model: outputs of a head, or log-probabilities of tokens."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable
from pathlib import Path

from tasks.models.tokenizers import load_tokenizer, token_id
from tasks.protocols import ServedModel, VerifierFailure

Prefixes = list[list[int]]
"""Token ids up to each place where a score is read; every one begins with the one before."""

Read = Callable[[ServedModel, Prefixes], Awaitable[list[float]]]
"""The scores at the end of every prefix."""


async def read_labels(served: ServedModel, prefixes: Prefixes) -> list[float]:
    """Chance of the second of two labels, `bad` and `good`, at every step token."""
    # The softmax of two outputs is the sigmoid of their difference.
    rows = await _rows(served, prefixes, width=2)
    return [_sigmoid(good - bad) for bad, good in rows]


async def read_values(served: ServedModel, prefixes: Prefixes) -> list[float]:
    """Sigmoid of the one output: published reward models put out a logit, not a chance."""
    rows = await _rows(served, prefixes, width=1)
    return [_sigmoid(value) for (value,) in rows]


async def _rows(served: ServedModel, prefixes: Prefixes, *, width: int) -> list[list[float]]:
    """What the head puts out at the last token of every prefix, all from one request."""
    places = [len(prefix) - 1 for prefix in prefixes]
    rows = await served.head_rows(prefixes[-1], places)
    widths = [len(row) for row in rows]
    if widths != [width] * len(prefixes):
        raise VerifierFailure(
            f"expected {len(prefixes)} rows of {width} outputs, got rows of {widths}; "
            "is verifier.format right?"
        )
    return rows


def next_token_reader(folder: Path, texts: tuple[str, str], *, name: str) -> Read:
    """P(good) / (P(good) + P(bad)) of the next token, whatever else the model would have said.

    `texts` are the good one and the bad one; UserError where one is not one token.
    """
    tokenizer = load_tokenizer(folder)
    advice = f"verifier.format {name!r} does not fit the model in {folder}"
    good_token, bad_token = (token_id(tokenizer, text, advice) for text in texts)

    async def read(served: ServedModel, prefixes: Prefixes) -> list[float]:
        wanted = [good_token, bad_token]
        # All at once, so that the engine can read them in one batch.
        asked = [served.next_logprobs(prefix, wanted) for prefix in prefixes]
        return [_sigmoid(good - bad) for good, bad in await asyncio.gather(*asked)]

    return read


async def read_likelihood(served: ServedModel, prefixes: Prefixes) -> list[float]:
    """exp of the mean log-probability of what was written, at the end of every step."""
    prompt, *longer = prefixes
    logprobs = await served.token_logprobs(prefixes[-1])
    scores: list[float] = []
    for prefix in longer:
        # The text's first token has no log-probability: each stands one place before its token.
        written = logprobs[len(prompt) - 1 : len(prefix) - 1]
        mean = _finite(math.fsum(written) / len(written))
        # Rounding in the model may leave a certain token a log-probability just above 0.
        scores.append(min(1.0, math.exp(mean)))
    return scores


def _sigmoid(value: float) -> float:
    """1 / (1 + exp(-value)), without overflow on either side."""
    # The exponential of a number that is not above 0 cannot overflow.
    small = math.exp(-abs(_finite(value)))
    if value >= 0:
        return 1 / (1 + small)
    return small / (1 + small)


def _finite(value: float) -> float:
    """The value; VerifierFailure for NaN or infinity, since such a score is missing and never 0."""
    if not math.isfinite(value):
        raise VerifierFailure(f"expected a finite number from the model, got {value}")
    return value
