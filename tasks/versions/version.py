"""Model versions of a family as the warehouse knows them, and what their policy is worth."""

from __future__ import annotations

import dataclasses
import json
from datetime import datetime
from typing import Any, NamedTuple

import polars as pl

from tasks.runs.outcomes import cost_order, load_bins, load_outcomes, load_used_difficulty
from tasks.statistics.curves import fold_of
from tasks.statistics.outcomes import grid_of
from tasks.statistics.worth import PolicyWorth, worth_of
from tasks.study.identity import deciding
from tasks.study.study import Study, study_from
from warehouse.errors import UserError
from warehouse.reader import Reader


class Version(NamedTuple):
    """One complete run, and the model version that it measured."""

    run_id: str
    study: str
    family: str
    version: int
    model: str
    model_fingerprint: str
    benchmark: str
    benchmark_fingerprint: str
    grader: str

    @property
    def track(self) -> tuple[str, str]:
        """Family and benchmark, within which versions are numbered."""
        return self.family, self.benchmark

    def label(self) -> str:
        """`version 2 (bundled/congruences-generator, run 20261121-194454-76cf)`."""
        return f"version {self.version} ({self.model}, run {self.run_id})"

    def as_dict(self) -> dict[str, object]:
        """What a person needs to know it by; fingerprints are left out."""
        names = ("family", "version", "model", "benchmark", "study", "run_id")
        return {name: getattr(self, name) for name in names}


_COLUMNS = ", ".join(Version._fields)


def version_of(store: Reader, run_id: str) -> Version:
    """The model version that a complete run measured; UserError when there is no such run."""
    sql = f"SELECT {_COLUMNS} FROM complete_runs WHERE run_id = $run_id"
    rows = store.read(sql, run_id=run_id).rows()
    if not rows:
        raise UserError(
            f"run: expected a complete run of this warehouse, got {run_id!r}; "
            "`ttc status` lists them"
        )
    return Version(*rows[0])


def newest_run_of(store: Reader, like: Version, *, model_fingerprint: str) -> Version | None:
    """The newest complete run of another model version on the same questions.

    One by the same version of the grader is preferred to all others, then one of the same study to
    a newer one of another; None: there is no such run.
    """
    # TRUE sorts above FALSE: runs of the same study come first.
    rows = store.read(
        f"SELECT {_COLUMNS} FROM complete_runs "
        "WHERE family = $family AND benchmark_fingerprint = $questions "
        "AND model_fingerprint = $model "
        "ORDER BY grader = $grader DESC, study = $study DESC, completed_at DESC LIMIT 1",
        family=like.family,
        questions=like.benchmark_fingerprint,
        model=model_fingerprint,
        study=like.study,
        grader=like.grader,
    ).rows()
    return Version(*rows[0]) if rows else None


_WHO = "verifier_fingerprint, reviser_fingerprint, judge_fingerprint, larger_fingerprint, aggregate"


def measurements_of(store: Reader, run: Version) -> list[tuple[datetime, Version]]:
    """The complete runs that measured the same as this one on draws of their own, oldest first.

    Each with the time when it was opened: what was decided before knew nothing of it. The same
    model version, questions, grader and study but for `replicate`; of each replicate the newest
    run, for others of it have the same draws.
    """
    rows = store.read(
        f"SELECT {_COLUMNS}, replicate, opened_at, study_json, {_WHO} FROM complete_runs "
        f"JOIN (SELECT run_id, replicate, opened_at, study_json, {_WHO} FROM runs) USING (run_id) "
        "WHERE (family, benchmark_fingerprint, model_fingerprint, grader, study) "
        "= ($family, $questions, $model, $grader, $study) ORDER BY completed_at",
        family=run.family,
        questions=run.benchmark_fingerprint,
        model=run.model_fingerprint,
        grader=run.grader,
        study=run.study,
    ).rows(named=True)
    plans = {row["run_id"]: _plan_of(row) for row in rows}
    alike = [row for row in rows if plans[row["run_id"]] == plans[run.run_id]]
    # A later one of the same replicate takes the place of an earlier one.
    newest = {row["replicate"]: row["run_id"] for row in alike}
    kept = set(newest.values())
    found: list[tuple[datetime, Version]] = []
    for row in alike:
        if row["run_id"] in kept:
            version = Version(*(row[name] for name in Version._fields))
            found.append((row["opened_at"], version))
    return found


def next_replicate(store: Reader, run: Version) -> int:
    """A replicate of which nothing was drawn of a run's model version on its questions."""
    return store.read(
        "SELECT max(replicate) + 1 FROM runs "
        "WHERE benchmark_fingerprint = $questions AND model_fingerprint = $model",
        questions=run.benchmark_fingerprint,
        model=run.model_fingerprint,
    ).item()


def _plan_of(row: dict[str, Any]) -> tuple[object, ...]:
    """What decides a run's results besides its model, its questions and its draws."""
    values = deciding(dataclasses.asdict(study_from(json.loads(row["study_json"]))))
    del values["replicate"]
    del values["generator"]["models"]
    who = [row[name] for name in _WHO.split(", ")]
    return (json.dumps(values, sort_keys=True), *who)


class Scope(NamedTuple):
    """Whose versions are meant; None: any."""

    family: str | None = None
    benchmark: str | None = None
    study: str | None = None

    def holds(self, version: Version) -> bool:
        """Whether a version is one of those meant."""
        known = (version.family, version.benchmark, version.study)
        return all(one in (None, its) for one, its in zip(self, known, strict=True))


ANY = Scope()


def find_versions(store: Reader, name: str, *, scope: Scope = ANY) -> list[Version]:
    """Complete runs that a run id, a version number or a model's name means, newest first.

    A number is of the family and benchmark of the newest complete run in scope. UserError when it
    means none.
    """
    rows = store.read(f"SELECT {_COLUMNS} FROM complete_runs ORDER BY completed_at DESC").rows()
    known = [version for version in map(Version._make, rows) if scope.holds(version)]
    if name.isdigit():
        # Every track counts from 1: a bare number is of the track that was measured last.
        meant = [one for one in known if str(one.version) == name and one.track == known[0].track]
    else:
        meant = [one for one in known if name in _names_of(one)]
    if meant:
        return meant
    tracks = {f"{one.version} of {one.family} on {one.benchmark}" for one in known}
    raise UserError(
        "expected a version number, a model's name or the id of a complete run, "
        f"got {name!r}; known are {', '.join(sorted(tracks)) or 'none yet'}"
    )


def _names_of(version: Version) -> tuple[str, str, str]:
    """What a person may type for it, besides its number: run, model, or the model's folder."""
    folder = version.model.rstrip("/").rpartition("/")[2]
    return version.run_id, version.model, folder


def pair(store: Reader, first: str, second: str, *, scope: Scope = ANY) -> tuple[Version, Version]:
    """The newest runs of two versions on the same questions, of one study if possible.

    UserError if there are none.
    """
    firsts = find_versions(store, first, scope=scope)
    seconds = find_versions(store, second, scope=scope)
    # Newest first: of the second version, and for each of those of the first.
    matching = [
        (one, other)
        for other in seconds
        for one in firsts
        if one.benchmark_fingerprint == other.benchmark_fingerprint
    ]
    if not matching:
        raise UserError(
            f"expected {first} and {second} measured on the same questions, "
            "got runs on different ones only; run one study with both models"
        )
    # Within one study budgets and strategies agree, so all cells can be compared.
    of_one_study = [two for two in matching if two[0].study == two[1].study]
    return (of_one_study or matching)[0]


def study_of(store: Reader, run_id: str) -> Study:
    """The study that a run executed."""
    text = store.read("SELECT study_json FROM runs WHERE run_id = $r", r=run_id).item()
    return study_from(json.loads(text))


def worths_of_runs(store: Reader, *run_ids: str) -> list[PolicyWorth]:
    """What each complete run's policy is worth on each question, cross-validated.

    Costs are FLOPs, or what all of the runs know (`cost_order`): they are compared with each other.
    """
    outcomes = [load_outcomes(store, run_id) for run_id in run_ids]
    order = cost_order(pl.concat(outcomes))
    return [
        _worth(store, run_id, of_run, order)
        for run_id, of_run in zip(run_ids, outcomes, strict=True)
    ]


def _worth(
    store: Reader, run_id: str, outcomes: pl.DataFrame, order: tuple[str, ...]
) -> PolicyWorth:
    binned = load_bins(store, run_id, load_used_difficulty(store, run_id))
    study = study_of(store, run_id)
    grid = grid_of(outcomes, binned, costs=order, baseline=study.baseline)
    # The run's own seed: the folds are those that its policy and its curve were fitted on.
    return worth_of(grid, fold_of(grid, seed=study.seed))


def alarm_of_run(store: Reader, run_id: str) -> str | None:
    """The alarm that the regression gate raised about a run, as JSON; None: it raised none."""
    # A run compared again may have been marked twice: the last alarm counts.
    alarm = store.read(
        "SELECT arg_max(detail, \"at\") FROM run_events WHERE run_id = $r AND event = 'regressed'",
        r=run_id,
    ).item()
    return None if alarm is None else str(alarm)
