"""Which fields a chat server takes, learnt from what it refuses: a refusal costs nothing."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tasks.endpoints.statuses import Complaint, Refusal
from tasks.protocols import Sampling
from tasks.study.endpoints import Endpoint

CHAT = "/v1/chat/completions"
_SEEDS = 2**31
"""Some servers take no seed of more than 31 bits."""


@dataclass(slots=True)
class Dialect:
    """How requests to one endpoint are written."""

    endpoint: Endpoint
    limit: str = "max_tokens"
    """What the limit of a reply is called here."""
    left_out: set[str] = field(default_factory=set[str])
    """Fields that this server does not take and that change no law: a seed, what is neutral."""
    several: bool | None = None
    """Whether one request may ask for several draws; None: not yet known."""

    def body(
        self, messages: Sequence[Any], n: int, *, sampling: Sampling, seed: int
    ) -> dict[str, Any]:
        """A request for n draws."""
        fields: dict[str, Any] = {
            "model": self.endpoint.served_name,
            "messages": list(messages),
            self.limit: sampling.max_tokens,
            # Said outright even where neutral: some servers take what is not said from the
            # model's generation_config.json.
            "temperature": sampling.temperature,
            "top_p": sampling.top_p,
            "seed": seed % _SEEDS,
        }
        if sampling.top_k:
            fields["top_k"] = sampling.top_k
        if n > 1:
            fields["n"] = n
        kept = {name: value for name, value in fields.items() if name not in self.left_out}
        return kept | self.endpoint.extra

    def adapt(self, complaint: Complaint, body: dict[str, Any]) -> bool:
        """Whether the request may be written in another way that means the same."""
        if complaint.status not in (400, 422):
            return False
        if self.limit == "max_tokens" and "max_completion_tokens" in complaint.words:
            self.limit = "max_completion_tokens"
            return True
        dropped = next((one for one in _neutral(body) if complaint.names(one)), None)
        if dropped is None:
            return False
        if dropped == "n":
            self.several = False
        self.left_out.add(dropped)
        return True

    def blame(self, refusal: Refusal, body: dict[str, Any]) -> Refusal:
        """The refusal, with the field of the study that this server does not take."""
        named = ("top_k", "top_p", "temperature", *self.endpoint.extra)
        blamed = [one for one in named if one in body and refusal.complaint.names(one)]
        if refusal.complaint.status not in (400, 422) or not blamed:
            return refusal
        value = json.dumps(body[blamed[0]])
        sentence = (
            f"engine: expected {self.endpoint.root} to take {blamed[0]} = {value}, got "
            f"HTTP {refusal.complaint.status} {refusal.complaint.words}; "
            "take it out of the study, or ask a server that has it"
        )
        return Refusal(sentence, refusal.complaint)


def _neutral(body: dict[str, Any]) -> list[str]:
    """Fields without which the law of a draw is the same."""
    ones = [name for name in ("temperature", "top_p") if body.get(name) == 1]
    return [name for name in ("seed", "n", *ones) if name in body]
