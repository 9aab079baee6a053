"""The regression gate: a version significantly worse than the champion raises an alarm."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Final

import httpx
import numpy as np

from tasks.statistics.comparisons import SIGNIFICANCE, holm
from tasks.study.secrets import reveal
from tasks.study.tables import Gate
from tasks.versions.comparison import Comparison
from warehouse.errors import UserError

# Whoever is called is somebody else's program: one that hangs must not hold up the night.
_SECONDS: Final = 60.0


def worse_at(compared: Sequence[Comparison]) -> list[int]:
    """Budgets at which the newer version is significantly worse, Holm-adjusted over all compared.

    The p-values are two-sided at SIGNIFICANCE and only losses count, so two versions of equal worth
    raise an alarm about once in forty nights, however many budgets are compared.
    """
    adjusted = holm(np.array([one.gain.p for one in compared], dtype=np.float64))
    # An unknown p is NaN, which is below nothing: what cannot be tested raises no alarm.
    return [
        one.budget
        for one, p in zip(compared, adjusted.tolist(), strict=True)
        if p <= SIGNIFICANCE and one.gain.estimate.value < 0
    ]


def alarm_of(
    compared: Sequence[Comparison], *, now: dict[str, object], champion: dict[str, object]
) -> str | None:
    """The alarm as JSON: the two versions and every budget; None where there is no regression."""
    worse = worse_at(compared)
    if not worse:
        return None
    # All budgets stand in it, not the worse ones alone: whoever is woken sees what still holds.
    budgets = [_budget_row(one, worse) for one in compared]
    alarm = {"version": now, "champion": champion, "worse_at": worse, "budgets": budgets}
    return json.dumps(alarm, default=str)


def _budget_row(one: Comparison, worse: Sequence[int]) -> dict[str, object]:
    gain = one.gain.estimate
    return {
        "budget": one.budget,
        "worse": one.budget in worse,
        "accuracy": one.accuracy,
        "champion": one.before,
        "difference": gain.value,
        "lo": gain.lo,
        "hi": gain.hi,
        "p": one.gain.p,
    }


def alarm_sentence(alarm: str) -> str:
    """`significantly worse than champion version 2 at N = 4 (-0.12), N = 16 (-0.20)`."""
    parsed = json.loads(alarm)
    losses = ", ".join(
        f"N = {one['budget']} ({one['difference']:+.2f})"
        for one in parsed["budgets"]
        if one["worse"]
    )
    return f"significantly worse than champion version {parsed['champion']['version']} at {losses}"


def deliver(gate: Gate, alarm: str) -> None:
    """Give the alarm to the gate's command, on its standard input, and to its webhook, by POST.

    Both are tried; UserError names the one that did not take it.
    """
    attempts = (_run(gate, alarm), _post(gate, alarm))
    problems = [problem for problem in attempts if problem]
    if problems:
        raise UserError(
            f"gate: {'; '.join(problems)}; "
            "the alarm is in the warehouse, event 'regressed' of the run"
        )


def _run(gate: Gate, alarm: str) -> str | None:
    """What went wrong with the command; None: nothing, or there is none."""
    if not gate.command:
        return None
    words = [reveal(word) for word in gate.command]
    # As the study has it: with its variables filled in it may hold a secret.
    name = gate.command[0]
    try:
        done = subprocess.run(
            [word.text for word in words],
            input=alarm,
            text=True,
            timeout=_SECONDS,
            check=False,
            capture_output=True,
        )
    except OSError as error:
        return f"expected command {name!r} to take the alarm, got {error.strerror!r}"
    except subprocess.TimeoutExpired:
        return f"expected command {name!r} to take the alarm, got nothing in {_SECONDS:.0f} s"
    if not done.returncode:
        return None
    # The last line: that is where a traceback or a shell names the reason.
    reason = (done.stderr.strip().splitlines() or ["nothing"])[-1]
    for word in words:
        reason = word.hide(reason)
    expected = f"expected command {name!r} to end with code 0"
    return f"{expected}, got {done.returncode}; it said: {reason}"


def _post(gate: Gate, alarm: str) -> str | None:
    """What went wrong with the webhook; None: nothing, or there is none."""
    if gate.webhook is None:
        return None
    address = reveal(gate.webhook).text
    headers = {"Content-Type": "application/json"}
    expected = f"expected webhook {gate.webhook} to take the alarm"
    try:
        answer = httpx.post(address, content=alarm, headers=headers, timeout=_SECONDS)
    # Not what they say of themselves: some name the address.
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        return f"{expected}, got {type(error).__name__}"
    return None if answer.is_success else f"{expected}, got status {answer.status_code}"
