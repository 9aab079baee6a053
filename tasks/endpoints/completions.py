"""A reply to /v1/completions, and whether it is one to what was asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, Field

from tasks.protocols import Confidence, Sampling
from tasks.statistics.confidence.tokens import TOP, confidence_of

COMPLETIONS = "/v1/completions"
LogProbability = Annotated[float, Field(le=1.0)]
"""Rounding may leave that of a certain token just above 0; what is far above is none."""


class Likeliest(BaseModel):
    """What a server tells of the tokens that were likeliest at each place."""

    top_logprobs: list[dict[str, LogProbability]] | None = None


class Ranked(BaseModel):
    """What it tells of one token of the prompt."""

    logprob: LogProbability


class Choice(BaseModel):
    """One child in a reply."""

    index: int
    finish_reason: Literal["stop", "length"]
    stop_reason: int | str | None = None
    """The token or text that it stopped at; None at the model's own end of text."""
    token_ids: list[int] | None = None
    logprobs: Likeliest | None = None
    prompt_logprobs: list[dict[int, Ranked] | None] | None = None

    @property
    def likeliest(self) -> list[dict[str, LogProbability]]:
        """Of every token the log-probabilities of the likeliest ones; none where not told."""
        return (self.logprobs and self.logprobs.top_logprobs) or []

    def confidence(self, sampling: Sampling) -> Confidence:
        """How sure the model was; ValueError where the server gave no log-probabilities."""
        # The token that was drawn stands with the likeliest ones, where it is none of them too.
        rows = [sorted(one.values(), reverse=True)[:TOP] for one in self.likeliest]
        return confidence_of(np.array(rows, dtype=np.float64), sampling.max_tokens)


class _Details(BaseModel):
    cached_tokens: int | None = None


class _Usage(BaseModel):
    prompt_tokens: int
    completion_tokens: int
    prompt_tokens_details: _Details | None = None


class Completions(BaseModel):
    """A reply to /v1/completions, its choices in the order of their index."""

    model: str
    choices: list[Choice]
    usage: _Usage

    @property
    def cached_tokens(self) -> int:
        """Prompt tokens that came from the prefix cache; 0 where the server does not tell."""
        details = self.usage.prompt_tokens_details
        return (details and details.cached_tokens) or 0


def read_completions(content: bytes, asked: Mapping[str, Any]) -> Completions:
    """The reply to a request; ValueError when it answers another one, or only a part of it."""
    reply = Completions.model_validate_json(content)
    # Servers may answer in any order; child i is the choice of index i.
    reply.choices.sort(key=lambda choice: choice.index)
    indices = [choice.index for choice in reply.choices]
    _check_same("model", asked["model"], reply.model)
    _check_same("draws", list(range(asked.get("n", 1))), indices)
    _check_same("prompt tokens", len(asked["prompt"]), reply.usage.prompt_tokens)
    if not 0 <= reply.cached_tokens <= len(asked["prompt"]):
        raise ValueError(
            f"cached_tokens: expected 0 to the {len(asked['prompt'])} of the prompt, "
            f"got {reply.cached_tokens}"
        )
    if asked.get("return_token_ids"):
        generated = sum(len(choice.token_ids or ()) for choice in reply.choices)
        _check_same("generated tokens", generated, reply.usage.completion_tokens)
        for choice in reply.choices:
            _check_draw(choice, asked)
            if asked.get("logprobs"):
                given = len(choice.likeliest)
                _check_same("tokens with logprobs", len(choice.token_ids or ()), given)
    return reply


def _check_draw(choice: Choice, asked: Mapping[str, Any]) -> None:
    token_ids = choice.token_ids or []
    if not 0 < len(token_ids) <= asked["max_tokens"]:
        raise ValueError(
            f"expected 1 to {asked['max_tokens']} token ids a draw, got {len(token_ids)}"
        )
    if choice.finish_reason != "stop" or choice.stop_reason in asked.get("stop", ()):
        return
    if token_ids[-1] not in asked["stop_token_ids"]:
        raise ValueError(
            "expected a draw that stops to end in one of the stop tokens, "
            f"got token {token_ids[-1]}"
        )


def _check_same(what: str, expected: object, got: object) -> None:
    if expected != got:
        raise ValueError(f"{what}: expected {expected}, got {got}")
