"""The regression gate: a new model version that is significantly worse than the champion raises an alarm."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Final

import httpx
import numpy as np

from tasks.statistics.multiplicity import SIGNIFICANCE, holm
from tasks.study.tables import Gate
from tasks.versions.comparison import Comparison
from warehouse.errors import UserError

_SECONDS: Final = 60.0


def worse_at(compared: Sequence[Comparison]) -> list[int]:
    """Budgets at which the newer version is significantly worse, Holm-adjusted over all that were compared.

    The p-values are two-sided at SIGNIFICANCE and only losses count, so two versions of equal worth raise an alarm
    about once in forty nights, however many budgets are compared.
    """
    adjusted = holm(np.array([one.gain.p for one in compared], dtype=np.float64))
    return [
        one.budget
        for one, p in zip(compared, adjusted.tolist(), strict=True)
        if p <= SIGNIFICANCE and one.gain.estimate.value < 0
    ]


def alarm_of(
    compared: Sequence[Comparison], *, now: dict[str, object], champion: dict[str, object]
) -> str | None:
    """What the alarm tells, as JSON: the two versions and every budget; None where there is no regression."""
    worse = worse_at(compared)
    if not worse:
        return None
    budgets = [
        {
            "budget": one.budget,
            "worse": one.budget in worse,
            "accuracy": one.accuracy,
            "champion": one.before,
            "difference": one.gain.estimate.value,
            "lo": one.gain.estimate.lo,
            "hi": one.gain.estimate.hi,
            "p": one.gain.p,
        }
        for one in compared
    ]
    return json.dumps(
        {"version": now, "champion": champion, "worse_at": worse, "budgets": budgets}, default=str
    )


def alarm_sentence(told: str) -> str:
    """The verdict in one sentence: `worse than champion version 2 at N = 4 (−0.12), N = 16 (−0.20)`."""
    parsed = json.loads(told)
    lost = ", ".join(
        f"N = {one['budget']} ({one['difference']:+.2f})"
        for one in parsed["budgets"]
        if one["worse"]
    )
    return f"significantly worse than champion version {parsed['champion']['version']} at {lost}"


def deliver(gate: Gate, told: str) -> None:
    """Give the verdict to the gate's command, on its standard input, and to its webhook, by POST.

    Both are tried; UserError names the one that did not take it.
    """
    failed = [problem for problem in (_run(gate, told), _post(gate, told)) if problem]
    if failed:
        raise UserError(
            f"gate: {'; '.join(failed)}; the verdict is in the warehouse, event 'regressed' of the run"
        )


def _run(gate: Gate, told: str) -> str | None:
    if not gate.command:
        return None
    try:
        done = subprocess.run(
            gate.command, input=told, text=True, timeout=_SECONDS, check=False, capture_output=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"expected command {gate.command[0]!r} to take the verdict, got {error}"
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["nothing"])[-1]
        return f"expected command {gate.command[0]!r} to end with code 0, got {done.returncode}; it said: {said}"
    return None


def _post(gate: Gate, told: str) -> str | None:
    if gate.webhook is None:
        return None
    try:
        httpx.post(
            gate.webhook,
            content=told,
            headers={"Content-Type": "application/json"},
            timeout=_SECONDS,
        ).raise_for_status()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"expected webhook {gate.webhook} to take the verdict, got {error}"
    return None
