"""The table of an endpoint: a server that speaks chat completions and gives texts alone."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from warehouse.errors import UserError

_OF_THE_STUDY = ("model", "messages", "n", "seed", "temperature", "top_p", "top_k")
_LIMITS = ("max_tokens", "max_completion_tokens")
ASKED = frozenset((*_OF_THE_STUDY, *_LIMITS, "stream", "stop", "tools", "logprobs"))
"""Fields of a request that are said elsewhere, or would change what a reply is."""
_SECRET = re.compile(r"(?i)api.?key|authorization|secret|password")


@dataclass(frozen=True, slots=True)
class Price:
    """What a million tokens cost, in whatever money."""

    prompt: float = 0.0
    generated: float = 0.0
    cached: float | None = None
    """Of prompt tokens that came from a cache; None: as the others."""

    @property
    def of_cached(self) -> float:
        """What a million cached prompt tokens cost."""
        return self.prompt if self.cached is None else self.cached

    def __post_init__(self) -> None:
        for name in ("prompt", "generated", "cached"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise UserError(
                    f"study: expected {name} of a price to be 0 or more, the money for a million "
                    f"tokens, got {value}; write it as your bill has it"
                )


def check_priced(prices: Mapping[str, Price], models: Sequence[str]) -> None:
    """UserError for the price of a model that the study does not name."""
    for model in prices:
        if model not in models:
            raise UserError(
                f"study: expected prices of its models ({', '.join(models)}), got one of "
                f"{model!r}; write a model as the study names it"
            )


@dataclass(frozen=True, slots=True)
class Cap:
    """What a run may spend at an endpoint, over all its sittings."""

    tokens: int | None = None
    """Read and generated."""
    money: float | None = None

    def __post_init__(self) -> None:
        _check_least("cap.tokens", self.tokens, 1)
        _check_least("cap.money", self.money, 0)


@dataclass(frozen=True, slots=True)
class Endpoint:
    """A server that speaks chat completions; a model there is known by its texts alone."""

    model: str
    """As the study names it."""
    url: str
    """Base address, e.g. `https://host/v1`."""
    name: str | None = None
    """What the server calls it; None: as the study does."""
    api_key_env: str | None = None
    """Environment variable that holds the key; None: it wants none."""
    price: Price | None = None
    cap: Cap | None = None
    concurrency: int = 16
    """Requests that are open at once."""
    requests_per_minute: float | None = None
    extra: dict[str, Any] = field(default_factory=dict[str, Any])
    """Fields passed on as they are, e.g. `reasoning_effort`; others are another model version."""

    @property
    def served_name(self) -> str:
        """What the server calls the model."""
        return self.name or self.model

    @property
    def root(self) -> str:
        """The address without `/v1`."""
        return self.url.rstrip("/").removesuffix("/v1")

    def __post_init__(self) -> None:
        _check_url(self.url)
        _check_least("concurrency", self.concurrency, 1)
        # Slower than one an hour is a mistake in the unit.
        _check_least("requests_per_minute", self.requests_per_minute, 1 / 60)
        _check_extra(self.extra)
        if self.cap and self.cap.money is not None and self.price is None:
            raise UserError(
                f"study: expected a price beside cap.money of endpoint {self.model!r}, got none; "
                "add price = { prompt = …, generated = … }, or cap its tokens"
            )


def _check_url(url: str) -> None:
    # A user, password or query in an address would be a secret in a file that is stored.
    if not re.fullmatch(r"https?://[^\s/:@?#]+(:\d+)?(/[^\s@?#]*)?", url):
        shown = re.sub(r"//[^/]*@", "//…@", url.partition("?")[0])
        raise UserError(
            "study: expected the url of an endpoint such as https://host/v1, without user, "
            f"password or query, got {shown!r}; keys come from the variable of api_key_env"
        )


def _check_extra(extra: dict[str, Any]) -> None:
    for name in extra:
        if name in ASKED:
            raise UserError(
                f"study: expected extra of an endpoint without {name!r}, which is said by the "
                "study's own keys or decides what a reply is; take it out"
            )
        if _SECRET.search(name):
            raise UserError(
                f"study: expected no secret in extra of an endpoint, got the field {name!r}; "
                "keys come from the variable of api_key_env"
            )


def _check_least(name: str, value: float | None, least: float) -> None:
    if value is not None and not value >= least:
        raise UserError(f"study: {name} of an endpoint must be at least {least:g}, got {value}")
