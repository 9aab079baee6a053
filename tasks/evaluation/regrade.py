"""A run judged anew: its stored completions read and judged by the present grader, no token drawn.

Answers are read again too: how an answer is found in a completion is part of a grader's version.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import NamedTuple

import polars as pl

from tasks.evaluation import fit_policy, measure
from tasks.runs.loading import prepare_run
from tasks.runs.opening import complete_run, open_run
from tasks.runs.outcomes import load_used_difficulty
from tasks.runs.run import Run
from tasks.study.study import Study, study_from
from tasks.versions.champion import compare_with_champion
from warehouse.errors import UserError
from warehouse.reader import Reader
from warehouse.store import Store


class Regraded(NamedTuple):
    """A run and the one that takes its place: the same draws under two versions of a grader."""

    before: str
    now: str
    is_new: bool
    """FALSE: the present grader had judged it before, and nothing was done."""


class Moves(NamedTuple):
    """What differs between two runs over the same draws; frames as the views of that name."""

    graders: tuple[str, str]
    completions: int
    """That both graders read, each draw counted."""
    answers: int
    """Of these, those in which another answer is read."""
    verdicts: pl.DataFrame
    """(verdict_before, verdict_now, completions) of those with another verdict, most first."""
    cells: pl.DataFrame
    """The rows of `moved_cells` under the used difficulty."""
    all_cells: int
    curve: pl.DataFrame
    """(budget, accuracy_before, accuracy_now) of the policy, cross-validated."""


class _Former(NamedTuple):
    """A complete run as it was opened."""

    run_id: str
    grader: str
    study: Study
    model: str
    fingerprints: dict[str, str | None]


def run(folder: Path, run_id: str) -> Regraded:
    """Judge a complete run's completions by the present grader: a new run over its draws.

    A second call gives the run that the first one made, and a run that the present grader judged
    gives itself. UserError where more than the grader has changed.
    """
    with Store.open(folder) as store:
        former = _former(store, run_id)
        present = prepare_run(former.study, former.model, run_id="")
        if present.grader.version == former.grader:
            return Regraded(run_id, run_id, is_new=False)
        _refuse_changes(former, present)
        _refuse_pruned(store, run_id)
        known = complete_run(store, former.study, former.model)
        if known is not None:
            return Regraded(run_id, known, is_new=False)
        now = open_run(store, former.study, former.model)
    _judge(folder, former, now)
    compare_with_champion(folder, now)
    return Regraded(run_id, now, is_new=True)


_COUNTS = """
SELECT coalesce(sum(copies), 0)::BIGINT,
    coalesce(sum(copies) FILTER (answer_before IS DISTINCT FROM answer_now), 0)::BIGINT
FROM answers_side_by_side($before, $now)
"""

_VERDICTS = """
SELECT verdict_before, verdict_now, sum(copies)::BIGINT AS completions
FROM moved_answers($before, $now)
WHERE verdict_before IS DISTINCT FROM verdict_now
GROUP BY ALL ORDER BY completions DESC, verdict_before, verdict_now
"""

_CURVE = """
SELECT budget, former.accuracy AS accuracy_before, latter.accuracy AS accuracy_now
FROM curves AS former JOIN curves AS latter USING (difficulty, budget)
WHERE former.run_id = $before AND latter.run_id = $now AND difficulty = $difficulty
ORDER BY budget
"""


def load_moves(reader: Reader, before: str, now: str) -> Moves:
    """What moved from one run to another over the same draws."""
    pair = {"before": before, "now": now}
    difficulty = load_used_difficulty(reader, now)
    completions, answers = reader.read(_COUNTS, **pair).row(0)
    cells = reader.read(
        "FROM moved_cells($before, $now) WHERE difficulty = $d", d=difficulty, **pair
    )
    count = "SELECT count(*) FROM policies WHERE run_id = $now AND difficulty = $d"
    return Moves(
        graders=(_grader_of(reader, before), _grader_of(reader, now)),
        completions=completions,
        answers=answers,
        verdicts=reader.read(_VERDICTS, **pair),
        cells=cells,
        all_cells=int(reader.read(count, now=now, d=difficulty).item()),
        curve=reader.read(_CURVE, difficulty=difficulty, **pair),
    )


def _grader_of(reader: Reader, run_id: str) -> str:
    return str(reader.read("SELECT grader FROM runs WHERE run_id = $run", run=run_id).item())


def newest_runs(reader: Reader) -> list[str]:
    """The newest complete run of each study and model version, oldest first.

    In that order their successors stand among each other as they did.
    """
    rows = reader.read(
        "SELECT run_id FROM complete_runs QUALIFY row_number() OVER "
        "(PARTITION BY study, model_fingerprint, benchmark_fingerprint "
        "ORDER BY completed_at DESC, run_id) = 1 ORDER BY completed_at, run_id"
    )
    return rows["run_id"].to_list()


def _former(store: Store, run_id: str) -> _Former:
    rows = store.read(
        "SELECT runs.* FROM runs JOIN complete_runs USING (run_id) WHERE run_id = $run_id",
        run_id=run_id,
    )
    if not len(rows):
        raise UserError(
            f"regrade: expected the id of a complete run, got {run_id!r}; `ttc status` lists them"
        )
    row = rows.row(0, named=True)
    names = ("model", "benchmark", "verifier", "reviser", "judge", "larger")
    fingerprints = {name: row[f"{name}_fingerprint"] for name in names}
    study = study_from(json.loads(row["study_json"]))
    return _Former(run_id, row["grader"], study, row["model"], fingerprints)


def _refuse_changes(former: _Former, present: Run) -> None:
    """UserError where the same study would draw anew: what is stored is not what it would ask."""
    is_revised = present.study.revisions is not None
    known = {
        "model": present.generator.fingerprint,
        "benchmark": present.benchmark.fingerprint,
        "verifier": present.verifier.fingerprint if present.verifier else None,
        "reviser": present.reviser.fingerprint if is_revised else None,
        "judge": present.judge.fingerprint if present.judge else None,
        "larger": present.larger.model.fingerprint if present.larger else None,
    }
    changed = [name for name, value in known.items() if value != former.fingerprints[name]]
    if changed:
        raise UserError(
            f"regrade: expected run {former.run_id} to differ from today in its grader alone, "
            f"got a changed {' and '.join(changed)}; run the study again, which draws anew"
        )


def _refuse_pruned(store: Store, run_id: str) -> None:
    pruned = "SELECT count(*) FROM settled_costs WHERE run_id = $run_id"
    if store.read(pruned, run_id=run_id).item():
        raise UserError(
            f"regrade: expected all draws of run {run_id} to be stored, but some were pruned "
            "(`ttc warehouse prune`); run the study again, which draws them anew"
        )


def _judge(folder: Path, former: _Former, now: str) -> None:
    """The stages of a night but the one that draws."""
    measure.run(folder, now)
    missing = fit_policy.run(folder, now)
    if missing:
        raise UserError(
            f"regrade: expected all draws of run {former.run_id} to be stored, got run {now} where "
            f"{missing}"
        )
