"""Champion or candidate: where a model version stands in its family, as events of its runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tasks.runs.events import PATIENCE_SECONDS, note
from tasks.versions.comparison import compare
from tasks.versions.gate import alarm_of
from tasks.versions.promotion import Decision, decide
from tasks.versions.version import (
    ANY,
    Scope,
    Version,
    find_versions,
    newest_run_of,
    study_of,
    version_of,
    worth_of_run,
)
from warehouse.errors import UserError
from warehouse.reader import Reader
from warehouse.store import Store


def compare_with_champion(folder: Path, run_id: str) -> bool:
    """TRUE: a complete run's model version is significantly worse than its family's champion (event 'regressed').

    Writes event 'promoted' or 'candidate' with the reason. The champion measured again by the same study stays
    champion with the newer run, for the reason it has. Versions older than the champion are not compared: the study
    shows them beside it. A version rolled back by hand is not promoted again but by hand.
    """
    with Store.open(folder, patience=PATIENCE_SECONDS) as store:
        now = version_of(store, run_id)
        decision, told = _decided(store, now)
        if told:
            note(store, run_id, "regressed", told)
        if decision:
            note(store, run_id, "promoted" if decision.promoted else "candidate", decision.why)
        store.publish_snapshot()
        return told is not None


def _decided(store: Store, now: Version) -> tuple[Decision | None, str | None]:
    """The decision, None where nothing changes, and the verdict of a regression."""
    champion = champion_of(store, now)
    if champion is None:
        return Decision(True, "the first version of its family on this benchmark"), None
    if champion["model_fingerprint"] == now.model_fingerprint:
        again = version_of(store, champion["run_id"]).study == now.study
        return (Decision(True, champion["why"]) if again else None), None
    if now.version < champion["version"]:
        return None, None
    rival = newest_run_of(store, now, model_fingerprint=champion["model_fingerprint"])
    if rival is None:
        why = f"champion version {champion['version']} was not measured on these questions; run the study with it"
        return Decision(False, why), None
    study = study_of(store, now.run_id)
    compared = compare(
        worth_of_run(store, now.run_id),
        worth_of_run(store, rival.run_id),
        budgets=study.headline_budgets,
        seed=study.seed,
    )
    told = alarm_of(compared, now=now.named(), champion=rival.named())
    return _unless_rolled_back(store, now, decide(compared)), told


def _unless_rolled_back(store: Store, now: Version, decision: Decision) -> Decision:
    if not decision.promoted or _standing(store, now) != "rolled_back":
        return decision
    return Decision(False, f"rolled back by hand before; promote it by hand ({decision.why})")


def champion_of(store: Reader, like: Version) -> dict[str, Any] | None:
    """The row of view `champions` for the family and benchmark of a version; None: there is none yet."""
    sql = "SELECT * FROM champions WHERE family = $family AND benchmark = $benchmark"
    rows = store.read(sql, family=like.family, benchmark=like.benchmark).to_dicts()
    return rows[0] if rows else None


def _standing(store: Reader, now: Version) -> str | None:
    sql = "SELECT standing FROM standings WHERE family = $family AND benchmark = $benchmark AND version = $version"
    rows = store.read(sql, family=now.family, benchmark=now.benchmark, version=now.version).rows()
    return str(rows[0][0]) if rows else None


def promote(store: Store, name: str, *, scope: Scope = ANY) -> Version:
    """The model version that is champion from now on, by hand; `name` is a number, a model's name or a run."""
    chosen = find_versions(store, name, scope=scope)[0]
    note(store, chosen.run_id, "promoted", "by hand")
    store.publish_snapshot()
    return chosen


def rollback(store: Store, *, scope: Scope = ANY) -> tuple[Version, Version]:
    """(the version that was champion, the one before it that now is again); UserError when there is none before."""
    now = version_of(store, _one_champion(store, scope)["run_id"])
    sql = """SELECT run_id FROM standings WHERE family = $family AND benchmark = $benchmark AND standing = 'former'
        ORDER BY promoted_at DESC LIMIT 1"""
    rows = store.read(sql, family=now.family, benchmark=now.benchmark).rows()
    if not rows:
        raise UserError(
            f"rollback: expected a champion of {now.family} before version {now.version}, there was none; "
            "promote another version: ttc policy promote VERSION"
        )
    note(store, now.run_id, "rolled_back", "by hand")
    store.publish_snapshot()
    return now, version_of(store, str(rows[0][0]))


def _one_champion(store: Reader, scope: Scope) -> dict[str, Any]:
    rows = store.read("SELECT * FROM champions ORDER BY family, benchmark").to_dicts()
    meant = [
        row
        for row in rows
        if all(want in (None, row[name]) for name, want in scope._asdict().items())
    ]
    if len(meant) == 1:
        return meant[0]
    known = ", ".join(f"{row['family']} on {row['benchmark']}" for row in meant or rows) or "none"
    raise UserError(
        f"rollback: expected one champion to be meant, known are: {known}; use --family and --benchmark"
    )
