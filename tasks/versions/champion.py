"""Champion or candidate: where a model version stands in its family, as events of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

from tasks.runs.events import PATIENCE_SECONDS, note
from tasks.versions.comparison import compare
from tasks.versions.gate import alarm_of
from tasks.versions.promotion import Decision, decide
from tasks.versions.reigns import challenge_of, reign_of, significance_of
from tasks.versions.version import (
    ANY,
    Scope,
    Version,
    find_versions,
    measurements_of,
    newest_run_of,
    study_of,
    version_of,
    worths_of_runs,
)
from warehouse.errors import UserError
from warehouse.reader import Reader
from warehouse.store import Store


def compare_with_champion(folder: Path, run_id: str) -> bool:
    """Whether a complete run's model version is significantly worse than its family's champion.

    Then the alarm is written as event 'regressed'. Writes event 'promoted' or 'candidate' with the
    reason. The champion measured again by the same study stays champion with the newer run, for
    the reason it has. Versions older than the champion are not compared: the study shows them
    beside it. A version rolled back by hand is not promoted again but by hand.
    """
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        now = version_of(store, run_id)
        decision, alarm = _judge(store, now)
        if alarm:
            note(store, run_id, "regressed", alarm)
        if decision:
            note(store, run_id, "promoted" if decision.promoted else "candidate", decision.why)
        store.publish_snapshot()
        return alarm is not None


class _Judgement(NamedTuple):
    """What follows from a night for the standing of a version."""

    decision: Decision | None
    """None where nothing changes."""
    alarm: str | None = None
    """JSON; None where there is no regression."""


def _judge(store: Store, now: Version) -> _Judgement:
    champion = champion_of(store, now)
    if champion is None:
        return _Judgement(Decision(True, "the first version of its family on this benchmark"))
    if champion["model_fingerprint"] == now.model_fingerprint:
        # Promoted once more, so that what is served and shown comes from the newest measurement.
        # Another study of the same model measures something else and leaves the standing alone.
        again = version_of(store, champion["run_id"]).study == now.study
        return _Judgement(Decision(True, champion["why"]) if again else None)
    if now.version < champion["version"]:
        return _Judgement(None)
    return _judge_newer(store, now, champion)


def _judge_newer(store: Store, now: Version, champion: dict[str, Any]) -> _Judgement:
    """A newer version against the champion's newest run on the same questions."""
    rival = newest_run_of(store, now, model_fingerprint=champion["model_fingerprint"])
    if rival is None:
        why = (
            f"champion version {champion['version']} was not measured on these questions; "
            "run the study with it"
        )
        return _Judgement(Decision(False, why))
    if rival.grader != now.grader:
        why = (
            f"champion version {champion['version']} was judged by grader {rival.grader}, this one "
            f"by {now.grader}; judge it anew with ttc regrade {rival.run_id}, then run the study"
        )
        return _Judgement(Decision(False, why))
    return _compare_measured(store, now, rival)


def _compare_measured(store: Store, now: Version, rival: Version) -> _Judgement:
    """All that was measured of a version against all that was of the champion."""
    reign = reign_of(store, now)
    place = reign.place_of(challenge_of(store, now))
    significance = significance_of(place)
    mine = [one for _, one in measurements_of(store, now)]
    theirs = reign.reference(measurements_of(store, rival))
    runs = [one.run_id for one in (*mine, *theirs)]
    worths = worths_of_runs(store, *runs)
    study = study_of(store, now.run_id)
    compared = compare(
        worths[: len(mine)],
        worths[len(mine) :],
        budgets=study.headline_budgets,
        seed=study.seed,
    )
    alarm = alarm_of(
        compared, significance=significance, now=now.as_dict(), champion=rival.as_dict()
    )
    decision = decide(compared, significance=significance)
    why = (
        f"{decision.why} (comparison {place} with this champion, which was measured "
        f"{len(theirs)}×, at significance {significance:.2g})"
    )
    said = Decision(decision.promoted, why)
    return _Judgement(_unless_rolled_back(store, now, said), alarm)


def _unless_rolled_back(store: Store, now: Version, decision: Decision) -> Decision:
    """The decision; what a person took back, no night promotes again."""
    standing, _ = standing_of(store, now) or (None, None)
    if not decision.promoted or standing != "rolled_back":
        return decision
    return Decision(False, f"rolled back by hand before; promote it by hand ({decision.why})")


def champion_of(store: Reader, like: Version) -> dict[str, Any] | None:
    """The row of view `champions` for the family and benchmark of a version; None: none yet."""
    rows = store.read(
        "SELECT * FROM champions WHERE family = $family AND benchmark = $benchmark",
        family=like.family,
        benchmark=like.benchmark,
    ).to_dicts()
    return rows[0] if rows else None


def standing_of(store: Reader, version: Version) -> tuple[str, str] | None:
    """Where a version stands and why, in the words of view `standings`; None: never compared."""
    rows = store.read(
        "SELECT standing, why FROM standings "
        "WHERE family = $family AND benchmark = $benchmark AND version = $version",
        family=version.family,
        benchmark=version.benchmark,
        version=version.version,
    ).rows()
    if not rows:
        return None
    standing, why = rows[0]
    return str(standing), str(why)


def promote(store: Store, name: str, *, scope: Scope = ANY) -> Version:
    """The model version that is champion from now on, by hand.

    `name` is a version number, a model's name or a run.
    """
    chosen = find_versions(store, name, scope=scope)[0]
    note(store, chosen.run_id, "promoted", "by hand")
    store.publish_snapshot()
    return chosen


def rollback(store: Store, *, scope: Scope = ANY) -> tuple[Version, Version]:
    """(the version that was champion, the one before it that now is again).

    UserError when there is none before, or when several champions could be meant.
    """
    now = version_of(store, _one_champion(store, scope)["run_id"])
    former = _former_champion(store, now)
    if former is None:
        raise UserError(
            f"rollback: expected a champion of {now.family} before version {now.version}, "
            "there was none; promote another version: ttc policy promote VERSION"
        )
    note(store, now.run_id, "rolled_back", "by hand")
    store.publish_snapshot()
    return now, version_of(store, former)


def _former_champion(store: Reader, now: Version) -> str | None:
    """The run of the champion promoted last before a version of its track; None: there is none."""
    # Versions rolled back do not stand as 'former': a second rollback goes one further back.
    rows = store.read(
        "SELECT run_id FROM standings "
        "WHERE family = $family AND benchmark = $benchmark AND standing = 'former' "
        "ORDER BY promoted_at DESC LIMIT 1",
        family=now.family,
        benchmark=now.benchmark,
    ).rows()
    return str(rows[0][0]) if rows else None


def _one_champion(store: Reader, scope: Scope) -> dict[str, Any]:
    rows = store.read("SELECT * FROM champions ORDER BY family, benchmark").to_dicts()
    meant = [
        row
        for row in rows
        if scope.family in (None, row["family"]) and scope.benchmark in (None, row["benchmark"])
    ]
    if len(meant) == 1:
        return meant[0]
    # Several meant: those are the choice. None meant: everything there is, to correct the scope.
    known = ", ".join(f"{row['family']} on {row['benchmark']}" for row in meant or rows) or "none"
    raise UserError(
        f"rollback: expected one champion to be meant, known are: {known}; "
        "use --family and --benchmark"
    )
