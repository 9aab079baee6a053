"""Why a server cannot give exact draws, by its answer to the first request for a token."""

from __future__ import annotations

from typing import Any

from tasks.endpoints.statuses import Refusal
from tasks.engines.replica import Call
from warehouse.errors import UserError


def explain(url: str, probe: Call[Any], refusal: Refusal) -> UserError:
    """The refusal of a token, with what this server lacks where that is why."""
    complaint = refusal.complaint
    said = f"got {complaint.said}"
    # No such page, or none for this: a server that speaks chat alone.
    if complaint.status in (404, 405):
        return misfit(url, probe, said)
    named = [field for field in probe.body if complaint.names(field)]
    if complaint.status not in (400, 422) or not named:
        return refusal
    return misfit(url, probe, f"and its field {named[0]!r}, {said}")


def misfit(url: str, probe: Call[Any], why: str) -> UserError:
    """The sentence for a server that answers, but not as exact draws need."""
    return UserError(
        f"engine: expected {url} to answer {probe.path} {why}; serve the model with `vllm serve`, "
        "or ask this server for chat completions by an [[endpoints]] table"
    )
