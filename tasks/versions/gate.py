"""The regression gate: a version significantly worse than the champion raises an alarm."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from typing import Final, NamedTuple

import httpx

from tasks.statistics.comparisons import Difference
from tasks.study.secrets import reveal
from tasks.study.tables import Gate
from tasks.versions.comparison import Compared, Comparison, adjusted
from warehouse.errors import UserError

# Whoever is called is somebody else's program: one that hangs must not hold up the night.
_SECONDS: Final = 60.0


class Worse(NamedTuple):
    """Where a newer version is significantly worse: at all budgets together, and at which."""

    overall: bool
    budgets: list[int]

    def __bool__(self) -> bool:
        return self.overall or bool(self.budgets)


def worse_at(compared: Compared, *, significance: float) -> Worse:
    """Where the newer version is significantly worse (`adjusted`).

    The p-values are two-sided and only losses count, so that two versions of equal worth raise an
    alarm with a chance of half the level, however many budgets are compared.
    """
    together, each = adjusted(compared)
    overall = compared.overall
    # An unknown p is NaN, which is below nothing: what cannot be tested raises no alarm.
    budgets = [
        one.budget
        for one, p in zip(compared.budgets, each.tolist(), strict=True)
        if p <= significance and one.gain.estimate.value < 0
    ]
    is_worse = overall is not None and together <= significance and overall.estimate.value < 0
    return Worse(is_worse, budgets)


def alarm_of(
    compared: Compared,
    *,
    significance: float,
    now: dict[str, object],
    champion: dict[str, object],
) -> str | None:
    """The alarm as JSON: the two versions and every budget; None where there is no regression."""
    worse = worse_at(compared, significance=significance)
    if not worse:
        return None
    # All budgets stand in it, not the worse ones alone: whoever is woken sees what still holds.
    budgets = [_budget_row(one, worse.budgets) for one in compared.budgets]
    overall = compared.overall and _row(compared.overall, is_worse=worse.overall)
    alarm = {
        "version": now,
        "champion": champion,
        "significance": significance,
        "worse_at": worse.budgets,
        "overall": overall,
        "budgets": budgets,
    }
    return json.dumps(alarm, default=str)


def _budget_row(one: Comparison, worse: Sequence[int]) -> dict[str, object]:
    return {
        "budget": one.budget,
        "accuracy": one.accuracy,
        "champion": one.before,
        **_row(one.gain, is_worse=one.budget in worse),
    }


def _row(gain: Difference, *, is_worse: bool) -> dict[str, object]:
    estimate = gain.estimate
    return {
        "worse": is_worse,
        "difference": estimate.value,
        "lo": estimate.lo,
        "hi": estimate.hi,
        "p": gain.p,
    }


def alarm_sentence(alarm: str) -> str:
    """`significantly worse than champion version 2 over all budgets (-0.16), at N = 4 (-0.12)`."""
    parsed = json.loads(alarm)
    losses = [
        f"at N = {one['budget']} ({one['difference']:+.2f})"
        for one in parsed["budgets"]
        if one["worse"]
    ]
    overall = parsed.get("overall")
    if overall and overall["worse"]:
        losses.insert(0, f"over all budgets ({overall['difference']:+.2f})")
    champion = parsed["champion"]["version"]
    return f"significantly worse than champion version {champion} {', '.join(losses)}"


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
